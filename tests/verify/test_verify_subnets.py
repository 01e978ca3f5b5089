"""What a subnet manager would read is compared with graph, plan and tenants: each file, falsified, is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import infiniband
import pytest

from fabric_compiler.compiler import Analysis
from fabric_compiler.diagnostics import Report
from fabric_compiler.targets import opensm
from fabric_compiler.verify.subnets import check_subnet

Files = dict[str, bytes]

TENANTS = {
    "research": {"pods": "su1", "service-level": 1},
    "services": {"servers": "su2-server-1", "limited": {"pods": "su1"}, "shared": True},
}


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    tree = infiniband.intent(tenants=TENANTS, subnet_manager={"hosts": ["ufm-1", "ufm-2"], "m-key": "secret:m-key"})
    tree["pods"].append({"name": "st", "servers": 2, "server": "storage-generic", "connect": {"compute": "storage-nics"}})
    return infiniband.analysed(tree, tmp_path_factory.mktemp("intent"))


def found(analysis: Analysis, files: Mapping[str, bytes], hosts: Mapping[str, bytes] | None = None) -> list[str]:
    report = Report()
    guids = analysis.plan.guids
    assert guids
    own = opensm.render_hosts(analysis.subnets[0]) if hosts is None else hosts
    check_subnet(files, own, "compute", 1, analysis.graph, guids, analysis.loaded.intent, analysis.catalog, report)
    return [diagnostic.message for diagnostic in report]


def replaced(name: str, old: str, new: str) -> Callable[[Files], None]:
    """The first occurrence of a pattern."""

    def change(files: Files) -> None:
        text, count = re.subn(old, new, files[name].decode(), count=1)
        assert count == 1
        files[name] = text.encode()

    return change


def swapped(files: Files) -> None:
    """Two neighbouring uplinks of a leaf, at both of their ends, as a technician swaps cables."""
    text = files["topology.net"].decode()
    leaf, *_ = re.findall(r'^Switch\t64 ("S-0201[0-9a-f]{12}")', text, re.MULTILINE)
    block = next(part for part in text.split("\n\n") if f"Switch\t64 {leaf}" in part)
    ends = [line for line in block.split("\n") if line.startswith("[") and '"S-' in line]
    one, two = ends[0], next(end for end in ends if end.split("\t")[1].split("[")[0] != ends[0].split("\t")[1].split("[")[0])
    ports = [re.match(r"\[(\d+)\]", line)[1] for line in (one, two)]  # type: ignore[index]
    swap = {one: f"[{ports[0]}]" + two.partition("]")[2], two: f"[{ports[1]}]" + one.partition("]")[2]}
    for old, new in swap.items():
        text = text.replace(old, f"\0{new}", 1)
    text = text.replace("\0", "")
    for line, port in ((one, ports[1]), (two, ports[0])):
        peer = re.search(r'("S-[0-9a-f]{16}")\[(\d+)\]', line)
        assert peer
        there = next(part for part in text.split("\n\n") if f"Switch\t64 {peer[1]}" in part)
        changed = re.sub(rf"^(\[{peer[2]}\]\t{leaf}\[)\d+\]", rf"\g<1>{port}]", there, flags=re.MULTILINE)
        text = text.replace(there, changed)
    files["topology.net"] = text.encode()


WRONG: Mapping[str, tuple[Callable[[Files], None], str]] = {
    "two cables swapped": (swapped, "topology.net lacks the link of"),
    "a link of another port": (
        replaced("topology.net", r'"\[1\]\t\t# "compute-su1-leaf-r1"', r'"[2]\t\t# "compute-su1-leaf-r1"'),
        "has besides the link",
    ),
    "a rate": (replaced("topology.net", "4xNDR", "4xHDR"), "topology.net lacks the link of"),
    "a name": (replaced("topology.net", '# "su1-server-1 mlx5_0"', '# "su1-server-9 mlx5_0"'), "not as it stands for itself"),
    "a switch's name": (
        lambda files: files.update({"topology.net": files["topology.net"].replace(b'"compute-su1-leaf-r1"', b'"someone"')}),
        "in the place of compute-su1-leaf-r1",
    ),
    "a node of another GUID": (
        lambda files: files.update({"topology.net": files["topology.net"].replace(b"0200000000000010", b"0200000000009990")}),
        "differ in the node",
    ),
    "a port GUID": (replaced("topology.net", r"caguid=0x200000000000010\n", "caguid=0x200000000000012\n"), "another GUID"),
    "a system image": (
        replaced("topology.net", "sysimgguid=0x200000000000010\n", "sysimgguid=0x200000000000011\n"),
        "another HCA",
    ),
    "a root missing": (replaced("root_guid.conf", r"\n0x[^\n]*\n", "\n"), "of the top tier, and 0 others"),
    "a leaf as root": (replaced("root_guid.conf", r"0x0202000000000000", "0x0201000000000000"), "and 1 others"),
    "a compute node missing": (replaced("cn_guid.conf", r"\n0x[^\n]*\n", "\n"), "cn_guid.conf has 63 ports, and 64"),
    "an I/O node missing": (replaced("io_guid.conf", r"\n0x[^\n]*\n", "\n"), "io_guid.conf has 3 ports, and 4"),
    "a GUID that is none": (replaced("cn_guid.conf", "0x02", "zz02"), "cn_guid.conf:2: not a GUID"),
    "a member missing": (
        replaced("partitions.conf", r"(research[^\n]*\n)\t[^\n]*\n", r"\1"),
        "the partition of the tenant research",
    ),
    "a limited member as a full one": (
        replaced("partitions.conf", r"(services(?:[^;]*?))=limited", r"\1=full"),
        "the partition of the tenant services",
    ),
    "a P_Key twice": (replaced("partitions.conf", r"services=0x\d{4}", "services=0x0001"), "a P_Key twice"),
    "all are full": (replaced("partitions.conf", "ALL=limited", "ALL=full"), "all ports are full members"),
    "a stranger in the default partition": (
        replaced("partitions.conf", "SELF=full,", "SELF=full,\n\t0x0200000000000011=full,"),
        "others than the hosts",
    ),
    "another service level": (
        replaced("partitions.conf", r"(research[^\n]*)sl=1", r"\1sl=0"),
        "the partition of the tenant research",
    ),
    "a name in the map": (replaced("node-name-map", '"compute-su1-leaf-r1"', '"leaf"'), "node-name-map"),
    "a fallback": (replaced("opensm.conf", ",no_fallback", ""), "fall back"),
    "an LMC": (replaced("opensm.conf", r"\nlmc 0", "\nlmc 1"), "LMC 1"),
    "an unknown option": (replaced("opensm.conf", r"\nlmc 0", "\nlmc 0\nno_such_option 1"), "has no option no_such_option"),
    "an option twice": (replaced("opensm.conf", r"\nlmc 0", "\nlmc 0\nlmc 0"), "or one that stands above"),
    "an option of NVIDIA's": (
        replaced("opensm.conf", r"\nlmc 0", "\nlmc 0\nar_sl_mask 0xffff"),
        "upstream OpenSM does not know",
    ),
    "a file that is not there": (replaced("opensm.conf", "root_guid.conf", "roots.conf"), "names roots.conf"),
}


def test_what_is_compiled_is_as_planned(analysis: Analysis) -> None:
    assert found(analysis, infiniband.files(analysis)) == []


@pytest.mark.parametrize("name", WRONG)
def test_what_is_falsified_is_found(analysis: Analysis, name: str) -> None:
    change, sentence = WRONG[name]
    files = infiniband.files(analysis)
    change(files)
    said = found(analysis, files)
    assert any(sentence in message for message in said), said


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("guid 0x0[0-9a-f]{15}", "guid 0x0200000000000011", "from a port that ufm-1 does not have"),
        ("sm_priority 15", "sm_priority 3", "falling priorities"),
        ("sweep_interval 10", "sweep_interval 11", "differ in more than the port"),
    ],
)
def test_hosts_differ_in_port_and_priority_alone(analysis: Analysis, old: str, new: str, sentence: str) -> None:
    hosts = opensm.render_hosts(analysis.subnets[0])
    name = next(iter(hosts))
    replaced(name, old, new)(hosts)
    assert any(sentence in message for message in found(analysis, infiniband.files(analysis), hosts))


def test_a_link_between_two_leafs_is_no_tree(analysis: Analysis) -> None:
    """Both ends are there, and the ranks are wrong: what ftree and updn would route over in a circle."""
    files = infiniband.files(analysis)
    text = files["topology.net"].decode()
    leafs = [part for part in text.split("\n\n") if '\nSwitch\t64 "S-0201' in part][:2]
    labels = [re.search(r'Switch\t64 ("S-[0-9a-f]{16}")\t\t# ("[^"]*")', part) for part in leafs]
    for part, (there, name) in zip(leafs, [(m[1], m[2]) for m in labels[::-1] if m], strict=True):
        text = text.replace(part, f"{part}\n[64]\t{there}[64]\t\t# {name} 4xNDR")
    files["topology.net"] = text.encode()
    said = found(analysis, files)
    assert any("joins two nodes of one rank" in message for message in said), said
