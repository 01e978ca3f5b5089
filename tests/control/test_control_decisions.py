"""What is decided for the whole fabric: maintenance, limits, headroom, families."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fabrics import CATALOG, intent, text

from fabric_compiler import compiler
from fabric_compiler.catalog import loader
from fabric_compiler.catalog.types import Catalog
from fabric_compiler.control.routing import GRACEFUL_SHUTDOWN
from fabric_compiler.diagnostics import CompileError
from fabric_compiler.model.device import ServerModel, SwitchModel


def models(path: Path, tree: dict[str, Any]) -> dict[str, Any]:
    source = path / "x.yaml"
    source.write_text(text(tree))
    analysis = compiler.analyse(source, compiler.Options())
    shop = compiler.workshop(analysis, compiler.Options())
    return {device.name: shop.model(n) for n, device in enumerate(analysis.graph.devices)}


def codes(path: Path, tree: dict[str, Any]) -> set[str]:
    with pytest.raises(CompileError) as caught:
        models(path, tree)
    return {diagnostic.code for diagnostic in caught.value.diagnostics}


def test_a_leaf_announces_its_own_prefixes_and_nothing_that_it_learnt(tmp_path: Path) -> None:
    leaf = models(tmp_path, intent(1, 2))["compute-su1-leaf-r1"]
    assert isinstance(leaf, SwitchModel)
    (announce,) = [policy for policy in leaf.routing.policies if policy.name == "ANNOUNCE"]
    assert {term.match_prefix_list4 for term in announce.terms} == {"OWN4"}
    (own,) = [found for found in leaf.routing.prefix_lists if found.name == "OWN4"]
    assert {rule.prefix for rule in own.rules} == set(leaf.routing.bgp.networks)


def test_a_drained_device_asks_its_neighbours_to_avoid_it(tmp_path: Path) -> None:
    found = models(tmp_path, intent(1, 2) | {"maintenance": ["compute-gru1-spine-1"]})
    spine = found["compute-gru1-spine-1"]
    assert spine.drained
    (group,) = spine.routing.bgp.peer_groups
    (policy,) = [policy for policy in spine.routing.policies if policy.name == group.policy_out]
    assert {term.set_community for term in policy.terms} == {GRACEFUL_SHUTDOWN}
    accept = found["compute-su1-leaf-r1"].routing.policies[0]
    assert all(term.set_local_preference == 0 for term in accept.terms if term.match_community)
    assert not found["compute-gru1-spine-2"].drained


def test_a_drained_link_is_drained_at_both_ends_and_alone(tmp_path: Path) -> None:
    plain = models(tmp_path, intent(1, 2))
    leaf = plain["compute-su1-leaf-r2"]
    port = next(port for port in leaf.interfaces if port.role == "fabric")
    found = models(tmp_path, intent(1, 2) | {"maintenance": [f"{leaf.name}:{port.name}"]})
    drained = {
        (name, p.name) for name, model in found.items() if isinstance(model, SwitchModel) for p in model.interfaces if p.drained
    }
    assert drained == {(leaf.name, port.name), (port.peer_device, port.peer_port)}


@pytest.mark.parametrize("entry", ["compute-su9-leaf-r1", "su1-server-1", "compute-su1-leaf-r1:Ethernet9999"])
def test_maintenance_of_what_is_not_there_is_an_error(tmp_path: Path, entry: str) -> None:
    assert codes(tmp_path, intent(1, 2) | {"maintenance": [entry]}) == {"FC2005"}


def test_ipv6_does_not_travel_over_ipv4_links(tmp_path: Path) -> None:
    addressing = {"links": "10.240.0.0/16", "hosts": ["10.0.0.0/12", "fd00:10::/48"]}
    assert codes(tmp_path, intent(1, 2, addressing=addressing)) == {"FC2007"}


def test_a_platform_limit_that_is_known_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    switch = CATALOG.switches["sn5400"]
    support = switch.nos["sonic"]
    narrow = replace(switch, nos={**switch.nos, "sonic": replace(support, limits=replace(support.limits, ecmp_width=1))})
    small: Catalog = replace(CATALOG, switches={**CATALOG.switches, "sn5400": narrow})
    monkeypatch.setattr(loader, "load", lambda extra: small)
    assert codes(tmp_path, intent(1, 8)) == {"FC6005"}


def test_headroom_beyond_the_shared_pool_is_refused_unless_it_is_stated(tmp_path: Path) -> None:
    tree = intent(1, 32, leaf={"switch": "z9864f-on"}, spine={"switch": "z9864f-on"}, headroom="1:4")
    assert codes(tmp_path, tree) == {"FC6004"}
    tree["networks"]["compute"]["headroom"] = "3:1"
    assert models(tmp_path, tree)


def test_a_server_reaches_its_rail_over_its_own_nic_and_the_rest_over_any(tmp_path: Path) -> None:
    server = models(tmp_path, intent(2, 2))["su1-server-1"]
    assert isinstance(server, ServerModel)
    rails = {nic.rail: {route.destination for route in nic.routes if route.table == 0} for nic in server.nics}
    shared = set.intersection(*rails.values())
    assert len(shared) == 1
    own = [prefixes - shared for prefixes in rails.values()]
    assert all(len(prefixes) == 1 for prefixes in own)
    assert len(set.union(*own)) == 8
    assert len({nic.table for nic in server.nics}) == 8


def test_tiers_have_hash_seeds_of_their_own(tmp_path: Path) -> None:
    tree = intent(2, 4, topology={"kind": "rail-optimized", "tiers": 3}, leaf={"switch": "sn5400", "downlinks": 4})
    seeds = {model.role: model.hash_seed for model in models(tmp_path, tree).values() if isinstance(model, SwitchModel)}
    assert len(set(seeds.values())) == 3
