"""Prometheus takes the rules and the configuration of every example, and the alerts fire when the plan is not met."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from exports import NAMES, as_json, exported, rows

pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="apt-get install prometheus")

# all that gnmic.openconfig.net documents of what we use ("Targets", "Subscriptions", "Prometheus output", "Event processors")
TARGET = {"address", "subscriptions", "event-tags"}
SUBSCRIPTION = {"target", "paths", "mode", "stream-mode", "sample-interval"}
OUTPUT = {"type", "listen", "metric-prefix", "strings-as-labels", "expiration", "event-processors"}
PROCESSORS = {"event-extract-tags", "event-strings", "event-convert"}


def promtool(*arguments: str, place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], cwd=place, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_prometheus_takes_the_configuration_and_the_rules(name: str) -> None:
    place = exported(name, "telemetry") / "prometheus"
    for command in (("check", "rules", "rules/fabric.yml"), ("check", "config", "prometheus.yml")):
        done = promtool(*command, place=place)
        assert (done.returncode, "FAILED" in done.stdout + done.stderr) == (0, False), done.stdout + done.stderr


def test_prometheus_refuses_a_planted_error(tmp_path: Path) -> None:
    text = (exported("quickstart", "telemetry") / "prometheus/rules/fabric.yml").read_text()
    (tmp_path / "rules.yml").write_text(text.replace("count by (", "count bye (", 1))
    assert promtool("check", "rules", "rules.yml", place=tmp_path).returncode != 0


@pytest.mark.parametrize("name", NAMES)
def test_targets_are_the_devices_of_the_plan(name: str) -> None:
    place = exported(name, "telemetry") / "prometheus/targets"
    devices = rows(name, "devices")
    for file, kind in (("switches", "switch"), ("servers", "server")):
        targets = as_json(place / f"{file}.json")
        wanted = {row["name"]: (row["management"] or row["name"]) for row in devices if row["kind"] == kind}
        assert {own["labels"]["device"]: own["targets"][0].removesuffix(":9100") for own in targets} == wanted


@pytest.mark.parametrize("name", NAMES)
def test_gnmic_s_file_has_only_what_its_manual_knows_and_every_switch(name: str) -> None:
    document: dict[str, Any] = yaml.load((exported(name, "telemetry") / "gnmic/gnmic.yaml").read_bytes(), yaml.CSafeLoader)
    assert document.keys() == {"encoding", "targets", "subscriptions", "outputs", "processors"}
    assert document["targets"].keys() == {row["name"] for row in rows(name, "devices") if row["kind"] == "switch"}
    uplinks: dict[str, int] = {}
    sessions: dict[str, int] = {}
    for row in rows(name, "links"):
        uplinks[row["a_device"]] = uplinks.get(row["a_device"], 0) + 1
    for row in rows(name, "sessions"):
        for device in (row["a_device"], row["b_device"]):
            sessions[device] = sessions.get(device, 0) + 1
    for device, target in document["targets"].items():
        assert target.keys() == TARGET
        assert set(target["subscriptions"]) <= document["subscriptions"].keys()
        assert target["event-tags"]["sessions"] == str(sessions.get(device, 0))
        assert target["event-tags"]["uplinks"] == str(uplinks.get(device, 0))
        assert all(isinstance(value, str) for value in target["event-tags"].values())
    for subscription in document["subscriptions"].values():
        assert subscription.keys() <= SUBSCRIPTION
        assert subscription["paths"]
    (output,) = document["outputs"].values()
    assert output.keys() == OUTPUT
    assert output["event-processors"] == list(document["processors"])
    assert {kind for own in document["processors"].values() for kind in own} <= PROCESSORS


def up(device: str, ports: list[str], labels: str) -> list[dict[str, str]]:
    return [
        {
            "series": f'fabric_oper_status{{source="{device}",interface_name="{port}",oper_status="up",{labels}}}',
            "values": "1x20",
        }
        for port in ports
    ]


def fired(tmp_path: Path, series: list[dict[str, str]], alert: str, sources: list[dict[str, Any]]) -> None:
    """`promtool test rules`: after ten minutes the alert is up for these labels and no others."""
    place = exported("quickstart", "telemetry") / "prometheus/rules/fabric.yml"
    (tmp_path / "fabric.yml").write_text(place.read_text())
    expected = [
        {"exp_labels": {"severity": "critical", **own["labels"]}, "exp_annotations": {"summary": own["summary"]}}
        for own in sources
    ]
    check = {"eval_time": "10m", "alertname": alert, "exp_alerts": expected}
    test = {"rule_files": ["fabric.yml"], "tests": [{"interval": "1m", "input_series": series, "alert_rule_test": [check]}]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    done = promtool("test", "rules", "test.yml", place=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


LEAF = "backend-su1-leaf-r1"
LABELS = 'network="backend",role="leaf",site="lab1",pod="su1",rail="1",sessions="8",uplinks="8"'
PLACE = {"source": LEAF, "network": "backend", "role": "leaf", "site": "lab1", "pod": "su1", "rail": "1"}


def uplinks() -> list[str]:
    return [row["a_port"] for row in rows("quickstart", "links") if row["a_device"] == LEAF]


def neighbors(count: int) -> list[dict[str, str]]:
    return [
        {
            "series": f'fabric_NEIGH_STATE_TABLE_Ethernet{n}_state{{source="{LEAF}",state="Established",{LABELS}}}',
            "values": "1x20",
        }
        for n in range(count)
    ]


def test_a_missing_session_is_told_and_all_of_them_are_none(tmp_path: Path) -> None:
    assert len(uplinks()) == 8
    series = up(LEAF, uplinks(), LABELS)
    told = {"labels": {**PLACE, "sessions": "8", "planned": "8"}, "summary": f"{LEAF} has 7 of its 8 BGP sessions"}
    fired(tmp_path, series + neighbors(7), "SessionMissing", [told])
    fired(tmp_path, series + neighbors(8), "SessionMissing", [])
    none = {"labels": {**PLACE, "planned": "8"}, "summary": f"{LEAF} has 0 of its 8 BGP sessions"}
    fired(tmp_path, series, "SessionMissing", [none])


def test_a_rail_that_lost_an_uplink_is_told_and_so_is_one_that_lost_all(tmp_path: Path) -> None:
    told = {"labels": {**PLACE, "planned": "8", "ports": "1"}, "summary": f"{LEAF} (rail 1) has 7 of its 8 uplinks"}
    fired(tmp_path, up(LEAF, uplinks()[1:], LABELS), "UplinkLost", [told])
    fired(tmp_path, up(LEAF, uplinks(), LABELS), "UplinkLost", [])
    lost = {"labels": {**PLACE, "planned": "8", "ports": "1"}, "summary": f"{LEAF} (rail 1) has 0 of its 8 uplinks"}
    fired(tmp_path, up(LEAF, ["Ethernet0"], LABELS), "UplinkLost", [lost])


def test_a_storm_of_pause_frames_is_told(tmp_path: Path) -> None:
    """400G: more than 5961 frames a second stop the priority for half of the time."""
    series = f'fabric_SAI_PORT_STAT_PFC_3_RX_PKTS{{source="{LEAF}",interface_name="Ethernet0",{LABELS}}}'
    labels = {**PLACE, "interface_name": "Ethernet0", "priority": "3", "sessions": "8", "uplinks": "8"}
    told = {"labels": labels, "summary": f"{LEAF} Ethernet0 is paused half of the time on priority 3"}
    fired(tmp_path, [{"series": series, "values": f"0+{6000 * 60}x20"}], "PfcStorm", [told])
    fired(tmp_path, [{"series": series, "values": f"0+{5000 * 60}x20"}], "PfcStorm", [])


def test_a_switch_that_says_nothing_is_told(tmp_path: Path) -> None:
    told = {"labels": {"network": "backend"}, "summary": "1 of the 18 switches of backend report"}
    fired(tmp_path, up(LEAF, ["Ethernet0"], LABELS), "SwitchSilent", [told])
