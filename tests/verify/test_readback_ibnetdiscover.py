"""What ibnetdiscover prints is read as it is meant; what it does not print is refused, with its line."""

from __future__ import annotations

import contextlib

import pytest
from hostile import HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st
from subnet_factory import clos, text

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.verify.readback.ibnetdiscover import MAX_LINE, read

# As infiniband-diags 44 prints it of an ibsim subnet, and the forms of its options -g and -f
PRINTED = b"""#
# Topology file: generated on Tue Nov 24 22:23:19 2026
#
# Initiated from node b8599f0301000000 port b8599f0301000001

vendid=0x2c9
devid=0xd2f2
sysimgguid=0xb8599f0300000070\t\t# Chassis 1
switchguid=0xb8599f0300000070(b8599f0300000070)\t# Line 1
Switch\t64 "S-b8599f0300000070"\t\t# "leaf-8 of "row 3"" enhanced port 0 lid 120 lmc 0
[1]\t"H-b8599f0301000e00"[1](b8599f0301000e01) \t\t# "host-8-1 mlx5_0" lid 16 4xHDR s=4 w=2 v=4
[33][ext 1]\t"S-b8599f0300000080"[29][ext 2]\t\t# "spine-1" lid 137 4x???

vendid=0x2c9
devid=0x1021
sysimgguid=0xb8599f0301000e00
caguid=0xb8599f0301000e00
Ca\t1 "H-b8599f0301000e00"\t\t# "host-8-1 mlx5_0"
[1](b8599f0301000e01) \t"S-b8599f0300000070"[1]\t\t# lid 16 lmc 2 "leaf-8 of "row 3"" lid 120 4xHDR
"""
LINES = PRINTED.split(b"\n")


def refused(content: bytes) -> str:
    with pytest.raises(CompileError) as caught:
        read(content, "net.txt")
    (found,) = caught.value.diagnostics
    assert found.code == "FC1001"
    return f"{found.span}: {found.message}"


def test_nodes_and_links_are_read() -> None:
    leaf, host = read(PRINTED, "net.txt").nodes.values()
    assert (leaf.kind, leaf.guid, leaf.text, leaf.port_count, leaf.lid) == (
        "switch",
        0xB8599F0300000070,
        'leaf-8 of "row 3"',
        64,
        120,
    )
    assert (host.kind, host.text, host.ports[1].guid, host.ports[1].lid, host.ports[1].lmc) == (
        "adapter", "host-8-1 mlx5_0", 0xB8599F0301000E01, 16, 2,
    )  # fmt: skip
    assert (leaf.ports[1].peer, leaf.ports[1].peer_port, leaf.ports[1].rate) == (host.guid, 1, "4xHDR")
    assert (leaf.ports[33].peer, leaf.ports[33].peer_port, leaf.ports[33].rate) == (0xB8599F0300000080, 29, "")


def test_lids_may_be_left_out() -> None:
    bare = (
        PRINTED.replace(b" lid 120 lmc 0", b"")
        .replace(b" lid 16 lmc 2", b"")
        .replace(b" lid 16", b"")
        .replace(b" lid 120", b"")
    )
    assert [node.text for node in read(bare, "topology.net").nodes.values()] == ['leaf-8 of "row 3"', "host-8-1 mlx5_0"]


@pytest.mark.parametrize("number", [10, 11, 12, 18, 19])
@pytest.mark.parametrize("kept", [5, 20, 40])
def test_a_line_that_was_cut_off_is_refused(number: int, kept: int) -> None:
    lines = [*LINES]
    lines[number - 1] = lines[number - 1][:kept]
    assert f"net.txt:{number}:1: " in refused(b"\n".join(lines))


@pytest.mark.parametrize("line", ['include "/etc/passwd"', "do !/etc/passwd", 'module "x"', "width=2", "pdebug=1", "Switch 64"])
def test_commands_of_ibsim_are_refused(line: str) -> None:
    assert refused(PRINTED + line.encode() + b"\n").startswith(f"net.txt:{len(LINES)}:1: ")


def test_a_guid_twice_is_refused_with_both_places() -> None:
    said = refused(PRINTED + b"\n".join(LINES[13:]))
    assert said == "net.txt:24:1: two nodes have the GUID 0xb8599f0301000e00, the first on line 18"


def test_a_link_that_only_one_end_has_is_refused() -> None:
    assert "net.txt:11:1: the link is seen from one end only" in refused(
        PRINTED.replace(b'"S-b8599f0300000070"[1]', b'"S-b8599f0300000070"[2]')
    )


@pytest.mark.parametrize("port", [b"[0]", b"[65]", b"[999]", b'[11]\t"H-'])
def test_a_port_that_the_node_has_not_is_refused(port: bytes) -> None:
    assert "net.txt:12:1: " in refused(PRINTED.replace(b"[33][ext 1]", port))


def test_what_is_empty_or_endless_is_refused() -> None:
    assert "no node in it" in refused(b"# nothing\n")
    assert f"a line of {MAX_LINE + 1} characters" in refused(b"#" * (MAX_LINE + 1))


@pytest.mark.parametrize("said", HOSTILE)
def test_no_description_ends_in_a_traceback(said: str) -> None:
    shown = said.encode("utf-8", "replace")
    with contextlib.suppress(CompileError):
        read(PRINTED.replace(b"host-8-1", shown), "net.txt")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_change_is_read_or_refused(data: st.DataObject) -> None:
    whole = text(clos(2, 1, 2))
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] + data.draw(st.binary(max_size=6)) + whole[at + data.draw(st.integers(0, 40)) :]
    with contextlib.suppress(CompileError):
        read(changed, "net.txt")
