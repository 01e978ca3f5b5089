"""Names of devices, from templates. A name comes from coordinates alone, so that growth renames nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import Naming
from fabric_compiler.topology.shape import Places, Shape

_FIELD = re.compile(r"\{(\w*)\}", re.ASCII)
_HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def server_name(naming: Naming, pod: str, site: str, n: int) -> str:
    if naming.server:
        return _fill(naming.server, {"pod": pod, "site": site, "n": n})
    return f"{pod}-server-{n}"


class Namer:
    """Names of one network's switches. {n} counts from 1: leafs of a rail (or of a pod and plane, without rails), spines of a
    group, cores of a plane."""

    def __init__(self, naming: Naming, shape: Shape) -> None:
        self._naming, self._shape = naming, shape

    def leaf(self, pod: str, site: str, plane: int, column: int, row: int) -> str:
        shape = self._shape
        n = row + 1 if shape.rails else row * shape.columns + column
        if self._naming.leaf:
            values: dict[str, str | int] = {
                "network": shape.network,
                "pod": pod,
                "site": site,
                "plane": plane,
                "rail": column,
                "n": n,
            }
            return _fill(self._naming.leaf, values)
        head = "-".join(filter(None, (shape.network, pod, self._plane(plane), "leaf")))
        if shape.rails:
            return f"{head}-r{column}" + (f"-{n}" if n > 1 else "")
        return f"{head}-{n}"

    def spine(self, site: str, plane: int, column: int, group: int, n: int) -> str:
        shape = self._shape
        if self._naming.spine:
            values: dict[str, str | int] = {
                "network": shape.network,
                "site": site,
                "plane": plane,
                "rail": column,
                "group": group,
                "n": n,
            }
            return _fill(self._naming.spine, values)
        head = "-".join(filter(None, (shape.network, site, self._plane(plane), "spine")))
        if shape.tiers == 2:
            return f"{head}-{n}"
        return f"{head}-r{column}-g{group}-{n}" if column else f"{head}-g{group}-{n}"

    def core(self, site: str, plane: int, n: int) -> str:
        if self._naming.core:
            return _fill(self._naming.core, {"network": self._shape.network, "site": site, "plane": plane, "n": n})
        return "-".join(filter(None, (self._shape.network, site, self._plane(plane), "core", str(n))))

    def in_group(self, role: str, pod: str, site: str, plane: int, rail: int, group: int, n: int) -> str:
        """A switch of a dragonfly's group; {n} counts in the group."""
        shape = self._shape
        template = getattr(self._naming, role)
        if template:
            values: dict[str, str | int] = {
                "network": shape.network,
                "pod": pod,
                "site": site,
                "plane": plane,
                "rail": rail,
                "group": group,
                "n": n,
            }
            return _fill(template, values)
        rail_name = f"r{rail}" if shape.columns > 1 else ""
        return "-".join(filter(None, (shape.network, self._plane(plane), rail_name, f"g{group}", role, str(n))))

    def _plane(self, plane: int) -> str:
        return f"p{plane}" if self._shape.planes > 1 else ""


def _fill(template: str, values: dict[str, str | int]) -> str:
    return _FIELD.sub(lambda match: str(values.get(match[1], match[0])), template)


def check_names(names: Iterable[str], naming: Naming, places: Places, report: Report) -> None:
    """Each name is a host name, and no two devices have the same; the first that is wrong is reported."""
    seen: set[str] = set()
    place = (
        places.at("naming")
        if any((naming.server, naming.leaf, naming.spine, naming.core, naming.router))
        else places.at("fabric")
    )
    for name in names:
        if not _HOSTNAME.fullmatch(name):
            report.error(
                "FC2003",
                f"the device would be named {name[:80]!r}, which is no host name",
                place,
                "RFC 1123: at most 63 lower-case letters, digits and dashes; shorten its parts, or mend the template",
            )
            return
        if name in seen:
            report.error(
                "FC4006", f"two devices would be named {name}", place, "add placeholders to the template, or rename a pod"
            )
            return
        seen.add(name)
