"""A slice of a build: pods with what stands above them, or devices by name."""

from __future__ import annotations

import pytest
from exports import source

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.export.base import Parameters
from fabric_compiler.export.slices import between, chosen


def names(fabric: str, **parameters: tuple[str, ...]) -> set[str]:
    return {device.name for device in chosen(source(fabric), Parameters(**parameters))}  # type: ignore[arg-type]


def test_without_a_choice_it_is_the_whole_build() -> None:
    assert names("three-networks") == set(source("three-networks").device)


def test_a_pod_brings_its_servers_its_leafs_and_the_spines() -> None:
    found = names("three-networks", pods=("su1",))
    every = source("three-networks").devices
    assert found == {device.name for device in every if device.pod == "su1" or device.role == "spine"}


def test_a_network_of_a_pod_leaves_the_other_networks_switches_out() -> None:
    found = names("three-networks", pods=("su2",), networks=("storage",))
    every = source("three-networks").devices
    wanted = {d.name for d in every if (d.pod == "su2" or d.role == "spine") and d.network in ("", "storage")}
    assert found == wanted


def test_devices_are_chosen_by_a_pattern() -> None:
    assert names("three-networks", devices=("*-leaf-r1",)) == {"backend-su1-leaf-r1", "backend-su2-leaf-r1"}


def test_links_of_a_slice_have_both_ends_in_it() -> None:
    build = source("three-tier-16384")
    devices = chosen(build, Parameters(pods=("su1",)))
    links = between(build, devices)
    inside = {device.name for device in devices}
    assert links
    assert all(link.a_device in inside and link.b_device in inside for link in links)
    assert {device.role for device in devices} == {"server", "leaf", "spine", "core"}
    assert {device.pod for device in devices} == {"su1", ""}


@pytest.mark.parametrize("parameters", [{"pods": ("su9",)}, {"networks": ("no",)}, {"devices": ("x*",)}])
def test_a_name_that_fits_nothing_is_told(parameters: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(CompileError) as caught:
        names("three-networks", **parameters)
    assert caught.value.diagnostics[0].code == "FC2005"
