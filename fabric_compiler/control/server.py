"""The device model of one server: its NICs' addresses, routes and RoCE settings."""

from __future__ import annotations

from fabric_compiler.control.decisions import Decisions
from fabric_compiler.control.ends import End
from fabric_compiler.control.qos import nic_qos
from fabric_compiler.ir.graph import Device
from fabric_compiler.ir.plan import Prefix, Prefixes
from fabric_compiler.model.device import Nic, NicQos, Route, ServerModel
from fabric_compiler.plan.numbers import column_prefix, server_port

# Metrics of the main table: a rail is reached over its own NIC, the rest of the network over the first one that is up
_RAIL_METRIC = 100
_NETWORK_METRIC = 1000
_NICS_IN_GROUP = 100


class ServerModels:
    """Makes servers' models."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions
        self._tables: dict[tuple[str, int], dict[str, int]] = {}
        networks = decisions.intent.networks
        made = {name: nic_qos(network.qos_kind, decisions.catalog.qos, name) for name, network in networks.items()}
        self._qos: dict[str, NicQos] = {name: found for name, found in made.items() if found}

    def __call__(self, index: int) -> ServerModel:
        """The model of Graph.devices[index]."""
        device = self._decisions.graph.devices[index]
        tables = self._table_numbers(device)
        nics = tuple(self._nic(device, end, tables) for end in self._decisions.ends[index])
        networks = dict.fromkeys(nic.network for nic in nics)
        return ServerModel(
            name=device.name,
            pod=device.pod,
            site=device.site,
            model=device.model,
            nics=nics,
            qos=tuple(self._qos[name] for name in networks if name in self._qos),
        )

    def _nic(self, device: Device, end: End, tables: dict[str, int]) -> Nic:
        d = self._decisions
        network = d.graph.networks[int(d.graph.links.network[end.link])]
        leaf, leaf_plan = d.graph.devices[end.peer], d.plan.devices[end.peer]
        assert leaf_plan
        shared = d.underlays[network]
        gateways, own = server_port(shared.plan, leaf_plan.hosts, end.peer_port)
        netdev = device.layout.ports[end.port].name
        # the NIC's own place among all of the server's, so that connecting another group moves no metric
        turn = tables[netdev] - _NICS_IN_GROUP - 1
        routes: list[Route] = []
        for gateway, hosts in zip(gateways, leaf_plan.hosts, strict=True):
            via = Prefix(gateway.version, gateway.value, 32 if gateway.version == 4 else 128)
            rail = column_prefix(shared.plan, hosts)
            plane = column_prefix(shared.plan, hosts, plane_only=True)
            routes.append(Route(rail, via, 0, _RAIL_METRIC + turn))
            if plane != rail:
                routes.append(Route(plane, via, 0, _NETWORK_METRIC + turn))
            # what is sent from this NIC's own address leaves by it, whatever the main table prefers
            routes.append(Route(plane, via, tables[netdev], 0))
        return Nic(
            netdev=netdev,
            network=network,
            rail=leaf.rail,
            plane=leaf.plane,
            speed=int(d.graph.links.speed[end.link]),
            mtu=shared.network.mtu,
            addresses=_sorted(own),
            routes=tuple(routes),
            table=tables[netdev],
            peer_device=leaf.name,
            peer_port=leaf.layout.ports[end.peer_port].name,
        )

    def _table_numbers(self, device: Device) -> dict[str, int]:
        """A routing table a NIC port: a hundred for each group of the server, so that connecting another moves none."""
        key = (device.model, id(device.layout))  # layouts live as long as the graph
        if key not in self._tables:
            server = self._decisions.catalog.servers[device.model]
            self._tables[key] = {
                netdev: _NICS_IN_GROUP * position + number
                for position, group in enumerate(server.nic_groups.values(), 1)
                for names in group.netdevs.values()
                for number, netdev in enumerate(names, 1)
            }
        return self._tables[key]


def _sorted(addresses: Prefixes) -> Prefixes:
    return tuple(sorted(addresses))
