"""netplan itself takes the rendered files, and what we state arrives in systemd-networkd's own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from targets.server_factory import GPU_NETDEVS, STORAGE_NETDEVS, server

from fabric_compiler.model.device import ServerModel
from fabric_compiler.targets.hosts import NETPLAN, render
from fabric_compiler.targets.text import address, prefix

pytestmark = pytest.mark.skipif(shutil.which("netplan") is None, reason="netplan is missing: apt-get install netplan.io")

Section = tuple[str, Mapping[str, list[str]]]


def generate(model: ServerModel, root: Path) -> dict[str, list[Section]]:
    """The .network files that netplan makes, by NIC."""
    place = root / "etc/netplan" / NETPLAN
    place.parent.mkdir(parents=True)
    place.write_bytes(render(model)[NETPLAN])
    place.chmod(0o600)
    result = subprocess.run(
        ["netplan", "generate", "--root-dir", root], capture_output=True, text=True, timeout=30, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    made = {}
    for nic in model.nics:
        made[nic.netdev] = sections((root / f"run/systemd/network/10-netplan-{nic.netdev}.network").read_text())
    return made


def sections(text: str) -> list[Section]:
    found: list[tuple[str, dict[str, list[str]]]] = []
    for line in text.splitlines():
        if line.startswith("["):
            found.append((line.strip("[]"), {}))
        elif "=" in line:
            key, _, value = line.partition("=")
            found[-1][1].setdefault(key, []).append(value)
    return [*found]


def values(of: list[Section], section: str, key: str) -> list[str]:
    return [value for name, fields in of if name == section for value in fields.get(key, [])]


@pytest.mark.parametrize(
    "planted", [("mtu:", "mtus:"), ("dhcp4:", "dhcp_4:"), ("addresses:", "address:"), ("via:", "gateway:")]
)
def test_an_unknown_key_is_refused(planted: tuple[str, str], tmp_path: Path) -> None:
    text = render(server(versions=(4,)))[NETPLAN].decode()
    assert planted[0] in text
    place = tmp_path / "etc/netplan" / NETPLAN
    place.parent.mkdir(parents=True)
    place.write_text(text.replace(*planted, 1))
    place.chmod(0o600)
    command = ["netplan", "generate", "--root-dir", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    assert "unknown key" in done.stderr


CASES = {
    "ipv4 point to point": server(versions=(4,)),
    "ipv6 point to point": server(versions=(6,)),
    "dual stack point to point": server(versions=(4, 6), own_tables=True),
    "ipv4 subnet": server(addressing="subnet", own_tables=True),
    "dual stack subnet": server(versions=(4, 6), addressing="subnet", own_tables=True),
    "several networks": server(storage=True),
}


@pytest.mark.parametrize("name", CASES)
def test_addresses_routes_and_mtu_arrive_in_networkd(name: str, tmp_path: Path) -> None:
    model = CASES[name]
    made = generate(model, tmp_path)
    for nic in model.nics:
        of = made[nic.netdev]
        assert values(of, "Match", "Name") == [nic.netdev]
        assert values(of, "Link", "MTUBytes") == [str(nic.mtu)]
        assert sorted(values(of, "Network", "Address")) == sorted(prefix(a) for a in nic.addresses)
        assert values(of, "Network", "IPv6AcceptRA") == ["no"]
        assert not values(of, "Network", "DHCP")
        assert values(of, "Network", "LinkLocalAddressing") == ["ipv6" if any(a.version == 6 for a in nic.addresses) else "no"]
        routes = {
            (f["Destination"][0], f["Gateway"][0], f.get("Metric", ["0"])[0], f.get("Table", ["0"])[0])
            for section, f in of
            if section == "Route" and "Gateway" in f
        }
        assert routes == {(prefix(r.destination), address(r.via), str(r.metric), str(r.table)) for r in nic.routes}


def test_what_leaves_from_a_nics_own_address_is_looked_up_in_its_own_table(tmp_path: Path) -> None:
    model = server(addressing="subnet", own_tables=True)
    made = generate(model, tmp_path)
    for nic in model.nics:
        rules = [(f["From"], f["Table"]) for section, f in made[nic.netdev] if section == "RoutingPolicyRule"]
        assert rules == [([f"{address(a)}/32"], [str(nic.table)]) for a in nic.addresses]
        on_link = [f for section, f in made[nic.netdev] if section == "Route" and "Gateway" not in f]
        assert [(f["Destination"], f["Table"]) for f in on_link] == [([f"10.{nic.rail}.0.0/24"], [str(nic.table)])]


def test_networks_keep_their_own_mtu(tmp_path: Path) -> None:
    made = generate(server(storage=True), tmp_path)
    assert {values(made[n], "Link", "MTUBytes")[0] for n in GPU_NETDEVS} == {"9100"}
    assert {values(made[n], "Link", "MTUBytes")[0] for n in STORAGE_NETDEVS} == {"9000"}
