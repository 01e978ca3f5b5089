"""A diff for people: the same change on many devices once, bounded, and safe on a terminal."""

from __future__ import annotations

import random

import pytest
from hostile import HOSTILE_BY_NAME

from fabric_compiler.review.folded_diff import MAX_HUNK_LINES, MAX_LINES, Difference, natural, render


def config(device: str, *lines: str, above: int = 0) -> bytes:
    return "\n".join(
        [*(f"! {device} {i}" for i in range(above)), "a", "b", "c", *lines, "d", "e", "f", f"end {device}", ""]
    ).encode()


def changed(device: str, above: int = 0, file: str = "frr.conf") -> Difference:
    before, after = config(device, "mtu 9100", above=above), config(device, "mtu 9000", above=above)
    return Difference(f"devices/{device}/{file}", "changed", before, after)


def test_one_change_is_a_unified_hunk() -> None:
    assert render([changed("leaf-1")]).splitlines() == [
        "--- devices/leaf-1/frr.conf",
        "@@ -1 +1 @@",
        *(" a", " b", " c", "-mtu 9100", "+mtu 9000", " d", " e", " f"),
        "",
        "1 file differs: 0 added, 0 removed, 1 changed",
    ]


def test_the_same_hunk_on_many_devices_is_shown_once_whatever_its_line_number() -> None:
    shown = render(changed(f"leaf-{i}", above=i) for i in range(1, 65))
    assert shown.count("+mtu 9000") == 1
    assert "--- devices/*/frr.conf on 64 devices: leaf-1, leaf-2, leaf-3 and 61 more\n" in shown


def test_files_named_after_their_device_fold() -> None:
    shown = render(changed(f"leaf-{i}", file=f"leaf-{i}.cfg") for i in range(1, 5))
    assert "--- devices/*/*.cfg on 4 devices: leaf-1, leaf-2, leaf-3 and 1 more\n" in shown


def test_different_hunks_of_a_device_stand_apart() -> None:
    odd = Difference("devices/leaf-2/frr.conf", "changed", config("x", "mtu 9100"), config("x", "mtu 1500"))
    shown = render([changed("leaf-1"), odd])
    assert shown.index("+mtu 9000") < shown.index("+mtu 1500")


def test_the_order_of_the_differences_does_not_show() -> None:
    found = [changed(f"leaf-{i}", above=i % 3) for i in range(20)] + [Difference("plan/a.csv", "added")]
    shuffled = random.Random(1).sample(found, len(found))
    assert render(shuffled) == render(found)


def test_devices_are_in_the_order_in_which_people_count() -> None:
    assert sorted(["r10", "r2", "r1", "r1-a"], key=natural) == ["r1", "r1-a", "r2", "r10"]


def test_files_of_which_only_digests_are_known_are_listed_by_kind() -> None:
    found = [Difference(f"devices/leaf-{i}/frr.conf", "changed") for i in range(1, 1001)] + [
        Difference("hosts/s1/a.yaml", "added")
    ]
    assert render(found).splitlines() == [
        "changed (by digest): devices/*/frr.conf on 1000 devices: leaf-1, leaf-2, leaf-3 and 997 more",
        "added: hosts/*/a.yaml on 1 device: s1",
        "",
        "1001 files differ: 1 added, 0 removed, 1000 changed",
    ]


def test_a_binary_file_is_only_named() -> None:
    assert "changed (not shown): export/x.xlsx" in render([Difference("export/x.xlsx", "changed", b"PK\0\1", b"PK\0\2")])


def test_a_missing_line_end_is_told() -> None:
    shown = render([Difference("graph.json", "changed", b"a\nb\n", b"a\nb")])
    assert shown.splitlines()[2:6] == [" a", "-b", "+b", "\\ No newline at end of file"]


def test_crlf_is_told_only_where_it_differs() -> None:
    assert "\\r" not in render([Difference("plan/a.csv", "changed", b"a\r\nb\r\n", b"a\r\nc\r\n")])
    assert "-a\\r\n" in render([Difference("plan/a.csv", "changed", b"a\r\nb\r\n", b"a\nb\r\n")])


@pytest.mark.parametrize("name", HOSTILE_BY_NAME)
def test_hostile_text_is_harmless_on_a_terminal(name: str) -> None:
    text = HOSTILE_BY_NAME[name].encode("utf-8", "surrogatepass")
    device = HOSTILE_BY_NAME[name].replace("/", "") or "x"
    for found in (
        Difference("graph.json", "changed", b"a\n" + text + b"\n", b"a\nb\n"),
        Difference("graph.json", "changed", b"a\n\xff\xfe\x1b\n", text),
        Difference(f"devices/{device}/frr.conf", "changed", b"a\n", b"b\n"),
        Difference(f"devices/{device}/frr.conf", "removed"),
    ):
        shown = render([found])
        assert all(c.isprintable() for c in shown.replace("\n", ""))
        shown.encode("utf-8")


def test_the_text_is_bounded() -> None:
    long = Difference("graph.json", "changed", b"", b"".join(b"%d\n" % i for i in range(100_000)))
    shown = render([long])
    assert len(shown.splitlines()) < MAX_HUNK_LINES + 10
    assert f"... and {100_000 - MAX_HUNK_LINES} more lines (+{100_000 - MAX_HUNK_LINES} -0)" in shown
    assert len(render([Difference("a", "changed", b"x" * 1_000_000, b"y" * 1_000_000)])) < 2000
    many = render(Difference(f"plan/{i}", "changed", b"%d" % i, b"x%d" % i) for i in range(MAX_LINES))
    assert len(many.splitlines()) < MAX_LINES + 100
    assert " more hunks\n" in many
