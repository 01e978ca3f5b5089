"""A running FRR takes the routing of every example intent, and four of its switches exchange what the plan promises."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from examples import ETHERNET, Example
from fabrics import intent
from lab.frr_daemons import Router, available, router
from lab.test_frr_loads import clear

from fabric_compiler.compiler import Options, analyse, workshop
from fabric_compiler.model.device import Prefix, SwitchModel
from fabric_compiler.targets import frr
from fabric_compiler.targets.frr import linux_name
from fabric_compiler.targets.text import prefix

pytestmark = [
    pytest.mark.skipif(bool(available()), reason=available() or "FRR is here"),
    pytest.mark.xdist_group("frr-intents"),
]

SMALL = 24  # switches; of larger fabrics the first and last of each role are loaded
WAIT = 60.0


@pytest.fixture(scope="module")
def frr_router() -> Iterator[Router]:
    with router(f"fvint{os.getpid()}") as made:
        yield made


@pytest.mark.parametrize("name", ETHERNET)
def test_frr_takes_the_routing_of_every_example(name: str, example: Callable[[str], Example], frr_router: Router) -> None:
    found = example(name)
    switches = [index for index, device in enumerate(found.devices) if device.kind == "switch"]
    for index in switches if len(switches) <= SMALL else found.firsts("switch"):
        model, files = found.model(index), found.files(index)
        assert isinstance(model, SwitchModel)
        texts = [frr.render(model)["frr.conf"]]  # as the lab runs any switch
        texts += [files["frr.conf"]] if "frr.conf" in files else []
        for text in texts:
            clear(frr_router)
            assert frr_router.load(text.decode()) == [], model.name


# Two spines over two leafs; what is left out is derived: how many links are between each two of them
LINKS = {
    "unnumbered": {"hosts": ["10.0.0.0/12", "fd00:10::/48"], "loopbacks": ["10.254.0.0/16", "fd00:254::/64"]},
    "numbered dual stack": {
        "hosts": ["10.0.0.0/12", "fd00:10::/48"],
        "loopbacks": ["10.254.0.0/16", "fd00:254::/64"],
        "links": ["10.240.0.0/16", "fd00:240::/64"],
    },
    "numbered subnets under EOS": {"hosts": "10.0.0.0/12", "links": "10.240.0.0/16", "servers": "subnet"},
}


@pytest.mark.parametrize("links", LINKS)
def test_a_leaf_reaches_the_others_aggregate_over_all_its_uplinks(links: str, tmp_path: Path) -> None:
    leaf = {"switch": "7060x6-64pe", "nos": "eos"} if "EOS" in links else {"switch": "sn5600"}
    tree = intent(
        2, 4, topology={"kind": "leaf-spine", "oversubscription": "8:1"}, leaf=leaf | {"downlinks": 32, "uplinks": 4},
        spine={"switch": "sn5600"}, addressing=LINKS[links], headroom="16:1",
    )  # fmt: skip
    models = switches(tree, tmp_path / "x.yaml")
    leafs = [model for model in models if model.role == "leaf"]
    assert (len(leafs), len(models)) == (2, 4)
    with ExitStack() as stack:
        running = {model.name: stack.enter_context(router(f"fv{n}x{os.getpid()}")) for n, model in enumerate(models)}
        connect(models, running)
        for model in models:
            assert running[model.name].load(frr.render(model)["frr.conf"].decode()) == []
        for here, there in (leafs, leafs[::-1]):
            ports = sorted(linux_name(port.name) for port in here.interfaces if port.role == "fabric")
            assert len(ports) == 4
            for wanted in (*there.routing.bgp.networks, *there.loopbacks):
                assert settled(running[here.name], wanted, ports) == ports
        # a leaf is never a transit: a spine has no way to the other one
        spines = [model for model in models if model.role == "spine"]
        for wanted in spines[0].loopbacks:
            assert ways(running[spines[1].name], wanted) == []


def switches(tree: dict[str, Any], path: Path) -> list[SwitchModel]:
    path.write_text(json.dumps(tree))
    analysis = analyse(path, Options())
    bench = workshop(analysis, Options())
    made = [bench.model(index) for index, device in enumerate(analysis.graph.devices) if device.kind == "switch"]
    return [model for model in made if isinstance(model, SwitchModel)]


def connect(models: list[SwitchModel], running: dict[str, Router]) -> None:
    """A pair of virtual ports for each cable between switches, and for each VLAN of servers one that leads nowhere."""
    for model in models:
        for vlan in model.vlans:
            here = running[model.name].name
            ip("-n", here, "link", "add", f"vlan{vlan.id}", "type", "veth", "peer", "name", "servers")
            for name in (f"vlan{vlan.id}", "servers"):
                ip("-n", here, "link", "set", name, "up")
        for port in model.interfaces:
            if port.role != "fabric" or model.role != "leaf":
                continue
            ours, theirs = running[model.name].name, running[port.peer_device].name
            name, far = linux_name(port.name), linux_name(port.peer_port)
            ip("-n", ours, "link", "add", name, "type", "veth", "peer", "name", far, "netns", theirs)
            ip("-n", ours, "link", "set", name, "up")
            ip("-n", theirs, "link", "set", far, "up")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def ways(of: Router, wanted: Prefix) -> list[str]:
    """The interfaces over which the kernel was given the route."""
    command = f"show {'ip' if wanted.version == 4 else 'ipv6'} route {prefix(wanted)} json"
    routes = json.loads(of.vtysh(command) or "{}").get(prefix(wanted), [])
    hops = [hop for route in routes if route["protocol"] == "bgp" for hop in route["nexthops"]]
    return sorted(hop["interfaceName"] for hop in hops if hop.get("fib"))


def settled(of: Router, wanted: Prefix, ports: list[str]) -> list[str]:
    """The ways at the end of the wait, or as soon as they are those over `ports`."""
    until = time.monotonic() + WAIT
    while (said := ways(of, wanted)) != ports and time.monotonic() < until:
        time.sleep(0.2)
    return said
