"""The cabling stage: from the graph to racks, lengths, media, cables, power and the bill of materials."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fabric_compiler.cabling.bom import bill, fitted_cages
from fabric_compiler.cabling.cables import cables
from fabric_compiler.cabling.cages import bundles, cages
from fabric_compiler.cabling.columns import Positions, device_columns
from fabric_compiler.cabling.floor import floor
from fabric_compiler.cabling.lengths import link_lengths
from fabric_compiler.cabling.media import choose
from fabric_compiler.cabling.power import check_power, site_power
from fabric_compiler.catalog.types import Catalog
from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import Intent
from fabric_compiler.ir.cabling import Cabling, PodRacks, SwitchRows
from fabric_compiler.ir.graph import Graph

_NONE: Mapping[str, int] = MappingProxyType({})
_NO_RACKS: PodRacks = MappingProxyType({})
_NO_ROWS: SwitchRows = MappingProxyType({})
_NO_PINS: Mapping[str, str] = MappingProxyType({})


def cable(
    graph: Graph,
    intent: Intent,
    source: Positions,
    catalog: Catalog,
    report: Report,
    pod_position: Mapping[str, int] = _NONE,
    pod_racks: PodRacks = _NO_RACKS,
    pinned: Mapping[str, str] = _NO_PINS,
    switch_rows: SwitchRows = _NO_ROWS,
) -> Cabling:
    """Lay the cables of `graph`.

    `pod_position` orders the pods on the floor of their site. `pod_racks` and `switch_rows` (removed ones too) and `pinned`
    (shape and length of links -> medium) are what the lock holds; the result has them as they are now. Reports FC2007,
    FC5001, FC5002 and FC5003; after an error the medium of some links may be -1, and the result is good for nothing but
    further checks.
    """
    columns = device_columns(graph)
    where = floor(columns, graph.networks, intent, source, catalog, report, pod_position, pod_racks, switch_rows)
    lengths = link_lengths(graph, columns, where, intent)
    slots = cages(graph)
    together = bundles(slots, lengths)
    fitted = choose(graph, slots, together, catalog.media, intent, source, report, pinned)
    cable_of, made, ends = cables(graph, slots, together, fitted, lengths, catalog.media)
    held = fitted_cages(slots, fitted)
    power = site_power(columns, slots, held, fitted, catalog, intent)
    check_power(power, source, report)
    return Cabling(
        length=lengths.astype("int32"),
        medium=fitted.medium.astype("int32"),
        cable=cable_of,
        cables=made,
        ends=ends,
        modules=tuple(module.name for _, module in fitted.modules),
        places=where.places,
        bom=bill(columns, held, cable_of, lengths, fitted, catalog),
        power=power,
        pins=fitted.pins,
        pod_racks=where.pod_racks,
        switch_rows=where.switch_rows,
    )
