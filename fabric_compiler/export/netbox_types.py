"""NetBox's words for what the catalogue has: device types, kinds of interfaces and of cables."""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

from fabric_compiler.catalog.types import Catalog

# netbox-community/devicetype-library, device-types/: manufacturer, model and slug of those products that it has
_LIBRARY: Final = {
    "sn5600": ("Nvidia", "SN5600", "nvidia-sn5600"),
    "7060x6-64pe": ("Arista", "DCS-7060X6-64PE", "arista-dcs-7060x6-64pe"),
    "7060dx5-64s": ("Arista", "DCS-7060DX5-64S-F", "arista-dcs-7060dx5-64s-f"),
}
# its names of makers that are written otherwise here
_MAKERS: Final = {"NVIDIA": "Nvidia"}
# netbox/dcim/choices.py, InterfaceTypeChoices, by speed in Gb/s and form factor of the cage
_INTERFACES: Final = {
    (10, "sfp-plus"): "10gbase-x-sfpp",
    (25, "sfp28"): "25gbase-x-sfp28",
    (100, "qsfp28"): "100gbase-x-qsfp28",
    (100, "qsfp-dd"): "100gbase-x-qsfpdd",
    (200, "qsfp56"): "200gbase-x-qsfp56",
    (200, "qsfp-dd"): "200gbase-x-qsfpdd",
    (400, "qsfp112"): "400gbase-x-qsfp112",
    (400, "qsfp-dd"): "400gbase-x-qsfpdd",
    (400, "osfp"): "400gbase-x-osfp",
    (400, "osfp-rhs"): "400gbase-x-osfp-rhs",
    (800, "qsfp-dd"): "800gbase-x-qsfpdd",
    (800, "osfp"): "800gbase-x-osfp",
}
# what the cage is, for a port that runs slower than it could
_CAGES: Final = {"osfp": "800gbase-x-osfp", "osfp-rhs": "400gbase-x-osfp-rhs", "qsfp-dd": "400gbase-x-qsfpdd",
                 "qsfp112": "400gbase-x-qsfp112", "qsfp56": "200gbase-x-qsfp56", "qsfp28": "100gbase-x-qsfp28"}  # fmt: skip
# netbox/dcim/choices.py, CableTypeChoices, by kind of medium
_CABLES: Final = {"dac": "dac-passive", "aec": "dac-active", "aoc": "aoc", "multimode": "mmf", "singlemode": "smf",
                  "copackaged": "smf", "coherent": "smf"}  # fmt: skip
_NO_SLUG: Final = re.compile(r"[^a-z0-9]+")


class DeviceType(NamedTuple):
    manufacturer: str
    model: str
    slug: str
    rack_units: int


def slug(text: str) -> str:
    """NetBox's slugs are letters, digits and hyphens, a hundred at most."""
    return _NO_SLUG.sub("-", text.lower()).strip("-")[:100] or "none"


class Words:
    """The words for one catalogue; products that it has not are named as they are."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._media = {medium.name: _CABLES.get(medium.kind, "") for medium in catalog.media}
        self.device_type = cache(self._device_type)
        self.interface = cache(self._interface)

    def _device_type(self, kind: str, model: str) -> DeviceType:
        product = (self._catalog.switches if kind == "switch" else self._catalog.servers).get(model)
        units = product.rack_units if product else 1
        if model in _LIBRARY:
            return DeviceType(*_LIBRARY[model], units)
        maker = _MAKERS.get(product.vendor, product.vendor) if product else "unknown"
        return DeviceType(maker, model.upper()[:100], slug(f"{maker}-{model}"), units)

    def _interface(self, kind: str, model: str, port: str, speed_gbps: float) -> str:
        if kind == "switch":
            switch = self._catalog.switches.get(model)
            factors = {cage.form_factor for cage in switch.cages} if switch else set()
        else:
            server = self._catalog.servers.get(model)
            groups = server.nic_groups.values() if server else ()
            factors = {group.form_factor for group in groups if any(port in names for names in group.netdevs.values())}
        if len(factors) != 1:
            return "other"
        (factor,) = factors
        return _INTERFACES.get((round(speed_gbps), factor)) or _CAGES.get(factor, "other")

    def cable(self, medium: str) -> str:
        return self._media.get(medium, "")
