"""The way into a switch: what the intent states, in the words of the operating system's interface names."""

from __future__ import annotations

from fabric_compiler.intent.schema import ManagementIntent
from fabric_compiler.ir.plan import DevicePlan, Prefix
from fabric_compiler.model.device import AaaServer, Management, User
from fabric_compiler.plan.numbers import gateway_of

# SONiC and FRR: Linux's name; EOS: the fixed systems' port
_INTERFACES = {"eos": "Management1"}
# SONiC has no eAPI
_ACCESS = {"eos": ("ssh", "eapi", "gnmi"), "sonic": ("ssh", "gnmi")}


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
