"""Kea takes the DHCP configuration of every example, the shell takes the scripts, and each switch gets what the build has."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from exports import NAMES, URL, as_json, build, exported, rows

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.export.base import Parameters
from fabric_compiler.export.inventory import read
from fabric_compiler.export.run import run

MANAGED = [name for name in NAMES if name != "unnumbered"]  # states no management

needs_kea = pytest.mark.skipif(shutil.which("kea-dhcp4") is None, reason="apt-get install kea-dhcp4-server")


def kea(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["kea-dhcp4", "-t", str(file)], capture_output=True, text=True, timeout=60, check=False)


@needs_kea
@pytest.mark.parametrize("name", MANAGED)
def test_kea_takes_the_configuration(name: str) -> None:
    done = kea(exported(name, "ztp") / "kea-dhcp4.conf")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERROR" not in done.stdout + done.stderr


@needs_kea
@pytest.mark.parametrize(
    ("old", "new"),
    [('"hw-address"', '"hw-adress"'), ("00:1c:73:00:00:00", "00:1c:73:00:00:0x"), ('"boot-file-name"', '"boot-file"'),
     ('"ip-address": "', '"ip-address": "999.')],
)  # fmt: skip
def test_kea_refuses_a_planted_error(old: str, new: str, tmp_path: Path) -> None:
    text = (exported("quickstart", "ztp") / "kea-dhcp4.conf").read_text()
    assert old in text
    (tmp_path / "kea.conf").write_text(text.replace(old, new, 1))
    assert kea(tmp_path / "kea.conf").returncode != 0


@pytest.mark.parametrize("name", MANAGED)
def test_every_switch_has_its_planned_address_and_files(name: str) -> None:
    place = exported(name, "ztp")
    (subnet,) = as_json(place / "kea-dhcp4.conf")["Dhcp4"]["subnet4"]
    hosts = {host["hostname"]: host for host in subnet["reservations"]}
    switches = {row["name"]: row for row in rows(name, "devices") if row["management"]}
    assert hosts.keys() == switches.keys()
    for host, row in switches.items():
        own = hosts[host]
        assert own["ip-address"] == row["management"]
        first = "bootstrap" if row["nos"] == "eos" else "ztp.json"
        assert {"name": "boot-file-name", "data": f"{URL}/{host}/{first}"} in own["option-data"]
        served, built = place / "http" / host, build(name) / "devices" / host
        if row["nos"] == "eos":
            assert (served / "startup-config").read_bytes() == (built / f"{host}.cfg").read_bytes()
            assert f"{URL}/{host}/startup-config" in (served / "bootstrap").read_text()
        else:
            assert {file.name: (served / file.name).read_bytes() for file in built.iterdir()} == {
                file.name: file.read_bytes() for file in built.iterdir()
            }
            sections: dict[str, Any] = as_json(served / "ztp.json")["ztp"]
            assert sections["03-configdb-json"]["url"]["source"] == f"{URL}/{host}/config_db.json"


@pytest.mark.parametrize("name", MANAGED)
def test_the_shell_takes_the_scripts(name: str) -> None:
    scripts = [*exported(name, "ztp").glob("http/*/bootstrap"), *exported(name, "ztp").glob("http/*/frr.sh")]
    for script in (*scripts[:2], *scripts[-2:]):
        done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_an_image_with_marks_of_the_shell_stays_one_word(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.csv"
    inventory.write_text("name,serial,mac\nbackend-gru1-spine-1,,00:1c:73:00:00:01\n")
    images = {"eos": "EOS$(touch${IFS}owned);x.swi"}
    place = run(build("rail-1024"), "ztp", tmp_path, Parameters(inventory=inventory, url=URL, images=images)).path
    script = (place / "http/backend-gru1-spine-1/bootstrap").read_text().replace("/mnt/flash", str(tmp_path))
    stub = tmp_path / "curl"
    stub.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >> calls\n')
    stub.chmod(0o755)
    subprocess.run(["bash", "-c", script], cwd=tmp_path, env={"PATH": f"{tmp_path}:/bin:/usr/bin"}, timeout=30, check=True)
    assert not (tmp_path / "owned").exists()
    assert f"{URL}/images/{images['eos']}" in (tmp_path / "calls").read_text().splitlines()
    assert (tmp_path / "boot-config").read_text() == f"SWI=flash:/{images['eos']}\n"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("nobody,SN1,00:1c:73:00:00:01", "FC2005"),
        ("leaf,SN1,00:1c:73:00:00", "FC2003"),
        ("leaf,SN 1;x,00:1c:73:00:00:01", "FC2003"),
        ("leaf,SN1,00:1c:73:00:00:01\nspine,SN1,00:1c:73:00:00:02", "FC2006"),
        ("leaf,SN1,00:1c:73:00:00:01\nspine,SN2,001c.7300.0001", "FC2006"),
        ("leaf,SN1,00:1c:73:00:00:01\nleaf,SN2,00:1c:73:00:00:02", "FC2006"),
        ("leaf,SN1", "FC2003"),
        ('leaf,"SN1', "FC1001"),
    ],
)
def test_a_wrong_line_of_the_inventory_is_told_with_its_place(line: str, code: str, tmp_path: Path) -> None:
    file = tmp_path / "inventory.csv"
    file.write_text(f"name,serial,mac\n{line}\n")
    with pytest.raises(CompileError) as caught:
        read(file, {"leaf", "spine"})
    found = caught.value.diagnostics[-1]
    assert found.code == code
    assert found.span
    assert found.span.file == str(file)


def test_switches_without_a_line_are_told(tmp_path: Path) -> None:
    file = tmp_path / "inventory.csv"
    file.write_text("name,serial,mac\nbackend-su1-leaf-r1,,001c.7300.0001\n")
    made = run(build("quickstart"), "ztp", tmp_path, Parameters(inventory=file, url=URL))
    assert [found.code for found in made.warnings] == ["FC8010"]
    assert made.warnings[0].message.startswith("17 switches are not in the inventory")


@pytest.mark.parametrize(
    "url", ["", "172.16.0.5", "http://x/$(reboot)", "http://x/a b", "file:///etc/passwd", "http://x/\nreboot"]
)
def test_a_url_that_is_none_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(CompileError) as caught:
        run(build("quickstart"), "ztp", tmp_path, Parameters(inventory=tmp_path / "x", url=url))
    assert caught.value.diagnostics[0].code in ("FC2002", "FC2003")
