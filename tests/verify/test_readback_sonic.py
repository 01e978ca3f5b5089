"""What is read back from SONiC's and FRR's files is what was decided, and a file that was changed is seen to be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from targets.model_factory import leaf, prefix, spine

from fabric_compiler.model.device import SwitchModel
from fabric_compiler.targets import frr as frr_target
from fabric_compiler.targets import sonic as sonic_target
from fabric_compiler.verify.observed import Observed, ObservedSession, Peering
from fabric_compiler.verify.readback import frr, sonic

SHAPES = {
    "unnumbered": leaf(),
    "numbered": leaf(unnumbered=False),
    "ipv6 links": leaf(unnumbered=False, ipv6_links=True),
    "ipv4": leaf(unnumbered=False, dual_stack=False),
    "vlan": leaf(vlan=True),
    "drained": leaf(drained_ports=(0,)),
    "lossy": leaf(lossless=False),
    "best effort": leaf(roce=False),
    "spine": spine(),
}


def changed(model: SwitchModel, change: Callable[[dict[str, Any]], object]) -> Observed:
    """What is read after `change` was done to the rendered CONFIG_DB."""
    files = sonic_target.render(model)
    tables = json.loads(files["config_db.json"])
    change(tables)
    return sonic.read(files | {"config_db.json": json.dumps(tables).encode()})


def who(seen: Observed) -> tuple[ObservedSession, ...]:
    """The sessions without their settings."""
    return tuple(session._replace(peering=Peering()) for session in seen.sessions)


def sessions_of(model: SwitchModel, name_of: Callable[[str], str] = str) -> list[ObservedSession]:
    return [
        ObservedSession(
            name_of(n.interface) if n.address is None else "",
            n.address and n.address._replace(length=32 if n.address.version == 4 else 128),
            n.asn,
        )
        for n in model.routing.bgp.neighbors
    ]


@pytest.mark.parametrize("model", SHAPES.values(), ids=SHAPES.keys())
def test_sonics_files_say_what_the_model_says(model: SwitchModel) -> None:
    seen = sonic.read(sonic_target.render(model))
    assert (seen.hostname, seen.asn, seen.router_id) == (model.name, model.routing.bgp.asn, model.routing.bgp.router_id)
    assert seen.loopbacks == tuple(sorted(model.loopbacks))
    assert sorted(seen.announced) == sorted(model.routing.bgp.networks)
    assert sorted(who(seen), key=repr) == sorted(sessions_of(model), key=repr)
    assert seen.vlans == {v.id: tuple(sorted(v.addresses)) for v in model.vlans}
    assert set(seen.interfaces) == {i.name for i in model.interfaces}
    for port in model.interfaces:
        found = seen.interfaces[port.name]
        assert (found.enabled, found.speed, found.mtu, found.fec, found.vlan) == (
            port.enabled,
            port.speed,
            port.mtu,
            port.fec,
            port.vlan,
        )
        assert (found.addresses, found.unnumbered) == (tuple(sorted(port.addresses)), port.unnumbered)
        assert found.lossless == ((((26,), 3),) if port.lossless else ())


@pytest.mark.parametrize("model", SHAPES.values(), ids=SHAPES.keys())
def test_frrs_file_says_what_the_model_says(model: SwitchModel) -> None:
    seen = frr.read(frr_target.render(model))
    assert (seen.hostname, seen.asn) == (model.name, model.routing.bgp.asn)
    assert seen.loopbacks == model.loopbacks
    assert sorted(who(seen), key=repr) == sorted(sessions_of(model, frr_target.linux_name), key=repr)
    assert seen.vlans == {v.id: v.addresses for v in model.vlans}
    for port in model.interfaces:
        if port.addresses or port.unnumbered:
            found = seen.interfaces[frr_target.linux_name(port.name)]
            assert (found.addresses, found.unnumbered) == (port.addresses, port.unnumbered)


def test_a_dscp_that_moves_to_another_class_is_seen() -> None:
    def move(db: dict[str, Any]) -> None:
        db["DSCP_TO_TC_MAP"]["AZURE"] |= {"26": "0", "24": "3", "27": "3"}

    assert changed(leaf(), move).interfaces["Ethernet0"].lossless == (((24, 27), 3),)


def test_a_group_that_pauses_another_priority_is_seen() -> None:
    def swap(db: dict[str, Any]) -> None:
        db["PFC_PRIORITY_TO_PRIORITY_GROUP_MAP"]["AZURE"] = {"4": "3"}
        db["PORT_QOS_MAP"]["Ethernet0"]["pfc_enable"] = "4"

    assert changed(leaf(), swap).interfaces["Ethernet0"].lossless == (((26,), 4),)


def test_two_lossless_priorities_are_two_classes() -> None:
    def add(db: dict[str, Any]) -> None:
        db["PORT_QOS_MAP"]["Ethernet0"]["pfc_enable"] = "3,4"

    assert changed(leaf(), add).interfaces["Ethernet0"].lossless == (((), 4), ((26,), 3))


def test_a_port_without_pfc_is_not_lossless_whatever_its_maps_say() -> None:
    seen = changed(leaf(), lambda db: db["PORT_QOS_MAP"]["Ethernet0"].pop("pfc_enable"))
    assert seen.interfaces["Ethernet0"].lossless == ()
    assert seen.interfaces["Ethernet4"].lossless == (((26,), 3),)


def test_an_address_without_its_interfaces_row_does_not_count() -> None:
    seen = changed(leaf(unnumbered=False), lambda db: db["INTERFACE"].pop("Ethernet16"))
    assert seen.interfaces["Ethernet16"].addresses == ()


def test_two_files_with_different_asns_are_an_error() -> None:
    with pytest.raises(ValueError, match="ASN"):
        changed(leaf(), lambda db: db["DEVICE_METADATA"]["localhost"].update(bgp_asn="65001"))


def test_what_is_no_json_is_an_error() -> None:
    files = sonic_target.render(leaf())
    with pytest.raises(ValueError, match="truncated"):
        sonic.read(files | {"config_db.json": files["config_db.json"][:-9]})


CONF = """\
hostname other
router bgp 65001
 bgp router-id 10.0.0.1
 neighbor UP peer-group
 neighbor UP remote-as external
 neighbor swp1 interface peer-group UP
 neighbor swp2 interface remote-as 65002
 neighbor swp3 interface v6only peer-group UP
 neighbor swp3 remote-as 65003
 neighbor 10.0.0.9 peer-group UP
 neighbor 10.0.0.11 peer-group NONE
 neighbor 10.0.0.13 description remote-as 1
 address-family ipv4 unicast
  network 10.1.0.0/24
  neighbor swp1 remote-as
 exit-address-family
exit
router ospf
 network 192.0.2.0/24 area 0
exit
interface swp4
 ip address 10.0.0.2/31
 shutdown
exit
"""


def test_a_file_of_another_hand_is_read_by_frrs_own_rules() -> None:
    seen = frr.read({"frr.conf": CONF.replace("  neighbor swp1 remote-as\n", "").encode()})
    assert who(seen) == (
        ObservedSession("swp1", None, 0),
        ObservedSession("swp2", None, 65002),
        ObservedSession("swp3", None, 65003),
        ObservedSession("", prefix("10.0.0.9/32"), 0),
    )
    assert seen.announced == (prefix("10.1.0.0/24"),)
    assert not seen.interfaces["swp4"].enabled


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("router bgp 1\n network 10.0.0.0\n", "line 2: not a prefix"),
        ("router bgp 1\n network 10.0.0.0/33\n", "line 2: not a prefix"),
        ("router bgp 1\n network 10.0.0/24\n", "line 2: not an address"),
        ("router bgp x\n", "line 1: not an ASN"),
        ("router bgp 1\n neighbor swp1 interface remote-as x\n", "line 2: not an ASN"),
        ("router bgp 1\n neighbor 10.0.0.1\n", "line 2: it ends too early"),
        ("router bgp 1\nrouter bgp 2\n", "line 2: a second BGP instance"),
        ("hostname\n", "line 1: it ends too early"),
    ],
)
def test_a_line_that_frr_would_refuse_is_an_error(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        frr.read({"frr.conf": text.encode()})


def test_a_drained_device_is_read_like_any_other() -> None:
    model = replace(leaf(drained=True), drained=True)
    assert who(sonic.read(sonic_target.render(model))) == who(sonic.read(sonic_target.render(leaf())))
