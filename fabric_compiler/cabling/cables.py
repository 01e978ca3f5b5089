"""Cables with their ends, from the media of links; and their names."""

from __future__ import annotations

import numpy as np

from fabric_compiler.cabling.cages import Bundles, Cages
from fabric_compiler.cabling.columns import Ints
from fabric_compiler.cabling.media import Fitted
from fabric_compiler.catalog.types import Medium
from fabric_compiler.ir.cabling import CableEnds, Cables, Cabling
from fabric_compiler.ir.graph import Column, Graph


def cables(
    graph: Graph, cages: Cages, bundles: Bundles, fitted: Fitted, lengths: Ints, catalog: tuple[Medium, ...]
) -> tuple[Column, Cables, CableEnds]:
    """The cable of each link, the cables, and their ends.

    A link over fibre has a cable for itself. A cable with fixed ends carries all links of its bundle.
    """
    fixed = np.array([bool(m.assemblies) for m in catalog] + [False])[fitted.medium]  # the last row is that of medium -1
    links = np.arange(len(lengths))
    lead = np.where(fixed, bundles.first[bundles.bundle], links)  # the first link of the same cable
    leads = lead == links
    cable = (np.cumsum(leads) - 1)[lead]

    of_a = cages.a_ports >= cages.b_ports  # the side with the head of a splitter; end a of a cable with equal ends
    head = np.where(of_a, cages.a, cages.b)
    by_cage = fixed & (np.maximum(cages.a_ports, cages.b_ports) > 1)
    device = np.where(by_cage, cages.device[head], graph.links.a_device)
    made = Cables(
        medium=_column(fitted.medium[leads]),
        length=_column(lengths[leads]),
        device=_column(device[leads]),
        port=_column(np.where(by_cage, -1, graph.links.a_port)[leads]),
        cage=_column(np.where(by_cage, head - cages.first[device], -1)[leads]),
    )
    # The end in a cage of several ports is there once for all links of the cable.
    keep = np.stack([~fixed | leads | (cages.a_ports == 1), ~fixed | leads | (cages.b_ports == 1)], axis=1).ravel()
    both = np.repeat(cable, 2)[keep]
    cage = np.stack([cages.a, cages.b], axis=1).ravel()[keep]
    module = np.stack([fitted.a_module, fitted.b_module], axis=1).ravel()[keep]
    order = np.argsort(both, kind="stable")
    owner = cages.device[cage[order]]
    ends = CableEnds(_column(both[order]), _column(owner), _column(cage[order] - cages.first[owner]), _column(module[order]))
    return _column(cable), made, ends


def _column(values: Ints) -> Column:
    return values.astype(np.int32)


def cable_names(graph: Graph, cabling: Cabling) -> list[str]:
    """`su1-leaf-r1:Ethernet0` by the port of the lower end; `su1-leaf-r1:cage-3` where a cable fills a cage of more ports."""
    made = cabling.cables
    devices = graph.devices
    return [
        f"{devices[d].name}:{devices[d].layout.ports[port].name}"
        if port >= 0
        else f"{devices[d].name}:cage-{devices[d].layout.cages[cage].label}"
        for d, port, cage in zip(made.device.tolist(), made.port.tolist(), made.cage.tolist(), strict=True)
    ]
