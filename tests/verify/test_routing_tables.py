"""Tables at rest are those of a slow reference of another hand, as wide as a folded Clos's formula, on small fabrics."""

from __future__ import annotations

from typing import Any

import pytest
from compiler.builds import fabrics
from fabrics import intent
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from verify.routing_bench import Bench

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.targets.text import prefix

SMALL = settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # an example takes a second: none is made smaller
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

FABRICS: dict[str, dict[str, Any]] = {
    "two tiers": intent(1, 2),
    "numbered": intent(1, 2, addressing={"links": "10.240.0.0/16", "hosts": "10.0.0.0/12"}),
    "dual": intent(1, 2, addressing={"links": ["10.240.0.0/16", "fd00::/64"], "hosts": ["10.0.0.0/12", "fd01::/48"]}),
    "IPv6 links": intent(1, 2, addressing={"links": "fd00::/64", "hosts": ["10.0.0.0/12", "fd01::/48"]}),
    "EOS": intent(1, 2, leaf={"switch": "7060x6-64pe", "nos": "eos"}, spine={"switch": "7060x6-64pe", "nos": "eos"}),
    "three tiers": intent(
        3,
        4,
        topology={"kind": "rail-optimized", "tiers": 3, "rails": 2},
        leaf={"switch": "sn5400", "downlinks": 4},
        spine={"switch": "sn5400", "downlinks": 4},
    ),
}


@pytest.mark.parametrize("name", FABRICS)
def test_tables_are_those_of_the_reference(name: str) -> None:
    bench = Bench(FABRICS[name])
    assert bench.tables() == bench.reference()


@pytest.mark.parametrize(
    ("name", "maintenance"),
    [
        *((name, ["*-spine-1"]) for name in FABRICS if name != "three tiers"),
        *((name, ["*-leaf-r3"]) for name in FABRICS if name != "three tiers"),
        ("dual", ["*-leaf-r1", "*-spine-1"]),
        ("EOS", ["*-spine-1:Ethernet1/1"]),
        ("two tiers", ["*-spine-1:Ethernet0", "*-spine-2:Ethernet0"]),
        ("three tiers", ["*-spine-r1-g1-1"]),
        ("three tiers", ["*-core-1", "*-leaf-r2"]),
        ("three tiers", ["*-spine-*"]),
        ("three tiers", ["*-core-*"]),
    ],
)
def test_what_is_drained_is_passed_by_as_the_reference_has_it(name: str, maintenance: list[str]) -> None:
    bench = Bench(FABRICS[name] | {"maintenance": maintenance})
    assert bench.tables() == bench.reference()
    proven = bench.prove()
    assert list(bench.report) == []
    assert proven is not None
    assert proven.sentences


def test_a_drained_spine_is_on_no_way() -> None:
    bench = Bench(FABRICS["two tiers"] | {"maintenance": ["*-spine-1"]})
    leaf, other, *_ = bench.names("leaf")
    drained = bench.port(leaf, bench.link(leaf, "compute-gru1-spine-1"))
    own = bench.analysis.plan.devices[bench.number(other)]
    assert own is not None
    ports = bench.tables()[leaf][prefix(own.loopbacks[0])]
    assert drained not in ports
    assert len(ports) == bench.graph.devices[bench.number(leaf)].uplinks - 1


def draw_fabric(data: st.DataObject) -> Bench:
    tree = data.draw(fabrics())
    try:
        bench = Bench(tree)
    except CompileError:
        assume(False)
        raise
    assume(len(bench.names("leaf") + bench.names("spine") + bench.names("core")) <= 60)
    return bench


@given(st.data())
@SMALL
def test_any_small_fabric_is_proven_and_has_the_references_tables(data: st.DataObject) -> None:
    bench = draw_fabric(data)
    proven = bench.prove()
    assert list(bench.report) == []
    assert proven is not None
    assert proven.sentences
    assert bench.tables() == bench.reference()


@given(st.data())
@SMALL
def test_a_leaf_reaches_every_other_over_all_its_uplinks(data: st.DataObject) -> None:
    bench = draw_fabric(data)
    devices, plan, at_rest = bench.graph.devices, bench.analysis.plan.devices, bench.routing()
    leafs = [n for n, device in enumerate(devices) if device.role == "leaf"]
    for n in leafs[:6]:
        table = at_rest.table(devices[n].name)
        for other in leafs:
            own = plan[other]
            assert own is not None
            same = (devices[n].network, devices[n].plane) == (devices[other].network, devices[other].plane)
            for loopback in own.loopbacks:
                width = len(table.get(prefix(loopback), ()))
                assert width == (devices[n].uplinks if same and n != other else 0)


@given(st.data())
@SMALL
def test_what_is_cut_afterwards_is_as_if_it_had_never_been_there(data: st.DataObject) -> None:
    bench = draw_fabric(data)
    links = bench.graph.links
    between = [link for link in range(len(links)) if links.tiers[link]]
    lost = data.draw(st.lists(st.sampled_from(between), min_size=1, max_size=3, unique=True))
    at_rest = bench.routing().without(lost[:1]).without(lost[1:])
    for link in sorted(lost, reverse=True):
        bench.without(link)
    switches = [device.name for device in bench.graph.devices if device.kind == "switch"]
    assert {name: at_rest.table(name) for name in switches} == bench.tables()


@given(st.data())
@SMALL
def test_tables_of_a_spoilt_fabric_are_those_of_the_reference(data: st.DataObject) -> None:
    """Lines of policies and networks are taken out, cables are swapped and pulled."""
    bench = draw_fabric(data)
    names = [device.name for device in bench.graph.devices if device.kind == "switch"]
    words = ("match ip address", "match community", "set local-preference", "network ", "prefix-list", "remote-as", "activate")
    for _ in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(names))
        file = "frr.conf" if "frr.conf" in bench.files[name] else f"{name}.cfg"
        lines = bench.files[name][file].decode().split("\n")
        places = [n for n, line in enumerate(lines) if any(word in line for word in words)]
        lines.pop(data.draw(st.sampled_from(places)))
        bench.files[name][file] = "\n".join(lines).encode()
    links = bench.graph.links
    between = st.sampled_from([link for link in range(len(links)) if links.tiers[link]])
    one, two = data.draw(between), data.draw(between)
    if one != two and links.tiers[one] == links.tiers[two]:
        bench.swap(one, two)
    if data.draw(st.booleans()):
        bench.without(data.draw(between))
    try:
        bench.observed()
    except ValueError:  # lines that the operating system would refuse
        return
    assert bench.tables() == bench.reference()
