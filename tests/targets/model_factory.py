"""Realistic device models for the tests of the targets and of their readers: a leaf and a spine, decided by hand.

Importable as `targets.model_factory` (pytest's `pythonpath = ["tests"]`). `nos` chooses the ports' names and the platform.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from fabric_compiler.catalog.loader import load
from fabric_compiler.catalog.types import Headroom
from fabric_compiler.model.device import (
    AaaServer,
    Bfd,
    Bgp,
    CommunityList,
    Ecn,
    HeadroomProfile,
    Interface,
    Management,
    Neighbor,
    PeerGroup,
    PfcWatchdog,
    Platform,
    Policy,
    PolicyTerm,
    Prefix,
    PrefixList,
    PrefixRule,
    Qos,
    Queue,
    RawSnippet,
    Routing,
    SwitchModel,
    User,
    Vlan,
)

LEAF_ASN = 4200000001
SPINE_ASN = 65000
DRAIN_COMMUNITY = "65535:0"


def prefix(text: str) -> Prefix:
    """'10.0.0.1/31' -> Prefix; the host bits stay."""
    interface = ipaddress.ip_interface(text)
    return Prefix(interface.version, int(interface.ip), interface.network.prefixlen)


# SONiC's own tables of Mellanox-SN5600-O128 as ToRRouter (sonic-buildimage, buffers.json.j2)
SN5600_BUFFERS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "BUFFER_POOL": {
        "ingress_lossless_pool": {"size": "67737959", "type": "ingress", "mode": "dynamic"},
        "ingress_lossy_pool": {"size": "67737959", "type": "ingress", "mode": "dynamic"},
        "egress_lossless_pool": {"size": "158229504", "type": "egress", "mode": "dynamic"},
        "egress_lossy_pool": {"size": "67737959", "type": "egress", "mode": "dynamic"},
    },
    "BUFFER_PROFILE": {
        "ingress_lossless_profile": {"pool": "ingress_lossless_pool", "size": "0", "dynamic_th": "7"},
        "ingress_lossy_profile": {"pool": "ingress_lossy_pool", "size": "0", "dynamic_th": "3"},
        "egress_lossless_profile": {"pool": "egress_lossless_pool", "size": "0", "dynamic_th": "7"},
        "egress_lossy_profile": {"pool": "egress_lossy_pool", "size": "9216", "dynamic_th": "7"},
        "q_lossy_profile": {"pool": "egress_lossy_pool", "size": "0", "dynamic_th": "3"},
    },
    "BUFFER_PORT_INGRESS_PROFILE_LIST": {"Ethernet0": {"profile_list": "ingress_lossless_profile,ingress_lossy_profile"}},
    "BUFFER_PORT_EGRESS_PROFILE_LIST": {"Ethernet0": {"profile_list": "egress_lossless_profile,egress_lossy_profile"}},
    "BUFFER_PG": {"Ethernet0|0": {"profile": "ingress_lossy_profile"}},
    "BUFFER_QUEUE": {
        "Ethernet0|3-4": {"profile": "egress_lossless_profile"},
        "Ethernet0|0-2": {"profile": "q_lossy_profile"},
        "Ethernet0|5-6": {"profile": "q_lossy_profile"},
    },
}

PLATFORMS = {
    "sonic": Platform("sn5600", "sonic", "202505", "x86_64-nvidia_sn5600-r0", "Mellanox-SN5600-O128", "mellanox"),
    "frr": Platform("sn5600", "frr", "10.5", "x86_64-nvidia_sn5600-r0", "Mellanox-SN5600-O128", "mellanox"),
    "eos": Platform("7060x6-64pe", "eos", "4.34.2F", "DCS-7060X6-64PE", "", ""),
}


def qos(*, lossless: bool = True, buffers: bool = True) -> Qos:
    """RoCE on DSCP 26, congestion notification on DSCP 48; lossy is the same without PFC."""
    dscp_to_tc = [0] * 64
    dscp_to_tc[26], dscp_to_tc[48] = 3, 6
    return Qos(
        name="roce-lossless" if lossless else "roce-lossy",
        lossless_priority=3 if lossless else -1,
        dscp_to_tc=tuple(dscp_to_tc),
        tc_to_queue=(0, 1, 2, 3, 4, 5, 6, 7),
        tc_to_priority_group=(0, 0, 0, 3, 0, 0, 0, 0) if lossless else (0,) * 8,
        roce_dscp=26,
        cnp_dscp=48,
        queues=(
            Queue(0, False, 20, False, False),
            Queue(3, False, 80, lossless, True),
            Queue(6, True, 0, False, False),
        ),
        ecn=(Ecn(400000, 1048576, 2097152, 5), Ecn(800000, 2097152, 4194304, 5)),
        watchdog=PfcWatchdog(200, 400, "drop") if lossless else None,
        headroom=(
            HeadroomProfile(400000, 5, 250880, 19456, 231424, 0, None),
            HeadroomProfile(800000, 40, 410624, 38912, 362496, 0, None),
        )
        if lossless
        else (),
        buffer_topology="t0",
        buffer_tables=SN5600_BUFFERS if buffers else None,
    )


def lossless_platforms() -> Iterator[tuple[str, Qos, str, Headroom]]:
    """Every hardware SKU and topology with headroom rows: its name, a Qos with one of them, its ASIC, that row."""
    for switch in load().switches.values():
        support = switch.nos.get("sonic")
        for sku in support.hwskus if support else ():
            for topology, buffers in sku.buffers.items() if sku.headroom else ():
                row = sku.headroom[0]
                profile = HeadroomProfile(row.speed, row.length_m, row.size, row.xon, row.xoff, row.threshold, row.xon_offset)
                own = replace(qos(), headroom=(profile,), buffer_topology=topology, buffer_tables=buffers.tables)
                yield f"{sku.name} {topology}", own, support.asic if support else "", row


def management(nos: str = "sonic", *, full: bool = True) -> Management:
    """The way in; `full` has every field in use."""
    interface = {"sonic": "eth0", "eos": "Management1"}.get(nos, "eth0")
    if not full:
        return Management(interface, prefix("172.16.0.11/20"), prefix("172.16.0.1/32"), "mgmt", ("ssh",), ())
    return Management(
        interface=interface,
        address=prefix("172.16.0.11/20"),
        gateway=prefix("172.16.0.1/32"),
        vrf="mgmt",
        access=("ssh", "gnmi") if nos == "sonic" else ("ssh", "eapi", "gnmi"),
        allow=(prefix("172.16.0.0/20"), prefix("2001:db8:16::/64")),
        ntp=(prefix("192.0.2.10/32"), prefix("2001:db8::10/128")),
        dns=(prefix("192.0.2.53/32"),),
        syslog=(prefix("192.0.2.11/32"),),
        users=(
            User(
                "admin",
                "admin",
                "admin",
                ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFabricExampleKey0000000000000000000000 admin",),
            ),
            User("watch", "operator", "watch"),
        ),
        aaa=(
            AaaServer("tacacs", prefix("192.0.2.20/32"), "tacacs-1"),
            AaaServer("radius", prefix("192.0.2.21/32"), "radius-1"),
        ),
        banner="Property of Example; authorised use only",
    )


def _interface(
    nos: str, cage: int, subport: int, role: str, mtu: int = 9100, *, split: bool = False, **differences: object
) -> Interface:
    lanes = tuple(range(8 * cage, 8 * cage + 8))
    if split:
        lanes = lanes[4 * (subport - 1) : 4 * subport]
    name = f"Ethernet{cage + 1}/{lanes[0] % 8 + 1}" if nos == "eos" else f"Ethernet{lanes[0]}"
    values: dict[str, object] = {
        "name": name,
        "alias": f"etp{cage + 1}" + ("ab"[subport - 1] if split else ""),
        "cage": str(cage + 1),
        "cage_index": cage + 1,
        "subport": subport if split else 0,
        "breakout": "2x400G[200G,100G,50G,40G,25G,10G]" if split else "1x800G[400G,200G,100G,50G,40G,25G,10G]",
        "lanes": lanes,
        "role": role,
        "enabled": role != "unused",
        "drained": False,
        "speed": 400000 if split else 800000,
        "fec": "rs",
        "mtu": mtu,
        "description": "",
        "peer_device": "",
        "peer_port": "",
        "addresses": (),
        "unnumbered": False,
        "vlan": 0,
        "cable_length": 0,
        "lossless": False,
        "headroom_length_m": 0,
    }
    return Interface(**(values | differences))  # type: ignore[arg-type]


def _routing(
    asn: int,
    loopback: int,
    groups: tuple[PeerGroup, ...],
    neighbors: tuple[Neighbor, ...],
    networks: tuple[Prefix, ...],
    bfd: bool,
) -> Routing:
    own4 = PrefixList("OWN4", 4, (PrefixRule(10, prefix("10.254.0.0/16"), 0, 32), PrefixRule(20, prefix("10.0.0.0/9"), 24, 24)))
    own6 = PrefixList(
        "OWN6", 6, (PrefixRule(10, prefix("fd00:254::/48"), 0, 128), PrefixRule(20, prefix("fd00:10::/32"), 64, 64))
    )
    exact = PrefixList("LOOPBACK4", 4, (PrefixRule(5, prefix("10.254.0.1/32")),))
    return Routing(
        bgp=Bgp(
            asn=asn,
            router_id=loopback,
            maximum_paths=64,
            multipath_relax=True,
            graceful_restart=True,
            restart_time=120,
            keepalive=3,
            hold=9,
            bfd=Bfd(300, 300, 3) if bfd else None,
            networks=networks,
            peer_groups=groups,
            neighbors=neighbors,
        ),
        prefix_lists=(exact, own4, own6),
        community_lists=(CommunityList("DRAINED", (DRAIN_COMMUNITY,)), CommunityList("GLOBAL", ("65000:100", "65000:101"))),
        policies=(
            Policy(
                "FABRIC-IN",
                (
                    PolicyTerm(10, False, match_community="GLOBAL"),
                    PolicyTerm(20, True, match_community="DRAINED", set_local_preference=10),
                    PolicyTerm(30, True, match_prefix_list4="OWN4"),
                    PolicyTerm(40, True, match_prefix_list6="OWN6"),
                ),
            ),
            Policy(
                "FABRIC-OUT",
                (
                    PolicyTerm(10, True, match_prefix_list4="OWN4", set_community="65000:7", additive=True),
                    PolicyTerm(20, True, match_prefix_list6="OWN6"),
                ),
            ),
            Policy("DRAINED-OUT", (PolicyTerm(10, True, set_community=DRAIN_COMMUNITY, prepend=3),)),
            Policy("NOTHING", ()),
        ),
        discard_routes=tuple(n for n in networks if n.length not in (32, 128)),
    )


def _switch(
    *,
    nos: str,
    name: str,
    role: str,
    index: int,
    asn: int,
    peer_asns: Sequence[int],
    down: int,
    uplinks: int,
    cages: int,
    unnumbered: bool,
    dual_stack: bool,
    ipv6_links: bool,
    lossless: bool,
    roce: bool,
    vlan: bool,
    drained: bool,
    drained_ports: Sequence[int],
    bfd: bool,
    full_management: bool,
    raw: tuple[str, ...],
) -> SwitchModel:
    quality = qos(lossless=lossless) if roce else None
    interfaces: list[Interface] = []
    neighbors: list[Neighbor] = []
    loopbacks = (prefix(f"10.254.0.{index}/32"), *((prefix(f"fd00:254::{index}/128"),) if dual_stack else ()))
    rail4, rail6 = prefix(f"10.0.{index}.0/24"), prefix(f"fd00:10:0:{index}::/64")
    vlans: tuple[Vlan, ...] = ()
    networks = [*loopbacks]
    if role == "leaf":
        networks += [rail4, *((rail6,) if dual_stack else ())]
        if vlan:
            gateway4, gateway6 = Prefix(4, rail4.value + 1, 24), Prefix(6, rail6.value + 1, 64)
            vlans = (Vlan(100, "rail-1", (gateway4, *((gateway6,) if dual_stack else ())), 9100),)
    for port in range(down):
        addresses: tuple[Prefix, ...] = ()
        if not vlan:
            addresses = (Prefix(4, rail4.value + 2 * port, 31),)
            if dual_stack:
                addresses += (Prefix(6, rail6.value + 2 * port, 127),)
        interfaces.append(
            _interface(
                nos,
                port // 2,
                port % 2 + 1,
                "server",
                split=True,
                description=f"su1-node-{port + 1} rail1",
                peer_device=f"su1-node-{port + 1}",
                peer_port="rail1",
                addresses=addresses,
                vlan=100 if vlan else 0,
                cable_length=4200,
                lossless=lossless and roce,
                headroom_length_m=5 if lossless and roce else 0,
                rail=1,
            )
        )
    first = (down + 1) // 2
    upper = role == "leaf"
    for link in range(uplinks):
        peer = f"backend-spine-{link + 1}" if upper else f"backend-su1-leaf-r{link + 1}"
        here4, here6 = (0x0AFA0000 + 512 * index + 2 * link), (0xFD00_0250 << 96) + (index << 16) + 2 * link
        addresses = ()
        if not unnumbered:
            addresses = () if ipv6_links else (Prefix(4, here4, 31),)
            if dual_stack or ipv6_links:
                addresses += (Prefix(6, here6, 127),)
        port_drained = link in drained_ports
        interface = _interface(
            nos,
            first + link,
            0,
            "fabric",
            description=f"{peer} port {index}",
            peer_device=peer,
            peer_port="Ethernet0",
            addresses=addresses,
            unnumbered=unnumbered,
            drained=port_drained,
            cable_length=35000,
            lossless=lossless and roce,
            headroom_length_m=40 if lossless and roce else 0,
        )
        interfaces.append(interface)
        suffix = "-DRAINED" if port_drained else ""
        description = f"{peer} Ethernet0"
        peer_asn = peer_asns[link % len(peer_asns)]
        if unnumbered:
            neighbors.append(Neighbor(f"FABRIC{suffix}", interface.name, None, peer_asn, description, port_drained))
        else:
            for address in addresses:
                family = "" if ipv6_links else str(address.version)
                other = Prefix(address.version, address.value ^ 1, address.length)
                neighbors.append(Neighbor(f"FABRIC{family}{suffix}", "", other, peer_asn, description, port_drained))
    for cage in range(first + uplinks, cages):
        interfaces.append(_interface(nos, cage, 0, "unused"))

    def group(suffix: str, ipv4: bool, ipv6: bool, drained_group: bool) -> PeerGroup:
        return PeerGroup(
            name=f"FABRIC{suffix}{'-DRAINED' if drained_group else ''}",
            policy_in="FABRIC-IN",
            policy_out="DRAINED-OUT" if drained_group or drained else "FABRIC-OUT",
            maximum_prefix=12000,
            bfd=bfd,
            ipv4=ipv4,
            ipv6=ipv6,
            extended_nexthop=unnumbered or ipv6_links,
        )

    shapes = [("", True, dual_stack)] if unnumbered or ipv6_links else [("4", True, False)]
    if dual_stack and not (unnumbered or ipv6_links):
        shapes.append(("6", False, True))
    groups = tuple(group(s, v4, v6, d) for d in ([False, True] if drained_ports else [False]) for s, v4, v6 in shapes)
    return SwitchModel(
        name=name,
        role=role,
        network="backend",
        site="gru1",
        pod="su1" if role == "leaf" else "",
        platform=PLATFORMS[nos],
        management=management(nos, full=full_management),
        loopbacks=loopbacks,
        interfaces=tuple(interfaces),
        vlans=vlans,
        routing=_routing(asn, loopbacks[0].value, groups, tuple(neighbors), tuple(networks), bfd),
        qos=quality,
        drained=drained,
        hash_seed=11 if role == "leaf" else 22,
        load_balancing="static",
        lldp=True,
        raw=(RawSnippet(nos, raw),) if raw else (),
    )


def leaf(
    nos: str = "sonic",
    *,
    name: str = "backend-su1-leaf-r1",
    servers: int = 4,
    uplinks: int = 2,
    cages: int = 6,
    unnumbered: bool = True,
    dual_stack: bool = True,
    ipv6_links: bool = False,
    lossless: bool = True,
    roce: bool = True,
    vlan: bool = False,
    drained: bool = False,
    drained_ports: Sequence[int] = (),
    bfd: bool = True,
    full_management: bool = True,
    raw: tuple[str, ...] = (),
) -> SwitchModel:
    """A leaf: server ports (400G, cages split in two), uplinks of 800G, unused cages up to `cages`.

    unnumbered False gives /31 (and /127) links with a session a family; with `ipv6_links`, IPv6-only numbered links that
    carry IPv4 by RFC 8950. `drained_ports` are numbers of uplinks, from 0.
    """
    return _switch(
        nos=nos,
        name=name,
        role="leaf",
        index=1,
        asn=LEAF_ASN,
        peer_asns=(SPINE_ASN,),
        down=servers,
        uplinks=uplinks,
        cages=cages,
        unnumbered=unnumbered,
        dual_stack=dual_stack,
        ipv6_links=ipv6_links,
        lossless=lossless,
        roce=roce,
        vlan=vlan,
        drained=drained,
        drained_ports=drained_ports,
        bfd=bfd,
        full_management=full_management,
        raw=raw,
    )


def spine(
    nos: str = "sonic",
    *,
    name: str = "backend-spine-1",
    links: int = 4,
    cages: int = 6,
    unnumbered: bool = True,
    dual_stack: bool = True,
    lossless: bool = True,
    drained: bool = False,
    drained_ports: Sequence[int] = (),
    full_management: bool = True,
    raw: tuple[str, ...] = (),
) -> SwitchModel:
    """A spine: `links` ports of 800G to leafs, each with an ASN of its own."""
    return _switch(
        nos=nos,
        name=name,
        role="spine",
        index=101,
        asn=SPINE_ASN,
        peer_asns=tuple(LEAF_ASN + i for i in range(links)),
        down=0,
        uplinks=links,
        cages=cages,
        unnumbered=unnumbered,
        dual_stack=dual_stack,
        ipv6_links=False,
        lossless=lossless,
        roce=True,
        vlan=False,
        drained=drained,
        drained_ports=drained_ports,
        bfd=True,
        full_management=full_management,
        raw=raw,
    )
