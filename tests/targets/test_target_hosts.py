from __future__ import annotations

import dataclasses
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hostile import HOSTILE
from targets.server_factory import GPU_NETDEVS, leaf_like_qos, nic_qos, prefix, server

from fabric_compiler.model.device import NicQos, Route, ServerModel
from fabric_compiler.targets.hosts import NETPLAN, ROCE, SYSCTL, TARGET, render


def netplan(model: ServerModel) -> str:
    return render(model)[NETPLAN].decode()


def roce(*qos: NicQos, storage: bool = False) -> str:
    return render(server(storage=storage, qos=qos))[ROCE].decode()


def commands(script: str) -> list[str]:
    return [line.strip() for line in script.splitlines() if not line.startswith("#")]


def test_the_target_renders_servers_into_hosts() -> None:
    assert (TARGET.name, TARGET.directory, TARGET.render) == ("hosts", "hosts", render)


def test_a_nic_has_its_address_mtu_and_rail_routes() -> None:
    text = netplan(server(1, rails=2))
    assert (
        '    "enp24s0np0":\n'
        "      dhcp4: false\n"
        "      dhcp6: false\n"
        "      accept-ra: false\n"
        "      link-local: []\n"
        "      mtu: 9100\n"
        "      addresses:\n"
        '        - "10.1.0.3/31"\n'
        "      routes:\n"
        '        - {to: "10.2.0.0/16", via: "10.1.0.2", metric: 100}\n'
        "    # backend, to backend-su1-leaf-r2 Ethernet8\n"
    ) in text


def test_ipv6_needs_its_link_local_address() -> None:
    assert "link-local: [ipv6]" in netplan(server(versions=(6,)))
    assert "link-local: [ipv6]" not in netplan(server(versions=(4,)))


def test_a_gateway_outside_the_nics_subnets_is_said_to_be_on_link() -> None:
    model = server(rails=1)
    nic = dataclasses.replace(model.nics[0], routes=(Route(prefix("10.9.0.0/16"), prefix("10.8.0.1/32"), 0, 0),))
    text = netplan(dataclasses.replace(model, nics=(nic,)))
    assert '- {to: "10.9.0.0/16", via: "10.8.0.1", on-link: true}' in text
    assert "on-link" not in netplan(model)


def test_an_ipv6_link_local_gateway_is_on_every_link() -> None:
    model = server(versions=(6,), rails=1)
    nic = dataclasses.replace(model.nics[0], routes=(Route(prefix("::/0"), prefix("fe80::1/128"), 0, 0),))
    assert "on-link" not in netplan(dataclasses.replace(model, nics=(nic,)))


def test_a_nics_own_table_knows_its_subnet_unless_it_is_stated() -> None:
    model = server(addressing="subnet", own_tables=True, rails=1)
    assert '- {to: "10.1.0.0/24", table: 101}' in netplan(model)
    nic = model.nics[0]
    stated = dataclasses.replace(nic, routes=(Route(prefix("10.1.0.0/24"), prefix("10.1.0.1/32"), 101, 0),))
    assert '- {to: "10.1.0.0/24", table: 101}' not in netplan(dataclasses.replace(model, nics=(stated,)))
    assert '- {to: "10.1.0.0/24", via: "10.1.0.1", table: 101}' in netplan(dataclasses.replace(model, nics=(stated,)))


def test_a_point_to_point_link_needs_no_route_to_its_subnet() -> None:
    assert "/31" not in netplan(server(own_tables=True, rails=1)).partition("routes:")[2]


def test_nics_answer_arp_for_themselves_only() -> None:
    text = render(server())[SYSCTL].decode()
    for netdev in GPU_NETDEVS:
        for setting in ("rp_filter = 2", "arp_announce = 2", "arp_ignore = 1"):
            assert f"net/ipv4/conf/{netdev}/{setting}\n" in text


def test_files_that_would_say_nothing_are_left_out() -> None:
    assert render(server(rails=0)) == {}
    assert set(render(server(qos=()))) == {NETPLAN, SYSCTL}
    assert set(render(server(versions=(6,)))) == {NETPLAN, ROCE}
    assert ROCE not in render(server(qos=(nic_qos("compute"),)))


def test_the_nic_trusts_dscp_and_pauses_the_lossless_priority_only() -> None:
    assert 'quietly mlnx_qos -i "$1" --trust dscp --pfc 0,0,0,1,0,0,0,0 || return' in commands(roce(nic_qos()))
    assert 'quietly mlnx_qos -i "$1" --trust dscp --pfc 0,0,0,0,0,0,0,0 || return' in commands(
        roce(nic_qos(lossless_priority=-1))
    )


def test_data_and_cnp_carry_their_dscp() -> None:
    lines = commands(roce(nic_qos()))
    assert 'quietly cma_roce_tos -d "${rdma##*/}" -t 106 || return' in lines
    assert 'echo 106 > /sys/class/infiniband/"${rdma##*/}"/tc/1/traffic_class || return' in lines
    assert 'echo 48 > /sys/class/net/"$1"/ecn/roce_np/cnp_dscp || return' in lines


def test_ecn_acts_on_both_ends_of_its_priorities() -> None:
    lines = commands(roce(dataclasses.replace(nic_qos(), ecn_priorities=(3, 4))))
    for point in ("roce_np", "roce_rp"):
        for priority in (3, 4):
            assert f'echo 1 > /sys/class/net/"$1"/ecn/{point}/enable/{priority} || return' in lines


def test_only_what_differs_from_the_nics_default_is_mapped_and_the_two_classes_always() -> None:
    assert [line for line in commands(roce(nic_qos(moved={10: 0}))) if line.startswith("for dscp")] == [
        "for dscp in 10; do",
        "for dscp in 26; do",
        "for dscp in 48; do",
    ]


def test_each_network_sets_its_own_nics() -> None:
    script = roce(nic_qos(), nic_qos("storage", lossless_priority=-1), storage=True)
    backend, storage = (line for line in script.splitlines() if line.startswith("for netdev"))
    assert backend == f"for netdev in {' '.join(GPU_NETDEVS)}; do"
    assert storage == "for netdev in enp170s0f0np0 enp41s0f0np0; do"


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", "$(reboot)", "-i", "a" * 16, "eth0\n", "é0", 'a"', "a:b"])
def test_a_name_that_no_network_device_has_is_refused(name: str) -> None:
    model = server(rails=1)
    with pytest.raises(ValueError, match="no name of a network device"):
        render(dataclasses.replace(model, nics=(dataclasses.replace(model.nics[0], netdev=name),)))


def test_two_nics_of_one_name_are_refused() -> None:
    model = server(rails=1)
    with pytest.raises(ValueError, match="two NICs of one name: enp24s0np0, enp24s0np0"):
        render(dataclasses.replace(model, nics=model.nics * 2))


@pytest.mark.parametrize("name", ["no", "on", "1e3", "null", "0x10", "12"])
def test_a_name_stays_a_string_in_yaml(name: str) -> None:
    model = server(rails=1)
    text = netplan(dataclasses.replace(model, nics=(dataclasses.replace(model.nics[0], netdev=name),)))
    assert list(yaml.load(text, yaml.CSafeLoader)["network"]["ethernets"]) == [name]


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_hostile_words_stay_in_their_comment(hostile: str) -> None:
    honest = server(rails=2, own_tables=True)
    nics = tuple(dataclasses.replace(n, network=hostile, peer_device=hostile, peer_port=hostile) for n in honest.nics)
    qos = tuple(dataclasses.replace(q, network=hostile) for q in honest.qos)
    attacked = dataclasses.replace(honest, name=hostile, nics=nics, qos=qos)
    plain, files = render(honest), render(attacked)
    assert files.keys() == plain.keys()
    for path, content in files.items():
        assert content.isascii()
        assert _without_comments(content) == _without_comments(plain[path])
    assert yaml.load(files[NETPLAN], yaml.CSafeLoader) == yaml.load(plain[NETPLAN], yaml.CSafeLoader)


def _without_comments(content: bytes) -> list[bytes]:
    lines = content.split(b"\n")
    return [b"#" if line.lstrip().startswith(b"#") and not line.startswith(b"#!") else line for line in lines]


def test_rendering_does_not_depend_on_the_hash_seed() -> None:
    code = (
        "import sys, hashlib; from targets.server_factory import server; from fabric_compiler.targets.hosts import render\n"
        "print(hashlib.sha256(repr(render(server(versions=(4, 6), own_tables=True, storage=True))).encode()).hexdigest())"
    )
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root), str(root / "tests")])
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": path, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1


class FakeHost:
    """A /sys with NICs, and tools that note how they were called."""

    def __init__(self, place: Path, netdevs: list[str]) -> None:
        self.sys, self.bin, self.log = place / "sys", place / "bin", place / "log"
        for index, netdev in enumerate(netdevs):
            net = self.sys / "class/net" / netdev
            (net / f"device/infiniband/mlx5_{index}").mkdir(parents=True)
            (self.sys / f"class/infiniband/mlx5_{index}/tc/1").mkdir(parents=True)
            for point in ("roce_np", "roce_rp"):
                (net / "ecn" / point / "enable").mkdir(parents=True)
        self.bin.mkdir()
        for tool in ("mlnx_qos", "cma_roce_tos"):
            program = self.bin / tool
            program.write_text(f'#!/bin/sh\necho "{tool} $*" >> "{self.log}"\n')
            program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        here = script.replace("/sys/class", f"{self.sys}/class")
        environment = {"PATH": f"{self.bin}:/usr/bin:/bin"}
        return subprocess.run(["sh", "-c", here], env=environment, capture_output=True, text=True, timeout=30, check=False)

    def calls(self) -> list[str]:
        return sorted(self.log.read_text().splitlines())

    def state(self) -> dict[str, str]:
        return {str(p.relative_to(self.sys)): p.read_text() for p in sorted(self.sys.rglob("*")) if p.is_file()}


def test_the_script_sets_every_nic_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, GPU_NETDEVS)
    script = roce(nic_qos())
    first = host.run(script)
    assert (first.returncode, first.stdout, first.stderr) == (0, "", "")
    state, calls = host.state(), host.calls()
    assert state["class/infiniband/mlx5_0/tc/1/traffic_class"] == "106\n"
    assert state["class/net/enp220s0np0/ecn/roce_np/cnp_dscp"] == "48\n"
    assert state["class/net/enp220s0np0/ecn/roce_rp/enable/3"] == "1\n"
    assert [c for c in calls if "enp24s0np0" in c] == [
        "mlnx_qos -i enp24s0np0 --dscp2prio set,26,3",
        "mlnx_qos -i enp24s0np0 --dscp2prio set,48,6",
        "mlnx_qos -i enp24s0np0 --trust dscp --pfc 0,0,0,1,0,0,0,0",
    ]
    assert [c for c in calls if "mlx5_7" in c] == ["cma_roce_tos -d mlx5_7 -t 106"]
    assert host.run(script).returncode == 0
    assert host.state() == state


def test_a_nic_that_fails_is_named_and_the_others_are_set(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, GPU_NETDEVS[1:])
    result = host.run(roce(leaf_like_qos()))
    assert result.returncode == 1
    assert f"{GPU_NETDEVS[0]}: RoCE settings are incomplete" in result.stderr
    assert result.stderr.count("incomplete") == 1
    assert sum(path.endswith("traffic_class") for path in host.state()) == 7


def test_what_a_failing_tool_said_is_shown(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, GPU_NETDEVS)
    (host.bin / "mlnx_qos").write_text("#!/bin/sh\necho Priority trust state is not supported on your system\nexit 1\n")
    result = host.run(roce(nic_qos()))
    assert (result.returncode, result.stdout) == (1, "")
    assert "Priority trust state is not supported on your system" in result.stderr
