"""Routes at rest are those that FRR gives to the kernel, on a net whose policies are written by hand."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from lab import frr_daemons
from verify.routing_net import LAYOUT, RELAX, Router, net, plugged, texts

from fabric_compiler.verify.routing.speakers import port_numbers, speaker
from fabric_compiler.verify.routing.tables import routing

pytestmark = pytest.mark.skipif(bool(frr_daemons.available()), reason=frr_daemons.available() or "FRR is there")

_SETTLED = 60.0  # seconds, at most
_POLICIES = """\
ip prefix-list LONG seq 5 deny 10.1.1.0/24
ip prefix-list LONG seq 10 permit 10.0.0.0/8 ge 20 le 24
ip prefix-list ONE seq 5 permit 10.1.2.0/24
bgp community-list standard MARKED seq 5 permit 65000:1 65000:2
bgp community-list standard MARKED seq 10 permit 65000:3
route-map LONG permit 10
 match ip address prefix-list LONG
exit
route-map MARK permit 10
 match ip address prefix-list ONE
 set community 65000:1 65000:2 additive
exit
route-map MARK permit 20
exit
route-map WORSE permit 10
 match community MARKED
 set local-preference 50
exit
route-map WORSE permit 20
exit
route-map LONGER permit 10
 set as-path prepend 65003 65003
exit
route-map LOCAL permit 10
 match ip address prefix-list ONE
 set community no-export
exit
route-map LOCAL permit 20
 set community 65000:3
exit
route-map BUT deny 10
 match ip address prefix-list ONE
exit
route-map BUT permit 20
"""
NET = {
    # two ways to each of d's prefixes: equal ones, longer ones, less preferred ones, ones that are filtered
    "a": Router(65001, accept={"b": "WORSE", "c": "WORSE", "e": "BUT"}, lines=RELAX, policies=_POLICIES),
    "b": Router(65002, announce={"f": "LONG"}, policies=_POLICIES),
    "c": Router(65003, announce={"f": "LONGER"}, policies=_POLICIES),
    "d": Router(65004, ["10.1.1.0/24", "10.1.2.0/24", "10.1.0.0/16"], announce={"b": "MARK", "e": "LOCAL"}, policies=_POLICIES),
    "e": Router(65005, ["10.5.0.0/24"], announce={"a": "LONG"}, policies=_POLICIES),
    "f": Router(65006, lines=RELAX),
    "g": Router(65002),  # b's AS: what went through b is a loop
}
CABLES = ("a b", "a c", "b d", "c d", "d e", "a e", "b f", "c f", "f g", "a g", "a c")


def test_routes_are_those_of_the_kernel() -> None:
    # else FRR prefers the oldest of equal paths
    routers = {name: replace(own, lines=(*own.lines, " bgp bestpath compare-routerid")) for name, own in NET.items()}
    graph, observed = net(routers, CABLES)
    numbers = port_numbers(LAYOUT)
    at_rest = routing(graph, [speaker(observed[n], numbers) for n in range(len(observed))])
    assert not at_rest.sessions.faults
    wanted = {name: at_rest.table(name) for name in routers}
    assert {len(ports) for table in wanted.values() for ports in table.values()} == {1, 2, 3}
    with contextlib.ExitStack() as stack:
        names = {name: f"fr{name}" for name in routers}
        running = {name: stack.enter_context(frr_daemons.router(own, fpm=False)) for name, own in names.items()}
        for a, a_port, b, b_port in plugged(CABLES):
            _ip("-n", names[a], "link", "add", f"p{a_port}", "type", "veth", "peer", "name", f"p{b_port}", "netns", names[b])
            for name, port in ((a, a_port), (b, b_port)):
                _ip("-n", names[name], "link", "set", f"p{port}", "up")
        for name, text in texts(routers, CABLES).items():
            assert running[name].load(text) == []
        until = time.monotonic() + _SETTLED
        while (found := {name: _kernel(own) for name, own in names.items()}) != wanted and time.monotonic() < until:
            time.sleep(0.5)
        assert found == wanted


def _kernel(namespace: str) -> dict[str, tuple[str, ...]]:
    """The routes of BGP in the kernel's table: ports by prefix."""
    found = {}
    for route in json.loads(_ip("-n", namespace, "-j", "route", "show", "proto", "bgp")):
        hops: Sequence[dict[str, str]] = route.get("nexthops", [route])
        prefix = route["dst"] if "/" in route["dst"] else f"{route['dst']}/32"
        found[prefix] = tuple(sorted({hop["dev"] for hop in hops}))
    return found


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout
