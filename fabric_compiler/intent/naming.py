"""Templates of device names: which placeholders there are, and which it takes to tell the devices of a role apart."""

from __future__ import annotations

import re
import string

from fabric_compiler.diagnostics import Report
from fabric_compiler.intent import suggest
from fabric_compiler.intent.positions import SourceMap
from fabric_compiler.intent.schema import Intent
from fabric_compiler.units import shorten

# A server is in several networks, and what stands above the leafs is in no pod and on no rail of its own.
PLACEHOLDERS = {
    "server": ("pod", "site", "n"),
    "leaf": ("network", "pod", "site", "plane", "rail", "group", "n"),
    "spine": ("network", "site", "plane", "rail", "group", "n"),
    "core": ("network", "site", "plane", "n"),
    "router": ("network", "pod", "site", "plane", "rail", "group", "n"),
}


def check(intent: Intent, source: SourceMap, report: Report) -> None:
    """Reports templates with unknown placeholders (FC2005), letters that no name has (FC2003), and too few (FC2007)."""
    for role, known in PLACEHOLDERS.items():
        template = getattr(intent.naming, role)
        if template is None:
            continue
        span = source.at("naming", role)
        used = _placeholders(template)
        if used is None:
            message = f"naming.{role}: expected letters, digits, dashes and placeholders such as {{n}}, got {shorten(template)}"
            report.error("FC2003", message, span)
            continue
        unknown = [word for word in used if word not in known]
        for word in unknown:
            message = f"naming.{role}: a {role} has no placeholder {{{word}}}"
            report.error("FC2005", message, span, suggest.hint(word, known, "it has"))
        missing = [] if unknown else _missing(intent, role, set(used))
        if missing:
            message = f"naming.{role}: names would collide without {' and '.join(missing)}"
            report.error("FC2007", message, span, f"for example {shorten(template + '-' + missing[0])}")


def _placeholders(template: str) -> list[str] | None:
    """The names in braces; None where the template is malformed or could not make an RFC 1123 label."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        return None
    if any(form or conversion for _, _, form, conversion in parts):
        return None
    literal = "".join(text for text, _, _, _ in parts)
    names = [name for _, name, _, _ in parts if name is not None]
    plain = re.fullmatch(r"[a-z0-9-]*", literal, re.ASCII) and all(re.fullmatch(r"[a-z]{1,16}", name) for name in names)
    if not plain or template.startswith("-") or template.endswith("-"):
        return None
    return names


def _missing(intent: Intent, role: str, used: set[str]) -> list[str]:
    """What tells devices of the role apart and is not used. Counts that only the topology knows are not judged here."""
    wanted: list[tuple[str, ...]] = []
    several_pods = sum(pod.count for pod in intent.pods) > 1
    if role != "server" and len(intent.networks) > 1:
        wanted.append(("network",))
    if role in ("server", "leaf") and several_pods:
        wanted.append(("pod",))
    if role != "server" and any(network.topology.planes > 1 for network in intent.networks.values()):
        wanted.append(("plane",))
    wanted.append(("rail", "n") if role == "leaf" else ("n",))
    return [" or ".join(f"{{{word}}}" for word in words) for words in wanted if not used.intersection(words)]
