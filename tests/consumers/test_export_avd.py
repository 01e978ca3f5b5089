"""Arista's own renderer prints our EOS files from the AVD export: every statement, within its section, of every EOS device."""

from __future__ import annotations

import json
from typing import Any

import pytest
from consumers.pyavd_limits import BY_EOS_CLI, only_ours, unordered
from exports import build, exported, rows
from targets.model_factory import leaf

from fabric_compiler.export.avd import structured
from fabric_compiler.model.device import SwitchModel
from fabric_compiler.targets.eos import TARGET

pyavd = pytest.importorskip("pyavd")

Sections = dict[str, list[str]]
WITH_EOS = ["numbered-dual-stack", "rail-1024", "three-networks", "two-plane-b300"]


def sections(text: str) -> Sections:
    """Lines of the first column, each with the indented lines below it; the marks between them say nothing."""
    found: Sections = {}
    own: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.strip() == "!" or only_ours(line):
            continue
        if line.startswith(" "):
            own.append(line)
        else:
            own = found.setdefault(line, [])
    return found


def differences(ours: Sections, theirs: Sections) -> list[str]:
    found = [f"only in ours: {head}" for head in ours.keys() - theirs.keys()]
    found += [f"only in theirs: {head}" for head in theirs.keys() - ours.keys()]
    for head in ours.keys() & theirs.keys():
        one, other = ours[head], theirs[head]
        if one != other and not (unordered(head) and sorted(one) == sorted(other)):
            found.append(f"{head}: {one} is not {other}")
    return sorted(found)


def rendered(configuration: dict[str, Any]) -> Sections:
    """By pyavd, which must take every key."""
    result = pyavd.validate_structured_config(configuration)
    assert not result.validation_result.violations
    assert not result.validation_result.ignored_eos_config_keys
    return sections(pyavd.get_device_config(configuration))


@pytest.mark.parametrize("name", WITH_EOS)
def test_arista_s_renderer_prints_our_files_from_the_export(name: str) -> None:
    devices = [row["name"] for row in rows(name, "devices") if row["nos"] == "eos"]
    directory = exported(name, "avd") / "intended/structured_configs"
    assert sorted(file.stem for file in directory.iterdir()) == sorted(devices)
    for device in devices:
        ours = sections((build(name) / f"devices/{device}/{device}.cfg").read_text())
        assert differences(ours, rendered(json.loads((directory / f"{device}.json").read_bytes()))) == [], device


def test_the_examples_with_eos_are_all_of_them() -> None:
    """A switch named in an intent, or the one that a product has of itself."""
    from examples import INTENTS, NAMES

    assert [name for name in NAMES if "nos: eos" in (INTENTS / f"{name}.yaml").read_text()] == WITH_EOS


@pytest.mark.parametrize(
    "planted",
    [
        ("maximum-paths", "maximum-path"),
        ("   no switchport", "   no swichport"),
        ("error-correction encoding reed-solomon", "error-correction encoding fire-code"),
        ("route-map", "routemap"),
        ("neighbor", "neighbour"),
        ("qos trust dscp", "qos trust cos"),
        ("speed 400g-4", "speed 400g-8"),
    ],
)
def test_a_misspelt_keyword_is_found(planted: tuple[str, str]) -> None:
    name, device = "rail-1024", "backend-gru1-spine-1"
    text = (build(name) / f"devices/{device}/{device}.cfg").read_text()
    assert planted[0] in text
    configuration = json.loads((exported(name, "avd") / f"intended/structured_configs/{device}.json").read_bytes())
    assert differences(sections(text.replace(*planted, 1)), rendered(configuration)) != []


def ours(model: SwitchModel) -> Sections:
    return sections(TARGET.render(model)[f"{model.name}.cfg"].decode())


@pytest.mark.parametrize(
    "model",
    [
        leaf("eos"),
        leaf("eos", unnumbered=False, ipv6_links=True),
        leaf("eos", vlan=True),
        leaf("eos", roce=False, bfd=False),
        leaf("eos", lossless=False, drained=True),
        leaf("eos", full_management=False),
        leaf("eos", raw=("interface Ethernet1/1", "   logging event link-status")),
    ],
)
def test_what_no_example_has_is_printed_alike_too(model: SwitchModel) -> None:
    assert differences(ours(model), rendered(structured(model))) == []


def test_what_avd_has_no_keys_for_goes_through_its_raw_lines() -> None:
    model = leaf("eos", raw=("interface Ethernet1/1", "   logging event link-status"))
    configuration = structured(model)
    assert configuration["eos_cli"].splitlines()[0].startswith(BY_EOS_CLI[0])
    without = {key: value for key, value in configuration.items() if key != "eos_cli"}
    lost = differences(ours(model), rendered(without))
    assert len(lost) == len(BY_EOS_CLI)
