"""FRR itself takes every line that we render, gives it back as written, and brings sessions up on it (root, Debian's frr)."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hostile import HOSTILE
from lab.frr_daemons import Router, available, router
from targets.model_factory import leaf, spine

from fabric_compiler.model.device import SwitchModel
from fabric_compiler.targets import frr, sonic

pytestmark = pytest.mark.skipif(bool(available()), reason=available() or "FRR is here")

SHAPES = {
    "leaf unnumbered": leaf(),
    "leaf numbered": leaf(unnumbered=False, dual_stack=False),
    "leaf dual stack": leaf(unnumbered=False),
    "leaf ipv6 links": leaf(unnumbered=False, ipv6_links=True),
    "leaf vlan": leaf(vlan=True),
    "leaf port drained": leaf(drained_ports=(0,)),
    "leaf numbered port drained": leaf(unnumbered=False, drained_ports=(1,)),
    "leaf drained": leaf(drained=True),
    "leaf without bfd": leaf(bfd=False),
    "leaf of eos": leaf("eos"),
    "spine unnumbered": spine(),
    "spine numbered": spine(unnumbered=False),
    "spine drained": spine(drained=True),
}

# Written for a reader though FRR leaves them out, being its defaults; and numbers that FRR gives back as words
_UNSAID = {
    "bgp ebgp-requires-policy",
    "bgp graceful-restart restart-time 120",
    "detect-multiplier 3",
    "transmit-interval 300",
    "receive-interval 300",
}


@pytest.fixture(scope="module")
def frr_router() -> Iterator[Router]:
    with router(f"fvload{os.getpid()}") as made:
        yield made


def as_shown(text: str) -> list[str]:
    """The lines that FRR would show of a file, which is loaded over what was there before."""
    shown = [said.strip().replace("65535:0", "graceful-shutdown") for said in text.splitlines()]
    return [said for said in shown if said and said[0] != "!" and said not in _UNSAID and not said.startswith("hostname ")]


def test_complaints_are_seen(frr_router: Router) -> None:
    complaints = frr_router.load("foo bar\n")
    assert len(complaints) == 1
    assert "foo bar" in complaints[0]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("target", ["sonic", "frr"])
def test_frr_takes_every_line_and_gives_it_back(shape: str, target: str, frr_router: Router) -> None:
    model = SHAPES[shape]
    with_own_name = replace(model, name=f"{target}-{model.name}")
    render = sonic.render if target == "sonic" else frr.render
    text = render(with_own_name)["frr.conf"].decode()
    clear(frr_router)
    assert frr_router.load(text) == []
    running = {said.strip() for said in frr_router.vtysh("show running-config").splitlines()}
    # the forwarding plane's module shows its lines on SONiC only
    expected = [said for said in as_shown(text) if "fpm" not in said]
    assert [said for said in expected if said not in running] == []


def clear(made: Router) -> None:
    """Take out the BGP instance of the last load; a second ASN would be refused."""
    running = made.vtysh("show running-config")
    instances = [said for said in running.splitlines() if said.startswith("router bgp ")]
    for instance in instances:
        made.vtysh(f"configure terminal\nno {instance}")


def test_no_description_breaks_out_of_its_line(frr_router: Router) -> None:
    model = spine(links=len(HOSTILE), cages=len(HOSTILE) + 1)
    bgp = model.routing.bgp
    neighbors = tuple(replace(n, description=text) for n, text in zip(bgp.neighbors, HOSTILE, strict=True))
    text = sonic.render(replace(model, routing=replace(model.routing, bgp=replace(bgp, neighbors=neighbors))))[
        "frr.conf"
    ].decode()
    clear(frr_router)
    assert frr_router.load(text) == []
    described = [said for said in text.splitlines() if " description " in said]
    assert set(described) <= set(frr_router.vtysh("show running-config").splitlines())


def established(made: Router, family: str) -> list[str]:
    said = json.loads(made.vtysh(f"show bgp {family} unicast summary json") or "{}")
    return [name for name, peer in said.get("peers", {}).items() if peer["state"] == "Established" and peer["pfxRcd"]]


def pair() -> tuple[SwitchModel, SwitchModel]:
    """A leaf and a spine with one link; both must call FRR's fabric profile the same."""
    return leaf(uplinks=1, full_management=False), spine(links=1, full_management=False)


def test_a_link_without_addresses_carries_both_families_and_bfd() -> None:
    down, up = pair()
    ours, theirs = (f"fv{role}{os.getpid()}" for role in ("leaf", "spine"))
    port, far_port = down.interfaces[4].name, up.interfaces[0].name
    with router(ours) as first, router(theirs) as second:
        link = ["ip", "-n", ours, "link", "add", port, "type", "veth", "peer", "name", far_port, "netns", theirs]
        subprocess.run(link, check=True)
        for namespace, name in ((ours, port), (theirs, far_port)):
            subprocess.run(["ip", "-n", namespace, "link", "set", name, "up"], check=True)
        assert first.load(frr.render(down)["frr.conf"].decode()) == []
        assert second.load(frr.render(up)["frr.conf"].decode()) == []
        until = time.monotonic() + 45
        while time.monotonic() < until and not (established(first, "ipv4") and established(first, "ipv6")):
            time.sleep(0.2)
        assert established(first, "ipv4") == [port]
        assert established(first, "ipv6") == [port]
        assert established(second, "ipv4") == [far_port]
        while time.monotonic() < until and '"status":"up"' not in first.vtysh("show bfd peers json"):
            time.sleep(0.2)
        peers = json.loads(first.vtysh("show bfd peers json"))
        assert [(p["status"], p["transmit-interval"], p["detect-multiplier"]) for p in peers] == [("up", 300, 3)]
