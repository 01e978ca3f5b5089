"""The files for NetBox import in their order: every name is there before it is used, every value is one that NetBox has.

NetBox is a service of several parts and no package; its import forms are modelled here after their source
(netbox/dcim and netbox/ipam, forms/bulk_import.py; netbox/dcim/choices.py; 4.4). Not covered: what its models
check beyond their forms, such as two devices in one unit of a rack.
"""

from __future__ import annotations

import csv
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from exports import NAMES, build, changed, exported, rows

from fabric_compiler.export.base import Parameters
from fabric_compiler.export.run import run

Row = dict[str, str]
STATUS = {"planned", "active"}
TYPES = {
    "virtual",
    "other",
    "1000base-t",
    "10gbase-x-sfpp",
    "25gbase-x-sfp28",
    "100gbase-x-qsfp28",
    "100gbase-x-qsfpdd",
    "200gbase-x-qsfp56",
    "200gbase-x-qsfpdd",
    "400gbase-x-qsfp112",
    "400gbase-x-qsfpdd",
    "400gbase-x-osfp",
    "400gbase-x-osfp-rhs",
    "800gbase-x-qsfpdd",
    "800gbase-x-osfp",
}
CABLES = {"", "dac-active", "dac-passive", "mmf", "smf", "aoc"}
SLUG = re.compile(r"[-a-zA-Z0-9_]{1,100}")


@dataclass
class NetBox:
    """What was imported so far: names by the table that they are of."""

    known: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)

    def add(self, table: str, *key: str) -> None:
        assert key not in self.known.setdefault(table, set()), f"{table} {key} is there already"
        self.known[table].add(key)

    def find(self, table: str, *key: str) -> None:
        assert key in self.known.get(table, set()), f"{table} {key} is not there"


def named(box: NetBox, table: str, row: Row) -> None:
    assert SLUG.fullmatch(row["slug"])
    box.add(table, row["name"])
    box.add(f"{table} slug", row["slug"])


def device_type(box: NetBox, row: Row) -> None:
    box.find("manufacturers", row["manufacturer"])
    assert SLUG.fullmatch(row["slug"])
    assert 0 < float(row["u_height"]) < 64
    assert row["is_full_depth"] in ("true", "false")
    box.add("device-types", row["manufacturer"], row["model"])


def role(box: NetBox, row: Row) -> None:
    assert re.fullmatch(r"[0-9a-f]{6}", row["color"])
    assert row["vm_role"] == "false"
    named(box, "device-roles", row)


def platform(box: NetBox, row: Row) -> None:
    if row["manufacturer"]:
        box.find("manufacturers", row["manufacturer"])
    named(box, "platforms", row)


def rack(box: NetBox, row: Row) -> None:
    box.find("sites", row["site"])
    assert (row["status"] in STATUS, row["width"], 0 < int(row["u_height"]) <= 100) == (True, "19", True)
    box.add("racks", row["site"], row["name"])


def asn(box: NetBox, row: Row) -> None:
    box.find("rirs", row["rir"])
    assert 0 < int(row["asn"]) < 1 << 32
    assert len(row["description"]) <= 200
    box.add("asns", row["asn"])


def device(box: NetBox, row: Row) -> None:
    box.find("device-roles", row["role"])
    box.find("device-types", row["manufacturer"], row["device_type"])
    box.find("sites", row["site"])
    if row["platform"]:
        box.find("platforms", row["platform"])
    if row["rack"]:
        box.find("racks", row["site"], row["rack"])
        assert int(row["position"]) > 0
        assert row["face"] == "front"
        box.add("positions", row["site"], row["rack"], row["position"])
    assert row["status"] in STATUS
    box.add("devices", row["name"])


def interface(box: NetBox, row: Row) -> None:
    box.find("devices", row["device"])
    assert row["type"] in TYPES
    assert not row["speed"] or 0 < int(row["speed"]) < 1 << 31
    assert {row["enabled"], row["mgmt_only"]} <= {"true", "false"}
    assert len(row["name"]) <= 64
    box.add("interfaces", row["device"], row["name"])


def cable(box: NetBox, row: Row) -> None:
    for side in "ab":
        assert row[f"side_{side}_type"] == "dcim.interface"
        box.find("interfaces", row[f"side_{side}_device"], row[f"side_{side}_name"])
        box.add("connected", row[f"side_{side}_device"], row[f"side_{side}_name"])
    assert row["type"] in CABLES
    assert (row["status"] in STATUS, row["length_unit"], float(row["length"]) > 0) == (True, "m", True)
    assert len(row["label"]) <= 100


def prefix(box: NetBox, row: Row) -> None:
    ipaddress.ip_network(row["prefix"])
    if row["vrf"]:
        box.find("vrfs", row["vrf"])
    box.add("prefixes", row["vrf"], row["prefix"])


def address(box: NetBox, row: Row) -> None:
    own = ipaddress.ip_interface(row["address"])
    if row["vrf"]:
        box.find("vrfs", row["vrf"])
    box.find("interfaces", row["device"], row["interface"])
    assert row["role"] in ("", "loopback")
    box.add("addresses", row["vrf"], row["address"])
    if row.get("is_primary"):
        assert row["is_primary"] == "true"
        box.add("primary", row["device"], str(own.version))


# per file: columns that the form has and this import uses, required ones among them; what a row does
FORMS: dict[str, tuple[str, Callable[[NetBox, Row], None]]] = {
    "01-manufacturers.csv": ("name slug", lambda box, row: named(box, "manufacturers", row)),
    "02-device-types.csv": ("manufacturer model slug u_height is_full_depth", device_type),
    "03-device-roles.csv": ("name slug color vm_role", role),
    "04-platforms.csv": ("name slug manufacturer", platform),
    "05-sites.csv": ("name slug status", lambda box, row: named(box, "sites", row)),
    "06-racks.csv": ("site name status width u_height", rack),
    "07-rirs.csv": ("name slug is_private", lambda box, row: named(box, "rirs", row)),
    "08-asns.csv": ("asn rir description", asn),
    "09-vrfs.csv": ("name enforce_unique", lambda box, row: box.add("vrfs", row["name"])),
    "10-devices.csv": ("name role manufacturer device_type platform status site rack position face", device),
    "11-interfaces.csv": ("device name type speed enabled mgmt_only description", interface),
    "12-cables.csv": (
        "side_a_device side_a_type side_a_name side_b_device side_b_type side_b_name type status label length length_unit",
        cable,
    ),
    "13-prefixes.csv": ("prefix vrf status", prefix),
    "14-addresses.csv": ("address vrf status role device interface", address),
    "15-primary-addresses.csv": ("address vrf status role device interface is_primary", address),
}


def imported(place: Path) -> NetBox:
    """All files, by name."""
    box = NetBox()
    assert sorted(file.name for file in place.iterdir()) == sorted(FORMS)
    for name in sorted(FORMS):
        columns, take = FORMS[name]
        with (place / name).open(newline="") as file:
            reader = csv.DictReader(file, strict=True)
            assert reader.fieldnames == columns.split()
            for row in reader:
                take(box, row)
    return box


@pytest.mark.parametrize("name", NAMES)
def test_the_files_import_in_their_order(name: str) -> None:
    box = imported(exported(name, "netbox"))
    devices = rows(name, "devices")
    assert box.known["devices"] == {(row["name"],) for row in devices}
    assert len(box.known["connected"]) == 2 * len(rows(name, "links"))
    assert {key[1] for key in box.known["addresses"]} == {
        f"{r['address']}/{r['prefix_length']}" for r in rows(name, "addresses")
    }
    reached = {(row["name"],) for row in devices if row["management"] or row["loopback4"] or row["loopback6"]}
    assert {key[:1] for key in box.known["primary"]} == reached
    assert box.known.get("asns", set()) == {(row["asn"],) for row in rows(name, "asns")}


@pytest.mark.parametrize("name", NAMES)
def test_the_product_s_ports_have_a_type_of_netbox(name: str) -> None:
    with (exported(name, "netbox") / "11-interfaces.csv").open(newline="") as file:
        kinds = {row["type"] for row in csv.DictReader(file)}
    # the co-packaged optics of a switch are no cage, and NetBox has no word for them
    assert "other" not in kinds or any(row["model"] == "m2-w6940-128qc" for row in rows(name, "devices"))


def test_device_types_have_the_names_of_the_community_s_library() -> None:
    with (exported("rail-1024", "netbox") / "02-device-types.csv").open(newline="") as file:
        slugs = {row["slug"] for row in csv.DictReader(file)}
    assert {"nvidia-sn5600", "arista-dcs-7060x6-64pe"} <= slugs


def test_a_name_that_comes_after_its_use_would_be_seen(tmp_path: Path) -> None:
    import shutil

    shutil.copytree(exported("quickstart", "netbox"), tmp_path / "netbox")
    racks = tmp_path / "netbox/06-racks.csv"
    racks.write_text("".join(racks.read_text().splitlines(keepends=True)[:2]))
    with pytest.raises(AssertionError, match=r"racks .* is not there"):
        imported(tmp_path / "netbox")


def test_hostile_names_of_products_import_too(tmp_path: Path) -> None:
    """A catalogue may hold anything; it ends in cells that a spreadsheet does not compute."""
    hostile = b'"=HYPERLINK(""http://example.invalid"",""x"")"'
    copy = changed(
        build("quickstart"),
        tmp_path / "copy",
        {"plan/devices.csv": lambda text: text.replace(b",dgx-b200,", b"," + hostile + b",")},
    )
    place = run(copy, "netbox", tmp_path / "out", Parameters()).path
    imported(place)
    for file in place.iterdir():
        with file.open(newline="") as opened:
            assert not any(cell.startswith(("=", "+", "-", "@")) for row in csv.reader(opened) for cell in row), file.name
