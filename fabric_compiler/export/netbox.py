"""NetBox: files for its bulk import, numbered in an order in which every name is there before it is used.

Columns are those of NetBox's own import forms (netbox/dcim/forms/bulk_import.py and netbox/ipam/forms/bulk_import.py, 4.1 to
4.4). Device types come without components: the ports are those of the plan, broken out as planned.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from fabric_compiler.catalog import loader as catalogue
from fabric_compiler.diagnostics import Report
from fabric_compiler.emit.tables import Row, csv_bytes
from fabric_compiler.export.base import Export, Files, Parameters
from fabric_compiler.export.netbox_types import Words, slug
from fabric_compiler.export.source import Device, Source

_GREY: Final = "9e9e9e"  # NetBox's own default
_RACK_UNITS: Final = 48  # at least
_PLATFORMS: Final = {"eos": ("Arista EOS", "Arista"), "sonic": ("SONiC", "")}
_PRIVATE: Final = "RFC 6996"


def files(source: Source, parameters: Parameters, report: Report) -> Files:
    """01-manufacturers.csv to 15-primary-addresses.csv."""
    words = Words(catalogue.load(parameters.catalog))
    for number, (name, header, rows) in enumerate(_tables(source, words), 1):
        yield f"{number:02d}-{name}.csv", csv_bytes(header.split(), rows)


def _tables(source: Source, words: Words) -> Iterator[tuple[str, str, Iterable[Row]]]:
    types = {(d.kind, d.model): words.device_type(d.kind, d.model) for d in source.devices}
    made = sorted(set(types.values()))
    yield "manufacturers", "name slug", [(maker, slug(maker)) for maker in sorted({own.manufacturer for own in made})]
    yield (
        "device-types",
        "manufacturer model slug u_height is_full_depth",
        [(own.manufacturer, own.model, own.slug, own.rack_units, "true") for own in made],
    )
    roles = sorted({device.role for device in source.devices})
    yield "device-roles", "name slug color vm_role", [(role, slug(role), _GREY, "false") for role in roles]
    yield "platforms", "name slug manufacturer", [_platform(nos) for nos in sorted({d.nos for d in source.switches if d.nos})]
    yield "sites", "name slug status", [(site, slug(site), "planned") for site in sorted({d.site for d in source.devices})]
    yield "racks", "site name status width u_height", _racks(source, words)
    asns: dict[int, list[str]] = {}
    for device in source.switches:
        if device.asn:
            asns.setdefault(device.asn, []).append(device.name)
    yield "rirs", "name slug is_private", [(_PRIVATE, slug(_PRIVATE), "true")] if asns else []
    yield "asns", "asn rir description", [(asn, _PRIVATE, _some(names)) for asn, names in sorted(asns.items())]
    vrfs = sorted({address.vrf for address in source.addresses} - {"default"})
    yield "vrfs", "name enforce_unique", [(vrf, "true") for vrf in vrfs]
    yield (
        "devices",
        "name role manufacturer device_type platform status site rack position face",
        (_device(device, words) for device in source.devices),
    )
    yield "interfaces", "device name type speed enabled mgmt_only description", _interfaces(source, words)
    yield (
        "cables",
        "side_a_device side_a_type side_a_name side_b_device side_b_type side_b_name type status label length length_unit",
        _cables(source, words),
    )
    yield "prefixes", "prefix vrf status", _prefixes(source)
    primary = _primary(source)
    addresses = [
        (own.text, _vrf(own.vrf), "active", "loopback" if own.purpose == "loopback" else "", own.device, own.interface)
        for own in source.addresses
    ]
    columns = "address vrf status role device interface"
    # a row that says no to is_primary would take it from the device again: those that say yes come last, in a file of their own
    yield "addresses", columns, (row for row, mine in zip(addresses, primary, strict=True) if not mine)
    yield (
        "primary-addresses",
        f"{columns} is_primary",
        ((*row, "true") for row, mine in zip(addresses, primary, strict=True) if mine),
    )


def _some(names: Sequence[str]) -> str:
    """NetBox's descriptions have 200 characters."""
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def _platform(nos: str) -> Row:
    name, maker = _PLATFORMS.get(nos, (nos, ""))
    return name, slug(name), maker


def _racks(source: Source, words: Words) -> Iterator[Row]:
    """As tall as what stands in them."""
    tops: dict[tuple[str, str], int] = {}
    for d in source.devices:
        if d.rack:
            top = d.unit + words.device_type(d.kind, d.model).rack_units - 1
            tops[d.site, d.rack] = max(top, tops.get((d.site, d.rack), _RACK_UNITS))
    for (site, rack), top in sorted(tops.items()):
        yield site, rack, "planned", 19, min(top, 100)


def _device(d: Device, words: Words) -> Row:
    own = words.device_type(d.kind, d.model)
    platform = _platform(d.nos)[0] if d.nos else ""
    place = (d.rack, d.unit, "front") if d.rack else ("", "", "")
    return d.name, d.role, own.manufacturer, own.model, platform, "planned", d.site, *place


def _interfaces(source: Source, words: Words) -> Iterator[Row]:
    """Ports with a cable, and what has an address besides. Speeds are in kb/s."""
    cabled: dict[str, set[str]] = {}
    device = source.device
    for link in source.links:
        ends = (
            (link.a_device, link.a_port, link.b_device, link.b_port),
            (link.b_device, link.b_port, link.a_device, link.a_port),
        )
        for name, port, peer, peer_port in ends:
            cabled.setdefault(name, set()).add(port)
            kind = words.interface(device[name].kind, device[name].model, port, link.speed_gbps)
            yield name, port, kind, int(link.speed_gbps * 1_000_000), "true", "false", f"{peer} {peer_port}"
    done: set[tuple[str, str]] = set()
    for address in source.addresses:
        name, port = address.device, address.interface
        if port in cabled.get(name, ()) or (name, port) in done:
            continue
        done.add((name, port))
        management = address.purpose == "management"
        yield name, port, "1000base-t" if management else "virtual", "", "true", "true" if management else "false", ""


def _cables(source: Source, words: Words) -> Iterator[Row]:
    """A cable a link: an import has one end at each side, so that the links of a splitter share its label."""
    for link in source.links:
        medium = source.cables[link.cable].medium if link.cable in source.cables else ""
        ends = (link.a_device, "dcim.interface", link.a_port, link.b_device, "dcim.interface", link.b_port)
        yield *ends, words.cable(medium), "planned", link.cable[:100], link.length_m, "m"


def _prefixes(source: Source) -> Iterator[Row]:
    """The subnets of the interfaces, without those of one address."""
    seen: set[tuple[str, str]] = set()
    for address in source.addresses:
        if address.purpose == "loopback":
            continue
        network = str(ipaddress.ip_network(address.text, strict=False))
        if (address.vrf, network) not in seen:
            seen.add((address.vrf, network))
            yield network, _vrf(address.vrf), "active"


def _primary(source: Source) -> list[bool]:
    """By address: whether the device is reached by it, one of each family."""
    managed = {(own.device, ":" in own.address) for own in source.addresses if own.purpose == "management"}
    found = []
    for own in source.addresses:
        place = (own.device, ":" in own.address)
        found.append(own.purpose == "management" or (own.purpose == "loopback" and place not in managed))
    return found


def _vrf(name: str) -> str:
    """NetBox's global table has no name."""
    return "" if name == "default" else name


EXPORT = Export("files for NetBox's bulk import, in order", files)
