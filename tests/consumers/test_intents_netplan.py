"""netplan itself takes what every example intent gives its servers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from consumers.test_hosts_netplan import sections, values
from examples import ETHERNET, Example

from fabric_compiler.model.device import ServerModel
from fabric_compiler.targets.hosts import NETPLAN
from fabric_compiler.targets.text import prefix

pytestmark = pytest.mark.skipif(shutil.which("netplan") is None, reason="netplan is missing: apt-get install netplan.io")

MOST = 4  # pods of an intent


@pytest.mark.parametrize("name", ETHERNET)
def test_netplan_takes_a_server_of_each_pod(name: str, tmp_path: Path) -> None:
    example = Example(name)
    for index in list(example.firsts("server"))[:MOST]:
        model = example.model(index)
        assert isinstance(model, ServerModel)
        root = tmp_path / model.name
        place = root / "etc/netplan" / NETPLAN
        place.parent.mkdir(parents=True)
        place.write_bytes(example.files(index)[NETPLAN])
        place.chmod(0o600)
        command = ["netplan", "generate", "--root-dir", root]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr) == (0, ""), model.name
        for nic in model.nics:
            made = sections((root / f"run/systemd/network/10-netplan-{nic.netdev}.network").read_text())
            assert sorted(values(made, "Network", "Address")) == sorted(map(prefix, nic.addresses))
