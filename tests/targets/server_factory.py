"""Realistic server models for the tests of the hosts target and of its reader.

Importable as `targets.server_factory` (pytest's `pythonpath = ["tests"]`). Rails count from 1; rail r's subnets begin at
10.r.0.0/16 and fd00:0:0:r::/64, and every NIC has a route to each of the other rails.
"""

from __future__ import annotations

import ipaddress
from typing import Literal

from fabric_compiler.model.device import Nic, NicQos, Prefix, Route, ServerModel

# dgx-b200 of the catalogue
GPU_NETDEVS = [f"enp{bus}s0np0" for bus in (24, 64, 79, 94, 154, 192, 206, 220)]
STORAGE_NETDEVS = ["enp170s0f0np0", "enp41s0f0np0"]

Addressing = Literal["p2p", "subnet"]


def prefix(text: str) -> Prefix:
    """'10.0.0.1/31' -> Prefix; the host bits stay."""
    interface = ipaddress.ip_interface(text)
    return Prefix(interface.version, int(interface.ip), interface.network.prefixlen)


def gpu_nic(
    server: int, rail: int, netdev: str, *, versions: tuple[int, ...], addressing: Addressing, table: int, rails: int
) -> Nic:
    addresses: list[Prefix] = []
    routes: list[Route] = []
    for version in versions:
        if version == 4:
            third, fourth = divmod(2 * server, 256)
            own = f"10.{rail}.{third}.{fourth + 1}/31" if addressing == "p2p" else f"10.{rail}.0.{server + 2}/24"
            gateway = prefix(f"10.{rail}.{third}.{fourth}/32" if addressing == "p2p" else f"10.{rail}.0.1/32")
            others = [prefix(f"10.{other}.0.0/16") for other in range(1, rails + 1) if other != rail]
            default = prefix("0.0.0.0/0")
        else:
            own = f"fd00:0:0:{rail}::{2 * server + 1:x}/127" if addressing == "p2p" else f"fd00:0:0:{rail}::{server + 2:x}/64"
            gateway = prefix(f"fd00:0:0:{rail}::{2 * server:x}/128" if addressing == "p2p" else f"fd00:0:0:{rail}::1/128")
            others = [prefix(f"fd00:0:0:{other}::/64") for other in range(1, rails + 1) if other != rail]
            default = prefix("::/0")
        addresses.append(prefix(own))
        routes += [Route(other, gateway, 0, 100) for other in others]
        if table:
            routes.append(Route(default, gateway, table, 0))
    return Nic(
        netdev=netdev,
        network="backend",
        rail=rail,
        plane=0,
        speed=400_000,
        mtu=9100,
        addresses=tuple(addresses),
        routes=tuple(routes),
        table=table,
        peer_device=f"backend-su1-leaf-r{rail}",
        peer_port=f"Ethernet{8 * server}",
    )


def storage_nic(server: int, index: int, netdev: str) -> Nic:
    return Nic(
        netdev=netdev,
        network="storage",
        rail=0,
        plane=0,
        speed=200_000,
        mtu=9000,
        addresses=(prefix(f"10.20{index}.0.{2 * server + 1}/31"),),
        routes=(Route(prefix("10.200.0.0/15"), prefix(f"10.20{index}.0.{2 * server}/32"), 0, 0),),
        table=0,
        peer_device=f"storage-leaf-{index + 1}",
        peer_port=f"Ethernet{server + 1}/1",
    )


def nic_qos(network: str = "backend", *, lossless_priority: int = 3, moved: dict[int, int] | None = None) -> NicQos:
    mapping = [dscp >> 3 for dscp in range(64)]
    for dscp, priority in (moved or {}).items():
        mapping[dscp] = priority
    return NicQos(
        network=network,
        trust="dscp",
        lossless_priority=lossless_priority,
        roce_dscp=26,
        cnp_dscp=48,
        dscp_to_priority=tuple(mapping),
        ecn_priorities=(3,),
    )


def leaf_like_qos(network: str = "backend") -> NicQos:
    """As a leaf classifies: DSCP 26 to 3, DSCP 48 to 6, all else to 0."""
    return nic_qos(network, moved={dscp: {26: 3, 48: 6}.get(dscp, 0) for dscp in range(64)})


def server(
    number: int = 0,
    *,
    versions: tuple[int, ...] = (4,),
    addressing: Addressing = "p2p",
    own_tables: bool = False,
    storage: bool = False,
    qos: tuple[NicQos, ...] | None = None,
    rails: int = 8,
) -> ServerModel:
    nics = [
        gpu_nic(
            number,
            rail,
            netdev,
            versions=versions,
            addressing=addressing,
            table=100 + rail if own_tables else 0,
            rails=rails,
        )
        for rail, netdev in enumerate(GPU_NETDEVS[:rails], 1)
    ]
    if storage:
        nics += [storage_nic(number, index, netdev) for index, netdev in enumerate(STORAGE_NETDEVS)]
    return ServerModel(
        name=f"su1-server-{number + 1}",
        pod="su1",
        site="gru1",
        model="dgx-b200",
        nics=tuple(nics),
        qos=(leaf_like_qos(),) if qos is None else qos,
    )
