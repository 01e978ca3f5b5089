from __future__ import annotations

import pickle
from functools import cache
from typing import Any

import pytest

from fabric_compiler.catalog.loader import load
from fabric_compiler.catalog.types import Catalog, Hwsku
from fabric_compiler.control.headroom import NoHeadroomError, can_be_lossless
from fabric_compiler.control.qos import (
    BEST_EFFORT,
    KINDS,
    ROCE_LOSSLESS,
    ROCE_LOSSY,
    NoEcnError,
    nic_qos,
    qos_classes,
    switch_qos,
)
from fabric_compiler.model.device import Ecn, PfcWatchdog, Qos, Queue

SHORT, LONG = (400_000, 5), (800_000, 40)


@cache
def catalog() -> Catalog:
    return load()


def hwsku(switch: str = "sn5600", number: int = 0) -> Hwsku:
    return catalog().switches[switch].nos["sonic"].hwskus[number]


def every_hwsku() -> list[Hwsku]:
    return [sku for s in catalog().switches.values() for nos in s.nos.values() for sku in nos.hwskus]


def decided(kind: str = ROCE_LOSSLESS, role: str = "leaf", **differences: Any) -> Qos:
    values: dict[str, Any] = {"hwsku": hwsku(), "nos": "sonic", "profiles": {SHORT, LONG}, "speeds": {400_000, 800_000}}
    qos = switch_qos(kind, catalog().qos, role=role, **values | differences)
    assert qos is not None
    return qos


def with_classes(**changes: dict[str, Any]) -> dict[str, Any]:
    """The catalogue's QoS with fields of its classes changed."""
    known = catalog().qos
    return {**known, "classes": {name: entry | changes.get(name, {}) for name, entry in known["classes"].items()}}


def test_best_effort_decides_nothing() -> None:
    assert switch_qos(BEST_EFFORT, catalog().qos, hwsku(), "sonic", "leaf", (), ()) is None
    assert nic_qos(BEST_EFFORT, catalog().qos, "backend") is None


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="roce-lossless, roce-lossy, best-effort"):
        decided("gold")
    with pytest.raises(ValueError, match="not 'gold'"):
        nic_qos("gold", catalog().qos, "backend")


def test_lossless_roce_has_its_own_queue_group_and_pause() -> None:
    qos = decided()
    assert qos.lossless_priority == 3
    assert [dscp for dscp, tc in enumerate(qos.dscp_to_tc) if tc] == [26, 48]
    assert (qos.dscp_to_tc[26], qos.dscp_to_tc[48]) == (3, 6)
    assert qos.tc_to_queue == (0, 1, 2, 3, 4, 5, 6, 7)
    assert qos.tc_to_priority_group == (0, 0, 0, 3, 0, 0, 0, 0)
    assert qos.queues == (
        Queue(0, False, 14, lossless=False, ecn=False),
        Queue(3, False, 15, lossless=True, ecn=True),
        Queue(6, True, 0, lossless=False, ecn=False),
    )
    assert qos.watchdog == PfcWatchdog(400, 2000, "drop")


def test_lossy_roce_marks_and_pauses_nobody() -> None:
    qos = decided(ROCE_LOSSY)
    assert qos.lossless_priority == -1
    assert qos.tc_to_priority_group == (0,) * 8
    assert not any(queue.lossless for queue in qos.queues)
    assert (qos.headroom, qos.watchdog) == ((), None)
    assert qos.ecn == decided().ecn


def test_ecn_has_a_row_for_each_speed_in_use() -> None:
    qos = decided(speeds=[800_000, 100_000, 800_000])
    assert qos.ecn == (Ecn(100_000, 153_600, 1_536_000, 100), Ecn(800_000, 1_048_576, 2_097_152, 5))


def test_a_speed_without_thresholds_is_an_error() -> None:
    with pytest.raises(NoEcnError, match=r"ports of 1\.6T") as caught:
        decided(speeds={1_600_000})
    assert "800G" in caught.value.hint


def test_headroom_profiles_are_the_rows_in_use() -> None:
    rows = {(row.speed, row.length_m): row for row in hwsku().headroom}
    qos = decided()
    assert [(p.speed, p.length_m) for p in qos.headroom] == [SHORT, LONG]
    assert [(p.size, p.xon, p.xoff) for p in qos.headroom] == [(r.size, r.xon, r.xoff) for r in (rows[SHORT], rows[LONG])]


@pytest.mark.parametrize(("role", "topology"), [("leaf", "t0"), ("spine", "t1"), ("core", "t1"), ("router", "t0")])
def test_buffers_are_those_of_the_tier(role: str, topology: str) -> None:
    qos = decided(role=role)
    assert qos.buffer_topology == topology
    assert qos.buffer_tables == hwsku().buffers[topology].tables


@pytest.mark.parametrize("sku", every_hwsku(), ids=lambda sku: sku.name)
def test_every_hwsku_is_lossless_or_says_why_not(sku: Hwsku) -> None:
    rows = {(row.speed, row.length_m) for row in sku.headroom}
    for role, topology in (("leaf", "t0"), ("spine", "t1")):
        if can_be_lossless(sku, topology):
            qos = decided(role=role, hwsku=sku, profiles=rows, speeds=())
            assert {(p.speed, p.length_m) for p in qos.headroom} == rows
        else:
            with pytest.raises(NoHeadroomError, match=sku.name) as caught:
                decided(role=role, hwsku=sku, profiles=rows or {SHORT}, speeds=())
            assert caught.value.hint
        assert decided(ROCE_LOSSY, role=role, hwsku=sku).headroom == ()


def test_a_length_that_is_no_row_is_an_error() -> None:
    with pytest.raises(NoHeadroomError, match="no row for 800G over 37 m"):
        decided(profiles={(800_000, 37)})


def test_sonic_needs_the_tables_and_eos_brings_its_own() -> None:
    with pytest.raises(ValueError, match="HwSKU"):
        decided(hwsku=None)
    qos = decided(hwsku=None, nos="eos")
    assert qos.lossless_priority == 3
    assert (qos.headroom, qos.buffer_tables) == ((), None)


def test_equal_shapes_have_equal_qos_and_hash_whatever_their_order() -> None:
    one = decided(profiles=[SHORT, LONG], speeds=[400_000, 800_000])
    other = decided(profiles=[LONG, SHORT, LONG], speeds=(800_000, 400_000))
    assert one == other and hash(one) == hash(other)
    assert len({one, other, decided(role="spine"), decided(ROCE_LOSSY), decided(profiles=[SHORT])}) == 4


def test_a_qos_goes_to_another_process_and_stays_as_it_was() -> None:
    qos = decided()
    hash(qos)
    copy = pickle.loads(pickle.dumps(qos))
    assert copy == qos and hash(copy) == hash(qos)
    with pytest.raises(TypeError):
        qos.buffer_tables["BUFFER_POOL"] = {}
    with pytest.raises(TypeError):
        qos.buffer_tables.clear()


CHANGES: list[dict[str, dict[str, Any]]] = [
    {},
    {"roce": {"dscp": 24}, "cnp": {"dscp": 26}},
    {"roce": {"dscp": 34, "traffic_class": 4, "queue": 4, "priority_group": 4, "pfc_priority": 4}},
    {"roce": {"traffic_class": 5, "queue": 3, "priority_group": 3, "pfc_priority": 3}},
    {"cnp": {"dscp": 27, "traffic_class": 7, "queue": 7}},
]


@pytest.mark.parametrize("changes", CHANGES)
def test_a_lossless_packet_has_one_priority_from_nic_to_nic(changes: dict[str, dict[str, Any]]) -> None:
    qos = switch_qos(ROCE_LOSSLESS, with_classes(**changes), None, "eos", "leaf", (), ())
    nic = nic_qos(ROCE_LOSSLESS, with_classes(**changes), "backend")
    assert qos is not None and nic is not None
    (lossless_queue,) = [queue.queue for queue in qos.queues if queue.lossless]
    for dscp, tc in enumerate(qos.dscp_to_tc):
        lossless = dscp == qos.roce_dscp
        assert (qos.tc_to_priority_group[tc] == qos.lossless_priority) == lossless
        assert (qos.tc_to_queue[tc] == lossless_queue) == lossless
        assert (nic.dscp_to_priority[dscp] == nic.lossless_priority) == lossless
    assert nic.lossless_priority == qos.lossless_priority == lossless_queue
    assert (nic.roce_dscp, nic.cnp_dscp) == (qos.roce_dscp, qos.cnp_dscp)
    assert nic.ecn_priorities == (nic.dscp_to_priority[qos.roce_dscp],)
    assert nic.dscp_to_priority[qos.cnp_dscp] == qos.dscp_to_tc[qos.cnp_dscp]


@pytest.mark.parametrize("changes", CHANGES)
def test_no_other_traffic_class_reaches_the_lossless_queue_or_group(changes: dict[str, dict[str, Any]]) -> None:
    qos = switch_qos(ROCE_LOSSLESS, with_classes(**changes), None, "eos", "leaf", (), ())
    assert qos is not None
    roce = qos.dscp_to_tc[qos.roce_dscp]
    for tc in set(range(8)) - {roce}:
        assert qos.tc_to_queue[tc] != qos.tc_to_queue[roce]
        assert qos.tc_to_priority_group[tc] != qos.tc_to_priority_group[roce]


def test_a_nic_departs_from_its_own_mapping_only_around_roce() -> None:
    nic = nic_qos(ROCE_LOSSLESS, catalog().qos, "backend")
    assert nic is not None
    departs = {dscp: p for dscp, p in enumerate(nic.dscp_to_priority) if p != dscp // 8}
    assert departs == {24: 0, 25: 0, 27: 0, 28: 0, 29: 0, 30: 0, 31: 0}


def test_a_lossy_nic_marks_without_pfc() -> None:
    nic = nic_qos(ROCE_LOSSY, catalog().qos, "backend")
    assert nic is not None
    assert (nic.lossless_priority, nic.ecn_priorities) == (-1, (3,))


def test_the_classes_are_the_catalogues() -> None:
    classes = qos_classes(catalog().qos)
    assert sorted(classes) == ["cnp", "default", "roce"]
    assert len({c.queue for c in classes.values()}) == len({c.traffic_class for c in classes.values()}) == 3
    assert set(KINDS) == {ROCE_LOSSLESS, ROCE_LOSSY, BEST_EFFORT}
