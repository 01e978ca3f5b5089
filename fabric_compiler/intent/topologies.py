"""Which keys and tiers a network may state by the kind of its topology."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.positions import SourceMap
from fabric_compiler.intent.schema import Intent, NetworkIntent

_CLOS = frozenset({"tiers", "oversubscription", "leafs", "spines", "cores"})
_GROUPS = frozenset({"global_links", "groups", "arrangement"})
_DRAGONFLY = frozenset({"hosts_per_router", "routers_per_group"})
_DRAGONFLY_PLUS = frozenset({"leafs_per_group", "spines_per_group"})
_SOME = _CLOS | _GROUPS | _DRAGONFLY | _DRAGONFLY_PLUS  # any other key of a topology is of all kinds

# of a Clos, the rules on rails and homing are with the references
_KEYS = {
    "rail-optimized": _CLOS,
    "leaf-spine": _CLOS,
    "dragonfly": _GROUPS | _DRAGONFLY,
    "dragonfly-plus": _GROUPS | _DRAGONFLY_PLUS,
}


class Tiers(NamedTuple):
    """Roles that must be stated, and roles that may be."""

    needed: tuple[str, ...]
    allowed: tuple[str, ...] = ()


_TIERS = {
    "rail-optimized": Tiers(("leaf", "spine"), ("core",)),
    "leaf-spine": Tiers(("leaf", "spine"), ("core",)),
    "dragonfly": Tiers(("router",)),
    "dragonfly-plus": Tiers(("leaf", "spine")),
}


def in_groups(network: NetworkIntent) -> bool:
    """Whether the network is a dragonfly of one kind or the other."""
    return network.topology.kind in ("dragonfly", "dragonfly-plus")


def check(intent: Intent, source: SourceMap, report: Report) -> None:
    """Reports tiers that are missing (FC2002), and tiers and keys that the kind does not have (FC2008)."""
    for name, network in intent.networks.items():
        _tiers(name, network, source, report)
        _keys(name, network, source, report)
        if in_groups(network) and network.protocol == "infiniband" and (network.topology.rails or 1) > 1:
            message = f"networks.{name}.topology.rails: each rail of a dragonfly is a subnet of its own on InfiniBand"
            hint = "make a network for each rail, or spread the NICs over the routers of a group with homing"
            report.error("FC2008", message, source.at("networks", name, "topology", "rails"), hint)
        if in_groups(network) and network.survive:
            message = f"networks.{name}.survive: what remains is counted on leafs and the tiers above them, not on a dragonfly"
            report.error("FC2008", message, source.at("networks", name, "survive", key=True))
        if in_groups(network):
            _stated_once(name, network, source, report)
    for index, pod in enumerate(intent.pods):
        for name in pod.leaf:
            if name in intent.networks and in_groups(intent.networks[name]):
                message = f"the pod {pod.name} states leafs of {name}, and the groups of a dragonfly are alike"
                report.error("FC2008", message, source.at("pods", index, "leaf", name, key=True))


def _tiers(name: str, network: NetworkIntent, source: SourceMap, report: Report) -> None:
    kind = network.topology.kind
    known = _TIERS[kind]
    for role in ("leaf", "spine", "core", "router"):
        stated = getattr(network, role) is not None
        if role in known.needed and not stated:
            message = f"the key {role} is missing in networks.{name}"
            report.error("FC2002", message, source.at("networks", name), f"a {kind} network has a {role}: state its switch")
        if stated and role not in (*known.needed, *known.allowed):
            message = f"networks.{name}.{role}: a {kind} network has no {role}"
            report.error("FC2008", message, source.at("networks", name, role, key=True), f"it has {' and '.join(known.needed)}")


def _keys(name: str, network: NetworkIntent, source: SourceMap, report: Report) -> None:
    topology = network.topology
    for field in sorted(topology.model_fields_set & (_SOME - _KEYS[topology.kind])):
        key = field.replace("_", "-")
        if source.stated("networks", name, "topology", key):
            message = f"networks.{name}.topology.{key}: a {topology.kind} network has none"
            known = ", ".join(sorted(one.replace("_", "-") for one in _KEYS[topology.kind]))
            report.error("FC2008", message, source.at("networks", name, "topology", key, key=True), f"it has {known}")
    for field, wrong in (("pods", in_groups(network)), ("groups", not in_groups(network))):
        if wrong and getattr(topology.reserve, field) is not None:
            hint = f"state reserve: {{{'groups' if field == 'pods' else 'pods'}: ...}}"
            message = f"networks.{name}.topology.reserve.{field}: a {topology.kind} network is not laid out by {field}"
            report.error("FC2008", message, source.at("networks", name, "topology", "reserve", field, key=True), hint)


def _stated_once(name: str, network: NetworkIntent, source: SourceMap, report: Report) -> None:
    """Ports of a dragonfly are stated by what they serve."""
    for role, keys in _port_keys(network):
        tier = getattr(network, role)
        for key in keys:
            if tier is not None and getattr(tier, key) is not None:
                message = f"networks.{name}.{role}.{key}: the topology says how many ports a {role} has, and for what"
                hint = "state hosts-per-router, routers-per-group and global-links"
                if role != "router":
                    hint = "state leafs-per-group, spines-per-group and global-links"
                report.error("FC2008", message, source.at("networks", name, role, key, key=True), hint)


def _port_keys(network: NetworkIntent) -> Iterator[tuple[str, tuple[str, ...]]]:
    """A leaf's ports are its own to state: NICs below it, and links to all spines of its group."""
    if network.topology.kind == "dragonfly":
        yield "router", ("downlinks", "uplinks")
    else:
        yield "spine", ("downlinks", "uplinks")
