from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from targets.server_factory import GPU_NETDEVS, STORAGE_NETDEVS, leaf_like_qos, nic_qos, prefix, server

from fabric_compiler.model.device import Prefix, ServerModel
from fabric_compiler.targets.hosts import NETPLAN, ROCE, render
from fabric_compiler.verify.observed import ObservedInterface
from fabric_compiler.verify.readback.hosts import read

SHAPES: dict[str, dict[str, Any]] = {
    "ipv4": {},
    "ipv6": {"versions": (6,)},
    "dual stack": {"versions": (4, 6), "own_tables": True},
    "subnet": {"versions": (4, 6), "addressing": "subnet", "own_tables": True},
    "several networks": {"storage": True, "qos": (leaf_like_qos(), nic_qos("storage", lossless_priority=-1))},
    "no qos": {"qos": ()},
}


def interfaces(model: ServerModel) -> Mapping[str, ObservedInterface]:
    return read(render(model)).interfaces


def by_yaml(text: bytes) -> dict[str, tuple[int, tuple[Prefix, ...]]]:
    ethernets = yaml.load(text, yaml.CSafeLoader)["network"]["ethernets"]
    found = {}
    for name, nic in ethernets.items():
        parsed = [ipaddress.ip_interface(a) for a in nic["addresses"]]
        found[name] = nic["mtu"], tuple(Prefix(p.version, int(p.ip), p.network.prefixlen) for p in parsed)
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_a_full_yaml_parser_sees_the_same(shape: str) -> None:
    files = render(server(5, **SHAPES[shape]))
    assert {name: (i.mtu, i.addresses) for name, i in read(files).interfaces.items()} == by_yaml(files[NETPLAN])


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_rendered_comes_back(shape: str) -> None:
    model = server(7, **SHAPES[shape])
    found = interfaces(model)
    assert list(found) == [nic.netdev for nic in model.nics]
    assert [(i.mtu, i.addresses) for i in found.values()] == [(nic.mtu, nic.addresses) for nic in model.nics]


def test_a_nic_at_its_default_map_protects_the_eight_dscps_of_the_priority() -> None:
    assert interfaces(server(qos=(nic_qos(),)))["enp24s0np0"].lossless == ((tuple(range(24, 32)), 3),)


def test_a_nic_that_maps_as_the_leaf_does_protects_the_leafs_dscp() -> None:
    assert {i.lossless for i in interfaces(server()).values()} == {(((26,), 3),)}


def test_a_moved_dscp_is_seen() -> None:
    qos = nic_qos(moved={26: 4, 40: 3})
    assert interfaces(server(qos=(qos,)))["enp24s0np0"].lossless == (((24, 25, 27, 28, 29, 30, 31, 40), 3),)


def test_no_pfc_is_no_lossless_class() -> None:
    found = interfaces(server(storage=True, qos=(leaf_like_qos(), nic_qos("storage", lossless_priority=-1))))
    assert {found[n].lossless for n in STORAGE_NETDEVS} == {()}
    assert {found[n].lossless for n in GPU_NETDEVS} == {(((26,), 3),)}


def test_a_nic_without_qos_has_no_lossless_class() -> None:
    found = interfaces(server(storage=True))
    assert {found[n].lossless for n in STORAGE_NETDEVS} == {()}


def test_with_trust_pcp_no_dscp_is_protected() -> None:
    files = render(server())
    files[ROCE] = files[ROCE].replace(b"--trust dscp", b"--trust pcp")
    assert read(files).interfaces["enp24s0np0"].lossless == (((), 3),)


def test_a_server_without_nics_is_empty() -> None:
    assert read(render(server(rails=0))).interfaces == {}


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("network:", "network: {}", 1),
        ("      mtu: 9100", "      mtu: 9100 # jumbo", 5),
        ("      mtu: 9100", "      mtu: 0x238c", 5),
        ("      mtu: 9100\n", "", 5),
        ("      mtu: 9100", "      mtu: 9100\n      mtu: 1500", 5),
        ('        - "10.1.0.1/31"', "        - 10.1.0.1/31", 5),
        ('        - "10.1.0.1/31"', '        - "10.1.0.1/33"', 5),
        ('        - "10.1.0.1/31"', '        - "10.1.1/31"', 5),
        ("      dhcp4: false", "      dhcp4: true", 5),
        ('    "enp24s0np0":', "    enp24s0np0: &a", 5),
        ("metric: 100}", "metric: 100, type: blackhole}", 14),
    ],
)
def test_a_netplan_shape_that_is_not_known_is_refused_with_its_line(old: str, new: str, line: int) -> None:
    files = render(server())
    text = files[NETPLAN].decode()
    assert old in text
    files[NETPLAN] = text.replace(old, new, 1).encode()
    with pytest.raises(ValueError, match=rf"^60-fabric\.yaml:{line}: "):
        read(files)


def test_what_follows_the_last_nic_is_refused() -> None:
    files = render(server())
    files[NETPLAN] += b"  vlans: {}\n"
    with pytest.raises(ValueError, match=r"60-fabric\.yaml"):
        read(files)


def test_a_nic_that_stands_twice_is_refused() -> None:
    files = render(server(rails=1))
    head, mark, nic = files[NETPLAN].partition(b"  ethernets:\n")
    files[NETPLAN] = head + mark + nic + nic
    with pytest.raises(ValueError, match="enp24s0np0 stands twice"):
        read(files)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("failed=0", "failed=0\nmlnx_qos -i enp24s0np0 --pfc 0,0,0,0,0,0,0,0"),
        ("--pfc 0,0,0,1,0,0,0,0", "--pfc 0,0,0,1"),
        ("--pfc 0,0,0,1,0,0,0,0 ||", "--pfc 0,0,0,1,0,0,0,0 --dcbx fw ||"),
        ("for dscp in 26;", "for dscp in 64;"),
        ('"set,$dscp,3"', '"del,$dscp,3"'),
        ("-t 106", "-t 104"),
        ('    echo 48 > /sys/class/net/"$1"/ecn/roce_np/cnp_dscp || return\n', ""),
        ("enable/3 || return\n}", 'enable/3 || return\n    ethtool -A "$1" rx on\n}'),
        ("{ roce_1 ", "{ roce_2 "),
        ('    { roce_1 "$netdev"', '    # { roce_1 "$netdev"'),
        ("for netdev in", "for netdev in eth9; do\nfor netdev in"),
        ('exit "$failed"', "exit 0"),
        ("enp64s0np0", "enp24s0np0"),
        ("enp64s0np0", "eth9"),
        ("#!/bin/sh", "#!/bin/bash"),
    ],
)
def test_a_script_that_is_not_known_is_refused(old: str, new: str) -> None:
    files = render(server())
    text = files[ROCE].decode()
    assert old in text
    files[ROCE] = text.replace(old, new, 1).encode()
    with pytest.raises(ValueError, match=r"roce\.sh"):
        read(files)


def test_a_script_without_an_end_of_its_function_is_refused() -> None:
    files = render(server())
    files[ROCE] = files[ROCE].partition(b"roce_1() {")[0] + b"roce_1() {\n"
    with pytest.raises(ValueError, match=r"roce\.sh"):
        read(files)


def test_bytes_that_are_no_ascii_are_refused() -> None:
    files = render(server())
    files[NETPLAN] += "# é\n".encode()
    with pytest.raises(ValueError, match=r"60-fabric\.yaml: byte \d+ is not ASCII"):
        read(files)


def test_a_wrong_address_is_seen_as_it_stands() -> None:
    model = server(rails=1)
    nic = dataclasses.replace(model.nics[0], addresses=(prefix("10.1.0.99/31"),), routes=())
    assert interfaces(dataclasses.replace(model, nics=(nic,)))["enp24s0np0"].addresses == (prefix("10.1.0.99/31"),)
