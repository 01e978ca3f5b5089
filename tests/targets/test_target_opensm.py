"""The files of a subnet hold hostile text in one field of one line, or refuse it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import infiniband
import pytest
from hostile import HOSTILE_BY_NAME

from fabric_compiler.model.subnet import Engine, Subnet
from fabric_compiler.targets import opensm
from fabric_compiler.verify.readback.opensm import OPTIONS, options, read

TENANTS = {"one": {"pods": "su1"}, "two": {"pods": "su2"}}


@pytest.fixture(scope="module")
def subnet(tmp_path_factory: pytest.TempPathFactory) -> Subnet:
    tree = infiniband.intent(tenants=TENANTS, subnet_manager={"hosts": "ufm-1", "m-key": "secret:m-key"})
    return infiniband.analysed(tree, tmp_path_factory.mktemp("intent")).subnets[0]


@pytest.mark.parametrize("name", HOSTILE_BY_NAME)
def test_names_stay_in_their_field(subnet: Subnet, name: str) -> None:
    text = HOSTILE_BY_NAME[name] or "x"
    odd = replace(
        subnet, network=text, engine=Engine("ftree", (text, text)), nodes=tuple(replace(n, name=text) for n in subnet.nodes)
    )
    plain, made = opensm.render(subnet), opensm.render(odd)
    assert set(made) == set(plain)
    for file, content in made.items():
        assert content.count(b"\n") == plain[file].count(b"\n"), file
        assert content.isascii()
    if text.strip():  # a name of spaces alone is none
        observed = read(made)
        assert len(observed.nodes) == len(subnet.nodes)
        assert observed.options == read(plain).options


@pytest.mark.parametrize("name", HOSTILE_BY_NAME)
def test_a_partition_s_name_is_a_word(subnet: Subnet, name: str) -> None:
    text = HOSTILE_BY_NAME[name]
    odd = replace(subnet, partitions=tuple(replace(p, name=text) for p in subnet.partitions))
    if text in ("EOF", "exit", "no"):
        assert read(opensm.render(odd)).partitions[0].name == text
        return
    with pytest.raises(ValueError, match="cannot stand as a name"):
        opensm.render(odd)


@pytest.mark.parametrize("name", HOSTILE_BY_NAME)
def test_a_secret_s_name_is_a_word(subnet: Subnet, name: str) -> None:
    text = HOSTILE_BY_NAME[name]
    if text in ("EOF", "exit", "no", ""):
        return
    with pytest.raises(ValueError, match="cannot stand as a name"):
        opensm.render(replace(subnet, m_key=text))


def test_secrets_are_named_and_never_held(subnet: Subnet) -> None:
    assert options(opensm.render(subnet), "opensm.conf")["m_key"] == "<secret:m-key>"


def test_a_host_has_the_same_options_with_its_port_and_priority(subnet: Subnet) -> None:
    ((name, content),) = opensm.render_hosts(subnet).items()
    assert name == "hosts/ufm-1/opensm.conf"
    own = options({"opensm.conf": content}, "opensm.conf")
    assert own["guid"] == f"0x{subnet.hosts[0].port_guid:016x}"
    assert own["sm_priority"] == "15"
    assert own.keys() <= OPTIONS


def test_the_host_of_the_subnet_manager_comes_first(subnet: Subnet) -> None:
    """Where ibsim starts, unless it is told another node."""
    text = opensm.render(subnet)["topology.net"].decode()
    assert text.split('"')[3] == "ufm-1 mlx5_0"


def test_every_member_list_is_read_whole(tmp_path: Path, subnet: Subnet) -> None:
    observed = {p.name: p for p in read(opensm.render(subnet)).partitions}
    assert {name: len(p.full) for name, p in observed.items()} == {"Default": 2, "one": 32, "two": 32}
