"""The power of each site at its highest, against what the site has."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import numpy as np

from fabric_compiler.cabling.cages import Cages
from fabric_compiler.cabling.columns import DeviceColumns, Ints, Positions
from fabric_compiler.cabling.media import Fitted
from fabric_compiler.catalog.types import Catalog
from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import Intent
from fabric_compiler.ir.cabling import SitePower
from fabric_compiler.units import format_power


def site_power(
    columns: DeviceColumns, cages: Cages, held: Ints, fitted: Fitted, catalog: Catalog, intent: Intent
) -> Mapping[str, SitePower]:
    """By site, in the order of the intent; sites without devices too."""
    sites = len(columns.sites)
    models = np.zeros((sites, max(len(columns.models), 1)), dtype=np.int64)
    np.add.at(models, (columns.site, columns.model), 1)
    modules = np.zeros((sites, max(len(fitted.modules), 1)), dtype=np.int64)
    used = held >= 0
    np.add.at(modules, (columns.site[cages.device[used]], held[used]), 1)
    found: dict[str, SitePower] = {}
    for name in [*intent.sites, *(site for site in columns.sites if site not in intent.sites)]:
        watts = {"server": 0, "switch": 0}
        unknown: list[str] = []
        ends = 0.0
        if name in columns.sites:
            at = columns.sites.index(name)
            for (kind, model), count in zip(columns.models, models[at].tolist(), strict=False):
                each = (catalog.servers[model] if kind == "server" else catalog.switches[model]).watts
                watts[kind] += count * each
                unknown += [model] if count and not each else []
            unknown += [
                module.name
                for (medium, module), count in zip(fitted.modules, modules[at].tolist(), strict=False)
                if count and not module.watts and catalog.media[medium].kind != "dac"
            ]
            ends = sum(count * module.watts for (_, module), count in zip(fitted.modules, modules[at].tolist(), strict=False))
        budget = intent.sites[name].power if name in intent.sites else None
        # Rounded before rounding up, so that sums of tenths do not come out a watt high.
        found[name] = SitePower(watts["server"], watts["switch"], ceil(round(ends, 3)), budget, tuple(unknown))
    return found


def check_power(power: Mapping[str, SitePower], source: Positions, report: Report) -> None:
    """Reports FC5003 for each site that draws more than it has; warns (FC5004) where a budget cannot be told to suffice."""
    for site, drawn in power.items():
        if drawn.budget is not None and drawn.unknown:
            message = f"site {site} draws more than is counted: the power of {', '.join(drawn.unknown)} is not published"
            place = source.at("sites", site, "power")
            report.warning("FC5004", message, place, "take it from the vendor, and put it into a catalogue of your own")
        if drawn.budget is None or drawn.total <= drawn.budget:
            continue
        report.error(
            "FC5003",
            f"site {site} draws {format_power(drawn.total)}: servers {format_power(drawn.servers)}, switches"
            f" {format_power(drawn.switches)}, modules and cable ends {format_power(drawn.modules)}; that is"
            f" {format_power(drawn.total - drawn.budget)} more than its {format_power(drawn.budget)}",
            source.at("sites", site, "power"),
            "place fewer servers there, or state the power that the site really has",
        )
