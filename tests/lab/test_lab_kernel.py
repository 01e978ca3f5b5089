"""What the lab tells the kernel and hears of it is what Debian's `ip` sees; nothing of it is seen outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from lab.frr_daemons import available
from targets.model_factory import prefix

from fabric_compiler.lab import namespaces
from fabric_compiler.lab.netlink import Socket
from fabric_compiler.targets.text import prefix as shown

pytestmark = pytest.mark.skipif(bool(available()), reason=available() or "root and iproute2 are here")
WIRE = {"Ethernet0": "et1_1"}


@pytest.fixture
def two() -> Iterator[tuple[str, str]]:
    names = (f"fk{os.getpid()}a", f"fk{os.getpid()}b")
    namespaces.create(names)
    yield names
    namespaces.remove(names)


def ip(namespace: str, *words: str) -> Any:
    said = subprocess.run(["ip", "-n", namespace, "-j", *words], capture_output=True, text=True, check=True).stdout
    return json.loads(said or "[]")


def eventually(look: Callable[[], object], wanted: object) -> bool:
    """The kernel tells of a carrier a little later."""
    until = time.monotonic() + 5
    while (seen := look()) != wanted and time.monotonic() < until:
        time.sleep(0.05)
    return seen == wanted


def joined(two: tuple[str, str], wires: Mapping[str, str] = WIRE) -> tuple[Socket, Socket]:
    """Wires between them, up."""
    places = [namespaces.descriptor(name) for name in two]
    with Socket() as host:
        for name, far in wires.items():
            host.add_veth(name, places[0], far, places[1])
    for place in places:
        os.close(place)
    kernels = namespaces.kernel_of(two[0]), namespaces.kernel_of(two[1])
    for kernel in kernels:
        for name, link in kernel.links().items():
            if name != "lo":
                kernel.set_link(link.index, up=True, mtu=9100)
    return kernels


def test_a_wire_ends_in_both_namespaces_and_is_not_seen_outside(two: tuple[str, str]) -> None:
    one, other = joined(two)
    here, there = one.links()["Ethernet0"], other.links()["et1_1"]
    assert (here.peer, there.peer) == (there.index, here.index)
    assert there.mtu == 9100
    place = namespaces.descriptor(two[1])
    assert here.peer_namespace == one.namespace_number(place)
    os.close(place)
    assert "Ethernet0" not in subprocess.run(["ip", "link"], capture_output=True, text=True, check=True).stdout
    other.set_link(there.index, up=False)
    assert eventually(lambda: one.links()["Ethernet0"].running, False)


def test_addresses_routes_and_rules_are_as_ip_shows_them(two: tuple[str, str]) -> None:
    kernel, _ = joined(two)
    link = kernel.links()["Ethernet0"].index
    for own in ("10.0.0.1/31", "10.1.0.2/24", "fd00::1/127"):
        kernel.add_address(link, prefix(own))
    kernel.add_route(prefix("10.9.0.0/16"), link, via=prefix("10.0.0.0/32"), metric=100)
    kernel.add_route(prefix("10.0.0.0/8"), link, via=prefix("10.0.0.0/32"), table=1001)
    kernel.add_route(prefix("fd00:9::/48"), link, via=prefix("fd00::/128"), metric=100)
    kernel.add_route(prefix("0.0.0.0/0"), link, via=prefix("192.0.2.1/32"), on_link=True)
    kernel.add_rule(prefix("10.0.0.1/32"), 1001)
    held = {
        f"{own['local']}/{own['prefixlen']}"
        for row in ip(two[0], "address", "show", "dev", "Ethernet0")
        for own in row["addr_info"]
    }
    assert {"10.0.0.1/31", "10.1.0.2/24", "fd00::1/127"} <= held
    assert {shown(own) for number, own in kernel.addresses() if number == link} == held
    for version, words in ((4, ("route",)), (6, ("-6", "route"))):
        expected = {
            ("0.0.0.0/0" if row["dst"] == "default" else row["dst"], row.get("gateway", ""), row.get("metric", 0))
            for row in ip(two[0], *words)
        }
        found = {(shown(route.destination), route.hops[0].via, route.metric) for route in kernel.routes(version)}
        assert found == expected
    assert [row["table"] for row in ip(two[0], "rule") if row.get("src") == "10.0.0.1"] == ["1001"]
    assert {row["dst"] for row in ip(two[0], "route", "show", "table", "1001")} == {"10.0.0.0/8"}


def test_a_route_over_several_ports_has_its_hops_and_knows_the_dead_ones(two: tuple[str, str]) -> None:
    kernel, other = joined(two, {"Ethernet0": "et1_1", "Ethernet4": "et1_2"})
    links = kernel.links()
    for name, own in (("Ethernet0", "10.0.0.1/31"), ("Ethernet4", "10.0.1.1/31")):
        kernel.add_address(links[name].index, prefix(own))
    words = "route add 10.9.0.0/16 proto bgp nexthop via 10.0.0.0 dev Ethernet0 nexthop via 10.0.1.0 dev Ethernet4"
    subprocess.run(["ip", "-n", two[0], *words.split()], check=True)

    def hops() -> list[tuple[int, str, bool]]:
        (route,) = [found for found in kernel.routes(4) if found.destination == prefix("10.9.0.0/16")]
        return [(hop.link, hop.via, hop.alive) for hop in route.hops]

    first, second = (links[name].index for name in ("Ethernet0", "Ethernet4"))
    assert hops() == [(first, "10.0.0.0", True), (second, "10.0.1.0", True)]
    other.set_link(other.links()["et1_2"].index, up=False)
    assert eventually(hops, [(first, "10.0.0.0", True), (second, "10.0.1.0", False)])


def test_what_the_kernel_refuses_is_an_error_of_the_system(two: tuple[str, str]) -> None:
    kernel, _ = joined(two)
    kernel.add_bridge("Vlan100")
    with pytest.raises(FileExistsError):
        kernel.add_bridge("Vlan100")
    with pytest.raises(OSError, match="nreachable"):
        kernel.add_route(prefix("10.9.0.0/16"), kernel.links()["Ethernet0"].index, via=prefix("192.0.2.1/32"))
    with pytest.raises(FileExistsError):
        namespaces.create([two[0]])


def test_what_a_thread_starts_inside_is_found_there_and_the_thread_comes_back(two: tuple[str, str]) -> None:
    own = Path("/proc/thread-self/ns/net").stat().st_ino
    with namespaces.inside(two[0]):
        assert Path("/proc/thread-self/ns/net").stat().st_ino != own
        sleeper = subprocess.Popen(["sleep", "60"])
    try:
        assert Path("/proc/thread-self/ns/net").stat().st_ino == own
        assert namespaces.processes([two[0]]) == [sleeper.pid]
        assert namespaces.processes([two[1]]) == []
        namespaces.kill(lambda: namespaces.processes(two))
        assert sleeper.wait(10) == -signal.SIGKILL
    finally:
        sleeper.kill()


def test_what_a_secluded_thread_starts_reaches_no_syslog_and_leaves_no_file(tmp_path: Path) -> None:
    """A socket stands for /dev/log, a directory for /var/tmp; everybody else sees both as they are."""
    place, private = tmp_path / "log", tmp_path / "private"
    private.mkdir()
    say = f"import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'heard', {str(place)!r})"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(place))
        log.settimeout(5)
        codes: list[int] = []

        def hidden() -> None:
            namespaces.seclude(str(place), str(private))
            subprocess.run(["touch", str(private / "file")], check=True)
            codes.append(subprocess.run([sys.executable, "-c", say], capture_output=True, check=False).returncode)

        thread = threading.Thread(target=hidden)
        thread.start()
        thread.join()
        assert codes == [1]
        assert subprocess.run([sys.executable, "-c", say], capture_output=True, check=False).returncode == 0
        assert log.recv(100) == b"heard"
    assert list(private.iterdir()) == []
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
