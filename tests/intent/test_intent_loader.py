"""What a person wrote comes out typed, with the place of every value; what is wrong comes out as all of its findings."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest
from intent.intent_texts import FULL, QUICKSTART

from fabric_compiler.catalog.loader import load as load_catalog
from fabric_compiler.catalog.types import Catalog
from fabric_compiler.diagnostics import CODES, CompileError, Diagnostic
from fabric_compiler.intent.loader import Loaded, load, loads
from fabric_compiler.intent.values import AsnRange
from fabric_compiler.model.device import Prefix


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def put(root: Path, name: str, text: str | bytes) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def findings(path: Path) -> list[Diagnostic]:
    with pytest.raises(CompileError) as caught:
        load(path)
    assert all(d.code in CODES for d in caught.value.diagnostics)
    return caught.value.diagnostics


def codes(path: Path) -> list[str]:
    return [d.code for d in findings(path)]


def test_the_quickstart_needs_only_names(catalog: Catalog) -> None:
    intent = loads(QUICKSTART, catalog=catalog).intent
    backend = intent.networks["backend"]
    assert backend.addressing.loopbacks == (Prefix(4, 10 << 24 | 254 << 16, 16),)
    assert backend.asns.spine == AsnRange(65000, 65099)
    assert backend.leaf.release == "202505"
    assert backend.qos_kind == "roce-lossless"
    assert intent.pods[0].servers == 32


def test_everything_can_be_stated(catalog: Catalog) -> None:
    loaded = loads(FULL, catalog=catalog)
    storage = loaded.intent.networks["storage"]
    assert storage.topology.oversubscription == Fraction(2)
    assert storage.bgp.bfd is False
    assert loaded.intent.management
    assert loaded.intent.management.users["admin"].password == "admin"
    assert [rule.index for rule in loaded.rules] == [0, 1]
    assert loaded.warnings == ()


def test_scalars_stay_text() -> None:
    text = QUICKSTART.replace("release: 4.34", "release: 4.30").replace("gru1:", '"010":')
    intent = loads(text).intent
    assert intent.networks["backend"].spine.release == "4.30"
    assert list(intent.sites) == ["010"]


@pytest.mark.parametrize("empty", ["", "~", "null", "{}"])
def test_an_empty_value_is_left_out(empty: str) -> None:
    intent = loads(QUICKSTART.replace("{power: 3 MW}", empty) + f"naming: {empty}\n").intent
    assert intent.sites["gru1"].power is None
    assert intent.naming.leaf is None


def test_an_empty_value_of_a_required_key_is_told_at_its_place() -> None:
    with pytest.raises(CompileError) as caught:
        loads(QUICKSTART.replace("fabric: atlas", "fabric:"))
    (found,) = caught.value.diagnostics
    assert (found.code, found.span and found.span.line) == ("FC2003", 2)


def test_places_are_known_by_path() -> None:
    source = loads(QUICKSTART).source
    assert str(source.at("networks", "backend", "topology", "oversubscription")) == "intent.yaml:7:66"
    assert str(source.at("networks", "backend", "topology", "oversubscription", key=True)) == "intent.yaml:7:48"
    assert str(source.at("pods", 0, "servers")) == "intent.yaml:13:35"
    span = source.at("pods", 0, "servers")
    assert (span.end_line, span.end_column) == (13, 37)


def test_the_nearest_place_stands_for_what_is_left_out() -> None:
    source = loads(QUICKSTART).source
    assert source.at("networks", "backend", "topology", "planes") == source.at("networks", "backend", "topology")
    assert source.at("networks", "backend", "asns", "core", key=True) == source.at("networks", "backend", "asns")
    assert source.at("networks", "backend", "addressing", "hosts", 0) == source.at("networks", "backend", "addressing", "hosts")
    assert source.at().line == 1
    assert not source.stated("networks", "backend", "mtu")
    assert source.stated("pods", 0, "servers")


def test_underscores_find_keys_with_dashes() -> None:
    source = loads(FULL).source
    assert source.at("sites", "vcp1", "lengths", "leaf_spine") == source.at("sites", "vcp1", "lengths", "leaf-spine")


def test_every_finding_of_a_run_is_reported() -> None:
    text = QUICKSTART.replace("tiers: 2", "tiers: 5").replace("1:1", "much").replace("count: 4", "cnt: 4")
    with pytest.raises(CompileError) as caught:
        loads(text)
    assert [d.code for d in caught.value.diagnostics] == ["FC2003", "FC2003", "FC2001"]


def test_an_alias_stands_for_its_value() -> None:
    text = QUICKSTART.replace("leaf: {switch: sn5600,", "leaf: &leaf {switch: sn5600,").replace(
        "spine: {switch: 7060x6-64pe, nos: eos, release: 4.34}", "spine: *leaf"
    )
    backend = loads(text).intent.networks["backend"]
    assert backend.spine == backend.leaf


def split(root: Path, **files: str) -> Path:
    for name, text in files.items():
        put(root, f"{name.replace('__', '/')}.yaml", text)
    return root / "main.yaml"


def test_included_files_are_merged(tmp_path: Path) -> None:
    main = split(
        tmp_path,
        main=QUICKSTART + "include: [sites/*.yaml, more.yaml]\n",
        sites__b="sites: {vcp1: {power: 1 MW}}\n",
        sites__a="fabric: atlas\nsites: {gru1: {lengths: {leaf-spine: 50 m}}}\n",
        more="pods:\n  - {name: ext, site: vcp1, servers: 2, server: dgx-b200, connect: {backend: gpu-nics}}\n",
    )
    main.write_text(main.read_text().replace("count: 4,", "count: 4, site: gru1,"))
    loaded = load(main)
    assert [file.name for file in loaded.files] == ["main.yaml", "sites/a.yaml", "sites/b.yaml", "more.yaml"]
    assert [pod.name for pod in loaded.intent.pods] == ["su", "ext"]
    assert list(loaded.intent.sites) == ["gru1", "vcp1"]
    assert loaded.intent.sites["gru1"].lengths == {"leaf-spine": 50_000}
    assert loaded.intent.sites["gru1"].power == 3_000_000
    assert loaded.source.at("pods", 1, "name").file == str(tmp_path / "more.yaml")
    assert loaded.source.at("sites", "gru1", "lengths").file == str(tmp_path / "sites/a.yaml")
    assert loaded.files[0].content == main.read_bytes()


def test_files_are_named_as_they_were_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split(tmp_path, in__main=QUICKSTART + "include: more.yaml\n", in__more="colour: red\n")
    monkeypatch.chdir(tmp_path)
    (found,) = findings(Path("in/main.yaml"))
    assert str(found.span) == "in/more.yaml:1:1"


def test_includes_are_relative_to_the_including_file_and_circles_end(tmp_path: Path) -> None:
    main = split(
        tmp_path,
        main=QUICKSTART + "include: a/*.yaml\n",
        a__one="include: [two.yaml, ../main.yaml]\n",
        a__two="include: one.yaml\nmaintenance: [x]\n",
    )
    assert [file.name for file in load(main).files] == ["main.yaml", "a/one.yaml", "a/two.yaml"]


def test_two_files_that_differ_are_told_with_both_places(tmp_path: Path) -> None:
    main = split(tmp_path, main=QUICKSTART + "include: more.yaml\n", more="sites:\n  gru1: {power: 4 MW}\n")
    (found,) = findings(main)
    assert found.code == "FC1007"
    assert found.span and (found.span.line, found.span.column) == (2, 17)
    assert "more.yaml" in found.span.file
    ((_, other),) = found.related
    assert (other.line, other.column) == (4, 17)


def test_two_files_that_agree_are_fine(tmp_path: Path) -> None:
    same = "sites: {gru1: {power: 3 MW}}\nnetworks: {backend: {topology: {tiers: 2}}}\n"
    assert load(split(tmp_path, main=QUICKSTART + "include: more.yaml\n", more=same)).intent.fabric == "atlas"


def test_lists_that_do_not_grow_conflict(tmp_path: Path) -> None:
    main = split(
        tmp_path,
        main=QUICKSTART + "management: {pool: 172.16.0.0/20, ntp: [192.0.2.1]}\ninclude: more.yaml\n",
        more="management: {ntp: [192.0.2.2]}\n",
    )
    assert codes(main) == ["FC1007"]


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("/etc/passwd", "FC1006"),
        ("../secret.yaml", "FC1006"),
        ("a/../../secret.yaml", "FC1006"),
        ("~/x.yaml", "FC1006"),
        ("nothing-*.yaml", "FC1001"),
        ("missing.yaml", "FC1001"),
        ("'a\\b.yaml'", "FC1006"),
        ("{a: b}", "FC2003"),
        ("/".join("abcdefghijklmnopqrst"), "FC1004"),
    ],
)
def test_an_include_that_leads_nowhere_or_out_is_told_at_the_pattern(tmp_path: Path, pattern: str, code: str) -> None:
    put(tmp_path, "secret.yaml", "fabric: secret\n")
    found = findings(put(tmp_path, "in/main.yaml", QUICKSTART + f"include:\n  - {pattern}\n"))
    assert [d.code for d in found] == [code]
    assert found[0].span and found[0].span.line == 15


def test_links_that_leave_the_directory_are_refused(tmp_path: Path) -> None:
    outside = put(tmp_path, "outside/secret.yaml", "fabric: other\n")
    main = put(tmp_path, "in/main.yaml", QUICKSTART + "include: ['*/*.yaml', '*.yaml', dir/secret.yaml]\n")
    (tmp_path / "in/link.yaml").symlink_to(outside)
    (tmp_path / "in/dir").symlink_to(tmp_path / "outside")
    assert codes(main) == ["FC1006"] * 3
    main.write_text(QUICKSTART + "include: dir/secret.yaml\n")
    assert codes(main) == ["FC1006"]


def test_links_within_the_directory_are_followed(tmp_path: Path) -> None:
    main = put(tmp_path, "main.yaml", QUICKSTART + "include: link.yaml\n")
    put(tmp_path, "real/a.txt", "maintenance: [x]\n")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "real/a.txt")
    assert load(main).intent.maintenance == ("x",)


def test_the_intent_itself_may_not_be_a_link_to_elsewhere(tmp_path: Path) -> None:
    outside = put(tmp_path, "outside.yaml", QUICKSTART)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/main.yaml").symlink_to(outside)
    assert codes(tmp_path / "in/main.yaml") == ["FC1006"]


def test_a_pipe_a_directory_and_a_missing_file_are_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert codes(tmp_path / "pipe.yaml") == ["FC1006"]
    (tmp_path / "dir.yaml").mkdir()
    assert codes(tmp_path / "dir.yaml") == ["FC1006"]
    assert codes(tmp_path / "missing.yaml") == ["FC1001"]
    main = put(tmp_path, "main.yaml", QUICKSTART + "include: [pipe.yaml, dir.yaml]\n")
    assert codes(main) == ["FC1006", "FC1006"]


def test_findings_of_several_files_come_together(tmp_path: Path) -> None:
    main = split(tmp_path, main=QUICKSTART + "include: [a.yaml, b.yaml]\n", a="x: 1\nx: 2\n", b="y: [\n")
    found = findings(main)
    assert [d.code for d in found] == ["FC1005", "FC1002"]


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (b"\xef\xbb\xbfversion: 1\n", "FC1002", (1, 1)),
        ("version: 1\n".encode("utf-16"), "FC1002", (1, 1)),
        (b"version: 1\nfabric: \xe4\n", "FC1002", (2, 9)),
        ("fabric: ä\n# \x00".encode(), "FC1002", (2, 3)),
        (b"fabric: a\n\tb: c", "FC1002", (2, 1)),
    ],
)
def test_what_is_no_utf8_text_is_told_at_its_place(tmp_path: Path, content: bytes, code: str, place: tuple[int, int]) -> None:
    (found,) = findings(put(tmp_path, "main.yaml", content))
    assert found.code == code
    assert found.span and (found.span.line, found.span.column) == place


def test_loading_is_the_same_for_any_order_of_the_directory(tmp_path: Path) -> None:
    texts = {f"p{n}": f"maintenance: [d{n}]\n" for n in range(5)}
    for number, order in enumerate((sorted(texts), sorted(texts, reverse=True))):
        root = tmp_path / str(number)
        put(root, "main.yaml", QUICKSTART + "include: p*.yaml\n")
        for name in order:
            put(root, f"{name}.yaml", texts[name])
    one, two = (load(tmp_path / n / "main.yaml") for n in "01")
    assert one.intent == two.intent
    assert isinstance(one, Loaded)
