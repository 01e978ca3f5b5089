"""ECMP hash seeds: one a tier, so that two switches on a flow's path do not take the same decision.

A spine gets from one of its leafs only flows that hashed to it there. With the leaf's own seed it would hash them all to one of
its links: load polarises, and links stay idle however many there are.
"""

from __future__ import annotations

from typing import Final

# in the order of the path upwards; a flow passes each of a network's tiers at most twice, up and down
_TIERS: Final = ("leaf", "spine", "core", "border")
# SONiC, docker-orchagent/switch.json.j2: 0 to 15, from DEVICE_METADATA|localhost ecmp_hash_seed where the release has it
SEEDS: Final = 16


def hash_seed(tier: str, network_slot: int, place: int = 0) -> int:
    """The seed, 0 to 15, of the switches of a tier in the network numbered `network_slot` from 0. Raises ValueError.

    A dragonfly has routers alone, and a flow passes up to four of them: `place`, a router's number in its group from 0, keeps
    those of a group apart.

    The tiers of one network differ from one another, and those of networks whose slots are not a multiple of four apart differ
    too: where their borders meet, a flow passes switches of both. The answer hangs on nothing but its arguments, so a seed
    never moves when a network grows.
    """
    if tier == "router":
        return (network_slot * len(_TIERS) + place) % SEEDS
    if tier not in _TIERS:
        raise ValueError(f"no hash seed for the tier {tier!r}; the tiers are {', '.join(_TIERS)}")
    if network_slot < 0:
        raise ValueError(f"networks are numbered from 0, got {network_slot}")
    return (network_slot * len(_TIERS) + _TIERS.index(tier)) % SEEDS
