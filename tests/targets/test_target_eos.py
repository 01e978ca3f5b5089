"""The EOS target: what a line says, what holds in every shape, and what no text may do."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from typing import Any

import pytest
from hostile import HOSTILE, HOSTILE_BY_NAME
from targets.model_factory import leaf, prefix, spine

from fabric_compiler.model.device import Management, PolicyTerm, Prefix, Qos, RawSnippet, SwitchModel, User
from fabric_compiler.targets.eos import TARGET, configuration
from fabric_compiler.targets.eos_interfaces import speed_word
from fabric_compiler.targets.eos_qos import queue_word


def block(text: str, head: str) -> list[str]:
    """The lines below the one that reads `head`, up to the next mark in the first column."""
    lines = text.splitlines()
    start = lines.index(head) + 1
    return [line.strip() for line in lines[start : lines.index("!", start)]]


def differs(model: SwitchModel, **changes: Any) -> SwitchModel:
    return dataclasses.replace(model, **changes)


def with_management(model: SwitchModel, **changes: Any) -> SwitchModel:
    return differs(model, management=dataclasses.replace(model.management, **changes))


def with_qos(model: SwitchModel, **changes: Any) -> SwitchModel:
    assert isinstance(model.qos, Qos)
    return differs(model, qos=dataclasses.replace(model.qos, **changes))


def test_a_device_is_one_file_of_its_name() -> None:
    assert TARGET.directory == "devices"
    assert list(TARGET.render(leaf("eos"))) == ["backend-su1-leaf-r1.cfg"]  # type: ignore[arg-type]


def test_the_header_names_device_model_and_release() -> None:
    assert configuration(leaf("eos")).splitlines()[:2] == [
        "! Command: show running-config",
        "! device: backend-su1-leaf-r1 (DCS-7060X6-64PE, EOS-4.34.2F)",
    ]


def test_an_unnumbered_uplink_has_link_local_addresses_only() -> None:
    assert block(configuration(leaf("eos")), "interface Ethernet3/1") == [
        "description backend-spine-1 port 1",
        "mtu 9100",
        "speed 800g-8",
        "error-correction encoding reed-solomon",
        "no switchport",
        "ipv6 enable",
        "service-profile ROCE-800G",
    ]


def test_a_numbered_port_has_the_addresses_of_both_versions() -> None:
    lines = block(configuration(leaf("eos", unnumbered=False)), "interface Ethernet1/5")
    assert lines[5:8] == ["ip address 10.0.1.2/31", "ipv6 enable", "ipv6 address fd00:10:0:1::2/127"]


def test_an_access_port_leaves_mtu_and_addresses_to_the_svi() -> None:
    text = configuration(leaf("eos", vlan=True))
    assert block(text, "interface Ethernet1/1") == [
        "description su1-node-1 rail1",
        "speed 400g-4",
        "error-correction encoding reed-solomon",
        "switchport access vlan 100",
        "switchport mode access",
        "switchport",
        "service-profile ROCE-400G",
    ]
    assert block(text, "interface Vlan100")[:2] == ["mtu 9100", "ip address 10.0.1.1/24"]
    assert block(text, "vlan 100") == ["name rail-1"]


def test_an_unused_port_is_shut_and_routed() -> None:
    assert block(configuration(leaf("eos")), "interface Ethernet6/1") == [
        "shutdown",
        "speed 800g-8",
        "error-correction encoding reed-solomon",
        "no switchport",
    ]


@pytest.mark.parametrize(
    ("speed", "lanes", "word"), [(400000, 4, "400g-4"), (800000, 8, "800g-8"), (25000, 1, "25g"), (1600000, 8, "1.6t-8")]
)
def test_a_speed_names_its_lanes_except_on_one_lane_of_nrz(speed: int, lanes: int, word: str) -> None:
    assert speed_word(speed, lanes) == word


def test_ipv4_over_ipv6_next_hops_is_forwarded_and_announced() -> None:
    for model in (leaf("eos"), leaf("eos", unnumbered=False, ipv6_links=True)):
        lines = [line.strip() for line in configuration(model).splitlines()]
        assert "ip routing ipv6 interfaces" in lines
        assert "neighbor FABRIC next-hop address-family ipv6 originate" in lines
    numbered = configuration(leaf("eos", unnumbered=False)).splitlines()
    assert "ip routing" in numbered
    assert "ip routing ipv6 interfaces" not in numbered


def test_an_unnumbered_session_is_one_line() -> None:
    lines = block(configuration(leaf("eos")), "router bgp 4200000001")
    assert "neighbor interface Ethernet3/1 peer-group FABRIC remote-as 65000" in lines
    assert "maximum-paths 64 ecmp 64" in lines
    assert "neighbor FABRIC maximum-routes 12000" in lines


def test_a_drained_port_s_session_is_in_the_drained_group() -> None:
    text = configuration(leaf("eos", drained_ports=(1,)))
    assert "   neighbor interface Ethernet4/1 peer-group FABRIC-DRAINED remote-as 65000" in text.splitlines()
    assert "      neighbor FABRIC-DRAINED route-map DRAINED-OUT out" in text.splitlines()
    assert "   set as-path prepend 4200000001 4200000001 4200000001" in text.splitlines()


def test_an_announced_aggregate_has_a_discard_route() -> None:
    lines = configuration(leaf("eos")).splitlines()
    assert {"ip route 10.0.1.0/24 Null0", "ipv6 route fd00:10:0:1::/64 Null0"} <= set(lines)


def test_an_empty_policy_and_an_empty_prefix_list_deny() -> None:
    model = leaf("eos")
    lists = tuple(dataclasses.replace(held, rules=()) for held in model.routing.prefix_lists)
    text = configuration(differs(model, routing=dataclasses.replace(model.routing, prefix_lists=lists)))
    assert "route-map NOTHING deny 10" in text.splitlines()
    assert block(text, "ip prefix-list OWN4") == ["seq 10 deny 0.0.0.0/0 le 32"]
    assert block(text, "ipv6 prefix-list OWN6") == ["seq 10 deny ::/0 le 128"]


def test_one_community_of_a_list_is_enough_to_match() -> None:
    lines = configuration(leaf("eos")).splitlines()
    assert {"ip community-list GLOBAL permit 65000:100", "ip community-list GLOBAL permit 65000:101"} <= set(lines)


def test_a_lossless_profile_pauses_one_priority_and_is_watched() -> None:
    text = configuration(leaf("eos"))
    assert block(text.replace("   !\n", ""), "qos profile ROCE-400G") == [
        "qos trust dscp",
        "priority-flow-control on",
        "priority-flow-control priority 3 no-drop",
        "priority-flow-control pause watchdog",
        "uc-tx-queue 0",
        "no priority",
        "bandwidth percent 20",
        "uc-tx-queue 3",
        "no priority",
        "bandwidth percent 80",
        "random-detect ecn minimum-threshold 1048576 bytes maximum-threshold 2097152 bytes max-mark-probability 5 weight 0",
        "uc-tx-queue 6",
        "priority strict",
    ]
    assert "priority-flow-control pause watchdog default polling-interval 0.100" in text.splitlines()


def test_a_lossy_network_pauses_nothing() -> None:
    assert "priority-flow-control" not in configuration(leaf("eos", lossless=False))
    assert "qos" not in configuration(leaf("eos", roce=False))


def test_every_dscp_is_mapped_once() -> None:
    maps = [line.split() for line in configuration(leaf("eos")).splitlines() if line.startswith("qos map dscp ")]
    mapped = [int(dscp) for words in maps for dscp in words[3 : words.index("to")]]
    assert sorted(mapped) == list(range(64))


def test_shares_of_bandwidth_are_percentages() -> None:
    model = leaf("eos")
    assert model.qos is not None
    queues = tuple(dataclasses.replace(queue, weight=queue.weight * 3) for queue in model.qos.queues)
    text = configuration(with_qos(model, queues=queues))
    assert text == configuration(model)


@pytest.mark.parametrize(
    ("platform", "word"),
    [
        ("DCS-7060X6-64PE", "uc-tx-queue"),
        ("DCS-7060DX5-64S", "uc-tx-queue"),
        ("DCS-7050SX3-48YC8", "uc-tx-queue"),
        ("DCS-7280R4K-32QF-32DF", "tx-queue"),
        ("DCS-7804", "uc-tx-queue"),
        ("DCS-7804R3-CH", "tx-queue"),
        ("DCS-7020SR-24C2", "tx-queue"),
    ],
)
def test_queues_are_named_by_the_platform_s_family(platform: str, word: str) -> None:
    assert queue_word(platform) == word


@pytest.mark.parametrize(
    "maps",
    [
        {"tc_to_queue": (0, 1, 2, 3, 4, 5, 6, 0)},
        {"tc_to_priority_group": (3, 0, 0, 3, 0, 0, 0, 0)},
        {"tc_to_priority_group": (0, 0, 0, 0, 0, 0, 3, 0)},
    ],
)
def test_maps_that_eos_cannot_hold_are_an_error(maps: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="EOS"):
        configuration(with_qos(leaf("eos"), **maps))


def test_the_way_in_is_the_management_vrf_alone() -> None:
    text = configuration(leaf("eos"))
    assert block(text, "interface Management1") == ["vrf mgmt", "ip address 172.16.0.11/20"]
    assert "ip route vrf mgmt 0.0.0.0/0 172.16.0.1" in text.splitlines()
    assert text.split("management ssh\n")[1].split("\n!\n")[0].splitlines() == [
        "   ip access-group FABRICC-ACCESS4 vrf mgmt in",
        "   ipv6 access-group FABRICC-ACCESS6 vrf mgmt in",
        "   shutdown",
        "   !",
        "   vrf mgmt",
        "      no shutdown",
    ]


def test_an_access_list_ends_by_denying() -> None:
    text = configuration(leaf("eos"))
    assert block(text, "ip access-list standard FABRICC-ACCESS4") == ["10 permit 172.16.0.0/20", "20 deny any"]
    only4 = configuration(with_management(leaf("eos"), allow=(prefix("172.16.0.0/20"),)))
    assert block(only4, "ipv6 access-list standard FABRICC-ACCESS6") == ["10 deny any"]


def test_a_filter_that_eos_cannot_apply_is_an_error() -> None:
    model = with_management(leaf("eos"), address=prefix("2001:db8:16::11/64"), gateway=prefix("2001:db8:16::1/128"))
    with pytest.raises(ValueError, match="gNMI"):
        configuration(model)
    assert "ipv6 route vrf mgmt ::/0 2001:db8:16::1" in configuration(with_management(model, access=("ssh",)))


def test_without_a_stated_management_nothing_of_it_is_written() -> None:
    text = configuration(
        differs(
            leaf("eos"), management=Management("Management1", None, None, "mgmt", ("ssh",), (), ntp=(prefix("192.0.2.10/32"),))
        )
    )
    for word in ("mgmt", "Management1", "management ssh", "ntp"):
        assert word not in text


def test_secrets_are_placeholders() -> None:
    lines = configuration(leaf("eos")).splitlines()
    assert "username admin privilege 15 role network-admin secret sha512 <secret:admin>" in lines
    assert "username watch privilege 1 role network-operator secret sha512 <secret:watch>" in lines
    assert "tacacs-server host 192.0.2.20 vrf mgmt key 0 <secret:tacacs-1>" in lines
    assert "radius-server host 192.0.2.21 vrf mgmt key 0 <secret:radius-1>" in lines


def test_a_third_ssh_key_is_an_error() -> None:
    with pytest.raises(ValueError, match="two SSH keys"):
        configuration(with_management(leaf("eos"), users=(User("admin", "admin", "admin", ("a", "b", "c")),)))


def test_a_second_ssh_key_is_the_secondary_one() -> None:
    text = configuration(with_management(leaf("eos"), users=(User("admin", "admin", "admin", ("ssh-rsa A", "ssh-rsa B")),)))
    assert "username admin ssh-key secondary ssh-rsa B" in text.splitlines()


def test_roles_are_enforced_where_users_are_local() -> None:
    line = "aaa authorization commands all default local"
    assert line in configuration(with_management(leaf("eos"), aaa=())).splitlines()
    assert line not in configuration(leaf("eos")).splitlines()


def test_raw_lines_are_marked_and_keep_their_mode() -> None:
    text = configuration(leaf("eos", raw=("interface Ethernet1/1", "   logging event link-status")))
    assert text.endswith(
        "! Raw configuration of the intent\n"
        "interface Ethernet1/1\n"
        "   logging event link-status\n"
        "! End of raw configuration\n"
        "!\n"
        "end\n"
    )


def test_raw_lines_of_another_system_stay_out() -> None:
    assert "Raw" not in configuration(differs(leaf("eos"), raw=(RawSnippet("sonic", ("hostname x",)),)))


def test_dynamic_load_balancing_is_one_line() -> None:
    line = "ip hardware fib load-balance distribution dynamic"
    assert line in configuration(differs(leaf("eos"), load_balancing="dynamic")).splitlines()
    assert line not in configuration(leaf("eos")).splitlines()


def test_tiers_of_a_network_have_hash_seeds_that_differ_and_that_eos_takes() -> None:
    for first in (0, 4, 8, 12):
        seeds = []
        for number in range(first, first + 4):
            lines = configuration(differs(leaf("eos"), hash_seed=number)).splitlines()
            seeds.append([line for line in lines if line.startswith("ip load-sharing trident ")])
        stated = [int(lines[0].split()[-1]) if lines else 0 for lines in seeds]
        assert len(set(stated)) == 4
        assert max(stated) <= 5


def test_no_hash_seed_is_written_for_a_family_whose_word_for_it_is_not_known() -> None:
    platform = dataclasses.replace(leaf("eos").platform, platform="DCS-7280R4K-32QF-32DF")
    assert "load-sharing" not in configuration(differs(leaf("eos"), platform=platform))


def test_a_device_without_bfd_or_graceful_restart_has_no_line_of_it() -> None:
    model = leaf("eos", bfd=False)
    text = configuration(
        differs(
            model,
            routing=dataclasses.replace(model.routing, bgp=dataclasses.replace(model.routing.bgp, graceful_restart=False)),
        )
    )
    assert "bfd" not in text
    assert "graceful-restart" not in text


def attacked(value: str) -> SwitchModel:
    """A leaf with `value` in every free text and in every name that a plug-in could fill."""
    model = leaf("eos", vlan=True, raw=(f"logging console {value}",))
    bgp = model.routing.bgp
    term = PolicyTerm(10, True, match_prefix_list4=value or "X", match_community=value or "X", set_community=value or "X")
    policy = dataclasses.replace(model.routing.policies[0], name=f"P{value}", terms=(term,))
    return differs(
        model,
        name=value or "x",
        interfaces=tuple(dataclasses.replace(port, description=value) for port in model.interfaces),
        vlans=tuple(dataclasses.replace(vlan, name=value) for vlan in model.vlans),
        management=dataclasses.replace(
            model.management,
            banner=value,
            users=(User(value or "u", "admin", value or "s", (f"ssh-rsa {value}",)),),
            aaa=tuple(dataclasses.replace(server, secret=value or "s") for server in model.management.aaa),
        ),
        routing=dataclasses.replace(
            model.routing,
            policies=(policy,),
            community_lists=tuple(dataclasses.replace(c, name=value or "C") for c in model.routing.community_lists),
            bgp=dataclasses.replace(
                bgp,
                peer_groups=tuple(dataclasses.replace(group, name=f"G{value}") for group in bgp.peer_groups),
                neighbors=tuple(
                    dataclasses.replace(
                        n, peer_group=f"G{value}", description=value, interface="", address=prefix(f"10.9.0.{i}/31")
                    )
                    for i, n in enumerate(bgp.neighbors)
                ),
            ),
        ),
    )


def shape(text: str) -> list[str]:
    """The first word of each line with its indentation: the lines that there are, whatever they hold."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line == "banner login":
            lines[number + 1] = "text"
    return [line[: len(line) - len(line.lstrip())] + line.split()[0] for line in lines]


@pytest.mark.parametrize("name", HOSTILE_BY_NAME)
def test_no_text_leaves_its_line(name: str) -> None:
    value = HOSTILE_BY_NAME[name]
    text = configuration(attacked(value))
    assert all(character == "\n" or " " <= character <= "~" for character in text)
    if value.strip():
        assert shape(text) == shape(configuration(attacked("plain")))


@pytest.mark.parametrize("value", ["EOF", " EOF ", "EOF\nno router bgp"])
def test_a_banner_cannot_end_itself(value: str) -> None:
    lines = configuration(with_management(leaf("eos"), banner=value)).splitlines()
    start = lines.index("banner login")
    assert lines[start + 1] != "EOF"
    assert lines[start + 2 : start + 4] == ["EOF", "!"]


def test_no_text_becomes_the_placeholder_of_a_secret() -> None:
    text = configuration(attacked("<secret:admin>"))
    assert "description (secret:admin>" in text
    assert text.count("<secret:") == text.count("secret sha512 <secret:") + text.count("key 0 <secret:")


def test_percent_signs_and_braces_are_text() -> None:
    for value in ("100% of %(name)s %s", "{{7*7}} {name}"):
        assert f"   description {value}" in configuration(attacked(value)).splitlines()


def test_the_bytes_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "import hashlib; from targets.model_factory import leaf, spine;"
        "from fabric_compiler.targets.eos import configuration as c;"
        "print(hashlib.sha256((c(leaf('eos', vlan=True, drained_ports=(1,))) + c(spine('eos'))).encode()).hexdigest())"
    )
    path = os.pathsep.join(sys.path)
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": path}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_devices_of_a_role_differ_in_their_own_lines_only() -> None:
    one = leaf("eos")
    address = one.management.address
    assert address is not None
    other = with_management(differs(one, name="other"), address=Prefix(4, address.value + 1, address.length))
    ours, theirs = configuration(one).splitlines(), configuration(other).splitlines()
    assert [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b] == [
        ("! device: backend-su1-leaf-r1 (DCS-7060X6-64PE, EOS-4.34.2F)", "! device: other (DCS-7060X6-64PE, EOS-4.34.2F)"),
        ("hostname backend-su1-leaf-r1", "hostname other"),
        ("   ip address 172.16.0.11/20", "   ip address 172.16.0.12/20"),
    ]


def test_a_device_of_a_known_role_costs_about_its_ports() -> None:
    """64 ports took 0.3 ms on the machine where this was written; the bound is for a busy one."""
    model = spine("eos", links=64, cages=64)
    configuration(model)
    best = min(_seconds(model) for _ in range(10))
    assert best < 0.005


def _seconds(model: SwitchModel) -> float:
    start = time.perf_counter()
    configuration(model)
    return time.perf_counter() - start


def test_the_list_of_hostile_strings_is_not_empty() -> None:
    assert len(HOSTILE) > 40
