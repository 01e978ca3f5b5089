"""Racks of pods and rows of switches as blocks of numbers on a site's floor: what has its block keeps it, the rest follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fabric_compiler.ir.blocks import Block, Extents


class PodSize(NamedTuple):
    """Racks that a pod needs: for its servers, and for the leafs of each of its networks."""

    servers: int
    leafs: Mapping[str, int]


def leafs_of(network: str, pod: str) -> str:
    """Owner of the racks that the network's leafs have in the pod; the owner of the servers' racks is the pod itself."""
    return f"{network}/{pod}"


def pod_extents(pods: Mapping[str, PodSize], position: Mapping[str, int], pinned: Mapping[str, Extents]) -> dict[str, Extents]:
    """The racks of a site's pods by owner.

    A new pod gets one block with its leafs in the middle. Each owner keeps its racks by itself, so that another network, or
    servers more, move nothing of what stands.
    """
    sizes: dict[str, int] = {}
    whole: dict[str, PodSize] = {}
    places: dict[str, int] = {}
    for pod, size in pods.items():
        owners = {pod: size.servers} | {leafs_of(network, pod): racks for network, racks in size.leafs.items()}
        if not owners.keys() & pinned.keys():
            whole[pod] = size
            owners = {pod: sum(owners.values())}
        sizes |= owners
        places |= dict.fromkeys(owners, position.get(pod, len(position)))
    made = rack_extents(sizes, places, pinned)
    for pod, size in whole.items():
        if pod in made:
            made |= _parted(pod, size, made[pod].blocks[0].start)
    return made


def _parted(pod: str, size: PodSize, start: int) -> dict[str, Extents]:
    before = size.servers // 2
    made, middle = {}, start + before
    for network, racks in size.leafs.items():
        made[leafs_of(network, pod)] = Extents((Block(middle, racks),))
        middle += racks
    parts = [Block(start, before), Block(middle, size.servers - before)]
    if middle == start + before:  # no leafs between them
        parts = [Block(start, size.servers)]
    made[pod] = Extents(tuple(block for block in parts if block.size))
    return made


def rack_extents(sizes: Mapping[str, int], position: Mapping[str, int], pinned: Mapping[str, Extents]) -> dict[str, Extents]:
    """The numbers of each owner, at least as many as `sizes` says.

    Pinned owners stay, and removed ones keep theirs. Behind all of them follow, in the order of `position`, what has
    outgrown its block and the owners that have none.
    """
    order = sorted(sizes, key=lambda owner: position.get(owner, len(position)))
    made = {owner: pinned[owner] for owner in order if owner in pinned}
    free = max((block.start + block.size for extents in pinned.values() for block in extents.blocks), default=0)
    for owner in order:
        missing = sizes[owner] - (len(made[owner]) if owner in made else 0)
        if missing > 0:
            made[owner] = Extents((*(made[owner].blocks if owner in made else ()), Block(free, missing)))
            free += missing
    return {owner: made[owner] for owner in order if owner in made}
