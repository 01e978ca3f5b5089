"""SONiC's way in: the management port and its VRF, the services on it, who may use them.

CONFIG_DB has no table for local users (the image has one, set by its own tools), so a model's users are not written here.
SONiC's management VRF has one name only, mgmt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from fabric_compiler.model.device import AaaServer, Bgp, Management, Prefix, SwitchModel
from fabric_compiler.targets.text import address, line, prefix

Rows = dict[str, Mapping[str, str]]

_VRF: Final = "mgmt"
# gnmi-native.sh: where the server listens while CONFIG_DB says nothing else; then it also asks clients for a certificate
_GNMI_PORT: Final = "8080"
# sonic-config-engine, minigraph.py: where SONiC keeps them; without the row the server has no TLS and serves itself only
_GNMI_CERTIFICATES: Final = {
    "ca_crt": "/etc/sonic/telemetry/dsmsroot.cer",
    "server_crt": "/etc/sonic/telemetry/streamingtelemetryserver.cer",
    "server_key": "/etc/sonic/telemetry/streamingtelemetryserver.key",
}
# sonic-acl.yang: rules are taken by descending priority
_FIRST_PRIORITY: Final = 9999
_LINK_LOCAL: Final = Prefix(6, 0xFE80 << 112, 10)


def management_tables(model: SwitchModel) -> dict[str, Any]:
    """The tables of the device's management; nothing where none was stated and the NOS keeps its own."""
    tables = dict(_shared(model.management))
    own = model.management
    if own.address is not None:
        row = {"gwaddr": address(own.gateway)} if own.gateway is not None else {}
        tables["MGMT_INTERFACE"] = {f"{own.interface}|{prefix(own.address)}": row}
    if own.allow:
        acl_tables, rules = _access(own)
        link_tables, link_rules = _neighbours(model.routing.bgp)
        if acl_tables:
            tables["ACL_TABLE"] = acl_tables | link_tables
            tables["ACL_RULE"] = rules | link_rules
    return tables


@lru_cache(maxsize=256)
def _services(
    interface: str,
    vrf: str,
    ntp: tuple[Prefix, ...],
    dns: tuple[Prefix, ...],
    syslog: tuple[Prefix, ...],
    banner: str,
    gnmi: bool,
) -> Mapping[str, Any]:
    in_vrf = {"vrf": vrf} if vrf else {}
    # the image's own row says vrf default and takes servers of DHCP (init_cfg.json.j2); what is stated here goes over it
    ntp_row = {"admin_state": "enabled", "dhcp": "disabled", "server_role": "disabled", "src_intf": interface}
    return {
        "MGMT_VRF_CONFIG": {"vrf_global": {"mgmtVrfEnabled": "true" if vrf else "false"}},
        "MGMT_PORT": {interface: {"admin_status": "up", "alias": interface}},
        "NTP": {"global": ntp_row | {"vrf": vrf or "default"}} if ntp else {},
        # chrony.conf.j2 takes the name to resolve from resolve_as
        "NTP_SERVER": {
            server: {"admin_state": "enabled", "association_type": "server", "iburst": "on", "resolve_as": server}
            for server in map(address, ntp)
        },
        "DNS_NAMESERVER": {address(server): {} for server in dns},
        "SYSLOG_SERVER": {address(server): in_vrf for server in syslog},
        "BANNER_MESSAGE": {"global": {"state": "enabled", "login": _banner(banner), "motd": _banner(banner)}} if banner else {},
        "GNMI": {"certs": _GNMI_CERTIFICATES} if gnmi else {},
    }


def _shared(own: Management) -> Mapping[str, Any]:
    vrf = "" if own.vrf in ("", "default") else _VRF
    services = _services(own.interface, vrf, own.ntp, own.dns, own.syslog, own.banner, "gnmi" in own.access)
    return {**services, **_aaa(own.aaa, vrf)}


def _banner(text: str) -> str:
    """banner-config.sh prints it with `echo -e`, which would take what follows a backslash for an escape."""
    return line(text).replace("\\", "\\\\")


@lru_cache(maxsize=256)
def _aaa(servers: tuple[AaaServer, ...], vrf: str) -> Mapping[str, Any]:
    """TACACS+ goes before RADIUS: SONiC's PAM takes one of them, with local users when no server answers."""
    tacacs = [s for s in servers if s.protocol == "tacacs"]
    radius = [s for s in servers if s.protocol == "radius"]
    if not servers:
        return {}
    tables: dict[str, Any] = {
        # failthrough would ask the next method after a refusal, too
        "AAA": {"authentication": {"login": "tacacs+,local" if tacacs else "radius,local", "failthrough": "False"}},
        "TACPLUS_SERVER": _servers(tacacs, vrf),
        "RADIUS_SERVER": _servers(radius, vrf),
    }
    if tacacs:
        # sonic-system-aaa.yang wants a key for all beside those of the servers
        tables["TACPLUS"] = {"global": {"auth_type": "pap", "passkey": _placeholder(tacacs[0].secret), "timeout": "5"}}
    return tables


def _servers(servers: Iterable[AaaServer], vrf: str) -> Rows:
    """The first stated has the highest priority; ports are the protocols' own, which CONFIG_DB leaves out."""
    rows: Rows = {}
    for number, server in enumerate(servers):
        row = {"auth_type": "pap", "passkey": _placeholder(server.secret), "priority": str(max(1, 64 - number)), "timeout": "5"}
        rows[address(server.address)] = row | ({"vrf": vrf} if vrf else {})
    return rows


def _placeholder(secret: str) -> str:
    """What stands in a build where the secret goes; put in and taken out by field."""
    return f"secret:{line(secret)}"


def _access(own: Management) -> tuple[dict[str, Any], Rows]:
    """Who may open sessions. caclmgrd wants a table for each IP version, and drops every service that no table names."""
    known = {"ssh": ("SSH", ["SSH"], "22"), "gnmi": ("GNMI", ["EXTERNAL_CLIENT"], _GNMI_PORT)}
    services = [known[access] for access in own.access if access in known]
    tables: dict[str, Any] = {}
    rules: Rows = {}
    for version, suffix in ((4, ""), (6, "-V6")):
        sources = [p for p in own.allow if p.version == version]
        if not sources:
            continue
        for name, service, port in services:
            table = name + suffix
            tables[table] = {"policy_desc": f"management {name}", "services": service, "stage": "ingress", "type": "CTRLPLANE"}
            for number, source in enumerate(sources):
                rules[f"{table}|RULE_{number + 1}"] = {
                    "IP_PROTOCOL": "6",
                    "L4_DST_PORT": port,
                    "PACKET_ACTION": "ACCEPT",
                    "PRIORITY": str(_FIRST_PRIORITY - number),
                    ("SRC_IP" if version == 4 else "SRC_IPV6"): prefix(source),
                }
    return tables, rules


def _neighbours(bgp: Bgp) -> tuple[dict[str, Any], Rows]:
    """Let in the neighbours whose sessions have BFD.

    With any control-plane ACL caclmgrd drops what no rule accepts. It accepts BGP by itself, but BFD only for sessions in
    STATE_DB, where FRR's bfdd has none. No service names BFD's port, hence ANY, from each neighbour alone.
    """
    watched = {g.name for g in bgp.peer_groups if g.bfd} if bgp.bfd is not None else set()
    tables: dict[str, Any] = {}
    rules: Rows = {}
    numbers = {4: 0, 6: 0}
    for n in bgp.neighbors:
        if n.peer_group not in watched:
            continue
        version = 6 if n.address is None else n.address.version
        table = "NEIGHBORS" if version == 4 else "NEIGHBORS-V6"
        if table not in tables:
            tables[table] = {"policy_desc": "BFD of neighbors", "services": ["ANY"], "stage": "ingress", "type": "CTRLPLANE"}
        row = {"PACKET_ACTION": "ACCEPT", "PRIORITY": str(_FIRST_PRIORITY - numbers[version])}
        if n.address is None:
            row |= {"IN_PORTS": n.interface, "SRC_IPV6": prefix(_LINK_LOCAL)}
        elif version == 4:
            row["SRC_IP"] = f"{address(n.address)}/32"
        else:
            row["SRC_IPV6"] = f"{address(n.address)}/128"
        numbers[version] += 1
        rules[f"{table}|RULE_{numbers[version]}"] = row
    return tables, rules
