"""Overrides: checked once against the types of the device model, then put into the devices that they match."""

from __future__ import annotations

from dataclasses import replace

import pytest
from intent.intent_texts import QUICKSTART
from targets.model_factory import leaf, spine

from fabric_compiler.diagnostics import CompileError, render_text
from fabric_compiler.intent.loader import loads
from fabric_compiler.intent.overrides import Rule, apply, attributes, matches, matches_interface
from fabric_compiler.intent.schema import Match
from fabric_compiler.model.device import Prefix


def rules(*entries: str) -> tuple[Rule, ...]:
    return loads(QUICKSTART + "overrides:\n" + "".join(f"  - {entry}\n" for entry in entries)).rules


def rule(sets: str, match: str = "") -> tuple[Rule, ...]:
    return rules(f"{{match: {{{match}}}, set: {{{sets}}}}}")


def test_a_value_is_put_into_the_devices_that_match() -> None:
    model = leaf()
    changed = apply(model, rule("bgp.maximum-paths: 128", "role: leaf"))
    assert changed.routing.bgp.maximum_paths == 128
    assert replace(changed, routing=model.routing) == model


def test_a_device_that_does_not_match_is_the_same_object() -> None:
    model = spine()
    assert apply(model, rule("bgp.maximum-paths: 128", "role: leaf")) is model
    assert apply(model, ()) is model


@pytest.mark.parametrize("path", ["bgp.graceful-restart", "routing.bgp.graceful_restart", "bgp.graceful_restart"])
def test_bgp_is_short_and_dashes_are_underscores(path: str) -> None:
    assert apply(leaf(), rule(f"{path}: no")).routing.bgp.graceful_restart is False


def test_interface_values_go_to_the_interfaces_that_match() -> None:
    model = leaf()
    name = model.interfaces[0].name
    changed = apply(model, rule("interface.mtu: 1500, interface.speed: 100G", f"interface: {name}"))
    assert (changed.interfaces[0].mtu, changed.interfaces[0].speed) == (1500, 100_000)
    assert changed.interfaces[1:] == model.interfaces[1:]


def test_without_a_pattern_every_interface_is_meant() -> None:
    assert {port.mtu for port in apply(leaf(), rule("interface.mtu: 1500")).interfaces} == {1500}


def test_the_last_rule_wins() -> None:
    entries = ("{match: {}, set: {hash-seed: 1}}", "{match: {role: leaf}, set: {hash-seed: 2}}")
    assert apply(leaf(), rules(*entries)).hash_seed == 2
    assert apply(spine(), rules(*entries)).hash_seed == 1


def test_what_a_device_does_not_have_stays_away() -> None:
    model = replace(leaf(), qos=None)
    assert apply(model, rule("qos.watchdog.detection: 400 ms")).qos is None


@pytest.mark.parametrize(
    ("sets", "read"),
    [
        ("lldp: off", lambda m: m.lldp is False),
        ("load-balancing: dynamic", lambda m: m.load_balancing == "dynamic"),
        ("management.vrf: oob", lambda m: m.management.vrf == "oob"),
        ("management.access: [ssh, gnmi]", lambda m: m.management.access == ("ssh", "gnmi")),
        ("management.gateway: 192.0.2.1", lambda m: m.management.gateway == Prefix(4, 0xC0000201, 32)),
        ("loopbacks: [192.0.2.1/32, 'fd00::1/128']", lambda m: m.loopbacks[1] == Prefix(6, (0xFD << 120) + 1, 128)),
        ("qos.lossless-priority: -1", lambda m: m.qos.lossless_priority == -1),
        ("bgp.bfd.transmit: 1 s", lambda m: m.routing.bgp.bfd.transmit == 1000),
    ],
)
def test_values_are_typed_by_the_model(sets: str, read: object) -> None:
    assert callable(read)
    assert read(apply(leaf(), rule(sets)))


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        ("bgp.maximum-pats: 1", "did you mean maximum-paths?"),
        ("bpg.asn: 1", "did you mean bgp?"),
        ("bgp: 1", "no single value"),
        ("interface: 1", "no single value"),
        ("interfaces: []", "no single value"),
        ("bgp.neighbors: []", "no single value"),
        ("bgp.neighbors.asn: 1", "leads nowhere"),
        ("lldp.x: 1", "leads nowhere"),
        ("lldp: maybe", "true or false"),
        ("bgp.asn: 99999999999", "out of range"),
        ("bgp.asn: [1]", "got a list"),
        ("bgp.asn: ", "got nothing"),
        ("site: gru2", "cannot be set"),
        ("platform.release: 1", "cannot be set"),
        ("interface.peer-device: x", "cannot be set"),
        ("raw: x", "no single value"),
        ("qos.buffer-tables: x", "no single value"),
        ("__class__: x", "the device model has no"),
        ("bgp..asn: 1", "the device model has no"),
        ("loopbacks: 10.0.0.1/33", "at most 32"),
        ("'': 1", "the device model has no"),
    ],
)
def test_a_wrong_path_or_value_is_told(sets: str, words: str) -> None:
    with pytest.raises(CompileError) as caught:
        rule(sets)
    (found,) = caught.value.diagnostics
    assert found.code == "FC6002"
    assert words in "\n".join(render_text([found]))


def test_two_overrides_that_disagree_are_told() -> None:
    with pytest.raises(CompileError, match="FC2007"):
        rules("{match: {role: leaf}, set: {lldp: no}}", "{match: {role: leaf}, set: {lldp: yes}}")


def test_patterns_are_of_the_whole_name_and_mind_capitals() -> None:
    device = attributes(leaf())
    assert matches(Match(), device)
    assert matches(Match(device=f"*{device.device[-3:]}"), device)
    assert not matches(Match(device=device.device[:-1]), device)
    assert not matches(Match(device=device.device.upper()), device)
    assert not matches(Match(role="leaf", network="nothing"), device)
    assert matches_interface(Match(interface="Ethernet[0-9]"), "Ethernet8")
    assert not matches_interface(Match(interface="Ethernet?"), "Ethernet10")
