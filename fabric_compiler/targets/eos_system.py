"""EOS: users, the ways in, and the services of the management VRF. One management stated in an intent serves all devices.

The control plane keeps the access list that EOS gives it where none is stated (Arista EOS manual, ACLs and Route Maps); what
`management.allow` limits are the services themselves, each by its own list.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any, Final

from fabric_compiler.model.device import Management, Platform, Prefix
from fabric_compiler.targets.eos_qos import queue_word
from fabric_compiler.targets.eos_text import banner, block, rest_of_line, secret, word
from fabric_compiler.targets.text import address, prefix

FILTER: Final = "FABRICC-ACCESS"
_TACACS_GROUP: Final = "FABRICC-TACACS"
_RADIUS_GROUP: Final = "FABRICC-RADIUS"
# Arista EOS manual, AAA Configuration: the predefined roles and the privilege that reaches enable mode
_ROLES: Final = {"admin": (15, "network-admin"), "operator": (1, "network-operator")}
# `username NAME ssh-key KEY` and `username NAME ssh-key secondary KEY`
_KEYS_PER_USER: Final = 2
# `ip load-sharing trident SEED`: 0, the default, to 5
_SEEDS: Final = 6


@dataclasses.dataclass(frozen=True, slots=True)
class SystemSections:
    """The parts that one management gives to all of its devices, in print order; `head` is a format of `hostname`."""

    head: str
    access: str
    filters: str
    ntp: str
    radius_source: str
    tail: str


def shared(management: Management) -> Management:
    """What is left of a device's management when its own address is taken out; a stated one keeps a sign of its version."""
    own = management.address
    return dataclasses.replace(management, address=Prefix(own.version, 0, 0) if own else None, gateway=None)


@lru_cache(maxsize=64)
def sections(
    management: Management, platform: Platform, lldp: bool, unnumbered: bool, dynamic: bool, hash_seed: int
) -> SystemSections:
    """Render the parts for a `shared` management.

    Raises ValueError where EOS has no line for what was decided: a third SSH key of a user, gNMI filtered over IPv6.
    """
    managed = management.address is not None
    if managed and management.address and management.address.version == 6 and management.allow and "gnmi" in management.access:
        raise ValueError("EOS filters gNMI by an IPv4 access list only: give the management port an IPv4 address")
    tacacs, radius = (_servers(management, protocol) for protocol in ("tacacs", "radius"))
    groups = ((_TACACS_GROUP, tacacs), (_RADIUS_GROUP, radius))
    known: dict[str, Any] = {
        "managed": managed,
        "interface": word(management.interface),
        "vrf": word(management.vrf),
        "access": management.access if managed else (),
        "filter": FILTER,
        "filtered": bool(managed and management.allow),
        "tacacs": tacacs,
        "radius": radius,
    }
    return SystemSections(
        head=block(
            "system",
            ("hostname",),
            platform=rest_of_line(platform.platform),
            release=word(platform.release),
            users=_users(management),
            lldp=lldp,
            syslog=_addresses(management.syslog, managed),
            dns=_addresses(management.dns, managed),
            **known,
        ),
        access=block(
            "access",
            banner=banner(management.banner),
            tacacs_group=_TACACS_GROUP,
            radius_group=_RADIUS_GROUP,
            # a role's rules hold only where commands are authorised, and a server may send users without a role
            enforce_roles=bool(management.users and not (tacacs or radius)),
            methods=[name for name, servers in groups if servers],
            **known,
        )
        % {},
        filters=block(
            "routing",
            allow4=[prefix(p) for p in management.allow if p.version == 4],
            allow6=[prefix(p) for p in management.allow if p.version == 6],
            unnumbered=unnumbered,
            dynamic=dynamic,
            seed=_seed(platform, hash_seed),
            **known,
        )
        % {},
        ntp=block("ntp", ntp=_addresses(management.ntp, managed), **known) % {},
        radius_source=block("radius_source", **known) % {},
        tail=block("tail", **known) % {},
    )


def _seed(platform: Platform, hash_seed: int) -> int:
    """The seed in EOS's range: those of a network's tiers are successive numbers, so that their remainders differ too.

    0 on platforms with virtual output queues: the manual's word for their older families may not hold for the newer.
    """
    return 0 if queue_word(platform.platform) == "tx-queue" else hash_seed % _SEEDS


def _addresses(servers: tuple[Prefix, ...], managed: bool) -> list[str]:
    """Servers are reached through the management VRF: without it there is no way to them."""
    return [address(server) for server in servers] if managed else []


def _servers(management: Management, protocol: str) -> list[dict[str, str]]:
    if management.address is None:
        return []
    return [
        {"address": address(server.address), "secret": secret(server.secret)}
        for server in management.aaa
        if server.protocol == protocol
    ]


def _users(management: Management) -> list[dict[str, Any]]:
    made = []
    for user in sorted(management.users, key=lambda user: user.name):
        if len(user.ssh_keys) > _KEYS_PER_USER:
            raise ValueError(f"EOS keeps two SSH keys a user, and {user.name} has {len(user.ssh_keys)}")
        privilege, role = _ROLES[user.role]
        made.append(
            {
                "name": word(user.name),
                "privilege": privilege,
                "role": role,
                "secret": secret(user.secret),
                "ssh_keys": [rest_of_line(key) for key in user.ssh_keys],
            }
        )
    return made
