"""Every wrong intent of tests/wrong ends in the findings that its first line names: `# expect: CODE line:column, ...`."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from fabric_compiler.catalog.loader import load as load_catalog
from fabric_compiler.catalog.types import Catalog
from fabric_compiler.diagnostics import CODES, CompileError, Diagnostic, Severity, in_order
from fabric_compiler.intent.loader import load

WRONG = Path(__file__).parent.parent / "wrong"
FILES = sorted(WRONG.glob("*.yaml"))
COMPILER = importlib.util.find_spec("fabric_compiler.compiler") is not None


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def head(path: Path) -> str:
    with path.open() as file:
        return file.readline()


def later(path: Path) -> bool:
    """Whether a stage after reading finds what is wrong."""
    return "# stage: compile" in head(path)


def expected(path: Path) -> list[str]:
    return re.findall(r"FC\d{4} \d+:\d+", head(path))


def found(path: Path, catalog: Catalog) -> list[Diagnostic]:
    if not later(path):
        with pytest.raises(CompileError) as caught:
            load(path, catalog=catalog)
        return caught.value.diagnostics
    from fabric_compiler import compiler

    try:
        return list(compiler.check(path, compiler.Options(jobs=1)).warnings)
    except CompileError as error:
        return error.diagnostics


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_wrong_intent_is_told_with_code_and_place(path: Path, catalog: Catalog) -> None:
    assert expected(path), f"{path.name} does not say what it expects"
    if later(path) and not COMPILER:
        pytest.skip("the stages after reading are not there")
    errors = [d for d in in_order(found(path, catalog)) if d.severity is Severity.ERROR]
    told = [f"{d.code} {d.span.line}:{d.span.column}" for d in errors if d.span]
    assert sorted(told) == sorted(expected(path)), "\n".join(d.message for d in errors)
    for d in errors:
        assert d.code in CODES
        assert d.span and d.span.file == str(path)
        assert d.message and len(d.message) < 400


def test_there_is_a_wrong_intent_for_every_code_of_reading_and_of_the_language() -> None:
    shown = {code.split()[0] for path in FILES for code in expected(path)}
    # What needs several files, an unreadable one or a hostile one is made by the tests of the loader.
    assert {code for code in CODES if code.startswith("FC2")} | {"FC1002", "FC1003", "FC1004", "FC1005"} <= shown
