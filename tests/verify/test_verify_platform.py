"""What a configuration names and its platform does not have is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from fabrics import intent, text

from fabric_compiler import compiler
from fabric_compiler.catalog.types import Switch
from fabric_compiler.ir.graph import Device
from fabric_compiler.verify.observed import Observed
from fabric_compiler.verify.platform import check_platform

Tables = dict[str, dict[str, dict[str, str]]]
Found = tuple[Device, Switch, dict[str, bytes], Observed]


@lru_cache(maxsize=4)
def leaf(switch: str, nos: str) -> Found:
    """The first leaf of a lossless fabric, its product, files, and what was read from them."""
    tree = intent(1, 2, leaf={"switch": switch, "nos": nos}, spine={"switch": switch, "nos": nos}, qos="roce-lossless")
    with TemporaryDirectory() as directory:
        source = Path(directory) / "x.yaml"
        source.write_text(text(tree))
        analysis = compiler.analyse(source, compiler.Options())
    shop = compiler.workshop(analysis, compiler.Options())
    n = next(n for n, device in enumerate(analysis.graph.devices) if device.role == "leaf")
    device = analysis.graph.devices[n]
    return device, analysis.catalog.switches[device.model], shop.files(n)[1], shop.observed(n)


def sonic_findings(change: Callable[[Tables], object]) -> list[str]:
    device, switch, files, observed = leaf("sn5400", "sonic")
    tables: Any = json.loads(files["config_db.json"])
    change(tables)
    return list(check_platform(device, switch, {"config_db.json": json.dumps(tables).encode()}, observed))


def first(tables: Tables, name: str, word: str = "") -> str:
    return next(key for key in tables[name] if word in key)


def test_a_rendered_switch_has_what_its_platform_has() -> None:
    assert sonic_findings(lambda tables: None) == []
    assert list(check_platform(*leaf("7060x6-64pe", "eos"))) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda t: t["PORT"]["Ethernet0"].update(speed="123456"), "has no port Ethernet0"),
        (lambda t: t["PORT"]["Ethernet0"].update(lanes="900,901,902,903"), "has no port Ethernet0"),
        (lambda t: t["PORT"]["Ethernet0"].update(alias="etp99"), "has no port Ethernet0"),
        (lambda t: t["PORT"]["Ethernet0"].update(index="99"), "has index 99"),
        (lambda t: t["PORT"]["Ethernet8"].update(lanes=t["PORT"]["Ethernet0"]["lanes"]), "share lane"),
        (lambda t: t["PORT"].update(Ethernet9999=t["PORT"]["Ethernet8"]), "has no port Ethernet9999"),
        (lambda t: t["DEVICE_METADATA"]["localhost"].update(hwsku="other"), "has no HwSKU other"),
        (lambda t: t["BUFFER_PROFILE"][first(t, "BUFFER_PROFILE", "pg_lossless")].update(xoff="1"), "is no row"),
        (lambda t: t["BUFFER_PROFILE"].update(pg_lossless_400000_7m_profile={"pool": "ingress_lossless_pool"}), "is no row"),
        (lambda t: t["BUFFER_PROFILE"][first(t, "BUFFER_PROFILE")].update(pool="puddle"), "puddle, which is no pool"),
        (lambda t: t["BUFFER_PG"][first(t, "BUFFER_PG")].update(profile="other"), "BUFFER_PG"),
        (lambda t: t["BUFFER_QUEUE"][first(t, "BUFFER_QUEUE")].update(profile="other"), "BUFFER_QUEUE"),
        (lambda t: t["BUFFER_PORT_INGRESS_PROFILE_LIST"]["Ethernet0"].update(profile_list="other"), "INGRESS_PROFILE_LIST"),
        (lambda t: t["BUFFER_PORT_EGRESS_PROFILE_LIST"]["Ethernet0"].update(profile_list="other"), "EGRESS_PROFILE_LIST"),
    ],
)
def test_what_the_platform_does_not_have_is_found(change: Callable[[Tables], object], word: str) -> None:
    assert any(word in sentence for sentence in sonic_findings(change))


def test_headroom_of_another_speed_than_the_ports_is_found() -> None:
    """The row exists; it is that of a slower port, too small for this one."""
    _, switch, _, _ = leaf("sn5400", "sonic")

    def change(tables: Tables) -> None:
        sku = next(s for s in switch.nos["sonic"].hwskus if s.name == tables["DEVICE_METADATA"]["localhost"]["hwsku"])
        row = next(r for r in sku.headroom if r.speed == 100_000)
        name = f"pg_lossless_{row.speed}_{row.length_m}m_profile"
        tables["BUFFER_PROFILE"][name] = {
            "pool": "ingress_lossless_pool", "size": str(row.size), "xon": str(row.xon), "xoff": str(row.xoff),
        }  # fmt: skip
        key = next(k for k, entry in tables["BUFFER_PG"].items() if entry["profile"].startswith("pg_lossless"))
        tables["BUFFER_PG"][key]["profile"] = name

    assert any("takes the headroom of 100000 Mb/s" in sentence for sentence in sonic_findings(change))


@pytest.mark.parametrize(
    ("name", "speed", "word"),
    [
        ("Ethernet65/1", 400_000, "has no port Ethernet65/1"),
        ("Ethernet1/1", 123_456, "has no port Ethernet1/1"),
        ("Ethernet1/1", 800_000, "share a lane"),  # it takes the lanes of Ethernet1/5, which is up too
    ],
)
def test_an_eos_interface_that_the_model_does_not_have_is_found(name: str, speed: int, word: str) -> None:
    device, switch, files, observed = leaf("7060x6-64pe", "eos")
    port = replace(next(iter(observed.interfaces.values())), speed=speed, enabled=True)
    changed = replace(observed, interfaces={**observed.interfaces, name: port})
    assert any(word in sentence for sentence in check_platform(device, switch, files, changed))
