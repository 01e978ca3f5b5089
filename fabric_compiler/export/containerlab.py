"""containerlab (containerlab.dev, "Topology definition"): nodes with images and startup configurations, and links.

The switches start with their own files. A cEOS interface is named after its Linux device, by a map (EosIntfMapping.json) that
gives Management1 to eth0 besides; docker-sonic-vs finds its ports by their lanes (platform/vs/docker-sonic-vs/start.sh of
sonic-buildimage), so its tables of ports are those of the device. Servers get their addresses, rules and routes by iproute2.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Any, Final

import msgspec

from fabric_compiler.diagnostics import CompileError, Diagnostic, Report, Severity
from fabric_compiler.export import host_network, slices
from fabric_compiler.export.base import Export, Files, Parameters
from fabric_compiler.export.source import Device, Source, wrong_build
from fabric_compiler.export.yaml_text import dump

# names that `docker import` and the SONiC artefact give in containerlab's manual; a local image has no other
_IMAGES: Final = {"eos": "ceos:latest", "sonic": "docker-sonic-vs:latest", "host": "ghcr.io/srl-labs/network-multitool:latest"}
_EOS_MAP: Final = "interfaces/eos.json"
# the platform that docker-sonic-vs is built for; its tables of ports are replaced
_VS: Final = {"PLATFORM": "x86_64-kvm_x86_64-r0", "HWSKU": "Force10-S6000"}
_HWSKU: Final = f"/usr/share/sonic/device/{_VS['PLATFORM']}/{_VS['HWSKU']}"


class _Port(msgspec.Struct, frozen=True):
    lanes: str
    speed: str
    alias: str = ""
    index: str = ""


class _ConfigDb(msgspec.Struct, frozen=True):
    PORT: dict[str, _Port] = {}


def files(source: Source, parameters: Parameters, report: Report) -> Files:
    """<fabric>.clab.yml, the nodes' files under nodes/, and maps of ports under interfaces/."""
    devices = slices.chosen(source, parameters)
    nodes: dict[str, dict[str, Any]] = {}
    layouts: dict[str, str] = {}  # tables of ports -> their directory
    ports: dict[str, dict[str, str]] = {}  # by SONiC switch: port -> Linux device
    images = {**_IMAGES, **parameters.images}
    for device in devices:
        node: dict[str, Any] = {}
        if device.kind == "server":
            node = {"kind": "linux", "image": images["host"]}
            yield from _server(source, device, node)
        elif device.nos == "eos":
            node = {"kind": "arista_ceos", "image": images["eos"], "startup-config": f"nodes/{device.name}.cfg"}
            node["binds"] = [f"{_EOS_MAP}:/mnt/flash/EosIntfMapping.json:ro"]
            yield f"nodes/{device.name}.cfg", source.read(f"devices/{device.name}/{device.name}.cfg")
        elif device.nos == "sonic":
            node = {"kind": "sonic-vs", "image": images["sonic"], "env": _VS}
            config = source.read(f"devices/{device.name}/config_db.json")
            ports[device.name], tables = _sonic_ports(config, device.name)
            if tables not in layouts:
                layouts[tables] = f"interfaces/sonic-{len(layouts) + 1}"
                lanemap, port_config = tables.split("\n\n")
                yield f"{layouts[tables]}/lanemap.ini", f"{lanemap}\n".encode()
                yield f"{layouts[tables]}/port_config.ini", port_config.encode()
            # start.sh filters the two tables for the interfaces that are there, and keeps what they were as .orig
            node["binds"] = [
                f"nodes/{device.name}/config_db.json:/var/sonic/config_db.json:ro",
                f"nodes/{device.name}/frr.conf:/etc/frr/frr.conf",
                f"{layouts[tables]}/lanemap.ini:{_HWSKU}/lanemap.ini.orig:ro",
                f"{layouts[tables]}/port_config.ini:{_HWSKU}/port_config.ini.orig:ro",
            ]
            yield f"nodes/{device.name}/config_db.json", config
            yield f"nodes/{device.name}/frr.conf", source.read(f"devices/{device.name}/frr.conf")
        else:
            raise _no_kind(device)
        if device.management:
            version = ipaddress.ip_address(device.management).version
            node[f"mgmt-ipv{version}"] = device.management
        node["labels"] = {"fabric-role": device.role, "fabric-site": device.site} | (
            {"fabric-pod": device.pod} if device.pod else {}
        )
        nodes[device.name] = node
    links, eos_ports = _links(source, devices, parameters.networks, ports)
    if any(node["kind"] == "arista_ceos" for node in nodes.values()):
        mapping = {"ManagementIntf": {"eth0": "Management1"}, "EthernetIntf": eos_ports}
        yield _EOS_MAP, msgspec.json.format(msgspec.json.encode(mapping), indent=2) + b"\n"
    topology: dict[str, Any] = {"nodes": nodes}
    if links:
        topology["links"] = links
    document: dict[str, Any] = {"name": source.fabric, "topology": topology}
    if management := _management(source, nodes):
        document = {"name": source.fabric, "mgmt": management, "topology": topology}
    yield f"{source.fabric}.clab.yml", dump(document).encode()


def _server(source: Source, device: Device, node: dict[str, Any]) -> Files:
    name = f"hosts/{device.name}/60-fabric.yaml"
    if name in source.manifest.files:
        node["binds"], node["exec"] = [], []
        for family, lines in zip(("", "6"), host_network.batches(source.read(name), name), strict=True):
            if lines:
                file = f"nodes/{device.name}.ip{family}"
                node["binds"].append(f"{file}:/fabric.ip{family}:ro")
                node["exec"].append(f"ip {f'-{family} ' if family else ''}-force -batch /fabric.ip{family}")
                yield file, lines.encode()


def _sonic_ports(config: bytes, name: str) -> tuple[dict[str, str], str]:
    """Linux devices by port, in the order of the ports' numbers, and the tables lanemap.ini and port_config.ini."""
    try:
        found = msgspec.json.decode(config, type=_ConfigDb).PORT
        ordered = sorted(found.items(), key=lambda port: int(port[0].removeprefix("Ethernet")))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise wrong_build(f"devices/{name}/config_db.json has no table of ports: {error}") from error
    return {name: f"eth{n}" for n, (name, _) in enumerate(ordered, 1)}, _tables(tuple(ordered))


@lru_cache(maxsize=256)
def _tables(ports: tuple[tuple[str, _Port], ...]) -> str:
    """Switches of a product and role have the same; parted by an empty line."""
    lanemap = [f"eth{n}:{_word(port.lanes)}" for n, (_, port) in enumerate(ports, 1)]
    rows = [" ".join(map(_word, (name, port.lanes, port.alias or name, port.index or "0", port.speed))) for name, port in ports]
    return "\n".join([*lanemap, "", "# name lanes alias index speed", *rows]) + "\n"


def _word(text: str) -> str:
    """One word of a table."""
    return "".join(c if (c.isalnum() and c.isascii()) or c in ",_/-" else "_" for c in text)


def _links(
    source: Source, devices: list[Device], networks: tuple[str, ...], ports: dict[str, dict[str, str]]
) -> tuple[list[dict[str, list[str]]], dict[str, str]]:
    """Links by the Linux devices of their ends, and the EOS interfaces by theirs."""
    eos: dict[str, str] = {}
    nos = {device.name: device.nos for device in devices}

    def end(device: str, port: str) -> str:
        if device in ports:
            if port not in ports[device]:
                raise wrong_build(f"devices/{device}/config_db.json has no port {port}")
            return f"{device}:{ports[device][port]}"
        if nos[device] != "eos":
            return f"{device}:{port}"
        linux = f"eth{port.removeprefix('Ethernet').replace('/', '_')}"
        eos[linux] = port
        return f"{device}:{linux}"

    made = [
        {"endpoints": [end(link.a_device, link.a_port), end(link.b_device, link.b_port)]}
        for link in slices.between(source, devices, networks)
    ]
    return made, dict(sorted(eos.items()))


def _management(source: Source, nodes: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The management network of the lab: the one that the nodes' addresses are of."""
    found = {}
    for address in source.addresses:
        if address.purpose == "management" and address.device in nodes:
            network = ipaddress.ip_network(address.text, strict=False)
            found[f"ipv{network.version}-subnet"] = str(network)
    return {"network": f"{source.fabric}-mgmt", **found} if found else {}


def _no_kind(device: Device) -> CompileError:
    message = f"containerlab has no kind of node for {device.nos or 'an unnamed system'}, which {device.name} runs"
    hint = "leave the device out with --pod, --device or --network"
    return CompileError([Diagnostic("FC2008", Severity.ERROR, message, hint=hint)])


EXPORT = Export("a lab of containers, of a slice too", files, slices.TAKES | {"images"})
