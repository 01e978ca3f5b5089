"""Whether what an intent names exists, and whether what it states fits together. What needs the graph is judged later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from fabric_compiler.catalog.types import Catalog, NosSupport, Switch
from fabric_compiler.diagnostics import CompileError, Report
from fabric_compiler.intent import infiniband, naming, pods, pools, suggest
from fabric_compiler.intent.positions import SourceMap
from fabric_compiler.intent.schema import Intent, ManagementIntent, NetworkIntent, Pod, Tier
from fabric_compiler.ir.blocks import KINDS
from fabric_compiler.units import shorten

Path = tuple[str | int, ...]
_PROTOCOL = "see `fabricc catalog`, or state the network's protocol"
_T = TypeVar("_T")


def check(intent: Intent, source: SourceMap, catalog: Catalog | None, report: Report) -> None:
    """Reports everything that is wrong; names of products are looked up where a catalogue is given."""
    checks = _Checks(intent, source, catalog, report)
    for name, network in intent.networks.items():
        checks.network(name, network)
    checks.pods()
    tiers = checks.tiers()
    checks.management(tiers)
    checks.raw(tiers)
    checks.twice("maintenance", intent.maintenance)
    naming.check(intent, source, report)
    pools.check(intent, source, report)
    infiniband.check(intent, source, catalog, report)


def operating_system(tier: Tier, switch: Switch) -> NosSupport | None:
    """The stated one, else the switch's only one, else sonic; None where the catalogue has no such."""
    if tier.nos is not None:
        return switch.nos.get(tier.nos)
    return next(iter(switch.nos.values())) if len(switch.nos) == 1 else switch.nos.get("sonic")


@dataclass(frozen=True, slots=True)
class PlacedTier:
    """A tier's product, and where the intent states it."""

    path: Path
    tier: Tier
    nos: NosSupport | None  # None: not known


@dataclass(frozen=True, slots=True)
class _Checks:
    intent: Intent
    source: SourceMap
    catalog: Catalog | None
    report: Report

    def network(self, name: str, network: NetworkIntent) -> None:
        at, topology = ("networks", name), network.topology
        if name in KINDS:
            hint = f"{', '.join(sorted(KINDS))} are words of the lock; take another name, such as oob for management"
            self.error("FC2003", f"networks.{name}: a network cannot have this name", at, hint, key=True)
        if topology.tiers == 2:
            for path, stated in ((("core",), network.core), (("topology", "cores"), topology.cores)):
                if stated is not None:
                    message = f"{_dotted((*at, *path))}: a network of two tiers has no core"
                    self.error("FC2007", message, (*at, *path), "state tiers: 3, or leave the tiers to the compiler", key=True)
        if topology.kind == "rail-optimized" and topology.homing > 1:
            message = "homing is for leaf-spine networks: the NICs of a server on a rail-optimized one have a leaf each"
            self.error("FC2008", message, (*at, "topology", "homing"))
        if topology.kind == "leaf-spine" and topology.rails is not None:
            self.error("FC2008", "a leaf-spine network has no rails", (*at, "topology", "rails"), "state kind: rail-optimized")
        if topology.leafs is None and not any(pods.of_network(self.intent.pods, name)):
            hint = "connect a pod to it, or state how many leafs it has"
            self.error("FC2002", f"networks.{name} has neither pods nor a stated number of leafs", (*at, "topology"), hint)
        self.media(network, at)

    def media(self, network: NetworkIntent, at: Path) -> None:
        if self.catalog is None:
            return
        known = {medium.name for medium in self.catalog.media}
        for pair, stated in network.media.items():
            path = (*at, "media", pair)
            self.twice(_dotted(path), stated, path)
            for index, name in enumerate(stated):
                self.known(name, known, "medium", (*path, index))

    def pods(self) -> None:
        by_name: dict[str, Pod] = {}
        for index, pod in enumerate(self.intent.pods):
            at: Path = ("pods", index)
            if pod.name in by_name:
                first = self.intent.pods.index(by_name[pod.name])
                related = (("the first one", self.source.at("pods", first, "name")),)
                span = self.source.at(*at, "name")
                self.report.error("FC2006", f"the pod {pod.name} is stated twice", span, "count makes several", related)
            by_name.setdefault(pod.name, pod)
            self.pod(pod, at)
        for index, pod in enumerate(self.intent.pods):
            found = pods.collision(pod, by_name)
            if found:
                other, name = found
                related = (("the other one", self.source.at("pods", self.intent.pods.index(other), "name")),)
                message = f"the pods {other.name} and {pod.name} both make a {name}"
                hint = "pods are numbered: su with a count of 12 has an su11, and so has su1"
                self.report.error("FC2006", message, self.source.at("pods", index, "name"), hint, related)

    def pod(self, pod: Pod, at: Path) -> None:
        if pod.site is not None:
            self.known(pod.site, self.intent.sites, "site", (*at, "site"))
        elif len(self.intent.sites) > 1:
            hint = f"sites: {suggest.listed(self.intent.sites)}"
            self.error("FC2002", f"the pod {pod.name} does not say at which site it stands", at, hint)
        server = None
        if self.catalog is not None and self.known(pod.server, self.catalog.servers, "server", (*at, "server")):
            server = self.product(self.catalog.servers, pod.server)
        if not pod.connect:
            self.error("FC2002", f"the pod {pod.name} is connected to no network", (*at, "connect"))
        taken: dict[str, str] = {}
        for network, group in pod.connect.items():
            path = (*at, "connect", network)
            if network in self.intent.networks and taken.setdefault(group, network) != network:
                message = f"{group} of the pod {pod.name} are connected to {taken[group]} already"
                self.error("FC2007", message, path, "a NIC is on one network; name another group")
            self.known(network, self.intent.networks, "network", path, key=True)
            if server is not None:
                self.known(group, server.nic_groups, f"NIC group of {pod.server}", path)
        for network in pod.leaf:
            path = (*at, "leaf", network)
            if self.known(network, self.intent.networks, "network", path, key=True) and network not in pod.connect:
                message = f"the pod {pod.name} states leafs of {network} and is not connected to it"
                self.error("FC2007", message, path, key=True)

    def tiers(self) -> list[PlacedTier]:
        """Checks the product of each tier; those that the catalogue knows come back with their operating system."""
        stated = list(self.stated_tiers())
        for tier, path in stated:
            if self.protocol(path) == "infiniband":
                self.infiniband_tier(tier, path)
        placed = [self.tier(tier, path) for tier, path in stated if self.protocol(path) == "ethernet"]
        if self.catalog is not None:
            for name, network in self.intent.networks.items():
                own = [p.nos for p in placed if p.path[:2] == ("networks", name)]
                if network.load_balancing == "dynamic" and all(own) and not any(n and n.dynamic_load_balancing for n in own):
                    message = f"none of the switches of {name} has dynamic load balancing under its operating system"
                    self.error("FC2008", message, ("networks", name, "load-balancing"))
        return placed

    def stated_tiers(self) -> Iterator[tuple[Tier, Path]]:
        for name, network in self.intent.networks.items():
            for role in ("leaf", "spine", "core"):
                tier = getattr(network, role)
                if tier is not None:
                    yield from _with_variants(tier, ("networks", name, role))
        for index, pod in enumerate(self.intent.pods):
            for name, own in pod.leaf.items():
                yield Tier.model_construct(**dict(own)), ("pods", index, "leaf", name)

    def tier(self, tier: Tier, path: Path) -> PlacedTier:
        inherited = "mix" in path and not self.source.stated(*path, "switch")  # judged where it is stated
        if self.catalog is None or (inherited and tier.switch not in self.catalog.switches):
            return PlacedTier(path, tier, None)
        if not self.known(tier.switch, self.catalog.switches, "switch", (*path, "switch")):
            return PlacedTier(path, tier, None)
        switch = self.product(self.catalog.switches, tier.switch)
        if switch is None:
            return PlacedTier(path, tier, None)
        if switch.protocol != "ethernet":
            self.error("FC2008", f"{_dotted(path)}: {tier.switch} is an InfiniBand switch", (*path, "switch"), _PROTOCOL)
            return PlacedTier(path, tier, None)
        if tier.nos is not None:
            self.known(tier.nos, switch.nos, f"operating system of {tier.switch}", (*path, "nos"))
        elif operating_system(tier, switch) is None:
            hint = f"it has {suggest.listed(switch.nos)}"
            self.error("FC2002", f"the operating system of {tier.switch} must be stated", path, hint)
        support = operating_system(tier, switch)
        if support is not None:
            self.release(tier, support, path)
            self.hwsku(tier, support, path)
        return PlacedTier(path, tier, support)

    def protocol(self, path: Path) -> str:
        """Of the network that a tier is stated for."""
        network = self.intent.networks.get(str(path[1] if path[0] == "networks" else path[3]))
        return network.protocol if network else "ethernet"

    def infiniband_tier(self, tier: Tier, path: Path) -> None:
        """A subnet manager configures all its switches: they have no operating system of their own to state."""
        for key in ("nos", "release", "hwsku"):
            if getattr(tier, key) is not None and self.source.stated(*path, key):
                message = f"{_dotted((*path, key))}: InfiniBand switches are configured by the subnet manager"
                self.error("FC2008", message, (*path, key), "leave it out", key=True)
        if self.catalog is None or not self.known(tier.switch, self.catalog.switches, "switch", (*path, "switch")):
            return
        switch = self.product(self.catalog.switches, tier.switch)
        if switch is not None and switch.protocol != "infiniband":
            self.error("FC2008", f"{_dotted(path)}: {tier.switch} is an Ethernet switch", (*path, "switch"), _PROTOCOL)

    def release(self, tier: Tier, support: NosSupport, path: Path) -> None:
        """The catalogue knows trains: 4.34 stands for 4.34.1F too."""
        if tier.release and not any(tier.release == one or tier.release.startswith(f"{one}.") for one in support.releases):
            message = (
                f"{_dotted((*path, 'release'))}: the catalogue does not know {support.nos} {tier.release} on {tier.switch}"
            )
            self.error("FC2005", message, (*path, "release"), f"it knows {suggest.listed(support.releases)}")

    def hwsku(self, tier: Tier, support: NosSupport, path: Path) -> None:
        if tier.hwsku is None:
            return
        if not support.hwskus:
            self.error("FC2008", f"{support.nos} has no hardware SKUs", (*path, "hwsku"), key=True)
        else:
            self.known(tier.hwsku, {sku.name for sku in support.hwskus}, f"hardware SKU of {tier.switch}", (*path, "hwsku"))

    def management(self, tiers: list[PlacedTier]) -> None:
        stated = self.intent.management
        if stated is None:
            return
        self.gateway(stated)
        self.twice("management.access", stated.access, ("management", "access"))
        systems = {placed.nos.nos if placed.nos else placed.tier.nos for placed in tiers}
        if "eapi" in stated.access and "eos" not in systems and None not in systems:
            path = ("management", "access", stated.access.index("eapi"))
            self.error("FC2008", "eapi is EOS's own, and no switch runs EOS", path)

    def gateway(self, stated: ManagementIntent) -> None:
        pool, gateway, at = stated.pool, stated.gateway, ("management", "gateway")
        if gateway is None:
            return
        last = pool.value + pools.size(pool) - 1
        if not pools.contains(pool, gateway):
            self.error("FC2007", "the gateway is not in the management pool", at)
        elif pools.size(pool) > 2 and (gateway.value == pool.value or (pool.version == 4 and gateway.value == last)):
            self.error("FC2007", "the gateway is the network's own or its broadcast address", at, "it needs a host's address")

    def raw(self, tiers: list[PlacedTier]) -> None:
        """A snippet for an operating system that nothing runs is a slip."""
        systems = {placed.nos.nos if placed.nos else placed.tier.nos for placed in tiers}
        if None in systems:
            return
        used = {system for system in systems if system}
        for index, snippet in enumerate(self.intent.raw):
            if snippet.nos not in used:
                message = f"raw.{index}.nos: no switch runs {shorten(snippet.nos)}"
                self.error("FC2005", message, ("raw", index, "nos"), suggest.hint(snippet.nos, used, "in use"))

    def twice(self, what: str, values: Iterable[str], path: Path | None = None) -> None:
        at = path or (what,)
        first: dict[str, int] = {}
        for index, value in enumerate(values):
            if value in first:
                related = (("the first one", self.source.at(*at, first[value])),)
                message = f"{what}: {shorten(value)} is stated twice"
                self.report.error("FC2006", message, self.source.at(*at, index), related=related)
            first.setdefault(value, index)

    def known(self, name: str, names: Iterable[str], what: str, path: Path, *, key: bool = False) -> bool:
        """Whether the name is one of the names; reports FC2005 where it is not."""
        choices = frozenset(names)
        if name not in choices:
            message = f"{_dotted(path)}: there is no {what} {shorten(name)}"
            self.error("FC2005", message, path, suggest.hint(name, choices, "there is"), key=key)
        return name in choices

    def product(self, products: Mapping[str, _T], name: str) -> _T | None:
        """From the catalogue; what is wrong with its file is reported as found there."""
        try:
            return products[name]
        except CompileError as error:
            self.report.found += [d for d in error.diagnostics if d not in self.report.found]
            return None

    def error(self, code: str, message: str, path: Path, hint: str = "", *, key: bool = False) -> None:
        self.report.error(code, message, self.source.at(*path, key=key), hint)


def _with_variants(tier: Tier, path: Path) -> Iterator[tuple[Tier, Path]]:
    """The tier, and each of its variants as the tier that it makes."""
    yield tier, path
    for index, variant in enumerate(tier.mix):
        other = variant.switch is not None and variant.switch != tier.switch
        yield (
            Tier.model_construct(
                switch=variant.switch or tier.switch,
                nos=variant.nos or (None if other else tier.nos),
                release=variant.release or (None if other or variant.nos else tier.release),
                hwsku=variant.hwsku or (None if other or variant.nos else tier.hwsku),
            ),
            (*path, "mix", index),
        )


def _dotted(path: Path) -> str:
    return ".".join(str(step) for step in path)
