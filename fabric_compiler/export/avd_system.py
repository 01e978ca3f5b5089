"""AVD: users, the ways in, and the services of the management VRF."""

from __future__ import annotations

from typing import Any, Final

from fabric_compiler.export.avd_text import banner, rest_of_line
from fabric_compiler.model.device import Management, SwitchModel, User
from fabric_compiler.targets.eos_system import FILTER
from fabric_compiler.targets.eos_text import secret, word
from fabric_compiler.targets.text import address, prefix

_ROLES: Final = {"admin": (15, "network-admin"), "operator": (1, "network-operator")}
_GROUPS: Final = {"tacacs": ("FABRICC-TACACS", "tacacs+"), "radius": ("FABRICC-RADIUS", "radius")}


def system(model: SwitchModel) -> dict[str, Any]:
    """Everything about management; services of the VRF only where there is a way into it."""
    m = model.management
    made: dict[str, Any] = {
        "aaa_root": {"disabled": True},
        "local_users": [_user(user) for user in sorted(m.users, key=lambda user: user.name)],
        "banners": {"login": banner(m.banner)} if m.banner else None,
        "lldp": None if model.lldp else {"run": False},
    }
    if m.address is None:
        return made | _aaa(m, ())
    vrf, interface = word(m.vrf), word(m.interface)
    sources = [{"name": vrf, "source_interface": interface}]
    servers = {protocol: [own for own in m.aaa if own.protocol == protocol] for protocol in _GROUPS}
    names = {protocol: [address(own.address) for own in found] for protocol, found in servers.items() if found}
    made |= {
        "vrfs": [{"name": vrf, "ip_routing": False}],
        "management_interfaces": [_port(m, vrf, interface)],
        "management_ssh": _ssh(m, vrf),
        "ntp": _ntp(m, vrf, interface),
        "ip_name_server": {"vrfs": [{"name": vrf, "servers": [{"ip_address": address(p)} for p in m.dns]}]} if m.dns else None,
        "logging": {"vrfs": [sources[0] | {"hosts": [{"name": address(p)} for p in m.syslog]}]} if m.syslog else None,
    }
    filters = {"access_group": f"{FILTER}4", "ipv6_access_group": f"{FILTER}6"} if m.allow else {}
    if "eapi" in m.access:
        made["management_api_http"] = {"enable_https": True, "enable_vrfs": [{"name": vrf, **filters}]}
    if "gnmi" in m.access:
        filtered = {"ip_access_group": f"{FILTER}4"} if m.allow else {}
        made["management_api_gnmi"] = {"transport": {"grpc": [{"name": "default", "vrf": vrf, **filtered}]}}
    if m.allow:
        for version, key in ((4, "standard_access_lists"), (6, "ipv6_standard_access_lists")):
            made[key] = [_filter(m, version)]
    if "tacacs" in names:
        hosts = [_server(own.address, own.secret) | {"vrf": vrf} for own in servers["tacacs"]]
        made |= {"tacacs_servers": {"hosts": hosts}, "ip_tacacs": {"vrfs": sources}}
    if "radius" in names:
        hosts = [_server(own.address, own.secret) for own in servers["radius"]]
        made |= {"radius_server": {"vrfs": [{"name": vrf, "servers": hosts}]}, "ip_radius": {"vrfs": sources}}
    groups = [
        {"name": _GROUPS[own][0], "type": _GROUPS[own][1], "servers": [{"server": host, "vrf": vrf} for host in hosts]}
        for own, hosts in names.items()
    ]
    return made | {"aaa_server_groups": groups} | _aaa(m, [_GROUPS[own][0] for own in names])


def _user(user: User) -> dict[str, Any]:
    privilege, role = _ROLES[user.role]
    made = {"name": word(user.name), "privilege": privilege, "role": role, "sha512_password": secret(user.secret)}
    keys = [rest_of_line(key) for key in user.ssh_keys]
    return made | dict(zip(("ssh_key", "secondary_ssh_key"), keys, strict=False))


def _port(m: Management, vrf: str, interface: str) -> dict[str, Any]:
    assert m.address
    made: dict[str, Any] = {"name": interface, "vrf": vrf}
    if m.address.version == 4:
        return made | {"ip_address": prefix(m.address)}
    return made | {"ipv6_enable": True, "ipv6_address": prefix(m.address)}


def _ssh(m: Management, vrf: str) -> dict[str, Any]:
    own: dict[str, Any] = {"name": vrf, "enable": "ssh" in m.access}
    if m.allow and "ssh" in m.access:
        own |= {"ip_access_group_in": f"{FILTER}4", "ipv6_access_group_in": f"{FILTER}6"}
    return {"enable": False, "vrfs": [own]}


def _ntp(m: Management, vrf: str, interface: str) -> dict[str, Any] | None:
    if not m.ntp:
        return None
    servers = [{"name": address(server)} for server in m.ntp]
    return {"vrf": vrf, "local_interface": {"name": interface, "vrf": vrf}, "servers": servers}


def _filter(m: Management, version: int) -> dict[str, Any]:
    lines = [f"permit {prefix(own)}" for own in m.allow if own.version == version] + ["deny any"]
    return {
        "name": f"{FILTER}{version}",
        "sequence_numbers": [{"sequence": 10 * number, "action": line} for number, line in enumerate(lines, 1)],
    }


def _server(own: Any, key: str) -> dict[str, Any]:
    return {"host": address(own), "key": secret(key), "key_type": "0"}


def _aaa(m: Management, groups: Any) -> dict[str, Any]:
    """Groups first, then the switch's own users; whose roles hold only where commands are authorised."""
    methods = "".join(f"group {name} " for name in groups)
    made: dict[str, Any] = {"aaa_authorization": {"exec": {"default": f"{methods}local"}}}
    if groups:
        made["aaa_authentication"] = {"login": {"default": f"{methods}local"}}
    elif m.users:
        made["aaa_authorization"]["commands"] = {"all_default": "local"}
    return made
