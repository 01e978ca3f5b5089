"""The compiler beside pyavd, Arista's own library, on the same underlay: whole processes, in turn, on this machine.

    python benchmarks/peer_pyavd.py [--runs N] [SPINESxLEAFS ...]

The fabric: each spine has one link to each leaf; eBGP on numbered links, an ASN a leaf and one for the spines, no QoS. pyavd is
called as its documentation says: validate_inputs, get_avd_facts, and for each device get_device_structured_config and
get_device_config; its configurations are written to files. It is given no more than the underlay, and each port that has a
cable. We write besides: unused ports, BFD, filters, the tables of cabling and numbers, the graph, and read every file back.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from processes import INTENTS, best, compile_command, machine, quiet_directory, run, written

SIZES = ("8x64", "32x256")
START_UP = "start-up"


def inputs(spines: int, leafs: int) -> dict[str, dict[str, Any]]:
    """AVD's variables of each device; what is the fabric's is the same object for all."""
    names = [f"spine{n}" for n in range(1, spines + 1)]
    fabric: dict[str, Any] = {
        "fabric_name": "FABRIC",
        "underlay_routing_protocol": "ebgp",
        "overlay_routing_protocol": "none",
        "p2p_uplinks_mtu": 9100,
        "mgmt_gateway": "172.16.0.1",
        "spine": {
            "defaults": {"platform": "default", "bgp_as": "65000", "loopback_ipv4_pool": "10.254.0.0/24"},
            "nodes": [{"name": name, "id": n, "mgmt_ip": f"172.16.0.{n + 1}/20"} for n, name in enumerate(names, 1)],
        },
        "l3leaf": {
            "defaults": {
                "platform": "default",
                "loopback_ipv4_pool": "10.255.0.0/22",
                "uplink_ipv4_pool": "10.192.0.0/16",
                "uplink_switches": names,
                "uplink_interfaces": [f"Ethernet{n}" for n in range(1, spines + 1)],
                "uplink_interface_speed": "200g-2",
                "vtep": False,
            },
            "nodes": [
                {
                    "name": f"leaf{n}",
                    "id": n,
                    "bgp_as": str(4200000000 + n),
                    "mgmt_ip": f"172.16.{4 + n // 250}.{n % 250 + 1}/20",
                    "uplink_switch_interfaces": [f"Ethernet{n}"] * spines,
                }
                for n in range(1, leafs + 1)
            ],
        },
    }
    devices = {name: fabric | {"type": "spine"} for name in names}
    return devices | {f"leaf{n}": fabric | {"type": "l3leaf"} for n in range(1, leafs + 1)}


def render(devices: Mapping[str, dict[str, Any]], output: Path) -> None:
    """All of pyavd's work, in this process."""
    import pyavd

    valid = {}
    for name, stated in devices.items():
        found = pyavd.validate_inputs(stated)
        if found.validated_data is None:
            raise SystemExit(f"{name}: {found.validation_result}")
        valid[name] = found.validated_data
    facts = pyavd.get_avd_facts(valid)
    for name, stated in valid.items():
        configuration = pyavd.get_device_config(pyavd.get_device_structured_config(name, stated, facts))
        (output / f"{name}.cfg").write_text(configuration)


def compare(size: str, runs: int, scratch: Path) -> None:
    spines, leafs = map(int, size.split("x"))
    intent = shutil.copy(INTENTS / f"leaf-spine-{size}.yaml", scratch)  # so that no lock is left beside the intent
    outputs = scratch / "outputs"
    peer, ours = "pyavd", "fabricc"
    commands = {
        peer: [sys.executable, __file__, "--render", str(spines), str(leafs), str(outputs)],
        ours: compile_command(Path(intent), outputs),
        "fabricc --jobs 1": compile_command(Path(intent), outputs, 1),
        START_UP: [sys.executable, "-c", "import fabric_compiler.compiler"],
    }
    found = best(commands, outputs, runs)
    size_of = {}
    for name in (peer, ours):
        shutil.rmtree(outputs)
        outputs.mkdir()
        run(commands[name])
        size_of[name] = written(outputs)
    print(f"\n{size}: {spines + leafs} switches, {spines * leafs} links, best of {runs}")
    print(f"{'':<18}{'wall s':>8}{'cpu s':>8}{'MiB largest':>13}{'MiB together':>14}{'MB written':>12}{'pyavd /':>9}")
    for name, usage in found.items():
        bytes_written = f"{size_of[name] / 1e6:.1f}" if name in size_of else ""
        ratio = f"{found[peer].wall / usage.wall:.1f}"
        print(
            f"{name:<18}{usage.wall:8.2f}{usage.cpu:8.2f}{usage.peak:13.0f}{usage.together:14.0f}{bytes_written:>12}"
            f"{ratio if name.startswith('fabricc') else '':>9}"
        )
    print(f"start-up is {100 * found[START_UP].wall / found[ours].wall:.0f} % of the compile")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("sizes", nargs="*", default=SIZES, metavar="SPINESxLEAFS", help=f"of {', '.join(SIZES)}")
    arguments.add_argument("--runs", type=int, default=3, metavar="N")
    arguments.add_argument("--render", nargs=3, metavar=("SPINES", "LEAFS", "OUTPUT"), help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.render:
        spines, leafs, output = given.render
        render(inputs(int(spines), int(leafs)), Path(output))
        return
    print(machine())
    with tempfile.TemporaryDirectory(dir=quiet_directory()) as scratch:
        for size in given.sizes:
            compare(size, given.runs, Path(scratch))


if __name__ == "__main__":
    main()
