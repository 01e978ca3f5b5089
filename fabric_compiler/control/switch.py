"""The device model of one switch, from what was decided for all and from its own numbers and cables."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from fabric_compiler.control.decisions import Decisions, hwsku_of
from fabric_compiler.control.ends import End
from fabric_compiler.control.hashing import hash_seed
from fabric_compiler.control.headroom import headroom_row
from fabric_compiler.control.management import management
from fabric_compiler.control.qos import BEST_EFFORT, GLOBAL, LOCAL, ROCE_LOSSLESS, SERVERS, switch_qos
from fabric_compiler.control.routing import Underlay, routing
from fabric_compiler.intent.overrides import apply
from fabric_compiler.ir.graph import GLOBAL as GLOBAL_TIER
from fabric_compiler.ir.graph import LOCAL as LOCAL_TIER
from fabric_compiler.ir.graph import SERVER_ROUTER, Device
from fabric_compiler.ir.plan import DevicePlan, Prefixes
from fabric_compiler.model.device import Interface, Neighbor, Platform, Qos, RawSnippet, SwitchModel, Vlan
from fabric_compiler.plan.numbers import fabric_port, server_port

_FIRST_VLAN = 100
_MAPS = {SERVER_ROUTER: SERVERS, LOCAL_TIER: LOCAL, GLOBAL_TIER: GLOBAL}  # by the tiers of the link


class SwitchModels:
    """Makes switches' models; keeps what switches of one shape share (unused ports, QoS)."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions
        self._unused: dict[tuple[int, str, str], tuple[Interface, ...]] = {}
        self._qos: dict[tuple[object, ...], Qos | None] = {}
        self._rows: dict[tuple[str, str, int, int], int] = {}

    def __call__(self, index: int) -> SwitchModel:
        """The model of Graph.devices[index], overrides applied."""
        d = self._decisions
        device, plan = d.graph.devices[index], d.plan.devices[index]
        assert plan
        shared = d.underlays[device.network]
        ends = d.ends[index]
        links = [end.link for end in ends]
        speeds, lengths = d.graph.links.speed[links].tolist(), d.cabling.length[links].tolist()
        lossless = shared.network.qos_kind == ROCE_LOSSLESS
        vlan = _FIRST_VLAN + device.rail if shared.plan.subnets and device.faces_servers else 0
        tiers = d.graph.links.tiers[links].tolist()
        changes = shared.detours is not None and shared.detours.class_change
        interfaces = list(self._ports(device))
        neighbors: list[Neighbor] = []
        has_servers = False
        for end, speed, length, tier in zip(ends, speeds, lengths, tiers, strict=True):
            port = interfaces[end.port]
            peer = d.graph.devices[end.peer]
            to_server = peer.kind == "server"
            has_servers |= to_server
            drained = end.link in d.drained_links
            own, other = self._addresses(shared, device, plan, end, to_server)
            interfaces[end.port] = _cabled(
                port,
                device,
                peer,
                end,
                speed=speed,
                mtu=shared.network.mtu,
                addresses=() if vlan and to_server else own,
                unnumbered=not to_server and not shared.link_families,
                vlan=vlan if to_server else 0,
                drained=drained,
                cable_length=length,
                lossless=lossless,
                headroom=self._headroom(device, speed, length) if lossless else 0,
                port_maps=_MAPS.get(tier, "") if changes else "",
            )
            if not to_server:
                neighbors += self._sessions(shared, device, end, tier, interfaces[end.port], other, drained)
        in_maintenance = index in d.drained
        model = SwitchModel(
            name=device.name,
            role=device.role,
            network=device.network,
            site=device.site,
            pod=device.pod,
            platform=self._platform(device),
            management=management(d.intent.management, plan, device.nos),
            loopbacks=plan.loopbacks,
            interfaces=tuple(interfaces),
            vlans=_vlans(vlan, device, shared, plan) if has_servers else (),
            routing=routing(shared, device, plan, tuple(neighbors), in_maintenance, has_servers),
            qos=self._quality(device, shared, interfaces),
            drained=in_maintenance,
            hash_seed=hash_seed(device.role, d.slots[device.network], device.index - 1),
            load_balancing=self._load_balancing(device, shared),
            lldp=d.intent.management.lldp if d.intent.management else True,
            raw=tuple(RawSnippet(raw.nos, raw.lines) for raw in d.raw.get(index, ())),
        )
        return apply(model, d.rules) if d.rules else model

    def _ports(self, device: Device) -> tuple[Interface, ...]:
        """All ports of the layout, as they are without a cable."""
        key = (id(device.layout), device.model, device.nos)  # layouts live as long as the graph
        if key not in self._unused:
            cages = self._decisions.catalog.switches[device.model].cages
            mtu = self._decisions.intent.networks[device.network].mtu
            self._unused[key] = tuple(
                Interface(
                    name=port.name,
                    alias=port.alias,
                    cage=device.layout.cages[port.cage].label,
                    cage_index=cages[port.cage].index,
                    subport=port.subport,
                    breakout=port.breakout,
                    lanes=port.lanes,
                    role="unused",
                    enabled=False,
                    drained=False,
                    speed=port.speed,
                    fec=_fec(port.speed),
                    mtu=mtu,
                    description="",
                    peer_device="",
                    peer_port="",
                    addresses=(),
                    unnumbered=False,
                    vlan=0,
                    cable_length=0,
                    lossless=False,
                    headroom_length_m=0,
                )
                for port in device.layout.ports
            )
        return self._unused[key]

    def _addresses(
        self, shared: Underlay, device: Device, plan: DevicePlan, end: End, to_server: bool
    ) -> tuple[Prefixes, Prefixes]:
        """This end's addresses, and the other's."""
        if to_server:
            return server_port(shared.plan, plan.hosts, end.port)
        if not shared.link_families:
            return (), ()
        if end.lower:
            return fabric_port(plan.uplinks, end.port - device.first_uplink)
        lower, lower_plan = self._decisions.graph.devices[end.peer], self._decisions.plan.devices[end.peer]
        assert lower_plan
        theirs, own = fabric_port(lower_plan.uplinks, end.peer_port - lower.first_uplink)
        return own, theirs

    def _sessions(
        self, shared: Underlay, device: Device, end: End, tier: int, port: Interface, other: Prefixes, drained: bool
    ) -> list[Neighbor]:
        peer_plan = self._decisions.plan.devices[end.peer]
        assert peer_plan
        asn, description = peer_plan.asn, port.description
        if not other:
            group = shared.group(device, end.lower, tier, 0, drained)
            return [Neighbor(group, port.name, None, asn, description, drained)]
        return [
            Neighbor(shared.group(device, end.lower, tier, address.version, drained), "", address, asn, description, drained)
            for address in other
            if not shared.family_sessions or address.version in shared.family_sessions
        ]

    def _headroom(self, device: Device, speed: int, length: int) -> int:
        """The row of the platform's table for the cable; 0 where the operating system finds it by itself."""
        key = (device.model, device.hwsku, speed, length)
        if key not in self._rows:
            sku = hwsku_of(self._decisions.catalog, device)
            self._rows[key] = (headroom_row(sku, speed, length) or 0) if sku else 0
        return self._rows[key]

    def _quality(self, device: Device, shared: Underlay, interfaces: list[Interface]) -> Qos | None:
        kind = shared.network.qos_kind
        if kind == BEST_EFFORT:
            return None
        cabled = [port for port in interfaces if port.enabled]
        speeds = frozenset(port.speed for port in cabled) or frozenset((interfaces[0].speed,))
        profiles = frozenset((port.speed, port.headroom_length_m) for port in cabled if port.headroom_length_m)
        changes = shared.detours is not None and shared.detours.class_change
        key = (kind, changes, device.model, device.nos, device.hwsku, device.role, speeds, profiles)
        if key not in self._qos:
            sku = hwsku_of(self._decisions.catalog, device)
            made = switch_qos(kind, self._decisions.catalog.qos, sku, device.nos, device.role, profiles, speeds, changes)
            self._qos[key] = made
        return self._qos[key]

    def _platform(self, device: Device) -> Platform:
        support = self._decisions.catalog.switches[device.model].nos[device.nos]
        return _platform(device.model, device.nos, device.release, support.platform, device.hwsku, support.asic)

    def _load_balancing(self, device: Device, shared: Underlay) -> Literal["static", "dynamic"]:
        """Dynamic where the operating system has it and the traffic is RDMA's few large flows."""
        stated = shared.network.load_balancing
        if stated:
            return stated
        able = self._decisions.catalog.switches[device.model].nos[device.nos].dynamic_load_balancing
        return "dynamic" if able and shared.network.qos_kind != BEST_EFFORT else "static"


@lru_cache(maxsize=64)
def _platform(model: str, nos: str, release: str, platform: str, hwsku: str, asic: str) -> Platform:
    return Platform(model, nos, release, platform, hwsku, asic)


def _fec(speed: int) -> str:
    """RS-FEC from 25G on (IEEE 802.3 clauses 91, 108, 134, 161), none below."""
    return "rs" if speed >= 25_000 and speed != 40_000 else "none"


def _vlans(vlan: int, device: Device, shared: Underlay, plan: DevicePlan) -> tuple[Vlan, ...]:
    if not vlan:
        return ()
    gateways, _ = server_port(shared.plan, plan.hosts, 0)
    name = f"rail-{device.rail}" if shared.network.topology.kind == "rail-optimized" else "hosts"
    return (Vlan(vlan, name, gateways, shared.network.mtu),)


def _cabled(
    port: Interface,
    device: Device,
    peer: Device,
    end: End,
    *,
    speed: int,
    mtu: int,
    addresses: Prefixes,
    unnumbered: bool,
    vlan: int,
    drained: bool,
    cable_length: int,
    lossless: bool,
    headroom: int,
    port_maps: str,
) -> Interface:
    """The port with its cable; dataclasses.replace would cost several times as much, 64 times a device."""
    peer_port = peer.layout.ports[end.peer_port].name
    return Interface(
        port.name,
        port.alias,
        port.cage,
        port.cage_index,
        port.subport,
        port.breakout,
        port.lanes,
        "server" if peer.kind == "server" else "fabric",
        True,
        drained,
        speed,
        _fec(speed),
        mtu,
        f"{peer.name} {peer_port}",
        peer.name,
        peer_port,
        addresses,
        unnumbered,
        vlan,
        cable_length,
        lossless,
        headroom,
        device.rail,
        device.plane,
        port_maps,
    )
