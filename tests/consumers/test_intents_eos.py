"""Arista's own renderer prints the same lines for the EOS switches of every example intent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from examples import NAMES, Example

from fabric_compiler.model.device import SwitchModel

pyavd = pytest.importorskip("pyavd")


@pytest.mark.parametrize("name", NAMES)
def test_arista_s_renderer_prints_the_same_for_each_role(name: str) -> None:
    from consumers.test_eos_pyavd import ours, sections, structured

    example = Example(name)
    for index in example.firsts("switch"):
        model = example.model(index)
        assert isinstance(model, SwitchModel)
        if model.platform.nos != "eos":
            continue
        configuration = structured(in_percent(model))
        result = pyavd.validate_structured_config(configuration)
        assert not result.validation_result.violations, model.name
        wanted = sections(pyavd.get_device_config(configuration).strip().splitlines())
        for expected, made in zip(wanted, sections(ours(model)), strict=True):
            assert in_order(made) == in_order(expected), model.name


def in_percent(model: SwitchModel) -> SwitchModel:
    """EOS has percents where the plan has weights."""
    if not model.qos:
        return model
    total = sum(queue.weight for queue in model.qos.queues if not queue.strict)
    queues = tuple(replace(queue, weight=queue.weight * 100 // total) for queue in model.qos.queues)
    return replace(model, qos=replace(model.qos, queues=queues))


def in_order(section: str) -> list[str]:
    """Its lines; sorted where there are neighbours by IPv6 address, for pyavd sorts ::7b as the number 7 before ::71."""
    lines = section.splitlines()
    return sorted(lines) if any(line.startswith("   neighbor ") and "::" in line for line in lines) else lines
