"""Routing of a dragonfly: minimal paths and no others, a fallback, and classes that close no circle of buffers.

Shortest is not minimal: on a canonical dragonfly two global hops in a row pass fewer routers than local, global, local. So a
community marks a route that came over a global cable, and a marked route is not sent over another one. Where two groups share
a single cable, its loss needs a second global hop after all: then marked routes go out too, prepended so often that they
lose against every path with one global cable, those round a cut local cable too. A second mark ends it there: without it BGP
would try ever longer paths before it gives up a prefix that is gone.
"""

from __future__ import annotations

from dataclasses import dataclass

from fabric_compiler.control.qos import ROCE_LOSSLESS
from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.blocks import Blocks
from fabric_compiler.ir.graph import Graph
from fabric_compiler.topology.global_cables import fewest_between_two
from fabric_compiler.topology.grouped import group_of, laid_out
from fabric_compiler.topology.shape import Places, Shape

CAME_OVER_GLOBAL = "65534:1"  # set and matched by our policies alone
CAME_OVER_TWO = "65534:2"  # beside the first one
# Two global hops are two ASes at least; one global hop and a way round a cut local cable in each group pass five
PREPENDED = 4


@dataclass(frozen=True, slots=True)
class Detours:
    """What a network does besides minimal routing. `fallback`: marked routes go over a second global cable where there is no
    other way; `class_change`: packets change their lossless class at the global hop."""

    fallback: bool
    class_change: bool


def detours(shape: Shape, blocks: Blocks) -> Detours:
    """A dragonfly-plus has no fallback: its spines meet a second group's spines through leafs, which are no transit."""
    single = fewest_between_two(laid_out(shape, blocks), group_of(shape).global_ports) == 1
    return Detours(single and not group_of(shape).spines, changes_class(shape))


def changes_class(shape: Shape) -> bool:
    """Minimal routing on a canonical dragonfly closes circles with one lossless class; on a dragonfly-plus it has none."""
    return shape.group is not None and not shape.group.spines and shape.intent.qos_kind == ROCE_LOSSLESS


def check_class_change(shape: Shape, graph: Graph, places: Places, report: Report) -> None:
    """The operating systems of the routers can change a packet's class at one port and not at another.

    EOS: maps are of the switch (`qos map dscp`, `qos map traffic-class ... to dscp`); none of an egress port is documented.
    """
    if not changes_class(shape):
        return
    unable = sorted({d.nos for d in graph.devices if d.network == shape.network and d.nos != "sonic"})
    if unable:
        report.error(
            "FC2008",
            f"{shape.network}: a lossless dragonfly deadlocks unless packets change their class at the global hop, and "
            f"{' and '.join(unable)} cannot do that at single ports",
            places.at("networks", shape.network, "qos"),
            "take kind: dragonfly-plus, which needs one class, routers that run SONiC, or qos: roce-lossy",
        )
        return
    report.warning(
        "FC6008",
        f"{shape.network}: the class change at the global hop rests on SONiC's tc_to_dscp_map at egress (sonic-swss 2559), "
        "which is not verified for every ASIC",
        places.at("networks", shape.network),
        "see on one router that a packet of DSCP 26 leaves a global port with DSCP 27",
    )
