"""The devices' files as the lab takes them: all that our targets write, and nothing that reaches out of a lab."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hostile import HOSTILE
from hypothesis import given
from hypothesis import strategies as st
from targets.model_factory import leaf, spine
from targets.server_factory import server

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.lab import frr_lines, hosts, switches
from fabric_compiler.lab.layout import Route, Rule
from fabric_compiler.lab.netlink import MAIN_TABLE
from fabric_compiler.model.device import RawSnippet
from fabric_compiler.targets import eos, frr, sonic
from fabric_compiler.targets import hosts as hosts_target

SHAPES = {
    "leaf unnumbered": leaf(),
    "leaf dual stack": leaf(unnumbered=False),
    "leaf vlan": leaf(vlan=True),
    "leaf drained": leaf(drained=True, drained_ports=(0,)),
    "leaf without bfd": leaf(bfd=False),
    "spine numbered": spine(unnumbered=False),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_line_that_our_targets_write_is_taken(shape: str) -> None:
    for render in (sonic.render, frr.render):
        assert frr_lines.refused(render(SHAPES[shape])["frr.conf"].decode()) == []


def test_descriptions_do_not_smuggle_lines_in() -> None:
    model = spine(links=len(HOSTILE), cages=len(HOSTILE) + 1)
    bgp = model.routing.bgp
    neighbors = tuple(replace(n, description=text) for n, text in zip(bgp.neighbors, HOSTILE, strict=True))
    text = sonic.render(replace(model, routing=replace(model.routing, bgp=replace(bgp, neighbors=neighbors))))["frr.conf"]
    assert frr_lines.refused(text.decode()) == []


# docs.frrouting.org, basic.html, bgp.html, snmp.html: what writes or reads files, opens doors, or leaves the configuration
REFUSED = [
    "log file /etc/cron.d/x",
    "log file /tmp/x debugging",
    "log syslog informational /x",
    "log filtered-file /tmp/x",
    "log stdout",
    "dump bgp all /etc/passwd",
    "banner motd file /etc/shadow",
    "password zebra",
    "enable password zebra",
    "service password-encryption",
    "service advanced-vty",
    "line vty",
    "agentx",
    "debug bgp updates",
    "do write file",
    "do copy running-config startup-config",
    "write memory",
    "copy /etc/shadow running-config",
    "username x nopassword",
    "mtrace 10.0.0.1",
    "fpm address 192.0.2.1",
    "fpm address 127.0.0.1 /x",
    "rpki",
    "bmp targets x",
    "bgp listen range 0.0.0.0/0 peer-group X\rlog file /x",
    "ipv6 pim",
    "pbr-map X seq 1",
    "key chain x",
    "start-shell",
    "hostname $(reboot)",
    "neighbor x description \x1b[31m",
    "neighbor x description caf\xe9",
    "network " + "1" * 2000,
]


@pytest.mark.parametrize("line", REFUSED)
@pytest.mark.parametrize("indent", ["", " ", "  "])
def test_a_line_that_reaches_out_is_refused(line: str, indent: str) -> None:
    text = f"frr defaults traditional\nrouter bgp 65000\n{indent}{line}\nend\n"
    assert [number for number, _ in frr_lines.refused(text)] == [3]


def test_a_raw_line_that_the_lab_does_not_run_is_named() -> None:
    model = replace(leaf(), raw=(RawSnippet("sonic", ("log file /var/log/x",)),))
    with pytest.raises(ValueError, match=r"line \d+: 'log file /var/log/x'"):
        switches.routing(sonic.render(model)["frr.conf"])


def test_only_the_daemons_that_are_needed_run() -> None:
    texts = {name: sonic.render(model)["frr.conf"].decode() for name, model in SHAPES.items()}
    assert frr_lines.daemons(texts["leaf unnumbered"]) == ("zebra", "staticd", "bgpd", "bfdd")
    assert frr_lines.daemons(texts["leaf without bfd"]) == ("zebra", "staticd", "bgpd")
    assert frr_lines.daemons(texts["spine numbered"]) == ("zebra", "bgpd", "bfdd")


@pytest.mark.parametrize("versions", [(4,), (6,), (4, 6)])
def test_a_server_is_read_as_its_model_was(versions: tuple[int, ...]) -> None:
    model = server(versions=versions, own_tables=True)
    found = hosts.read(hosts_target.render(model))
    assert [(port.name, port.mtu, port.addresses) for port in found.ports] == [
        (nic.netdev, nic.mtu, nic.addresses) for nic in model.nics
    ]
    assert all(port.link_local == (6 in versions) for port in found.ports)
    for nic in model.nics:
        for route in nic.routes:
            expected = Route(route.destination, nic.netdev, route.via, route.table or MAIN_TABLE, route.metric)
            assert expected in [replace(one, on_link=False) for one in found.routes]
        for own in nic.addresses:
            assert Rule(own._replace(length=32 if own.version == 4 else 128), nic.table) in found.rules
    assert {key.split("/")[-1] for key, _ in found.sysctls} == (
        {"rp_filter", "arp_announce", "arp_ignore"} if 4 in versions else set()
    )


def netplan(nic: str, name: str = "eth1") -> dict[str, bytes]:
    return {"60-fabric.yaml": f'network: {{version: 2, ethernets: {{"{name}": {{{nic}}}}}}}'.encode()}


HOSTILE_NETPLAN = {
    "an unknown key": netplan("match: {macaddress: x}"),
    "DHCP": netplan("dhcp4: true"),
    "a NIC called lo": netplan("mtu: 9000", "lo"),
    "a NIC called all": netplan("mtu: 9000", "all"),
    "a NIC called as a path": netplan("mtu: 9000", "../x"),
    "a NIC with a long name": netplan("mtu: 9000", "x" * 16),
    "an MTU that is none": netplan("mtu: 1e9"),
    "an MTU beyond all": netplan("mtu: 70000"),
    "an address that is none": netplan("addresses: [10.0.0.1]"),
    "a list in place of an address": netplan("addresses: [[10.0.0.1/31]]"),
    "a route's unknown key": netplan("routes: [{to: 10.0.0.0/8, scope: link}]"),
    "a rule without a table": netplan("routing-policy: [{from: 10.0.0.1/32}]"),
    "a rule with a mark": netplan("routing-policy: [{from: 10.0.0.1/32, table: 1, mark: 1}]"),
    "a table that is none": netplan("routes: [{to: 10.0.0.0/8, table: main}]"),
    "bonds": {"60-fabric.yaml": b"network: {version: 2, bonds: {}}"},
    "aliases": {"60-fabric.yaml": b"network: &a {version: 2, ethernets: *a}"},
    "no YAML": {"60-fabric.yaml": b"network: [\n"},
    "no UTF-8": {"60-fabric.yaml": b"\xff\xfe"},
}


@pytest.mark.parametrize("what", HOSTILE_NETPLAN)
def test_a_hostile_netplan_file_is_refused(what: str) -> None:
    with pytest.raises((ValueError, CompileError)):
        hosts.read(HOSTILE_NETPLAN[what])


@pytest.mark.parametrize(
    "key", ["kernel.core_pattern", "net.core.rmem_max", "vm/swappiness", "net/netfilter/nf_conntrack_max", "net"]
)
def test_a_sysctl_that_is_not_the_network_s_own_is_left_out(key: str) -> None:
    found = hosts.read({"60-fabric.conf": f"{key} = 1\n".encode()})
    assert found.sysctls == ()
    assert len(found.left_out) == 1


@pytest.mark.parametrize(
    "line",
    [
        "net/ipv4/../../kernel/core_pattern = 1",
        "net.ipv4.ip_forward = |/bin/sh",
        "net/ipv4/conf//x = 1",
        "net.ipv4.x",
        "net/ipv4/.. = 1",
    ],
)
def test_a_hostile_sysctl_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"60-fabric\.conf"):
        hosts.read({"60-fabric.conf": f"{line}\n".encode()})


@given(st.text(max_size=200))
def test_no_sysctl_leaves_its_place(text: str) -> None:
    try:
        found = hosts.read({"60-fabric.conf": text.encode()})
    except ValueError:
        return
    for key, _ in found.sysctls:
        assert key.startswith(("net/ipv4/", "net/ipv6/"))
        assert not {"", ".", ".."} & set(key.split("/"))


def test_dots_in_a_device_s_name_stay_dots() -> None:
    found = hosts.read({"60-fabric.conf": b"net/ipv4/conf/eth0.1/rp_filter = 2\nnet.ipv4.conf.eth0/1.rp_filter = 2\n"})
    assert [key for key, _ in found.sysctls] == ["net/ipv4/conf/eth0.1/rp_filter"] * 2


def test_link_local_addresses_are_where_sonic_routes_them() -> None:
    """A port without IPv6 and without `ipv6_use_link_local_only` has none, though SONiC's Linux would make one."""
    for unnumbered in (True, False):
        model = leaf(unnumbered=unnumbered, dual_stack=False)
        found = switches.observed("sonic", sonic.render(model))
        wired = [port.name for port in model.interfaces if port.role == "fabric"]
        made = switches.ports(found, wired, eos=False)
        assert {port.link_local for port in made} == {unnumbered}
        assert bool(switches.late_sysctls(made)) is not unnumbered


def test_a_port_of_eos_has_a_name_that_linux_takes_and_no_addresses_of_its_own() -> None:
    model = leaf("eos", unnumbered=False)
    found = switches.observed("eos", eos.render(model))
    wired = [port.name for port in model.interfaces if port.role == "fabric"]
    made = switches.ports(found, wired, eos=True)
    assert all("/" not in port.linux and port.addresses == () and port.up for port in made)


def test_an_mtu_that_no_port_has_is_refused() -> None:
    model = leaf()
    wrong = replace(model, interfaces=tuple(replace(port, mtu=-1) for port in model.interfaces))
    with pytest.raises(ValueError, match="MTU -1"):
        switches.ports(switches.observed("sonic", sonic.render(wrong)), [model.interfaces[0].name], eos=False)


def test_a_vlan_has_a_bridge_where_it_has_a_port_with_a_cable() -> None:
    for nos, render, name in (("sonic", sonic.render, "Vlan"), ("eos", eos.render, "vlan")):
        model = leaf(nos, vlan=True)
        found = switches.observed(nos, render(model))
        served = next(port.name for port in model.interfaces if port.vlan)
        made = switches.ports(found, [served], eos=nos == "eos")
        assert [bridge.linux for bridge in switches.bridges(found, made, nos == "eos")] == [f"{name}{model.vlans[0].id}"]
        assert made[0].bridge == f"{name}{model.vlans[0].id}"
        assert switches.bridges(found, (), nos == "eos") == ()


def test_a_port_that_the_files_do_not_have_stays_down() -> None:
    model = leaf()
    (port,) = switches.ports(switches.observed("sonic", sonic.render(model)), ["Ethernet9999"], eos=False)
    assert not port.up
