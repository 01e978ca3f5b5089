"""The routing engines of OpenSM: what each needs and excludes, and which one a topology takes.

A topology kind has a policy: its choice for each flavour, with reasons, and the engines that do not fit it. Where an engine
fails, OpenSM takes minhop and goes on; so the configuration says no_fallback, and the engine is chosen to succeed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fabric_compiler.model.subnet import Engine, Flavor
from fabric_compiler.topology.shape import Shape


@dataclass(frozen=True, slots=True)
class EngineTraits:
    """opensm(8), ROUTING. `lanes`: how many it takes at least to be free of deadlock on any topology, 0 where it uses none."""

    flavors: tuple[Flavor, ...] = ("upstream", "nvidia")
    lmc: bool = True
    lanes: int = 0
    roots: bool = False  # reads root_guid_file
    compute: bool = False  # reads cn_guid_file and io_guid_file
    order: bool = False  # reads guid_routing_order_file


ENGINES: Mapping[str, EngineTraits] = {
    "minhop": EngineTraits(order=True),
    "updn": EngineTraits(roots=True, order=True),
    "dnup": EngineTraits(),
    "ftree": EngineTraits(lmc=False, roots=True, compute=True),
    "sssp": EngineTraits(compute=True),
    "dfsssp": EngineTraits(lanes=2, compute=True),
    "lash": EngineTraits(lmc=False, lanes=2),
    "nue": EngineTraits(lanes=1),
    "dor": EngineTraits(),
    "torus-2QoS": EngineTraits(lanes=8),
    "dfp": EngineTraits(flavors=("nvidia",)),  # MLNX_OFED and UFM manuals, OpenSM: Dragonfly+
}


@dataclass(frozen=True, slots=True)
class EnginePolicy:
    """Of a topology kind. `auto` chooses; `unfit` says of an engine why it does not fit, or nothing."""

    auto: Callable[[Shape, Flavor], Engine]
    unfit: Callable[[Shape, str], str]


def _clos(shape: Shape, flavor: Flavor) -> Engine:
    tiers = f"a folded Clos of {shape.tiers} tiers"
    if shape.intent.subnet_manager.lmc:
        return Engine(
            "updn",
            (
                f"updn: {tiers}; up and then down is free of credit loops with a single virtual lane.",
                "ftree, which spreads better, has no LMC above 0.",
            ),
        )
    return Engine(
        "ftree",
        (
            f"ftree: {tiers}; up and then down is free of credit loops with a single virtual lane.",
            "It spreads the paths of all-to-all evenly over all uplinks; updn and minhop do so in two tiers alone.",
        ),
    )


_MESHES = {
    "dor": "routes by dimension, which a mesh or hypercube has",
    "torus-2QoS": "routes a torus",
}


def _unfit_clos(shape: Shape, engine: str) -> str:
    return f"{engine} {_MESHES[engine]}; the network is a folded Clos" if engine in _MESHES else ""


def _dragonfly(shape: Shape, flavor: Flavor) -> Engine:
    """opensm(8), DFSSSP: paths are put into layers, a virtual lane each, none of which closes a circle."""
    if flavor == "nvidia" and shape.group and shape.group.spines:
        return Engine("dfp", ("dfp: NVIDIA's engine for a dragonfly-plus.",))
    return Engine(
        "dfsssp",
        (
            "dfsssp: on a dragonfly shortest paths close credit loops in a single virtual lane; it spreads them over lanes.",
            "minhop and ftree close circles there; updn leaves the shortest paths; nue takes detours.",
        ),
    )


def _unfit_dragonfly(shape: Shape, engine: str) -> str:
    if engine in ("ftree", "ar_ftree"):
        return f"{engine} routes a folded Clos; the network is a dragonfly"
    if engine == "dfp" and shape.group and not shape.group.spines:
        return "dfp routes a dragonfly-plus; the network is a canonical dragonfly"
    return f"{engine} {_MESHES[engine]}; the network is a dragonfly" if engine in _MESHES else ""


_CLOS = EnginePolicy(_clos, _unfit_clos)
_DRAGONFLY = EnginePolicy(_dragonfly, _unfit_dragonfly)
POLICIES: Mapping[str, EnginePolicy] = {
    "leaf-spine": _CLOS,
    "rail-optimized": _CLOS,
    "dragonfly": _DRAGONFLY,
    "dragonfly-plus": _DRAGONFLY,
}


def engine(shape: Shape) -> Engine:
    """The stated engine, or the one that fits."""
    manager = shape.intent.subnet_manager
    if manager.routing != "auto":
        return Engine(manager.routing, (f"{manager.routing}: stated in the intent.",))
    return POLICIES[shape.intent.topology.kind].auto(shape, manager.flavor)
