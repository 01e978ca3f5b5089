"""Zero-touch provisioning: what brings new switches up on the management network.

Kea's DHCPv4 server (kea.readthedocs.io, "The DHCPv4 Server") gives each known MAC address its planned address and what its boot
asks for: ONIE an installer (option 114), SONiC its ztp.json and EOS its boot script (option 67). Below http/ lies what a web
server at --url serves: the switch's own files, as in the build, and what puts them in their place.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from typing import Any, Final

import msgspec

from fabric_compiler.diagnostics import CompileError, Diagnostic, Report, Severity
from fabric_compiler.export import inventory
from fabric_compiler.export.base import Export, Files, Parameters
from fabric_compiler.export.inventory import Unit
from fabric_compiler.export.source import Address, Device, Source

_URL: Final = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(/[A-Za-z0-9._~/-]*)?", re.ASCII)
_GATEWAYS: Final = (
    re.compile(rb'"gwaddr": "([0-9.]+)"'),  # SONiC
    re.compile(rb"^ip route vrf \S+ 0\.0\.0\.0/0 ([0-9.]+)$", re.MULTILINE),  # EOS
)
_SECRET: Final = b"<secret:"
_LEASE: Final = 3600  # s

# RFC 2132 option 67; ONIE's "default-url" is option 114 (ONIE, "DHCP Options")
_BOOT_FILE: Final = "boot-file-name"
_DEFAULT_URL: Final = 114

# runs as a plugin of SONiC's ZTP (SONiC doc/ztp/ztp.md, "User Defined Plugins"); bgp starts again with config_db.json
_FRR: Final = """#!/bin/sh
# puts the routing configuration of {name} in its place; the reload of config_db.json, which follows, starts it
set -e
mkdir -p /etc/sonic/frr
curl -fsS -o /etc/sonic/frr/frr.conf {url}/frr.conf
"""
# EOS manual, "Zero Touch Provisioning": a file that begins with #! is run, and the switch boots again with what it left
_BOOTSTRAP: Final = """#!/bin/bash
# boot script of {name}
set -e
{image}curl -fsS -o /mnt/flash/startup-config {url}/startup-config
"""
_EOS_IMAGE: Final = """curl -fsS -o /mnt/flash/{file} {url}
echo SWI=flash:/{file} > /mnt/flash/boot-config
"""


def files(source: Source, parameters: Parameters, report: Report) -> Files:
    """kea-dhcp4.conf and http/<name>/..."""
    url = _checked_url(parameters.url)
    managed = _managed(source)
    units = inventory.read(parameters.inventory, {d.name for d in source.switches if d.name in managed})
    unknown = [device.name for device in source.switches if device.name in managed and device.name not in units]
    if unknown:
        report.warning("FC8010", f"{len(unknown)} switches are not in the inventory and get no address: {_some(unknown)}")
    hosts, open_secrets = [], 0
    for device in source.switches:
        if device.name not in units:
            continue
        image = parameters.images.get(f"{device.nos}/{device.model}", parameters.images.get(device.nos, ""))
        content = dict(_served(source, device, f"{url}/{device.name}", _under(url, image)))
        for name, text in content.items():
            open_secrets += _SECRET in text
            yield f"http/{device.name}/{name}", text
        first = "ztp.json" if "ztp.json" in content else "bootstrap" if "bootstrap" in content else ""
        boot = f"{url}/{device.name}/{first}" if first else ""
        hosts.append(_reservation(device, managed[device.name], units[device.name], boot, _under(url, image)))
    if open_secrets:
        hint = "put the secrets in where the files are served, or leave the users to `fabricc push`"
        report.warning(
            "FC8010", f"{open_secrets} files hold placeholders of secrets, which a switch takes as they stand", hint=hint
        )
    gateway = _gateway(source)
    yield "kea-dhcp4.conf", msgspec.json.format(msgspec.json.encode(_kea(hosts, managed, gateway)), indent=2) + b"\n"


def _checked_url(url: str) -> str:
    """Raises CompileError (FC2002, FC2003)."""
    if not url:
        raise _wrong(
            "FC2002", "the switches must be told where to fetch their files", "name it with --url, as http://172.16.0.5/ztp"
        )
    if not _URL.fullmatch(url):
        raise _wrong("FC2003", f"{url[:80]!r} is no URL of plain words", "as http://172.16.0.5/ztp")
    return url.rstrip("/")


def _managed(source: Source) -> dict[str, Address]:
    """Management addresses by switch. Raises CompileError (FC2008) where there are none of IPv4."""
    found = {own.device: own for own in source.addresses if own.purpose == "management" and ":" not in own.address}
    if not found:
        raise _wrong("FC2008", "no switch has a management address of IPv4", "state `management` with a pool in the intent")
    return found


def _under(url: str, image: str) -> str:
    """An image's own URL, or its file beside the switches' directories."""
    return image if not image or "://" in image else f"{url}/images/{image}"


def _served(source: Source, device: Device, url: str, image: str) -> Files:
    """The files of one switch: its own, and what it starts with."""
    directory = f"devices/{device.name}"
    if device.nos == "eos":
        steps = ""
        if image:
            steps = _EOS_IMAGE.format(file=shlex.quote(image.rpartition("/")[2]), url=shlex.quote(image))
        yield "bootstrap", _BOOTSTRAP.format(name=device.name, image=steps, url=url).encode()
        yield "startup-config", source.read(f"{directory}/{device.name}.cfg")
        return
    for name in source.below(directory):
        yield name.rpartition("/")[2], source.read(name)
    if device.nos == "sonic":
        yield "frr.sh", _FRR.format(name=device.name, url=url).encode()
        yield "ztp.json", msgspec.json.format(msgspec.json.encode(_ztp_json(url, image)), indent=2) + b"\n"


def _ztp_json(url: str, image: str) -> dict[str, Any]:
    """Sections run in the order of their names (SONiC doc/ztp/ztp.md); the image came by ONIE where the switch had none."""
    sections: dict[str, Any] = {}
    if image:
        sections["01-firmware"] = {"install": {"url": image, "set-default": True}, "reboot-on-success": True}
    sections["02-frr"] = {"plugin": {"url": {"source": f"{url}/frr.sh", "destination": "/var/run/ztp/plugins/frr"}}}
    sections["03-configdb-json"] = {"url": {"source": f"{url}/config_db.json", "destination": "/etc/sonic/config_db.json"}}
    return {"ztp": sections}


def _reservation(device: Device, address: Address, unit: Unit, boot: str, image: str) -> dict[str, Any]:
    options: list[dict[str, Any]] = [{"name": _BOOT_FILE, "data": boot}] if boot else []
    if image and device.nos != "eos":
        options.append({"code": _DEFAULT_URL, "space": "dhcp4", "data": image})
    found: dict[str, Any] = {
        "hw-address": unit.mac,
        "ip-address": address.address,
        "hostname": device.name,
        "option-data": options,
    }
    return found | ({"user-context": {"serial": unit.serial}} if unit.serial else {})


def _kea(hosts: list[dict[str, Any]], managed: dict[str, Address], gateway: str) -> dict[str, Any]:
    """No pool: who is not in the inventory gets no address."""
    subnets: dict[str, list[dict[str, Any]]] = {}
    for address in managed.values():
        subnets.setdefault(str(ipaddress.ip_network(address.text, strict=False)), [])
    for host in hosts:
        own = ipaddress.ip_address(host["ip-address"])
        next(mine for text, mine in subnets.items() if own in ipaddress.ip_network(text)).append(host)
    made = []
    for number, (text, mine) in enumerate(sorted(subnets.items()), 1):
        routers = gateway and ipaddress.ip_address(gateway) in ipaddress.ip_network(text)
        options = [{"name": "routers", "data": gateway}] if routers else []
        made.append({"id": number, "subnet": text, "option-data": options, "reservations": mine})
    return {
        "Dhcp4": {
            "interfaces-config": {"interfaces": ["*"]},
            "lease-database": {"type": "memfile", "persist": True},
            "valid-lifetime": _LEASE,
            "host-reservation-identifiers": ["hw-address"],
            "reservations-in-subnet": True,
            "reservations-out-of-pool": True,
            "subnet4": made,
        }
    }


def _gateway(source: Source) -> str:
    """As the first switch has it; empty where it has none."""
    for device in source.switches[:1]:
        for name in source.below(f"devices/{device.name}"):
            content = source.read(name)
            for pattern in _GATEWAYS:
                if found := pattern.search(content):
                    return found[1].decode()
    return ""


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _wrong(code: str, message: str, hint: str) -> CompileError:
    return CompileError([Diagnostic(code, Severity.ERROR, message, hint=hint)])


EXPORT = Export("Kea DHCP, SONiC ztp.json and EOS boot scripts", files, frozenset({"inventory", "url", "images"}))
