"""A build for the lab is what the compiler wrote, or is refused: also one that somebody made to hurt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lab.mistakes import LEAFS, compiled

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.emit import manifest as manifests
from fabric_compiler.lab.build import End, read


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return compiled("small", tmp_path)


def test_a_build_is_read_as_its_tables_say(tree: Path) -> None:
    found = read(tree)
    assert found.fabric == "small"
    assert found.protocols == {"net": "ethernet"}
    assert {device.role for device in found.devices.values()} == {"server", "leaf", "spine"}
    assert End(LEAFS[0], "Ethernet0") in {link.b for link in found.links}
    assert all(session.a_asn and session.a_address is None for session in found.sessions)
    assert set(found.files(LEAFS[0])) == {"config_db.json", "frr.conf"}
    assert "management" not in {row.purpose for row in found.addresses}


def test_an_edited_file_is_refused_unless_one_says_so(tree: Path) -> None:
    path = tree / "devices" / LEAFS[0] / "frr.conf"
    before = read(tree)
    path.write_text(path.read_text() + "!\n")
    with pytest.raises(CompileError, match=r"FC8101.*frr\.conf") as raised:
        read(tree)
    assert "--edited" in raised.value.diagnostics[0].hint
    found = read(tree, edited=True)
    assert found.edited == (f"devices/{LEAFS[0]}/frr.conf",)
    assert found.digest != before.digest


def replaced(table: str, old: str, new: str) -> Callable[[Path], None]:
    """Replace in a table, and record it in the manifest as if the compiler had written it."""

    def change(tree: Path) -> None:
        path = tree / "plan" / f"{table}.csv"
        text = path.read_bytes().decode()
        assert old in text
        path.write_bytes(text.replace(old, new).encode())
        manifest = manifests.read(tree)
        files = {**manifest.files, f"plan/{table}.csv": manifests.digest(path.read_bytes())}
        changed = manifests.Manifest(fabric=manifest.fabric, counts=manifest.counts, files=files)
        (tree / "manifest.json").write_bytes(manifests.encode(changed))

    return change


def renamed(fabric: str) -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        path = tree / "manifest.json"
        path.write_text(path.read_text().replace('"fabric": "small"', f'"fabric": "{fabric}"'))

    return change


HOSTILE = {
    "a device called as a path": replaced("devices", LEAFS[0], "../../etc"),
    "a device called as an option": replaced("devices", LEAFS[0], "--help"),
    "a device twice": replaced("devices", LEAFS[0], LEAFS[1]),
    "a port called as a path": replaced("links", "Ethernet32", "../lo"),
    "a link to an unknown device": replaced("links", LEAFS[0], "nobody"),
    "a link of other tiers than its ends": replaced("links", "leaf-spine", "server-leaf"),
    "a session of a server": replaced("sessions", LEAFS[0], "pod1-server-1"),
    "a port twice": replaced("links", "Ethernet36", "Ethernet32"),
    "a kind that is none": replaced("devices", ",switch,", ",toaster,"),
    "an ASN that is none": replaced("sessions", ",42", ",x42"),
    "an address that is none": replaced("addresses", ",10.0.0.1,", ",10.0.0.256,"),
    "a prefix length that is none": replaced("addresses", ",31,", ",33,"),
    "a column less": replaced("links", "b_port", "b_hole"),
    "a fabric called as a path": renamed("../x"),
    "a fabric with an underscore": renamed("a_b"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_build_is_refused(what: str, tree: Path) -> None:
    HOSTILE[what](tree)
    with pytest.raises(CompileError, match="FC1001"):
        read(tree, edited=True)


def test_a_link_in_the_tree_is_refused(tree: Path) -> None:
    path = tree / "devices" / LEAFS[0] / "frr.conf"
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(CompileError, match="symbolic link"):
        read(tree, edited=True)


def test_what_is_no_build_is_said_so(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(CompileError, match="FC1001"):
            read(path)
