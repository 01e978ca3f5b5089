"""Arista's own renderer (pyavd) prints the same lines from the same decisions, section by section.

The structured configuration is that of the AVD export. What pyavd cannot print, or prints otherwise, is listed below with its
reason: everything else must be equal, line by line and in the same order.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from targets.model_factory import leaf, spine

from fabric_compiler.export.avd import structured
from fabric_compiler.model.device import SwitchModel
from fabric_compiler.targets.eos import TARGET

pyavd = pytest.importorskip("pyavd")

# All that pyavd does not print: the header by which Batfish knows the file, the hash seed, the marked raw lines, the end
OURS_ALONE_AT_THE_TOP = 3
HASH_SEED = "ip load-sharing trident "
RAW_BEGINS, RAW_ENDS = "! Raw configuration of the intent", "! End of raw configuration"

SHAPES = {
    "unnumbered dual stack": leaf("eos"),
    "unnumbered IPv4": leaf("eos", dual_stack=False),
    "numbered dual stack": leaf("eos", unnumbered=False),
    "numbered IPv4": leaf("eos", unnumbered=False, dual_stack=False),
    "IPv6 links": leaf("eos", unnumbered=False, ipv6_links=True),
    "VLAN": leaf("eos", vlan=True),
    "drained": leaf("eos", drained=True),
    "drained port": leaf("eos", drained_ports=(1,)),
    "lossy": leaf("eos", lossless=False),
    "no QoS": leaf("eos", roce=False),
    "no BFD": leaf("eos", bfd=False),
    "little management": leaf("eos", full_management=False),
    "raw": leaf("eos", raw=("interface Ethernet1/1", "   logging event link-status")),
    "dynamic load balancing": dataclasses.replace(leaf("eos"), load_balancing="dynamic"),
    "no LLDP": dataclasses.replace(leaf("eos"), lldp=False),
    "virtual output queues": dataclasses.replace(
        spine("eos"), platform=dataclasses.replace(spine("eos").platform, platform="DCS-7280R4K-32QF-32DF")
    ),
    "spine": spine("eos"),
    "numbered spine": spine("eos", unnumbered=False),
}


def configuration(model: SwitchModel) -> dict[str, Any]:
    """As the AVD export has it, without what goes through pyavd as it stands."""
    return {key: value for key, value in structured(model).items() if key != "eos_cli"}


def ours(model: SwitchModel) -> list[str]:
    """Our lines without those that pyavd does not know."""
    lines = TARGET.render(model)[f"{model.name}.cfg"].decode().splitlines()  # type: ignore[arg-type]
    assert lines[-1] == "end"
    kept, raw = [], False
    for line in lines[OURS_ALONE_AT_THE_TOP:-1]:
        raw = raw or line == RAW_BEGINS
        if not raw:
            kept.append(line)
        raw = raw and line != RAW_ENDS
    while kept[-1] == "!":
        kept.pop()
    return kept


def sections(lines: list[str]) -> list[str]:
    """The text between the marks of the first column, without the section that pyavd does not know."""
    return [section for section in "\n".join(lines).split("\n!\n") if not section.startswith(HASH_SEED)]


@pytest.mark.parametrize("shape", SHAPES)
def test_arista_s_renderer_prints_the_same_lines_in_the_same_order(shape: str) -> None:
    wanted = pyavd.get_device_config(configuration(SHAPES[shape])).strip().splitlines()
    for expected, made in zip(sections(wanted), sections(ours(SHAPES[shape])), strict=True):
        assert made == expected


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_compared_is_valid_by_arista_s_schema(shape: str) -> None:
    result = pyavd.validate_structured_config(configuration(SHAPES[shape]))
    assert not result.validation_result.violations
    assert not result.validation_result.ignored_eos_config_keys
