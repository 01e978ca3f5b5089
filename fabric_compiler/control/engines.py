"""The routing engines of OpenSM: what each needs and excludes, and which one a topology takes.

A topology kind has a policy: its choice for each flavour, with reasons, and the engines that do not fit it. Where an engine
fails, OpenSM takes minhop and goes on; so the configuration says no_fallback, and the engine is chosen to succeed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fabric_compiler.control.partitions import Tenancy
from fabric_compiler.diagnostics import Report
from fabric_compiler.model.subnet import Engine, Flavor, Lanes, ServiceLevel
from fabric_compiler.topology.shape import Places, Shape

MAX_LIDS = 0xBFFF  # IBA 4.1.3: unicast LIDs are 1 to 0xBFFF
_WIDTHS = (1, 2, 4, 8)  # lanes for data that ports have (IBA 7.6.6)


@dataclass(frozen=True, slots=True)
class EngineTraits:
    """opensm(8), ROUTING. `lanes`: how many it takes at least to be free of deadlock on any topology, 0 where it uses none."""

    flavors: tuple[Flavor, ...] = ("upstream", "nvidia")
    lmc: bool = True
    lanes: int = 0
    prefers: int = 0  # lanes, where there is a choice
    roots: bool = False  # reads root_guid_file
    compute: bool = False  # reads cn_guid_file and io_guid_file
    order: bool = False  # reads guid_routing_order_file


ENGINES: Mapping[str, EngineTraits] = {
    "minhop": EngineTraits(order=True),
    "updn": EngineTraits(roots=True, order=True),
    "dnup": EngineTraits(),
    "ftree": EngineTraits(lmc=False, roots=True, compute=True),
    "sssp": EngineTraits(compute=True),
    "dfsssp": EngineTraits(lanes=2, prefers=8, compute=True),
    "lash": EngineTraits(lmc=False, lanes=2, prefers=8),
    "nue": EngineTraits(lanes=1, prefers=8),
    "dor": EngineTraits(),
    "torus-2QoS": EngineTraits(lanes=8, prefers=8),
    # NVIDIA UFM user manual, Appendix Adaptive Routing: the root GUID file must be given
    "ar_updn": EngineTraits(flavors=("nvidia",), roots=True),
    "ar_ftree": EngineTraits(flavors=("nvidia",), lmc=False, roots=True),
}


@dataclass(frozen=True, slots=True)
class EnginePolicy:
    """Of a topology kind. `auto` chooses; `unfit` says of an engine why it does not fit, or nothing."""

    auto: Callable[[Shape, Flavor], Engine]
    unfit: Callable[[Shape, str], str]


def _clos(shape: Shape, flavor: Flavor) -> Engine:
    tiers = f"a folded Clos of {shape.tiers} tiers"
    if flavor == "nvidia":
        return Engine(
            "ar_updn",
            (
                f"ar_updn: {tiers}; up and then down is free of credit loops with a single virtual lane.",
                "Switches choose among the uplinks by load (NVIDIA InfiniBand Cluster Bring-up Procedure, Adaptive Routing).",
            ),
        )
    if shape.intent.subnet_manager.lmc:
        return Engine(
            "updn",
            (
                f"updn: {tiers}; up and then down is free of credit loops with a single virtual lane.",
                "ftree, which spreads better, has no LMC above 0.",
            ),
        )
    if _leafs(shape) < _LEAFS_OF_FTREE:
        return Engine("updn", (f"updn: {tiers}, with compute nodes on less than two leafs: ftree fails there.",))
    return Engine(
        "ftree",
        (
            f"ftree: {tiers}; up and then down is free of credit loops with a single virtual lane.",
            "It spreads the paths of all-to-all evenly over all uplinks; updn and minhop do so in two tiers alone.",
        ),
    )


_LEAFS_OF_FTREE = 2  # seen with OpenSM 3.3.23: "cannot build lid matrices" at one


def _leafs(shape: Shape) -> int:
    """Of a plane, with compute nodes; with servers, where none is a compute node."""
    held = [(bool(a.unit.server.gpus), a.rows * min(shape.columns, a.nics)) for a in shape.attachments if a.unit]
    return sum(leafs for gpus, leafs in held if gpus) or sum(leafs for _, leafs in held)


_MESHES = {
    "dor": "routes by dimension, which a mesh or hypercube has",
    "torus-2QoS": "routes a torus",
}


def _unfit_clos(shape: Shape, engine: str) -> str:
    if engine in _MESHES:
        return f"{engine} {_MESHES[engine]}; the network is a folded Clos"
    if engine == "ftree" and _leafs(shape) < _LEAFS_OF_FTREE:
        return f"ftree needs compute nodes on {_LEAFS_OF_FTREE} leafs, and they are on {_leafs(shape)}"
    return ""


_CLOS = EnginePolicy(_clos, _unfit_clos)
POLICIES: Mapping[str, EnginePolicy] = {"leaf-spine": _CLOS, "rail-optimized": _CLOS}


def engine(shape: Shape) -> Engine:
    """The stated engine, or the one that fits."""
    manager = shape.intent.subnet_manager
    if manager.routing != "auto":
        return Engine(manager.routing, (f"{manager.routing}: stated in the intent.",))
    return POLICIES[shape.intent.topology.kind].auto(shape, manager.flavor)


def lanes(shape: Shape, levels: Sequence[tuple[int, tuple[int, ...]]]) -> Lanes:
    """As many virtual lanes as are stated, or as the engine or the service levels need; levels have lanes of their own while
    there are enough."""
    traits = ENGINES[engine(shape).name]
    needed = max(len(levels), traits.prefers, 1)
    count: int = shape.intent.subnet_manager.virtual_lanes or min(width for width in _WIDTHS if width >= needed)
    own = traits.lanes > 0 and count > 1
    made = tuple(ServiceLevel(number, turn % count, keys) for turn, (number, keys) in enumerate(levels))
    return Lanes(count, own or len(levels) > 1, made)


def check_engine(
    shape: Shape, those: Sequence[Tenancy], chosen: Engine, planned: Lanes, lids: int, places: Places, report: Report
) -> None:
    """Reports what the engine excludes (FC6021), at what states it."""
    manager, at = shape.intent.subnet_manager, ("networks", shape.network, "subnet-manager")
    traits = ENGINES[chosen.name]

    def error(message: str, hint: str, *path: str) -> None:
        report.error("FC6021", f"{shape.network}: {message}", places.at(*(path or at)), hint)

    if manager.flavor not in traits.flavors:
        error(f"upstream OpenSM has no {chosen.name}", "state flavor: nvidia, or another engine", *at, "routing")
    unfit = POLICIES[shape.intent.topology.kind].unfit(shape, chosen.name)
    if unfit:
        error(unfit, "leave routing to the compiler", *at, "routing")
    if manager.lmc and not traits.lmc:
        error(f"{chosen.name} has no LMC above 0", "state lmc: 0, or routing: updn", *at, "lmc")
    if lids > MAX_LIDS:
        message = f"the subnet needs {lids} LIDs, and there are {MAX_LIDS}: 2^{manager.lmc} an HCA and one a switch"
        error(message, "state a lower LMC, or several networks", *at, "lmc")
    if planned.count < traits.lanes:
        message = f"{chosen.name} needs {traits.lanes} virtual lanes to be free of deadlock, and {planned.count} are stated"
        error(message, "state more, or another engine", *at, "virtual-lanes")
    if len(planned.levels) > planned.count:
        message = f"{len(planned.levels)} service levels share {planned.count} virtual lanes"
        error(message, "state more lanes, or fewer levels", *at, "virtual-lanes")
    for one in those:
        if traits.lanes and one.tenant.service_level:
            message = f"{chosen.name} chooses the service level of each path, and the tenant {one.name} states one"
            error(message, "leave it out, or state another engine", "tenants", one.name, "service-level")
    if shape.tiers == 3 and chosen.name in ("updn", "minhop", "dnup") and manager.routing != "auto":
        report.warning(
            "FC6021",
            f"{shape.network}: {chosen.name} does not spread paths over all uplinks of three tiers; ftree does",
            places.at(*at, "routing"),
            "leave routing to the compiler",
        )
