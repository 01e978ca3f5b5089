"""containerlab's own schema takes the topologies of every example, and their nodes start with what the build has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from exports import NAMES, as_json, build, exported, rows

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.export.base import Parameters
from fabric_compiler.export.host_network import batches
from fabric_compiler.export.run import run

SHARED = Path(os.environ.get("FABRICC_SHARED") or Path(__file__).resolve().parents[2].parent / "shared")
SCHEMA = SHARED / "schemas/clab.schema.json"

needs_schema = pytest.mark.skipif(not SCHEMA.exists(), reason=f"containerlab's schema is missing: {SCHEMA}")
needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None, reason="network namespaces need root and ip"
)


@lru_cache(maxsize=1)
def schema() -> jsonschema.Draft7Validator:
    """Python's patterns have no classes of Unicode, which the schema uses for the zone of an address."""
    return jsonschema.Draft7Validator(json.loads(SCHEMA.read_text().replace(r"[\\p{N}\\p{L}]", r"\\w")))


def topology(place: Path) -> Any:
    (file,) = place.glob("*.clab.yml")
    return yaml.load(file.read_bytes(), yaml.CSafeLoader)


@needs_schema
@pytest.mark.parametrize("name", NAMES)
def test_containerlab_s_schema_takes_the_topology(name: str) -> None:
    """Of a large one the first nodes and links: the schema looks at each by itself."""
    document = topology(exported(name, "containerlab"))
    own = document["topology"]
    own["nodes"] = dict([*own["nodes"].items()][:100] + [*own["nodes"].items()][-100:])
    own["links"] = own["links"][:200] + own["links"][-200:]
    assert [error.message for error in schema().iter_errors(document)] == []


@needs_schema
def test_the_schema_refuses_a_planted_error() -> None:
    document = topology(exported("quickstart", "containerlab"))
    next(iter(document["topology"]["nodes"].values()))["startup_config"] = "x"
    assert [*schema().iter_errors(document)]


@pytest.mark.parametrize("name", NAMES)
def test_every_link_is_there_by_the_devices_of_linux(name: str) -> None:
    place = exported(name, "containerlab")
    own = topology(place)["topology"]
    kinds = {device: node["kind"] for device, node in own["nodes"].items()}
    assert kinds.keys() == {row["name"] for row in rows(name, "devices")}
    eos = as_json(place / "interfaces/eos.json")["EthernetIntf"] if "arista_ceos" in kinds.values() else {}
    tables: dict[str, dict[str, str]] = {}

    def port(end: str) -> tuple[str, str]:
        device, _, linux = end.partition(":")
        if kinds[device] == "arista_ceos":
            return device, eos[linux]
        if kinds[device] == "sonic-vs":
            return device, sonic(place, own["nodes"][device], tables)[linux]
        return device, linux

    found = sorted(tuple(map(port, link["endpoints"])) for link in own["links"])
    assert found == sorted(((row["a_device"], row["a_port"]), (row["b_device"], row["b_port"])) for row in rows(name, "links"))


def sonic(place: Path, node: Any, known: dict[str, dict[str, str]]) -> dict[str, str]:
    """Linux devices -> ports as docker-sonic-vs pairs them: by the lanes, which both tables have (start.sh)."""
    binds = {bind.split(":")[1].rpartition("/")[2]: bind.split(":")[0] for bind in node["binds"]}
    file = binds["lanemap.ini.orig"]
    if file not in known:
        lanes = dict(line.split(":") for line in (place / file).read_text().split())
        ports = [line.split() for line in (place / binds["port_config.ini.orig"]).read_text().splitlines() if line[0] != "#"]
        by_lanes = {own[1]: own[0] for own in ports}
        known[file] = {linux: by_lanes[own] for linux, own in lanes.items()}
    return known[file]


@pytest.mark.parametrize("name", NAMES)
def test_switches_start_with_the_files_of_the_build(name: str) -> None:
    place = exported(name, "containerlab")
    nodes = topology(place)["topology"]["nodes"]
    switches = [row for row in rows(name, "devices") if row["kind"] == "switch"]
    for row in (*switches[:8], *switches[-8:]):
        node, own = nodes[row["name"]], build(name) / "devices" / row["name"]
        assert node.get("mgmt-ipv4", "") == row["management"]
        if row["nos"] == "eos":
            assert (place / node["startup-config"]).read_bytes() == (own / f"{row['name']}.cfg").read_bytes()
        else:
            sources = {bind.split(":")[1]: place / bind.split(":")[0] for bind in node["binds"]}
            assert sources["/var/sonic/config_db.json"].read_bytes() == (own / "config_db.json").read_bytes()
            assert sources["/etc/frr/frr.conf"].read_bytes() == (own / "frr.conf").read_bytes()
        assert all((place / bind.split(":")[0]).is_file() for bind in node["binds"])


def test_a_slice_has_the_links_within_it_and_the_images_that_were_named(tmp_path: Path) -> None:
    parameters = Parameters(pods=("su1",), networks=("storage",), images={"eos": "ceos:4.34.2F", "host": "alpine:3"})
    place = run(build("three-networks"), "containerlab", tmp_path, parameters).path
    own = topology(place)["topology"]
    inside = {row["name"] for row in rows("three-networks", "devices")
              if row["network"] in ("", "storage") and (row["pod"] == "su1" or row["role"] == "spine")}  # fmt: skip
    assert own["nodes"].keys() == inside
    links = [row for row in rows("three-networks", "links") if row["network"] == "storage"]
    assert len(own["links"]) == sum({row["a_device"], row["b_device"]} <= inside for row in links)
    assert {node["image"] for node in own["nodes"].values()} == {"ceos:4.34.2F", "alpine:3"}


@needs_namespaces
def test_ip_takes_a_server_s_addresses_rules_and_routes(tmp_path: Path) -> None:
    name, server = "numbered-dual-stack", "su1-server-1"
    place = exported(name, "containerlab")
    namespace = f"fabricc-{os.getpid()}"
    ports = [row["a_port"] for row in rows(name, "links") if row["a_device"] == server]

    def ip(*arguments: str) -> str:
        done = subprocess.run(["ip", "-n", namespace, *arguments], capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr) == (0, ""), arguments
        return done.stdout

    subprocess.run(["ip", "netns", "add", namespace], check=True, timeout=30)
    try:
        for number, port in enumerate(ports):
            ip("link", "add", port, "type", "veth", "peer", "name", f"peer{number}")
            ip("link", "set", f"peer{number}", "up")
        ip("-batch", str(place / f"nodes/{server}.ip"))
        ip("-6", "-batch", str(place / f"nodes/{server}.ip6"))
        found = {
            (link["ifname"], own["local"], str(own["prefixlen"]))
            for link in json.loads(ip("-json", "address"))
            for own in link["addr_info"]
            if own["scope"] == "global"
        }
        wanted = {(r["interface"], r["address"], r["prefix_length"]) for r in rows(name, "addresses") if r["device"] == server}
        assert found == wanted
        assert {link["mtu"] for link in json.loads(ip("-json", "link")) if link["ifname"] in ports} == {9100}
        lines = [line for line in (place / f"nodes/{server}.ip").read_text().splitlines() if " via " in line]
        routes = [route for v in ("-4", "-6") for route in json.loads(ip("-json", v, "route", "show", "table", "all"))]
        assert len([route for route in routes if "gateway" in route]) == len(lines)
        rules = [rule for v in ("-4", "-6") for rule in json.loads(ip("-json", v, "rule"))]
        assert {rule["src"] for rule in rules} - {"all"} == {address for _, address, _ in wanted}
    finally:
        subprocess.run(["ip", "netns", "delete", namespace], check=True, timeout=30)


@pytest.mark.parametrize(
    "line",
    [
        '    "eth0; reboot":',
        '        - "10.0.0.1/31; reboot"',
        '        - {to: "$(reboot)", via: "10.0.0.0"}',
        '        - {to: "10.0.0.0/8", via: "x"}',
        '        - {run: "reboot"}',
    ],
)
def test_a_hostile_netplan_file_gives_no_other_command(line: str) -> None:
    try:
        made, rules = batches(f'    "eth1":\n{line}\n'.encode(), "x")
    except CompileError:
        return
    assert (made, rules) == ("link set dev eth1 up\n", "")
