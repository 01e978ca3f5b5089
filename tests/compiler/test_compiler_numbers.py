"""What holds of the numbers and cables of every compile, read from the tables and configurations that it wrote."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from ipaddress import ip_address, ip_interface

from compiler.builds import Built, Tree, desk, fabrics
from hypothesis import Phase, given, settings

# without shrinking, which takes minutes of compiles
FEW = settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.generate))

# neighbours as FRR and EOS write them, by address or interface
_NEIGHBOR = re.compile(r"^ +neighbor (?:interface )?(\S+) (?:peer-group \S+ )?remote-as (\d+)$", re.MULTILINE)
_OWN_ASN = re.compile(r"^router bgp (\d+)$", re.MULTILINE)


def compiled(tree: Tree) -> Built:
    with desk() as here:
        return here.build(tree)


def repeated(found: Iterable[object]) -> list[object]:
    return [one for one, times in Counter(found).items() if times > 1 and one != ""]


@FEW
@given(fabrics())
def test_no_two_interfaces_share_an_address(tree: Tree) -> None:
    built = compiled(tree)
    addresses = built.table("addresses")
    assert repeated((row["vrf"], ip_address(row["address"])) for row in addresses) == []
    assert repeated((row["device"], row["interface"], ip_address(row["address"]).version) for row in addresses) == []


@FEW
@given(fabrics())
def test_no_two_devices_share_a_number(tree: Tree) -> None:
    built = compiled(tree)
    devices = built.table("devices")
    for column in ("name", "loopback4", "loopback6", "management"):
        assert repeated(row[column] for row in devices) == [], column
    assert repeated((row["rack"], row["unit"]) for row in devices) == []
    assert repeated(row["asn"] for row in devices if row["role"] == "leaf") == []
    switches = [row for row in devices if row["kind"] == "switch"]
    by_asn: dict[str, set[tuple[str, str, str]]] = {}
    for row in switches:
        by_asn.setdefault(row["asn"], set()).add((row["network"], row["role"], row["site"]))
    assert [found for found in by_asn.values() if len(found) > 1] == []
    assert {(row["asn"], row["name"]) for row in switches} == built.rows("asns")
    text = {row["name"]: configuration(built, row["name"]) for row in switches}
    router_ids = [found for said in text.values() for found in re.findall(r"^ +(?:bgp )?router-id (\S+)$", said, re.MULTILINE)]
    assert len(router_ids) == len(switches)
    assert repeated(router_ids) == []
    assert {name: found[0] for name, said in text.items() if (found := _OWN_ASN.findall(said))} == {
        row["name"]: row["asn"] for row in switches
    }


@FEW
@given(fabrics())
def test_a_servers_address_lies_with_its_leafs_gateway(tree: Tree) -> None:
    built = compiled(tree)
    # a leaf's port in a VLAN has the addresses of the VLAN's interface
    ports: dict[tuple[str, str], set[str]] = {}
    for row in built.table("addresses"):
        found = f"{row['address']}/{row['prefix_length']}"
        ports.setdefault((row["device"], "gateway" if row["purpose"] == "gateway" else row["interface"]), set()).add(found)
    for link in built.table("links"):
        if link["tiers"] != "server-leaf":
            continue
        nic = ports[link["a_device"], link["a_port"]]
        gateway = ports.get((link["b_device"], link["b_port"])) or ports[link["b_device"], "gateway"]
        assert {ip_interface(a).network for a in nic} == {ip_interface(a).network for a in gateway}
        assert not nic & gateway
        netplan = built.files[f"hosts/{link['a_device']}/60-fabric.yaml"].decode()
        for one in gateway:
            assert f'via: "{ip_interface(one).ip}"' in netplan
        for one in nic:
            assert f'- "{one}"' in netplan


@FEW
@given(fabrics())
def test_both_ends_of_every_session_agree(tree: Tree) -> None:
    built = compiled(tree)
    sessions = built.table("sessions")
    links = {(row["a_device"], row["a_port"], row["b_device"], row["b_port"]) for row in built.table("links")}
    owners = {(row["device"], row["interface"], row["address"]) for row in built.table("addresses")}
    asns = {row["device"]: row["asn"] for row in built.table("asns")}
    expected: dict[str, set[tuple[str, str]]] = {device: set() for device in asns}
    for row in sessions:
        assert (row["a_device"], row["a_interface"], row["b_device"], row["b_interface"]) in links
        assert bool(row["a_address"]) == bool(row["b_address"])
        for here, there in (("a", "b"), ("b", "a")):
            device = row[f"{here}_device"]
            assert row[f"{here}_asn"] == asns[device]
            if row[f"{here}_address"]:
                assert (device, row[f"{here}_interface"], row[f"{here}_address"]) in owners
            neighbor = (row[f"{there}_address"] or row[f"{here}_interface"], row[f"{there}_asn"])
            assert neighbor not in expected[device]
            expected[device].add(neighbor)
    fabric_links = [row for row in built.table("links") if row["tiers"] != "server-leaf"]
    of_links = {(row["a_device"], row["a_interface"]) for row in sessions}
    assert of_links == {(row["a_device"], row["a_port"]) for row in fabric_links}
    assert {device: configured(configuration(built, device)) for device in asns} == expected


@FEW
@given(fabrics())
def test_no_port_is_used_twice_and_every_cable_ends_in_its_cages(tree: Tree) -> None:
    built = compiled(tree)
    links, cables = built.table("links"), built.table("cables")
    names = {row["name"] for row in built.table("devices")}
    ends = [(row[f"{end}_device"], row[f"{end}_port"]) for row in links for end in "ab"]
    assert repeated(ends) == []
    assert {device for device, _ in ends} <= names
    assert repeated(row["cable"] for row in cables) == []
    assert {row["cable"] for row in links} == {row["cable"] for row in cables}
    modules: dict[tuple[str, str], set[str]] = {}
    of_cable: dict[str, set[str]] = {row["cable"]: set() for row in cables}
    racks = {row["name"]: (row["rack"], row["unit"]) for row in built.table("devices")}
    for row in built.table("cable_ends"):
        of_cable[row["cable"]].add(row["device"])
        modules.setdefault((row["device"], row["cage"]), set()).add(row["module"])
        assert (row["rack"], row["unit"]) == racks[row["device"]]
    assert all(len(found) == 1 for found in modules.values())
    for row in links:
        assert {row["a_device"], row["b_device"]} <= of_cable[row["cable"]]
    # a link's cable ends in the very cage that its port belongs to
    cages = {(row["cable"], row["device"], row["cage"]) for row in built.table("cable_ends")}
    for row in links:
        for end in "ab":
            device, port = row[f"{end}_device"], row[f"{end}_port"]
            cage = cage_of(built, device, port)
            assert cage is None or (row["cable"], device, cage) in cages


def configuration(built: Built, device: str) -> str:
    """What the device routes by: FRR's or EOS's text."""
    found = built.below(f"devices/{device}")
    return (found.get(f"devices/{device}/frr.conf") or found[f"devices/{device}/{device}.cfg"]).decode()


def configured(text: str) -> set[tuple[str, str]]:
    """(address or interface, ASN) of every neighbour in the text."""
    return set(_NEIGHBOR.findall(text))


def cage_of(built: Built, device: str, port: str) -> str | None:
    """The number of a switch's cage on its front, from what the operating system itself calls the port."""
    tables = built.files.get(f"devices/{device}/config_db.json")
    if tables:
        return str(json.loads(tables)["PORT"][port]["index"])
    return port.removeprefix("Ethernet").partition("/")[0] if f"devices/{device}/{device}.cfg" in built.files else None
