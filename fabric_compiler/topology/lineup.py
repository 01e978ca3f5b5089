"""Which product stands at each place of a network: the tier's, or that of a variant in the tier's mix."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from fabric_compiler.catalog.layout import choose_hwsku
from fabric_compiler.catalog.types import Catalog
from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import NetworkIntent, Variant
from fabric_compiler.topology.products import PortsError, Product, Split, product, same_split
from fabric_compiler.topology.shape import Places


class Lineup:
    """Answers by name; remembers which variants found their devices."""

    def __init__(self, name: str, network: NetworkIntent, catalog: Catalog, places: Places, report: Report) -> None:
        self._name, self._network, self._catalog, self._places, self._report = name, network, catalog, places, report
        tiers = {"leaf": network.leaf, "spine": network.spine, "core": network.core, "router": network.router}
        self._mixes: dict[str, tuple[Variant, ...]] = {role: tier.mix if tier else () for role, tier in tiers.items()}
        self._unused = {(role, n) for role, mix in self._mixes.items() for n in range(len(mix))}
        self._made: dict[tuple[int, str, int], tuple[Split, Split]] = {}

    def at(self, role: str, name: str, tier: Split) -> Split:
        """What stands there; a variant that has not the tier's ports is reported, and the tier's own product stands in."""
        chosen = next((n for n, variant in enumerate(self._mixes[role]) if fnmatchcase(name, variant.devices)), -1)
        self._unused.discard((role, chosen))
        key = (id(tier), role, chosen)  # the tier's split is held with the result, so that its identity stays its own
        if key not in self._made:
            self._made[key] = (tier, self._resolve(role, chosen, tier))
        return self._made[key][1]

    def report_unused(self) -> None:
        """Variants that no device has the name for."""
        for role, number in sorted(self._unused):
            pattern = self._mixes[role][number].devices
            place = self._places.at("networks", self._name, role, "mix", number, "devices")
            self._report.error("FC2005", f"no {role} of {self._name} is named {pattern}", place)

    def _resolve(self, role: str, chosen: int, tier: Split) -> Split:
        split = tier
        if chosen >= 0:
            try:
                split = same_split(tier, product(self._catalog, self._mixes[role][chosen], tier.product))
            except PortsError as error:
                place = self._places.at("networks", self._name, role, "mix", chosen)
                self._report.error("FC3001", f"{role}: {error}", place, error.hint)
        return replace(split, product=self._with_hwsku(split))

    def _with_hwsku(self, split: Split) -> Product:
        product = split.product
        if product.nos != "sonic" or product.hwsku:
            return product
        lossless = self._network.qos_kind == "roce-lossless"
        speeds = {split.down_speed, split.up_speed}
        return replace(product, hwsku=choose_hwsku(product.switch, split.layout, lossless, speeds).name)
