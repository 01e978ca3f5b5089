"""What devices tell by LLDP, in every form that is accepted, comes out as the links of the graph."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fabrics import Fabric, compiled, intent
from hostile import HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric_compiler.diagnostics import CompileError, Report
from fabric_compiler.verify.against import End, planned
from fabric_compiler.verify.lldp import check, entries

FABRIC: Fabric = compiled(intent(1, 4, topology={"kind": "rail-optimized", "tiers": 2, "rails": 4}))
ALIASES = {(d.name, port.name): port.alias or port.name for d in FABRIC.graph.devices for port in d.layout.ports}
SERVERS = {d.name for d in FABRIC.graph.devices if d.kind == "server"}
Told = dict[str, list[tuple[str, str, str]]]  # by device: port, neighbour, its port


def told(by_servers: bool = True) -> Told:
    """Each device tells of all its neighbours, as cabled by the plan."""
    found: Told = {}
    for one, other in planned(FABRIC.graph):
        for near, far in ((one, other), (other, one)):
            if by_servers or not {near.device, far.device} & SERVERS:
                found.setdefault(near.device, []).append((near.port, far.device, far.port))
    return found


def lldpcli(neighbors: list[tuple[str, str, str]]) -> Any:
    """`lldpcli show neighbors -f json` of lldpd 1.0.16, as a switch with SONiC shows it: the port's identifier is its alias."""
    made = [
        {
            port: {
                "via": "LLDP",
                "rid": "1",
                "age": "0 day, 00:00:04",
                "chassis": {device: {"id": {"type": "mac", "value": "5e:17:de:17:30:7e"}, "descr": "SONiC"}},
                "port": {"id": {"type": "local", "value": ALIASES[device, far]}, "descr": far, "ttl": "120"},
            }
        }
        for port, device, far in neighbors
    ]
    return {"lldp": {"interface": made[0] if len(made) == 1 else made}}


def lldpcli0(neighbors: list[tuple[str, str, str]]) -> Any:
    """`-f json0`; a server's port is known by its MAC address, and by its name in the description."""
    made = [
        {
            "name": port,
            "via": "LLDP",
            "chassis": [{"id": [{"type": "mac", "value": "5e:17:de:17:30:7e"}], "name": [{"value": f"{device}.example.net"}]}],
            "port": [
                {"id": [{"type": "mac", "value": "56:f4:81:d2:2a:b3"}], "descr": [{"value": far}], "ttl": [{"value": "120"}]}
            ],
        }
        for port, device, far in neighbors
    ]
    return {"lldp": [{"interface": made}]}


def eos(neighbors: list[tuple[str, str, str]]) -> Any:
    return {
        "tablesAgeOuts": 0,
        "lldpNeighbors": [{"port": a, "neighborDevice": b, "neighborPort": c, "ttl": 120} for a, b, c in neighbors],
    }


def eos_detail(neighbors: list[tuple[str, str, str]]) -> Any:
    made = {
        port: {
            "lldpNeighborInfo": [
                {"systemName": device, "neighborInterfaceInfo": {"interfaceId": f'"{far}"', "interfaceId_v2": far}}
            ]
        }
        for port, device, far in neighbors
    }
    return {"lldpNeighbors": made | {"Ethernet99/1": {"lldpNeighborInfo": []}}}


def napalm(neighbors: list[tuple[str, str, str]]) -> Any:
    return {port: [{"hostname": device, "port": far}] for port, device, far in neighbors}


def napalm_detail(neighbors: list[tuple[str, str, str]]) -> Any:
    return {
        port: [{"remote_system_name": device, "remote_port": "56:f4:81:d2:2a:b3", "remote_port_description": far}]
        for port, device, far in neighbors
    }


FORMS: dict[str, Callable[[list[tuple[str, str, str]]], Any]] = {
    form.__name__: form for form in (lldpcli, lldpcli0, eos, eos_detail, napalm, napalm_detail)
}


def in_json(form: str, devices: Told) -> bytes:
    return json.dumps({device: FORMS[form](neighbors) for device, neighbors in devices.items()}).encode()


def in_csv(devices: Told) -> bytes:
    lines = [f"{device},{','.join(row)}" for device, neighbors in devices.items() for row in neighbors]
    return "\r\n".join(["device,port,neighbor,neighbor_port", *lines]).encode()


def findings(content: bytes) -> tuple[list[str], tuple[int, int]]:
    report = Report()
    counts = check(FABRIC.graph, content, "lldp.json", report)
    return [f"{found.code} {found.message}" for found in report], counts


@pytest.mark.parametrize("form", FORMS)
def test_a_fabric_as_planned_differs_in_nothing(form: str) -> None:
    links = len(FABRIC.graph.links)
    assert findings(in_json(form, told())) == ([], (links, links))


def test_a_table_says_the_same() -> None:
    links = len(FABRIC.graph.links)
    assert findings(in_csv(told())) == ([], (links, links))


@pytest.mark.parametrize("form", FORMS)
def test_two_swapped_cables_are_told_by_port_and_label(form: str) -> None:
    devices = told()
    leaf = next(name for name in devices if "leaf-r1" in name)
    up = [row for row in devices[leaf] if "spine" in row[1]]
    one, other = up[0], next(row for row in up if row[1] != up[0][1])
    swapped = {(leaf, one[0]): other[1:], (leaf, other[0]): one[1:], one[1:]: (leaf, other[0]), other[1:]: (leaf, one[0])}
    for device, rows in devices.items():
        devices[device] = [(port, *swapped.get((device, port), far)) for port, *far in rows]
    found, (judged, right) = findings(in_json(form, devices))
    assert right == judged - 2
    (sentence,) = found
    assert sentence.startswith("FC7031 two cables are swapped")
    for end in (End(leaf, one[0]), End(leaf, other[0]), End(*one[1:]), End(*other[1:])):
        assert f"{end} ({ALIASES[end]})" in sentence


def test_servers_without_lldp_are_not_missing() -> None:
    found, (judged, right) = findings(in_json("eos", told(by_servers=False)))
    assert judged == right < len(FABRIC.graph.links)
    (sentence,) = found
    assert sentence.startswith("FC7032 no server sends LLDP: ")


def test_one_server_that_is_silent_among_others_is_missing() -> None:
    devices = {
        device: [row for row in rows if row[1] != "su1-server-1"] for device, rows in told().items() if device != "su1-server-1"
    }
    found, _ = findings(in_json("lldpcli", devices))
    assert len(found) == 8  # the NICs of a server
    assert all("FC7031 a link is missing" in sentence and "su1-server-1" in sentence for sentence in found)


def test_switches_that_were_not_asked_are_known_from_the_other_end() -> None:
    devices = {device: rows for device, rows in told().items() if "spine" not in device}
    found, (judged, right) = findings(in_json("eos_detail", devices))
    assert judged == right == len(FABRIC.graph.links)
    assert ["FC7032" in sentence for sentence in found] == [True]


def test_a_cable_that_nobody_planned_is_extra() -> None:
    devices = told()
    spine = next(name for name in devices if "spine" in name)
    used = {row[0] for row in devices[spine]}
    free = next(port for (device, port) in ALIASES if device == spine and port not in used)
    devices[spine].append((free, "printer", "eth0"))
    found, _ = findings(in_json("napalm", devices))
    assert len(found) == 1
    assert "FC7031 a link is not in the plan" in found[0]
    assert "printer eth0" in found[0]


def test_ports_of_management_do_not_count() -> None:
    devices = told()
    for device in devices:
        devices[device].append(("Management1", "oob-switch", "Gi1/0/1"))
    assert findings(in_json("eos", devices))[0] == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"leaf": 1}',
        b'{"leaf": {"lldp": 1}}',
        b'{"leaf": {"lldpNeighbors": {"e": []}}}',
        b'{"leaf": {"e": [{}]}}',
        b"device,port\n",
        b"device,port,neighbor,neighbor_port\na,b\n",
        b'device,port,neighbor,neighbor_port\n"a,b,c,d\n',
        b"\xff\xfe{}",
        b'{"leaf": ' + b"[" * 100_000,
    ],
)
def test_a_file_in_no_known_form_is_told(content: bytes) -> None:
    with pytest.raises(CompileError) as caught:
        entries(content, "lldp.json")
    assert caught.value.diagnostics[0].code == "FC1001"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_neighbour_stays_in_its_sentence(text: str) -> None:
    from fabric_compiler.diagnostics import render_text

    devices = told()
    spine = next(name for name in devices if "spine" in name)
    text = text.encode("utf-8", "replace").decode()  # a lone surrogate is in no JSON file
    devices[spine] = [(port, text, text) for port, *_ in devices[spine][:1]] + devices[spine][1:]
    report = Report()
    check(FABRIC.graph, json.dumps({device: eos(rows) for device, rows in devices.items()}).encode(), "x", report)
    assert all(line.isprintable() for line in render_text(report))


WORDS = st.sampled_from(["lldp", "interface", "name", "port", "chassis", "lldpNeighbors", "id", "x"])
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=4)


@settings(deadline=None, max_examples=60)
@given(st.recursive(SCALARS, lambda own: st.lists(own, max_size=3) | st.dictionaries(WORDS, own)))
def test_any_json_is_read_or_refused(value: Any) -> None:
    try:
        entries(json.dumps({"leaf": value}).encode(), "x")
    except CompileError as error:
        assert error.diagnostics[0].code == "FC1001"
