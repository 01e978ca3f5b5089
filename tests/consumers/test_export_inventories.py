"""Ansible and nornir themselves read the inventories of every example."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from exports import NAMES, build, changed, exported, rows
from hostile import HOSTILE

from fabric_compiler.emit.tables import csv_bytes
from fabric_compiler.export.base import Parameters
from fabric_compiler.export.run import run

pytest.importorskip("ansible")
nornir = pytest.importorskip("nornir")

TIMEOUT = 120


def ansible(program: str, *arguments: str, home: Path) -> str:
    """An Ansible program of this environment, with a home of its own; a warning of an inventory is an error."""
    environment = {
        **os.environ,
        "HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        "ANSIBLE_NOCOLOR": "true",
    }
    command = [sys.executable, "-m", f"ansible.cli.{program}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return done.stdout


def wanted_groups(row: dict[str, str]) -> set[str]:
    groups = {"switches" if row["kind"] == "switch" else "servers", f"site_{row['site']}"}
    if row["kind"] == "switch":
        groups |= {f"network_{row['network']}", f"role_{row['role']}", f"nos_{row['nos']}"}
    groups |= {f"pod_{row['pod']}"} if row["pod"] else set()
    groups |= {f"rail_{row['network']}_{row['rail']}"} if row["rail"] != "0" else set()
    groups |= {f"plane_{row['network']}_{row['plane']}"} if row["plane"] != "0" else set()
    return {group.replace("-", "_") for group in groups}


@pytest.mark.parametrize("name", NAMES)
def test_ansible_has_every_device_in_its_groups_with_its_variables(name: str, tmp_path: Path) -> None:
    inventory = exported(name, "ansible") / "inventory.yml"
    found = json.loads(ansible("inventory", "-i", str(inventory), "--list", home=tmp_path))
    variables: dict[str, Any] = found.pop("_meta")["hostvars"]
    groups: dict[str, set[str]] = {}
    for group, content in found.items():
        for host in content.get("hosts", []):
            groups.setdefault(host, set()).add(group)
    devices = rows(name, "devices")
    assert groups == {row["name"]: wanted_groups(row) for row in devices}
    for row in devices:
        own = variables[row["name"]]
        assert own["ansible_host"] == (row["management"] or row["name"])
        assert (own["fabric_model"], str(own.get("fabric_asn", ""))) == (row["model"], row["asn"])
        assert own["fabric_name"] == name
        assert own.get("ansible_network_os", "") == ("arista.eos.eos" if row["nos"] == "eos" else "")


@pytest.mark.parametrize("name", NAMES)
def test_nornir_has_every_device_in_its_groups_with_its_data(name: str) -> None:
    from nornir.plugins.inventory.simple import SimpleInventory

    place = exported(name, "nornir")
    files = {f"{kind}_file": str(place / f"{file}.yaml") for kind, file in
             (("host", "hosts"), ("group", "groups"), ("defaults", "defaults"))}  # fmt: skip
    inventory = SimpleInventory(**files).load()
    devices = {row["name"]: row for row in rows(name, "devices")}
    assert inventory.hosts.keys() == devices.keys()
    for host, row in devices.items():
        own = inventory.hosts[host]
        assert {group.name for group in own.groups} == wanted_groups(row)
        assert own.hostname == (row["management"] or host)
        assert own.platform == (row["nos"] or "linux")
        assert own.get("model") == row["model"]
        assert own.get("fabric") == name


def hostile_build(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A build whose devices' models and racks are hostile strings, by device."""
    devices = rows("quickstart", "devices")
    texts = {row["name"]: text for row, text in zip(devices, interesting(), strict=False)}
    made = [tuple((row | {"model": texts.get(row["name"], row["model"])}).values()) for row in devices]
    content = csv_bytes(tuple(devices[0]), made)
    return changed(build("quickstart"), tmp_path / "hostile", {"plan/devices.csv": lambda _: content}), texts


def interesting() -> list[str]:
    """Those that Ansible or YAML could take for something else; a table has escaped the rest before they come here."""
    return [text for text in HOSTILE if any(mark in text for mark in ("{{", "{%", "{#", "!!", ": ", "\\", '"', "'"))]


def test_ansible_evaluates_nothing_that_a_build_says(tmp_path: Path) -> None:
    """As a play uses it: templates in variables are evaluated when they are used."""
    from fabric_compiler.export.source import open_build

    path, texts = hostile_build(tmp_path)
    place = run(path, "ansible", tmp_path / "out", Parameters()).path
    models = {device.name: device.model for device in open_build(path).devices}
    play = tmp_path / "play.yml"
    task = {
        "copy": {"content": "{{ fabric_model }}", "dest": f"{tmp_path}/{{{{ inventory_hostname }}}}"},
        "delegate_to": "localhost",
    }
    play.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "connection": "local", "tasks": [task]}]))
    hosts = ",".join(texts)
    ansible("playbook", "-i", str(place / "inventory.yml"), "--limit", hosts, str(play), home=tmp_path)
    for host in texts:
        assert (tmp_path / host).read_text() == models[host], models[host]


def test_a_template_that_is_not_marked_would_be_evaluated(tmp_path: Path) -> None:
    """The same play, with the marks taken off: the test above can fail."""
    path, _ = hostile_build(tmp_path)
    place = run(path, "ansible", tmp_path / "out", Parameters()).path
    inventory = (place / "inventory.yml").read_text().replace("!unsafe ", "").replace("{{7*7}}", "{{ 7*7 }}")
    (tmp_path / "unmarked.yml").write_text(inventory)
    host = next(device for device, text in hostile_build(tmp_path / "again")[1].items() if text == "{{7*7}}")
    shown = ansible(
        "adhoc",
        "-i",
        str(tmp_path / "unmarked.yml"),
        "-c",
        "local",
        "-m",
        "debug",
        "-a",
        "var=fabric_model",
        host,
        home=tmp_path,
    )
    assert '"fabric_model": "49"' in shown or '"fabric_model": 49' in shown
