"""The way into a switch: what the intent states, in the words of the operating system's interface names."""

from __future__ import annotations

from collections.abc import Iterable

from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import ManagementIntent
from fabric_compiler.ir.plan import DevicePlan, Prefix
from fabric_compiler.model.device import AaaServer, Management, User
from fabric_compiler.plan.numbers import gateway_of
from fabric_compiler.topology.shape import Places

# SONiC and FRR: Linux's name; EOS: the fixed systems' port
_INTERFACES = {"eos": "Management1"}
# SONiC has no eAPI; CONFIG_DB: sonic-mgmt_vrf.yang
_SONIC_VRF = "mgmt"  # sonic-mgmt_vrf.yang knows no other
_ACCESS = {"eos": ("ssh", "eapi", "gnmi"), "sonic": ("ssh", "gnmi")}


def check_management(stated: ManagementIntent | None, systems: Iterable[str], places: Places, report: Report) -> None:
    """What an operating system of the fabric cannot have of the stated management."""
    if stated is None or "sonic" not in set(systems):
        return
    if stated.vrf != _SONIC_VRF:
        report.error(
            "FC2008",
            f"SONiC's management VRF is called {_SONIC_VRF}, not {stated.vrf}",
            places.at("management", "vrf"),
            f"state {_SONIC_VRF}, or leave it out",
        )
    if stated.users:
        report.warning(
            "FC2008",
            "CONFIG_DB has no table for local users: SONiC switches get none of them",
            places.at("management", "users"),
            "make them with the image or with TACACS+; EOS switches get them",
        )


def management(stated: ManagementIntent | None, plan: DevicePlan, nos: str) -> Management:
    """`stated` None: the operating system keeps its own way in, and SSH is open on it."""
    interface = _INTERFACES.get(nos, "eth0")
    if stated is None:
        return Management(interface, None, None, "mgmt", ("ssh",), ())
    length = {4: 32, 6: 128}[stated.pool.version]
    gateway = gateway_of(stated)
    return Management(
        interface=interface,
        address=plan.management,
        gateway=Prefix(gateway.version, gateway.value, length),
        vrf=stated.vrf,
        access=tuple(kind for kind in stated.access if kind in _ACCESS.get(nos, ("ssh",))),
        allow=stated.allow,
        ntp=stated.ntp,
        dns=stated.dns,
        syslog=stated.syslog,
        users=tuple(User(name, user.role, user.password, user.ssh_keys) for name, user in sorted(stated.users.items())),
        aaa=(
            *(AaaServer("tacacs", server.address, server.key) for server in stated.aaa.tacacs),
            *(AaaServer("radius", server.address, server.key) for server in stated.aaa.radius),
        ),
        banner=stated.banner,
    )
