"""Which changes of a configuration hit traffic, and how: a rule each, with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fabric_compiler.review.diff.changes import Part


class _Rule(NamedTuple):
    kind: str
    signs: str
    attributes: tuple[str, ...]  # beginnings; empty: any change of the object
    sentence: str


_RULES = (
    _Rule("ASN", "~+-", (), "the switch's own ASN changes: every BGP session restarts (RFC 4271 8.1)"),
    _Rule("port", "~", ("speed",), "the speed of ports changes: their links go down and come up"),
    _Rule("port", "~", ("fec", "error-correction"), "the FEC of ports changes: their links go down and come up"),
    _Rule("port", "~", ("mtu",), "the MTU of ports changes: large packets are lost until both ends have it"),
    _Rule("port", "~", ("address", "ip address", "ipv6 address"), "addresses of ports change: their sessions restart"),
    _Rule("port", "~", ("admin_status", "shutdown"), "ports in use are shut"),
    # sonic-utilities, config interface breakout: ports of the cage are deleted and made anew
    _Rule("breakout", "~", (), "cages are broken out differently: all their ports go down and are made anew"),
    _Rule("loopback", "~", ("address", "ip address", "ipv6 address"), "the loopback changes: what is addressed to it is lost"),
    _Rule("BGP setting", "~", ("bgp router-id", "router-id"), "the router ID changes: BGP sessions restart (RFC 4271 6.8)"),
    _Rule("neighbor", "~", ("remote-as", "peer-group"), "neighbors change their ASN or group: their sessions restart"),
    _Rule("neighbor", "-", (), "neighbors are removed: their paths go"),
    _Rule("peer group", "~", ("remote-as", "capability"), "capabilities of peer groups change: their sessions restart"),
    # static buffer model: orchagent takes profiles in use at start only (sonic-buildimage 20664, 23907)
    _Rule("buffer profile", "~-", (), "buffer profiles change: the configuration must be reloaded, which stops traffic"),
    _Rule("cable length", "~", (), "cable lengths select the buffers of lossless classes: a reload is needed"),
    _Rule("QoS map", "~-", (), "queues and classes change under traffic: lossless packets may be dropped meanwhile"),
    _Rule("port QoS", "~", (), "queues and classes change under traffic: lossless packets may be dropped meanwhile"),
    _Rule("NIC", "~", ("mtu", "- "), "addresses, routes or MTU of NICs change: connections of the server break"),
)


def disruptions(parts: Iterable[Part]) -> tuple[str, ...]:
    """Sentences in the order of the rules, each once."""
    found = list(parts)
    return tuple(dict.fromkeys(rule.sentence for rule in _RULES if any(_applies(rule, part) for part in found)))


def _applies(rule: _Rule, part: Part) -> bool:
    if part.kind != rule.kind or part.sign not in rule.signs:
        return False
    return not rule.attributes or any(attribute.startswith(rule.attributes) for attribute in _without_family(part.attributes))


def _without_family(attributes: Iterable[str]) -> Iterator[str]:
    """`address-family ipv4 unicast remote-as` is about remote-as too."""
    for attribute in attributes:
        yield attribute
        if attribute.startswith("address-family"):
            yield attribute.split(" ", 3)[-1]
