"""Cables that lie otherwise than they were meant are found, and named as whoever mends them needs it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from subnet_factory import Wiring, clos, subnet

from fabric_compiler.verify.identity import Place, identify
from fabric_compiler.verify.wiring import Difference, Kind, Plug, Wire, compare

FABRIC = clos(4, 2, 4, 2)
PORTS = {number: f"IB1/{(number + 1) // 2}/{2 - number % 2}" for number in range(1, 65)}


def meant(wiring: Wiring) -> list[Wire]:
    def plug(name: str, port: int) -> Plug:
        return Plug(name, "mlx5_0" if name.startswith("host") else PORTS[port])

    return [Wire(plug(*a), plug(*b), 200_000) for a, b in wiring.links]


def places(wiring: Wiring, off: int = 0) -> list[Place]:
    adapters = set(wiring.adapters)
    return [
        Place(name, frozenset({guid + off}), f"{name} mlx5_0", {1: "mlx5_0"})
        if name in adapters
        else Place(name, frozenset({guid + off}), name, PORTS)
        for name, guid in wiring.guids().items()
    ]


def differences(real: Wiring, inventory: bool = True, off: int = 0) -> list[Difference]:
    found = identify(subnet(real), places(FABRIC, off), inventory)
    return [*found.strange, *compare(meant(FABRIC), found.wires, found.seen)]


def test_a_fabric_as_it_was_meant_has_no_difference() -> None:
    assert differences(FABRIC) == []


def test_without_an_inventory_nodes_are_known_by_their_descriptions() -> None:
    assert differences(FABRIC, inventory=False, off=1 << 32) == []


def test_two_exchanged_cables_are_one_difference_on_the_device_where_both_end() -> None:
    (found,) = differences(FABRIC.swapped(("spine-1", 1), ("spine-1", 3)))
    assert found.kind is Kind.EXCHANGED
    assert found.message == (
        "exchange the plugs in spine-1 IB1/1/1 and IB1/2/1: leaf-1 IB1/3/1 leads to spine-1 IB1/2/1 and belongs to "
        "spine-1 IB1/1/1, leaf-2 IB1/3/1 leads to spine-1 IB1/1/1 and belongs to spine-1 IB1/2/1"
    )


def test_cables_exchanged_between_two_switches_are_found() -> None:
    (found,) = differences(FABRIC.swapped(("spine-1", 1), ("spine-2", 1)))
    assert found.message.startswith("exchange the plugs in leaf-1 IB1/3/1 and IB1/4/1: ")


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_any_two_exchanged_cables_are_mended_by_the_two_plugs_that_are_named(data: st.DataObject) -> None:
    ends = [end for link in FABRIC.links for end in link if not end[0].startswith("host")]
    one, two = data.draw(st.lists(st.sampled_from(ends), min_size=2, max_size=2, unique=True))
    real = FABRIC.swapped(one, two)
    if set(real.links) == set(FABRIC.links) or tuple(sorted((one, two))) in {tuple(sorted(link)) for link in FABRIC.links}:
        return
    (found,) = differences(real)
    assert found.kind is Kind.EXCHANGED
    numbers = {label: number for number, label in PORTS.items()} | {"mlx5_0": 1}
    first, second = ((plug.device, numbers[plug.port]) for plug in found.plugs[:2])
    assert differences(real.swapped(first, second)) == []


def test_a_cable_in_the_wrong_port_is_found_with_where_it_belongs() -> None:
    (found,) = differences(FABRIC.swapped(("spine-1", 1), ("spine-1", 40)))
    assert found.kind is Kind.MISPLACED
    assert found.message == "leaf-1 IB1/3/1 leads to spine-1 IB1/20/2 and belongs to spine-1 IB1/1/1"


def test_three_cables_in_a_circle_are_three_differences() -> None:
    found = differences(FABRIC.swapped(("spine-1", 1), ("spine-1", 3)).swapped(("spine-1", 3), ("spine-1", 5)))
    assert [one.kind for one in found] == [Kind.MISPLACED] * 3
    assert "; in spine-1 IB1/1/1 is the cable of leaf-2 IB1/3/1" in found[0].message


def test_a_missing_cable_is_found() -> None:
    (found,) = differences(FABRIC.uncabled(("leaf-2", 5)))
    assert found.message == "no link between leaf-2 IB1/3/1 and spine-1 IB1/2/1: the cable is not plugged, or dark"


def test_a_cable_too_much_is_found() -> None:
    (found,) = differences(FABRIC.cabled(("leaf-1", 60), ("leaf-2", 60)))
    assert found.message == "a cable too much, from leaf-1 IB1/30/2 to leaf-2 IB1/30/2"


def test_a_device_that_is_not_there_is_one_difference() -> None:
    (found,) = differences(FABRIC.without("spine-2"))
    assert found.message == "spine-2 is not seen: it is down, or its 8 cables are not plugged"


def test_a_node_that_is_not_of_the_fabric_is_named_by_its_guid_and_neighbour() -> None:
    (found,) = differences(FABRIC.cabled(("host-9-9", 1), ("leaf-1", 60)))
    assert found.kind is Kind.UNKNOWN_DEVICE
    assert "(host-9-9 mlx5_0) is not of this fabric, and has a cable from its port 1 to leaf-1 IB1/30/2" in found.message


def test_a_replaced_adapter_is_found_by_the_inventory() -> None:
    found = differences(FABRIC, off=1 << 32)
    assert len(found) == len(FABRIC.guids())
    assert "was it replaced?" in found[0].message


def test_a_link_at_another_speed_is_found() -> None:
    wires = [wire._replace(speed=400_000) if n == 20 else wire for n, wire in enumerate(meant(FABRIC))]
    found = identify(subnet(FABRIC), places(FABRIC), True)
    (one,) = compare(wires, found.wires, found.seen)
    assert one.kind is Kind.SPEED
    assert "runs at 200G, and is meant for 400G" in one.message
