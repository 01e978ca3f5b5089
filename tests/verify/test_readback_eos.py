"""The reader of EOS finds in the file what the device model decided, and takes EOS's defaults for what is not there."""

from __future__ import annotations

import dataclasses

import pytest
from hostile import HOSTILE_BY_NAME
from targets.model_factory import leaf, prefix, spine

from fabric_compiler.model.device import Prefix, SwitchModel
from fabric_compiler.targets.eos import TARGET
from fabric_compiler.verify.observed import Observed, ObservedSession, Peering
from fabric_compiler.verify.readback.eos import read

SHAPES = {
    "unnumbered": leaf("eos"),
    "numbered": leaf("eos", unnumbered=False),
    "IPv4 only": leaf("eos", unnumbered=False, dual_stack=False),
    "IPv6 links": leaf("eos", unnumbered=False, ipv6_links=True),
    "VLAN": leaf("eos", vlan=True),
    "drained": leaf("eos", drained=True, drained_ports=(0,)),
    "lossy": leaf("eos", lossless=False),
    "no QoS": leaf("eos", roce=False),
    "spine": spine("eos"),
}


def observed(model: SwitchModel) -> Observed:
    return read(TARGET.render(model))  # type: ignore[arg-type]


def text(*lines: str) -> Observed:
    return read({"x.cfg": "\n".join(lines).encode()})


@pytest.mark.parametrize("shape", SHAPES)
def test_the_device_is_read_back(shape: str) -> None:
    model = SHAPES[shape]
    found = observed(model)
    assert found.hostname == model.name
    assert (found.asn, found.router_id) == (model.routing.bgp.asn, model.routing.bgp.router_id)
    assert found.loopbacks == tuple(sorted(model.loopbacks))
    assert sorted(found.announced) == sorted(model.routing.bgp.networks)
    assert found.vlans == {vlan.id: tuple(sorted(vlan.addresses)) for vlan in model.vlans}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_port_is_read_back(shape: str) -> None:
    model = SHAPES[shape]
    found = observed(model)
    assert list(found.interfaces) == [port.name for port in model.interfaces]
    for port in model.interfaces:
        seen = found.interfaces[port.name]
        assert (seen.enabled, seen.speed, seen.fec) == (port.enabled, port.speed, port.fec)
        assert seen.addresses == tuple(sorted(port.addresses))
        assert (seen.unnumbered, seen.vlan) == (port.unnumbered, port.vlan)
        assert seen.lossless == ((((26,), 3),) if port.lossless else ())
        if port.enabled:
            assert seen.mtu == port.mtu


@pytest.mark.parametrize("shape", SHAPES)
def test_every_session_is_read_back(shape: str) -> None:
    model = SHAPES[shape]
    wanted = {
        ObservedSession(
            neighbor.interface,
            Prefix(neighbor.address.version, neighbor.address.value, {4: 32, 6: 128}[neighbor.address.version])
            if neighbor.address
            else None,
            neighbor.asn,
        )
        for neighbor in model.routing.bgp.neighbors
    }
    assert {session._replace(peering=Peering()) for session in observed(model).sessions} == wanted


def test_what_is_not_stated_has_the_default_of_eos() -> None:
    port = text("interface Ethernet1/1", "!", "end").interfaces["Ethernet1/1"]
    assert (port.enabled, port.mtu, port.speed, port.fec, port.vlan) == (True, 1500, 0, "", 1)


def test_an_unmapped_dscp_has_the_default_class() -> None:
    found = text(
        "qos profile P",
        "   priority-flow-control on",
        "   priority-flow-control priority 0 no-drop",
        "   priority-flow-control priority 3 no-drop",
        "!",
        "interface Ethernet1/1",
        "   service-profile P",
        "qos map dscp 26 to traffic-class 0",
    )
    assert found.interfaces["Ethernet1/1"].lossless == (
        ((*range(8, 16), 26), 0),
        (tuple(d for d in range(24, 32) if d != 26), 3),
    )


def test_a_profile_that_is_not_on_pauses_nothing() -> None:
    found = text(
        "qos profile P", "   priority-flow-control priority 3 no-drop", "!", "interface Ethernet1/1", "   service-profile P"
    )
    assert found.interfaces["Ethernet1/1"].lossless == ()


def test_a_port_with_a_profile_that_is_missing_is_lossy() -> None:
    assert text("interface Ethernet1/1", "   service-profile GONE").interfaces["Ethernet1/1"].lossless == ()


def test_the_last_word_on_a_port_counts() -> None:
    model = leaf("eos", raw=("interface Ethernet3/1", "   shutdown", "   mtu 1500"))
    port = observed(model).interfaces["Ethernet3/1"]
    assert (port.enabled, port.mtu) == (False, 1500)


def test_lines_of_deeper_modes_are_not_the_port_s() -> None:
    port = text("interface Ethernet1/1", "   tx-queue 3", "      shutdown").interfaces["Ethernet1/1"]
    assert port.enabled


def test_networks_of_a_vrf_are_not_announced_by_the_fabric() -> None:
    found = text(
        "router bgp 65000",
        "   router-id 10.0.0.1",
        "   !",
        "   address-family ipv4",
        "      network 10.0.0.0/24",
        "   !",
        "   vrf red",
        "      network 10.1.0.0/24",
    )
    assert found.announced == (prefix("10.0.0.0/24"),)


def test_a_session_takes_the_asn_of_its_group() -> None:
    found = text(
        "router bgp 65000",
        "   neighbor UP peer group",
        "   neighbor UP remote-as 65001",
        "   neighbor 10.0.0.1 peer group UP",
        "   neighbor interface Ethernet1/1 peer-group UP",
        "   neighbor 10.0.0.9 peer group UNKNOWN",
    )
    assert {session._replace(peering=Peering()) for session in found.sessions} == {
        ObservedSession("", prefix("10.0.0.1/32"), 65001),
        ObservedSession("Ethernet1/1", None, 65001),
    }


@pytest.mark.parametrize(
    ("rate", "speed"), [("400g-4", 400000), ("1.6t-8", 1600000), ("forced 100gfull", 100000), ("25g", 25000), ("auto", 0)]
)
def test_a_speed_is_read_in_all_its_forms(rate: str, speed: int) -> None:
    assert text("interface Ethernet1", f"   speed {rate}").interfaces["Ethernet1"].speed == speed


def test_the_text_of_a_banner_is_no_configuration() -> None:
    assert text("hostname right", "banner login", "hostname wrong", "EOF", "end").hostname == "right"


@pytest.mark.parametrize("name", HOSTILE_BY_NAME)
def test_a_hostile_description_changes_nothing_that_is_read(name: str) -> None:
    plain = leaf("eos")
    attacked = dataclasses.replace(
        plain,
        interfaces=tuple(dataclasses.replace(port, description=HOSTILE_BY_NAME[name]) for port in plain.interfaces),
        management=dataclasses.replace(plain.management, banner=HOSTILE_BY_NAME[name]),
    )
    assert observed(attacked) == observed(plain)


@pytest.mark.parametrize("files", [{}, {"frr.conf": b""}, {"a.cfg": b"", "b.cfg": b""}])
def test_a_device_has_one_configuration(files: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match=r"one \.cfg"):
        read(files)
