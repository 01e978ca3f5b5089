"""config_db.json: the rows that matter, and that no text leaves its field."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hostile import HOSTILE
from targets.model_factory import SN5600_BUFFERS, leaf, lossless_platforms, prefix, qos, spine

from fabric_compiler.model.device import SwitchModel, Vlan
from fabric_compiler.targets import sonic
from fabric_compiler.targets.sonic_qos import SharedQos

Db = dict[str, dict[str, Any]]


def db(model: SwitchModel) -> Db:
    decoded: Db = json.loads(sonic.render(model)["config_db.json"])
    return decoded


def test_the_file_is_what_sorted_indented_json_is() -> None:
    content = sonic.render(leaf())["config_db.json"]
    assert content.decode() == json.dumps(json.loads(content), indent=4, sort_keys=True) + "\n"


def test_the_device_owns_its_routing_configuration() -> None:
    assert db(leaf())["DEVICE_METADATA"]["localhost"] == {
        "bgp_asn": "4200000001",
        "buffer_model": "traditional",
        "default_bgp_status": "up",
        "default_pfcwd_status": "disable",
        "docker_routing_config_mode": "split-unified",
        "frr_mgmt_framework_config": "true",
        "hostname": "backend-su1-leaf-r1",
        "hwsku": "Mellanox-SN5600-O128",
        "platform": "x86_64-nvidia_sn5600-r0",
        "synchronous_mode": "enable",
        "type": "ToRRouter",
    }


def test_bfdd_is_started_only_where_sessions_have_bfd() -> None:
    assert db(leaf(bfd=False))["DEVICE_METADATA"]["localhost"]["frr_mgmt_framework_config"] == "false"


def test_successive_tiers_have_types_with_different_hash_seeds() -> None:
    tiers = [leaf(), spine(), replace(spine(), role="core")]
    assert [db(m)["DEVICE_METADATA"]["localhost"]["type"] for m in tiers] == ["ToRRouter", "LeafRouter", "SpineRouter"]


def test_a_split_port_is_written_as_the_platform_names_it() -> None:
    tables = db(leaf())
    assert tables["PORT"]["Ethernet4"] == {
        "admin_status": "up",
        "alias": "etp1b",
        "description": "su1-node-2 rail1",
        "fec": "rs",
        "index": "1",
        "lanes": "4,5,6,7",
        "mtu": "9100",
        "speed": "400000",
        "subport": "2",
    }
    assert tables["BREAKOUT_CFG"] == {
        "Ethernet0": {"brkout_mode": "2x400G[200G,100G,50G,40G,25G,10G]"},
        "Ethernet8": {"brkout_mode": "2x400G[200G,100G,50G,40G,25G,10G]"},
        "Ethernet16": {"brkout_mode": "1x800G[400G,200G,100G,50G,40G,25G,10G]"},
        "Ethernet24": {"brkout_mode": "1x800G[400G,200G,100G,50G,40G,25G,10G]"},
        "Ethernet32": {"brkout_mode": "1x800G[400G,200G,100G,50G,40G,25G,10G]"},
        "Ethernet40": {"brkout_mode": "1x800G[400G,200G,100G,50G,40G,25G,10G]"},
    }


def test_the_platforms_own_cage_number_is_the_index() -> None:
    model = leaf()
    counted_from_zero = tuple(replace(i, cage_index=i.cage_index - 1) for i in model.interfaces)
    assert db(replace(model, interfaces=counted_from_zero))["PORT"]["Ethernet0"]["index"] == "0"


def test_a_port_without_cable_is_shut_and_has_no_qos() -> None:
    tables = db(leaf())
    assert tables["PORT"]["Ethernet40"]["admin_status"] == "down"
    assert "Ethernet40" not in tables["PORT_QOS_MAP"]
    assert not [
        key for table in ("QUEUE", "BUFFER_PG", "BUFFER_QUEUE") for key in tables[table] if key.startswith("Ethernet40")
    ]


def test_an_unnumbered_port_routes_on_link_local_addresses() -> None:
    interfaces = db(leaf())["INTERFACE"]
    assert interfaces["Ethernet16"] == {"ipv6_use_link_local_only": "enable"}
    assert interfaces["Ethernet0"] == {}
    assert interfaces["Ethernet0|10.0.1.0/31"] == {}
    assert interfaces["Ethernet0|fd00:10:0:1::/127"] == {}


def test_an_access_port_is_a_member_of_its_rails_vlan_and_no_router_port() -> None:
    tables = db(leaf(vlan=True))
    assert tables["VLAN"] == {"Vlan100": {"admin_status": "up", "description": "rail-1", "mtu": "9100", "vlanid": "100"}}
    assert tables["VLAN_MEMBER"]["Vlan100|Ethernet0"] == {"tagging_mode": "untagged"}
    assert tables["VLAN_INTERFACE"] == {"Vlan100": {}, "Vlan100|10.0.1.1/24": {}, "Vlan100|fd00:10:0:1::1/64": {}}
    assert "Ethernet0" not in tables["INTERFACE"]


def test_management_stays_in_its_vrf() -> None:
    tables = db(leaf())
    assert tables["MGMT_VRF_CONFIG"] == {"vrf_global": {"mgmtVrfEnabled": "true"}}
    assert tables["MGMT_INTERFACE"] == {"eth0|172.16.0.11/20": {"gwaddr": "172.16.0.1"}}
    assert tables["NTP"]["global"]["vrf"] == "mgmt"
    assert tables["NTP_SERVER"]["192.0.2.10"]["resolve_as"] == "192.0.2.10"
    assert tables["SYSLOG_SERVER"] == {"192.0.2.11": {"vrf": "mgmt"}}
    assert tables["DNS_NAMESERVER"] == {"192.0.2.53": {}}
    assert tables["FEATURE"] == {"gnmi": {"state": "enabled"}, "lldp": {"state": "enabled"}}


def test_without_a_stated_management_the_nos_keeps_its_own_address() -> None:
    model = leaf(full_management=False)
    assert "MGMT_INTERFACE" not in db(replace(model, management=replace(model.management, address=None, gateway=None)))


def test_only_the_allowed_sources_open_sessions_by_address_family() -> None:
    tables = db(leaf())
    assert tables["ACL_TABLE"]["SSH"] == {
        "policy_desc": "management SSH",
        "services": ["SSH"],
        "stage": "ingress",
        "type": "CTRLPLANE",
    }
    assert tables["ACL_RULE"]["SSH|RULE_1"] == {
        "IP_PROTOCOL": "6",
        "L4_DST_PORT": "22",
        "PACKET_ACTION": "ACCEPT",
        "PRIORITY": "9999",
        "SRC_IP": "172.16.0.0/20",
    }
    assert tables["ACL_RULE"]["SSH-V6|RULE_1"]["SRC_IPV6"] == "2001:db8:16::/64"
    assert tables["ACL_TABLE"]["GNMI"]["services"] == ["EXTERNAL_CLIENT"]
    assert tables["ACL_RULE"]["GNMI|RULE_1"]["L4_DST_PORT"] == "8080"


def test_a_service_that_is_not_offered_has_no_rule() -> None:
    model = leaf()
    only_ssh = db(replace(model, management=replace(model.management, access=("ssh",))))
    assert not [name for name in only_ssh["ACL_TABLE"] if name.startswith("GNMI")]
    assert "GNMI" not in only_ssh
    assert only_ssh["FEATURE"]["gnmi"] == {"state": "disabled"}


def test_access_lists_leave_the_neighbours_bfd_alone() -> None:
    """caclmgrd drops what no rule accepts as soon as there is one, FRR's BFD too."""
    over_link_local = db(leaf())
    assert over_link_local["ACL_TABLE"]["NEIGHBORS-V6"]["services"] == ["ANY"]
    assert over_link_local["ACL_RULE"]["NEIGHBORS-V6|RULE_2"] == {
        "IN_PORTS": "Ethernet24",
        "PACKET_ACTION": "ACCEPT",
        "PRIORITY": "9998",
        "SRC_IPV6": "fe80::/10",
    }
    numbered = db(leaf(unnumbered=False))["ACL_RULE"]
    assert numbered["NEIGHBORS|RULE_1"] == {"PACKET_ACTION": "ACCEPT", "PRIORITY": "9999", "SRC_IP": "10.250.2.1/32"}
    assert numbered["NEIGHBORS-V6|RULE_1"]["SRC_IPV6"] == "fd00:250::1:1/128"
    assert not [key for key in db(leaf(bfd=False))["ACL_RULE"] if key.startswith("NEIGHBORS")]
    assert "ACL_RULE" not in db(leaf(full_management=False))


def test_a_secret_is_a_placeholder() -> None:
    tables = db(leaf())
    assert tables["TACPLUS_SERVER"]["192.0.2.20"]["passkey"] == "secret:tacacs-1"
    assert tables["TACPLUS"]["global"]["passkey"] == "secret:tacacs-1"
    assert tables["RADIUS_SERVER"]["192.0.2.21"]["passkey"] == "secret:radius-1"
    assert tables["AAA"]["authentication"] == {"failthrough": "False", "login": "tacacs+,local"}


def test_a_backslash_in_a_banner_survives_echo() -> None:
    model = leaf()
    banner = db(replace(model, management=replace(model.management, banner=r"a\nb")))["BANNER_MESSAGE"]["global"]
    assert banner == {"login": r"a\\nb", "motd": r"a\\nb", "state": "enabled"}


def test_roce_is_lossless_on_one_class_from_dscp_to_queue() -> None:
    tables = db(leaf())
    assert tables["DSCP_TO_TC_MAP"]["AZURE"]["26"] == "3"
    assert tables["TC_TO_PRIORITY_GROUP_MAP"]["AZURE"]["3"] == "3"
    assert tables["TC_TO_QUEUE_MAP"]["AZURE"]["3"] == "3"
    assert tables["PFC_PRIORITY_TO_PRIORITY_GROUP_MAP"] == {"AZURE": {"3": "3"}}
    assert tables["PORT_QOS_MAP"]["Ethernet0"] == {
        "dscp_to_tc_map": "AZURE",
        "pfc_enable": "3",
        "pfc_to_pg_map": "AZURE",
        "pfc_to_queue_map": "AZURE",
        "pfcwd_sw_enable": "3",
        "tc_to_pg_map": "AZURE",
        "tc_to_queue_map": "AZURE",
    }
    assert tables["PORT_QOS_MAP"]["global"] == {"dscp_to_tc_map": "AZURE"}


def test_headroom_goes_by_speed_and_the_platforms_row_of_length() -> None:
    tables = db(leaf())
    assert tables["CABLE_LENGTH"]["AZURE"]["Ethernet0"] == "5m"
    assert tables["CABLE_LENGTH"]["AZURE"]["Ethernet16"] == "40m"
    assert tables["CABLE_LENGTH"]["AZURE"]["Ethernet40"] == "0m"
    assert tables["BUFFER_PG"]["Ethernet0|3"] == {"profile": "pg_lossless_400000_5m_profile"}
    assert tables["BUFFER_PG"]["Ethernet0|0"] == {"profile": "ingress_lossy_profile"}
    assert tables["BUFFER_PROFILE"]["pg_lossless_400000_5m_profile"] == {
        "dynamic_th": "0",
        "pool": "ingress_lossless_pool",
        "size": "250880",
        "xoff": "231424",
        "xon": "19456",
    }


def test_one_lossless_queue_takes_the_lossless_profile_and_its_neighbours_do_not() -> None:
    assert {k: v["profile"] for k, v in db(leaf())["BUFFER_QUEUE"].items() if k.startswith("Ethernet0|")} == {
        "Ethernet0|0-2": "q_lossy_profile",
        "Ethernet0|3": "egress_lossless_profile",
        "Ethernet0|4-6": "q_lossy_profile",
    }


def test_queues_share_by_weight_and_mark_by_the_ports_speed() -> None:
    tables = db(leaf())
    assert tables["SCHEDULER"] == {
        "scheduler.0": {"type": "DWRR", "weight": "20"},
        "scheduler.1": {"type": "DWRR", "weight": "80"},
        "scheduler.2": {"type": "STRICT"},
    }
    assert tables["QUEUE"]["Ethernet0|3"] == {"scheduler": "scheduler.1", "wred_profile": "ECN_400000"}
    assert tables["QUEUE"]["Ethernet16|3"] == {"scheduler": "scheduler.1", "wred_profile": "ECN_800000"}
    assert tables["QUEUE"]["Ethernet0|6"] == {"scheduler": "scheduler.2"}
    assert tables["WRED_PROFILE"]["ECN_400000"]["green_min_threshold"] == "1048576"


def test_every_lossless_port_is_watched_for_pause_storms() -> None:
    watched = db(leaf())["PFC_WD"]
    assert watched.pop("GLOBAL") == {"POLL_INTERVAL": "200"}
    assert sorted(watched) == ["Ethernet0", "Ethernet12", "Ethernet16", "Ethernet24", "Ethernet4", "Ethernet8"]
    assert watched["Ethernet0"] == {"action": "drop", "detection_time": "200", "restoration_time": "400"}


def test_lossy_roce_pauses_nothing() -> None:
    tables = db(leaf(lossless=False))
    assert "PFC_WD" not in tables
    assert "pfc_enable" not in tables["PORT_QOS_MAP"]["Ethernet0"]
    assert "Ethernet0|3" not in tables["BUFFER_PG"]
    assert set(tables["CABLE_LENGTH"]["AZURE"].values()) == {"0m"}


def test_without_qos_there_is_none_of_its_tables() -> None:
    assert not {"PORT_QOS_MAP", "QUEUE", "BUFFER_POOL", "CABLE_LENGTH"} & set(db(leaf(roce=False)))


def test_devices_that_share_a_qos_share_its_tables() -> None:
    shared = SharedQos(qos(), "mellanox")
    first, second = (shared.tables(leaf(name=name).interfaces) for name in ("a", "b"))
    assert first["BUFFER_PROFILE"] is second["BUFFER_PROFILE"]


def test_headroom_without_a_lossless_pool_is_refused() -> None:
    tables = {k: v for k, v in SN5600_BUFFERS.items() if k != "BUFFER_POOL"}
    with pytest.raises(ValueError, match="have no ingress_lossless_pool"):
        SharedQos(replace(qos(), buffer_tables=tables), "mellanox")


def test_every_platform_with_a_lossless_queue_gets_rows_for_its_lossless_ports() -> None:
    checked = refused = 0
    for name, own, asic, row in lossless_platforms():
        if "egress_lossless_profile" not in own.buffer_tables["BUFFER_PROFILE"]:
            # SN5640: SONiC's own templates use its queues lossy, headroom rows or not
            with pytest.raises(ValueError, match="no egress_lossless_profile"):
                SharedQos(own, asic)
            refused += 1
            continue
        port = replace(leaf().interfaces[0], speed=row.speed, headroom_length_m=row.length_m)
        tables = SharedQos(own, asic).tables((port,))
        profile = tables["BUFFER_PG"]["Ethernet0|3"]["profile"]
        assert tables["BUFFER_PROFILE"][profile]["pool"] in tables["BUFFER_POOL"], name
        assert tables["BUFFER_QUEUE"]["Ethernet0|3"] == {"profile": "egress_lossless_profile"}, name
        assert tables["BUFFER_QUEUE"]["Ethernet0|4-6"]["profile"] != "egress_lossless_profile", name
        assert "[" not in json.dumps(tables), name
        checked += 1
    assert checked >= 10
    assert refused


def test_no_text_leaves_its_field() -> None:
    plain = leaf(vlan=True)
    shape = {table: {key: sorted(row) for key, row in rows.items()} for table, rows in db(plain).items()}
    for text in HOSTILE:
        if not text:
            continue
        model = replace(
            plain,
            name=text,
            interfaces=tuple(replace(i, description=text) for i in plain.interfaces),
            vlans=(Vlan(100, text, plain.vlans[0].addresses, 9100),),
            management=replace(plain.management, banner=text, aaa=tuple(replace(a, secret=text) for a in plain.management.aaa)),
        )
        content = sonic.render(model)["config_db.json"]
        tables = json.loads(content)
        assert {table: {key: sorted(row) for key, row in rows.items()} for table, rows in tables.items()} == shape
        assert content.isascii()
        assert all(len(port["description"]) <= 255 for port in tables["PORT"].values())


def test_a_numbered_device_gets_rows_for_both_families() -> None:
    interfaces = db(leaf(unnumbered=False))["INTERFACE"]
    assert {"Ethernet16", "Ethernet16|10.250.2.0/31", "Ethernet16|fd00:250::1:0/127"} <= set(interfaces)
    assert db(leaf())["LOOPBACK_INTERFACE"] == {"Loopback0": {}, "Loopback0|10.254.0.1/32": {}, "Loopback0|fd00:254::1/128": {}}
    assert prefix("10.250.2.0/31") in leaf(unnumbered=False).interfaces[4].addresses
