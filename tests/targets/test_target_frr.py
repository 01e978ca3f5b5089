"""The frr.conf of Linux and of SONiC: the lines that matter, and that no text leaves its line."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hostile import HOSTILE
from targets.model_factory import LEAF_ASN, leaf, spine

from fabric_compiler.model.device import Policy, RawSnippet, SwitchModel
from fabric_compiler.targets import frr, sonic

ROOT = Path(__file__).resolve().parents[2]


def conf(model: SwitchModel) -> str:
    return frr.render(model)["frr.conf"].decode()


def on_sonic(model: SwitchModel) -> str:
    return sonic.render(model)["frr.conf"].decode()


def block(text: str, first: str) -> list[str]:
    """The lines of one block, from `first` to its `exit`."""
    lines = text.splitlines()
    start = lines.index(first)
    return lines[start : lines.index("exit", start)]


def test_a_port_name_without_slash_stays_and_one_with_slash_becomes_a_linux_name() -> None:
    assert [frr.linux_name(n) for n in ("Ethernet0", "Ethernet1/5", "Ethernet12/1/3", "eth0")] == [
        "Ethernet0",
        "et1_5",
        "et12_1_3",
        "eth0",
    ]


def test_a_session_over_link_local_addresses_is_named_by_its_interface() -> None:
    bgp = block(conf(leaf("eos")), f"router bgp {LEAF_ASN}")
    assert " neighbor et3_1 interface peer-group FABRIC" in bgp
    assert " neighbor et3_1 remote-as 65000" in bgp
    assert " neighbor FABRIC capability extended-nexthop" in bgp


def test_a_numbered_session_is_named_by_the_address_of_the_other_end() -> None:
    bgp = block(conf(leaf(unnumbered=False)), f"router bgp {LEAF_ASN}")
    at = bgp.index(" neighbor 10.250.2.1 remote-as 65000")
    assert bgp[at + 1 : at + 3] == [
        " neighbor 10.250.2.1 peer-group FABRIC4",
        " neighbor 10.250.2.1 description backend-spine-1 Ethernet0",
    ]
    assert " neighbor fd00:250::1:1 peer-group FABRIC6" in bgp
    assert " neighbor FABRIC4 capability extended-nexthop" not in bgp


def test_ipv4_over_numbered_ipv6_links_asks_for_extended_next_hops() -> None:
    text = conf(leaf(unnumbered=False, ipv6_links=True))
    assert " neighbor FABRIC capability extended-nexthop\n" in text
    assert "interface Ethernet16\n ipv6 address fd00:250::1:0/127\nexit\n" in text


def test_the_bgp_block_states_what_was_decided() -> None:
    bgp = block(conf(leaf()), f"router bgp {LEAF_ASN}")
    assert bgp[1:10] == [
        " bgp router-id 10.254.0.1",
        " bgp log-neighbor-changes",
        " bgp ebgp-requires-policy",
        " no bgp default ipv4-unicast",
        " bgp graceful-restart restart-time 120",
        " bgp graceful-restart",
        " bgp graceful-restart preserve-fw-state",
        " bgp bestpath as-path multipath-relax",
        " timers bgp 3 9",
    ]
    at = bgp.index(" address-family ipv4 unicast")
    assert bgp[at + 1 :][:8] == [
        "  network 10.0.1.0/24",
        "  network 10.254.0.1/32",
        "  neighbor FABRIC activate",
        "  neighbor FABRIC maximum-prefix 12000",
        "  neighbor FABRIC route-map FABRIC-IN in",
        "  neighbor FABRIC route-map FABRIC-OUT out",
        "  maximum-paths 64",
        " exit-address-family",
    ]


def test_an_aggregate_has_a_discard_route() -> None:
    text = conf(leaf())
    assert "\nip route 10.0.1.0/24 Null0\nipv6 route fd00:10:0:1::/64 Null0\n" in text
    assert " Null0" not in conf(spine())


def test_a_family_that_is_not_carried_has_no_block() -> None:
    assert "address-family ipv6" not in conf(leaf(dual_stack=False))


def test_a_drained_session_keeps_its_session_under_its_drained_group() -> None:
    text = conf(leaf(drained_ports=(1,)))
    assert " neighbor Ethernet16 interface peer-group FABRIC\n" in text
    assert " neighbor Ethernet24 interface peer-group FABRIC-DRAINED\n" in text
    assert "  neighbor FABRIC-DRAINED route-map DRAINED-OUT out\n" in text
    own = f"{LEAF_ASN} {LEAF_ASN} {LEAF_ASN}"
    assert f"route-map DRAINED-OUT permit 10\n set as-path prepend {own}\n set community 65535:0\nexit\n" in text


def test_bfd_has_its_profile_and_goes_with_the_timers() -> None:
    text = conf(leaf())
    assert " neighbor FABRIC bfd\n neighbor FABRIC bfd profile FABRIC\n" in text
    assert "bfd\n profile FABRIC\n  detect-multiplier 3\n  transmit-interval 300\n  receive-interval 300\n exit\n" in text
    assert "bfd" not in conf(leaf(bfd=False))


def test_policies_and_filters_have_their_terms_in_order() -> None:
    text = conf(leaf())
    assert "ip prefix-list OWN4 seq 10 permit 10.254.0.0/16 le 32\n" in text
    assert "ip prefix-list OWN4 seq 20 permit 10.0.0.0/9 ge 24 le 24\n" in text
    assert "ip prefix-list LOOPBACK4 seq 5 permit 10.254.0.1/32\n" in text
    assert "bgp community-list standard GLOBAL seq 5 permit 65000:100\n" in text
    assert "bgp community-list standard GLOBAL seq 10 permit 65000:101\n" in text
    assert "route-map FABRIC-IN deny 10\n match community GLOBAL\nexit\n" in text
    assert "route-map FABRIC-IN permit 20\n match community DRAINED\n set local-preference 10\nexit\n" in text
    assert "route-map FABRIC-OUT permit 10\n match ip address prefix-list OWN4\n set community 65000:7 additive\nexit\n" in text


def test_an_empty_policy_denies_in_so_many_words() -> None:
    model = leaf()
    model = replace(model, routing=replace(model.routing, policies=(Policy("NOTHING", ()),)))
    assert "route-map NOTHING deny 10\nexit\n" in conf(model)


def test_sonic_is_told_of_its_forwarding_plane_and_linux_is_not() -> None:
    assert "\nno fpm use-next-hop-groups\nfpm address 127.0.0.1\n" in on_sonic(leaf())
    assert "fpm" not in conf(leaf())


def test_addresses_are_frrs_on_linux_and_config_dbs_on_sonic() -> None:
    text = conf(leaf(vlan=True))
    assert "interface lo\n ip address 10.254.0.1/32\n ipv6 address fd00:254::1/128\nexit\n" in text
    assert "interface vlan100\n ip address 10.0.1.1/24\n ipv6 address fd00:10:0:1::1/64\nexit\n" in text
    assert "interface " not in [line[:10] for line in on_sonic(leaf()).splitlines()]


def test_raw_lines_are_marked_and_go_to_their_own_system_only() -> None:
    model = replace(leaf(), raw=(RawSnippet("sonic", ("log facility local4",)), RawSnippet("eos", ("ip routing",))))
    marked = "! raw lines of the intent (sonic)\nlog facility local4\n! end of raw lines\nend\n"
    for text in (on_sonic(model), conf(model)):
        assert text.endswith(marked)
        assert "ip routing" not in text


@pytest.mark.parametrize("render", [conf, on_sonic])
def test_no_text_leaves_its_line(render: object) -> None:
    assert callable(render)
    plain = leaf(raw=("x",))
    expected = [line.split()[:1] for line in render(plain).splitlines()]
    for text in HOSTILE:
        bgp = plain.routing.bgp
        neighbors = tuple(replace(n, description=text or "x") for n in bgp.neighbors)
        model = replace(
            plain,
            name=text or "x",
            routing=replace(plain.routing, bgp=replace(bgp, neighbors=neighbors)),
            raw=(RawSnippet("sonic", (f"x {text}",)),),
        )
        rendered = render(model)
        assert [line.split()[:1] for line in rendered.splitlines()] == expected
        assert rendered.isascii()
        assert not any(c in rendered for c in "\r\x0b\x0c\x1b\x00")


def test_a_bar_does_not_reach_a_description() -> None:
    assert frr.description("a | include b") == "a / include b"


def test_the_bytes_do_not_depend_on_the_hash_seed() -> None:
    script = (
        "import hashlib; from targets.model_factory import leaf; from fabric_compiler.targets import sonic, frr; m = leaf();"
        "print([hashlib.sha256(b).hexdigest() for b in [*sonic.render(m).values(), *frr.render(m).values()]])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            capture_output=True,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
