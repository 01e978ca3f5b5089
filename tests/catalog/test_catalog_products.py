"""Every product of the built-in catalogue loads, is consistent, and says where its facts come from."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from fabric_compiler import catalog as catalog_package
from fabric_compiler.catalog.loader import load
from fabric_compiler.catalog.types import Catalog

CATALOG = load()
DATA = Path(catalog_package.__file__).parent / "data"


def test_names_are_known_without_reading_a_file() -> None:
    catalog = load()
    assert {"sn5600", "7060x6-64pe", "m2-w6940-128qc"} <= set(catalog.switches)
    assert "sn5600" in catalog.switches
    assert "sn9999" not in catalog.switches
    assert len(catalog.servers) == len(list(catalog.servers))


def test_an_unknown_product_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        CATALOG.switches["sn9999"]


def test_a_product_is_read_once() -> None:
    assert CATALOG.switches["sn5600"] is CATALOG.switches["sn5600"]


def test_a_catalogue_crosses_a_process_border() -> None:
    copy: Catalog = pickle.loads(pickle.dumps(CATALOG))
    assert copy.switches["sn5400"] == CATALOG.switches["sn5400"]


def head_of(kind: str, name: str) -> str:
    """The comment at the head of a product's file."""
    text = (DATA / kind / f"{name}.yaml").read_text(encoding="utf-8")
    return " ".join(line.lstrip("# ") for line in text.split("source:")[0].splitlines())


@pytest.mark.parametrize("name", CATALOG.switches)
def test_every_switch_is_consistent(name: str) -> None:
    switch = CATALOG.switches[name]
    assert switch.name == name
    assert len(switch.source) > 20
    assert switch.watts > 0 or "not published" in head_of("switches", name)
    if switch.protocol == "infiniband":
        return
    lanes = [lane for cage in switch.cages for lane in cage.lanes]
    assert len(lanes) == len(set(lanes))
    for cage in switch.cages:
        assert len(cage.lanes) > 1, "ports for management are no cages"
        for breakout in cage.breakouts:
            assert breakout.ports * breakout.lanes <= len(cage.lanes)
            names = cage.aliases.get(breakout.ports)
            assert names is not None
            assert len(names) == breakout.ports
    for nos in switch.nos.values():
        assert nos.releases
        assert all(isinstance(release, str) for release in nos.releases)
    if "sonic" in switch.nos:
        assert switch.nos["sonic"].hwskus
        assert "086b03bd70f9e211aaaf5f6aefe0790b508d2a94" in switch.source
        for sku in switch.nos["sonic"].hwskus:
            assert sum(sku.speeds.values()) >= len(switch.cages) // 2
            assert set(sku.buffers) <= {"t0", "t1"}
            for buffers in sku.buffers.values():
                assert {"BUFFER_POOL", "BUFFER_PROFILE"} <= set(buffers.tables)


@pytest.mark.parametrize("name", CATALOG.servers)
def test_every_server_is_consistent(name: str) -> None:
    server = CATALOG.servers[name]
    assert len(server.source) > 20
    assert server.watts > 0 or "power" in head_of("servers", name)
    if server.gpus:
        assert {"gpu-nics", "storage-nics", "frontend"} <= set(server.nic_groups)
        assert server.nic_groups["gpu-nics"].count == server.gpus
    for split in (1, 2):
        names = [n for group in server.nic_groups.values() for n in group.netdevs.get(split, ())]
        assert len(names) == len(set(names))
        assert all(len(n) <= 15 for n in names)  # IFNAMSIZ


def test_media_are_in_order_of_preference() -> None:
    ranks = [medium.rank for medium in CATALOG.media]
    assert ranks == sorted(set(ranks))
    assert all(len(medium.source) > 20 for medium in CATALOG.media)


def test_releases_stay_text() -> None:
    assert CATALOG.switches["7060x6-64pe"].nos["eos"].releases == ("4.33", "4.34")
    assert CATALOG.switches["sn5600"].nos["sonic"].releases == ("202411", "202505")


def test_sn5600_has_what_sonic_says() -> None:
    sonic = CATALOG.switches["sn5600"].nos["sonic"]
    assert sonic.platform == "x86_64-nvidia_sn5600-r0"
    default = sonic.hwskus[0]
    assert (default.name, default.speeds) == ("ACS-SN5600", {800_000: 64})
    assert {row.length_m for row in default.headroom} == {5, 40, 300}
    assert default.buffers["t1"].tables["BUFFER_POOL"]["ingress_lossless_pool"]["size"] == "52161690"


def test_a_sku_may_have_no_headroom() -> None:
    """The platform file's default SKU has no pg_profile_lookup rows: no lossless ports."""
    assert CATALOG.switches["7060x6-64pe"].nos["sonic"].hwskus[0].headroom == ()


def test_qos_defaults_are_the_roce_conventions() -> None:
    classes = CATALOG.qos["classes"]
    assert [classes["roce"][k] for k in ("dscp", "traffic_class", "queue", "priority_group", "pfc_priority")] == [
        26,
        3,
        3,
        3,
        3,
    ]
    assert [classes["cnp"][k] for k in ("dscp", "traffic_class", "queue", "scheduler")] == [48, 6, 6, "strict"]
    for row in CATALOG.qos["ecn"]:
        assert row["min_bytes"] < row["max_bytes"]
        assert row["source"]
    assert {400_000, 800_000} <= {row["speed"] for row in CATALOG.qos["ecn"]}
