"""Every table that we write passes SONiC's own YANG models (yanglint; Debian: libyang2-tools)."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hostile import HOSTILE
from targets.model_factory import leaf, lossless_platforms, spine

from fabric_compiler.model.device import AaaServer, SwitchModel
from fabric_compiler.targets import sonic

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("FABRICC_SHARED", ROOT.parent / "shared"))
YANG = SHARED / "sonic-yang"
CHECKER = SHARED / "tools" / "sonic_yang_check.py"

_HOW = (
    f"{YANG} or {CHECKER} is not there. Set FABRICC_SHARED to a directory with sonic-yang/ (the *.yang files of "
    "sonic-buildimage, src/sonic-yang-models/yang-models, templates expanded, or of the PyPI wheel sonic-yang-models) and "
    "tools/sonic_yang_check.py"
)
pytestmark = [
    # where the place was named, its absence is a failure
    pytest.mark.skipif("FABRICC_SHARED" not in os.environ and not (YANG.is_dir() and CHECKER.is_file()), reason=_HOW),
    pytest.mark.skipif(shutil.which("yanglint") is None, reason="yanglint is not installed (Debian: libyang2-tools)"),
]

_ALL = leaf()
SHAPES = {
    "leaf unnumbered": _ALL,
    "leaf numbered": leaf(unnumbered=False),
    "leaf ipv4": leaf(unnumbered=False, dual_stack=False, bfd=False),
    "leaf ipv6 links": leaf(unnumbered=False, ipv6_links=True),
    "leaf vlan": leaf(vlan=True),
    "leaf lossy": leaf(lossless=False),
    "leaf best effort": leaf(roce=False, full_management=False),
    "leaf drained": leaf(drained=True, drained_ports=(0,)),
    "spine": spine(),
    "core": replace(spine(), role="core"),
    "no management": replace(
        _ALL, management=replace(_ALL.management, address=None, gateway=None, vrf="", ntp=_ALL.management.ntp)
    ),
    "radius only": replace(
        _ALL, management=replace(_ALL.management, aaa=(AaaServer("radius", _ALL.management.syslog[0], "r"),))
    ),
}


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    assert YANG.is_dir(), _HOW
    assert CHECKER.is_file(), _HOW
    spec = importlib.util.spec_from_file_location("sonic_yang_check", CHECKER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tables(checker: ModuleType) -> Any:
    return checker.read_tree(str(YANG))


def complaints(model: SwitchModel, tmp_path: Path, checker: ModuleType, tables: Any) -> list[str]:
    file = tmp_path / "config_db.json"
    file.write_bytes(sonic.render(model)["config_db.json"])
    found: list[str] = checker.check(str(file), tables, str(YANG))
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_sonics_models_accept_the_configuration(shape: str, tmp_path: Path, checker: ModuleType, tables: Any) -> None:
    assert complaints(SHAPES[shape], tmp_path, checker, tables) == []


def test_sonics_models_accept_hostile_text_as_we_write_it(tmp_path: Path, checker: ModuleType, tables: Any) -> None:
    model = leaf(servers=len(HOSTILE), cages=len(HOSTILE) + 3)
    named = [replace(i, description=text) for i, text in zip(model.interfaces, HOSTILE, strict=False)]
    interfaces = (*named, *model.interfaces[len(named) :])
    banner = "".join(HOSTILE)
    model = replace(model, interfaces=interfaces, management=replace(model.management, banner=banner))
    assert complaints(model, tmp_path, checker, tables) == []


def test_the_models_do_refuse_what_is_wrong(tmp_path: Path, checker: ModuleType, tables: Any) -> None:
    wrong = replace(_ALL, interfaces=tuple(replace(i, fec="maybe") for i in _ALL.interfaces))
    assert complaints(wrong, tmp_path, checker, tables)


@pytest.mark.parametrize("planted", [("admin_status", "admin_state"), ("mtu", "mtus"), ("PORT_QOS_MAP", "PORT_QOS_MAPS")])
def test_a_misspelt_field_or_table_is_refused(
    planted: tuple[str, str], tmp_path: Path, checker: ModuleType, tables: Any
) -> None:
    text = sonic.render(_ALL)["config_db.json"].decode()
    assert f'"{planted[0]}"' in text
    file = tmp_path / "config_db.json"
    file.write_text(text.replace(f'"{planted[0]}"', f'"{planted[1]}"'))
    assert checker.check(str(file), tables, str(YANG))


def test_the_tables_of_every_platform_are_accepted(tmp_path: Path, checker: ModuleType, tables: Any) -> None:
    for name, qos, asic, row in lossless_platforms():
        if "egress_lossless_profile" not in qos.buffer_tables["BUFFER_PROFILE"]:
            continue
        interfaces = tuple(
            replace(i, speed=row.speed, headroom_length_m=row.length_m if i.lossless else 0) for i in _ALL.interfaces
        )
        model = replace(_ALL, qos=qos, platform=replace(_ALL.platform, asic=asic), interfaces=interfaces)
        assert complaints(model, tmp_path, checker, tables) == [], name
