"""What the language says of InfiniBand: which keys apply, who the tenants are, and what excludes what without a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from fabric_compiler.catalog.types import Catalog
from fabric_compiler.diagnostics import CompileError, Report
from fabric_compiler.intent import pods, suggest
from fabric_compiler.intent.positions import SourceMap
from fabric_compiler.intent.schema import Intent, NetworkIntent
from fabric_compiler.units import shorten

# A subnet manager gives LIDs in place of addresses and routes in place of BGP; lanes are lossless by credits (IBA 7.9)
ETHERNET_ONLY: Mapping[str, str] = {
    "addressing": "the subnet manager gives LIDs, and GUIDs are in plan/guids.csv",
    "asns": "the subnet manager computes the routes",
    "bgp": "the subnet manager computes the routes; see subnet-manager.routing",
    "qos": "its links are lossless by themselves; service levels are tenants' (tenants.*.service-level)",
    "headroom": "its links are lossless by themselves",
    "load-balancing": "the routing engine spreads the paths; see subnet-manager",
}
MTUS = (2048, 4096)


class Names(Protocol):
    """What has pods and servers: a tenant's members, or its limited ones."""

    @property
    def pods(self) -> tuple[str, ...]: ...
    @property
    def servers(self) -> tuple[str, ...]: ...


def check(intent: Intent, source: SourceMap, catalog: Catalog | None, report: Report) -> None:
    """Reports what is wrong with networks, tenants and NICs."""
    hosts: dict[str, str] = {}
    for name, network in intent.networks.items():
        if network.protocol == "infiniband":
            _network(name, network, source, report)
            _manager(name, network, hosts, catalog, source, report)
        elif "subnet_manager" in network.model_fields_set:
            message = f"networks.{name}: an Ethernet network has no subnet manager"
            place = source.at("networks", name, "subnet-manager", key=True)
            report.error("FC2008", message, place, "state protocol: infiniband, or leave it out")
    _nics(intent, source, catalog, report)
    _sites(intent, source, report)
    _tenants(intent, source, report)
    if intent.guids is not None and not any(True for _ in networks(intent)):
        report.error("FC2008", "guids: no network of the fabric is InfiniBand", source.at("guids", key=True), "leave it out")


def networks(intent: Intent) -> Iterator[str]:
    """The InfiniBand networks."""
    return (name for name, network in intent.networks.items() if network.protocol == "infiniband")


def _network(name: str, network: NetworkIntent, source: SourceMap, report: Report) -> None:
    for key, hint in ETHERNET_ONLY.items():
        if key.replace("-", "_") in network.model_fields_set:
            message = f"networks.{name}.{key} is for Ethernet, and the network is InfiniBand"
            report.error("FC2008", message, source.at("networks", name, key, key=True), hint)
    if "mtu" in network.model_fields_set and network.mtu not in MTUS:
        message = f"networks.{name}.mtu: InfiniBand has an MTU of 2048 or 4096, got {network.mtu}"
        report.error("FC2004", message, source.at("networks", name, "mtu"), "leave it out: it is 4096")


def _manager(
    name: str, network: NetworkIntent, hosts: dict[str, str], catalog: Catalog | None, source: SourceMap, report: Report
) -> None:
    manager, at = network.subnet_manager, ("networks", name, "subnet-manager")
    for index, host in enumerate(manager.hosts):
        if host in hosts:
            message = f"{host} is a host of the subnet manager of {hosts[host]} already"
            report.error("FC2006", message, source.at(*at, "hosts", index), "a host manages one subnet")
        hosts.setdefault(host, name)
    if manager.sharp and manager.flavor != "nvidia":
        message = f"networks.{name}.subnet-manager.sharp: upstream OpenSM knows no SHARP"
        report.error("FC2008", message, source.at(*at, "sharp", key=True), "state flavor: nvidia, or leave it out")
    if manager.hosts and catalog is not None and manager.server not in catalog.servers:
        message = f"networks.{name}.subnet-manager.server: there is no server {shorten(manager.server)}"
        report.error("FC2005", message, source.at(*at, "server"), suggest.hint(manager.server, catalog.servers, "there is"))


def _nics(intent: Intent, source: SourceMap, catalog: Catalog | None, report: Report) -> None:
    """NICs on InfiniBand are of the kind that can be set to it (VPI)."""
    if catalog is None:
        return
    for index, pod in enumerate(intent.pods):
        for network, name in pod.connect.items():
            stated = intent.networks.get(network)
            if stated is None or stated.protocol != "infiniband" or pod.server not in catalog.servers:
                continue
            try:
                group = catalog.servers[pod.server].nic_groups.get(name)
            except CompileError:  # reported where the server is named
                continue
            if group is not None and not group.hcas.get(stated.topology.planes):
                message = f"the catalogue knows the {name} of {pod.server} for Ethernet alone"
                hint = "name another group, or another server"
                report.error("FC2008", message, source.at("pods", index, "connect", network), hint)


def _sites(intent: Intent, source: SourceMap, report: Report) -> None:
    """A subnet does not leave its site: nothing in this language carries InfiniBand between two."""
    for name in networks(intent):
        first: dict[str, int] = {}
        for pod in pods.of_network(intent.pods, name):
            first.setdefault(pod.site or next(iter(intent.sites)), intent.pods.index(pod))
        if len(first) > 1:
            (_, one), (site, other), *_ = first.items()
            report.error(
                "FC2008",
                f"{name} is InfiniBand and has pods at two sites: a subnet stands at one",
                source.at("pods", other, "connect", name, key=True),
                f"state another network for {site}",
                (("the first site", source.at("pods", one, "connect", name, key=True)),),
            )


def _tenants(intent: Intent, source: SourceMap, report: Report) -> None:
    known = {name for pod in intent.pods for name in pods.names(pod)}
    keys: dict[int, str] = {}
    for name, tenant in intent.tenants.items():
        at = ("tenants", name)
        for index, network in enumerate(tenant.networks or ()):
            if network not in intent.networks:
                message = f"tenants.{name}.networks: there is no network {shorten(network)}"
                hint = suggest.hint(network, intent.networks, "there is")
                report.error("FC2005", message, source.at(*at, "networks", index), hint)
            elif intent.networks[network].protocol != "infiniband":
                message = f"tenants.{name}.networks: {network} is Ethernet, and tenants are kept apart on InfiniBand alone"
                report.error("FC2008", message, source.at(*at, "networks", index), "leave it out")
        if tenant.networks is None and not any(True for _ in networks(intent)):
            message = f"tenants.{name}: tenants are kept apart on InfiniBand, and no network of the fabric is InfiniBand"
            report.error("FC2008", message, source.at(*at, key=True), "leave it out")
        members: tuple[tuple[tuple[str, ...], Names], ...] = (((), tenant), (("limited",), tenant.limited))
        for path, part in members:
            for index, pod in enumerate(part.pods):
                if pod not in known:
                    message = f"tenants.{'.'.join((name, *path))}.pods: there is no pod {shorten(pod)}"
                    hint = suggest.hint(pod, known, "pods are numbered")
                    report.error("FC2005", message, source.at(*at, *path, "pods", index), hint)
        if not any((tenant.pods, tenant.servers, tenant.limited.pods, tenant.limited.servers)):
            report.error("FC2002", f"tenants.{name} has neither pods nor servers", source.at(*at), "state one of them")
        if tenant.p_key is not None:
            if tenant.p_key in keys:
                related = (("the first one", source.at("tenants", keys[tenant.p_key], "p-key")),)
                message = f"the tenants {keys[tenant.p_key]} and {name} have the P_Key {tenant.p_key:#06x}"
                report.error("FC4002", message, source.at(*at, "p-key"), "give each its own", related)
            keys.setdefault(tenant.p_key, name)
