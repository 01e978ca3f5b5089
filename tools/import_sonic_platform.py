"""Turns what sonic-buildimage knows of a platform into the derived part of a switch's catalogue file, on standard output.

The input is a JSON file with `platform`, `default_sku`, `interfaces` (platform.json: lanes, breakout modes, aliases) and
`hwskus` (port_config.ini, hwsku.json, pg_profile_lookup.ini and buffers.json.j2 as rendered). What is written by hand stands
before it in the product's file: source, vendor, description, rack-units, watts. Where platform.json has no interfaces, the
cages are those of the default SKU's port_config.ini, and hwsku.json's modes are all that is known.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fabric_compiler.catalog.breakouts import parse_mode
from fabric_compiler.units import format_speed


def derived(platform: dict[str, Any], form_factor: str, releases: list[str], asic: str) -> str:
    """The blocks `cages:` and `nos: sonic:` of a product file."""
    lines = [*_cages(platform, form_factor), "nos:", "  sonic:"]
    lines += [f"    releases: [{', '.join(releases)}]", f"    platform: {platform['platform']}", f"    asic: {asic}"]
    lines += ["    dynamic-load-balancing: false  # adaptive routing and DLB are not in the community's CONFIG_DB"]
    lines += ["    hwskus:", *_hwskus(platform)]
    return "\n".join(lines) + "\n"


def data_cages(platform: dict[str, Any]) -> Iterator[tuple[str, int, list[int], list[str], dict[str, list[str]]]]:
    """Port, index, lanes, modes and aliases by mode of every cage with more than one lane."""
    interfaces = platform.get("interfaces") or _from_port_config(platform)
    for port, cage in interfaces.items():
        lanes = [int(lane) for lane in cage["lanes"].split(",")]
        if len(lanes) > 1:
            yield port, int(cage["index"][0]), lanes, list(cage["aliases_by_mode"]), cage["aliases_by_mode"]


def _from_port_config(platform: dict[str, Any]) -> dict[str, Any]:
    sku = platform["hwskus"][platform["default_sku"][0]]
    rows = (dict(zip(sku["port_config"]["columns"], row, strict=True)) for row in sku["port_config"]["rows"])
    modes = sku["default_breakout"]
    return {
        row["name"]: {"index": [row["index"]], "lanes": row["lanes"], "aliases_by_mode": {modes[row["name"]]: [row["alias"]]}}
        for row in rows
    }


def _supported(word: str, lanes: int) -> bool:
    try:
        return bool(parse_mode(word, lanes))
    except ValueError:
        return False


def _cages(platform: dict[str, Any], form_factor: str) -> list[str]:
    lines = ["cages:"]
    last: tuple[object, ...] = ()
    for number, (port, index, lanes, modes, aliases) in enumerate(data_cages(platform), 1):
        words = tuple(word for word in modes if _supported(word, len(lanes)))
        if words != last:
            lines += [f"  - form-factor: {form_factor}", "    breakouts:", *(f"      - {word}" for word in words), "    rows:"]
            last = words
        by_count: dict[int, str] = {}
        for word in words:
            names = " ".join(aliases[word])
            if by_count.setdefault(len(aliases[word]), names) != names:
                raise ValueError(f"{port}: two modes of {len(aliases[word])} ports have different aliases")
        shown = ", ".join(f"{count}: {names}" for count, names in sorted(by_count.items()))
        fields = f"label: {number}, index: {index}, port: {port}, lanes: {_range(lanes)}, aliases: {{{shown}}}"
        lines.append(f"      - {{{fields}}}")
    return lines


def _range(lanes: list[int]) -> str:
    if lanes == list(range(lanes[0], lanes[0] + len(lanes))):
        return f"{lanes[0]}-{lanes[-1]}"
    return '"' + ",".join(map(str, lanes)) + '"'


def _hwskus(platform: dict[str, Any]) -> list[str]:
    default = platform["default_sku"][0]
    names = sorted(platform["hwskus"], key=lambda name: name != default)  # stable: the others stay in their order
    lines = []
    for name in names:
        sku = platform["hwskus"][name]
        if "same_as" in sku or not sku.get("port_config"):
            continue
        speeds = native_speeds(platform, sku)
        if speeds is None:
            lines.append(f"      # {name} is left out: platform.json has no mode for its ports")
            continue
        shown = ", ".join(f"{format_speed(speed)}: {count}" for speed, count in sorted(speeds.items(), reverse=True))
        lines += [f"      - name: {name}", f"        speeds: {{{shown}}}"]
        if rows := (sku.get("pg_profile_lookup") or {}).get("rows"):
            lines += [f"        headroom:  # {' '.join(sku['pg_profile_lookup']['columns'])}"]
            lines += [f"          - {' '.join(row)}" for row in rows]
        lines += _buffers(sku.get("buffers") or {})
    return lines


def native_speeds(platform: dict[str, Any], sku: dict[str, Any]) -> Counter[int] | None:
    """Data ports by speed; None when a row is a split that the platform's table does not have."""
    cages = {index: (lanes, modes) for _, index, lanes, modes, _ in data_cages(platform)}
    columns = sku["port_config"]["columns"]
    rows = [dict(zip(columns, row, strict=False)) for row in sku["port_config"]["rows"]]  # trailing columns may be left out
    in_cage = Counter(int(row["index"]) for row in rows)
    speeds: Counter[int] = Counter()
    for row in rows:
        if int(row["index"]) not in cages:
            continue
        lanes, modes = cages[int(row["index"])]
        words = [word for word in modes if _supported(word, len(lanes))]
        breakouts = [b for word in words for b in parse_mode(word, len(lanes))]
        # A row without a speed has the one that its cage's mode in hwsku.json begins with.
        speed = int(row.get("speed") or parse_mode(sku["default_breakout"][row["name"]], len(lanes))[0].speed)
        own = len(row["lanes"].split(","))
        if not any((b.ports, b.speed, b.lanes) == (in_cage[int(row["index"])], speed, own) for b in breakouts):
            return None
        speeds[speed] += 1
    return speeds


def _buffers(buffers: dict[str, Any]) -> list[str]:
    given = {topology: tables for topology, tables in buffers.items() if tables and any(tables.values())}
    if not given:
        return []
    lines = ["        buffers:"]
    for topology, tables in given.items():
        if topology == "t1" and tables == given.get("t0"):
            lines.append("          t1: t0")
            continue
        lines.append(f"          {topology}:")
        for table, entries in tables.items():
            lines.append(f"            {table}:")
            for key, fields in entries.items():
                shown = ", ".join(f"{field}: {_scalar(value)}" for field, value in fields.items())
                lines.append(f"              {key}: {{{shown}}}")
    return lines


def _scalar(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_./-]+", text) else json.dumps(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("json", type=Path)
    parser.add_argument("--form-factor", required=True)
    parser.add_argument("--asic", required=True)
    parser.add_argument("--release", action="append", default=[])
    arguments = parser.parse_args()
    platform = json.loads(arguments.json.read_text(encoding="utf-8"))
    print(derived(platform, arguments.form_factor, arguments.release, arguments.asic), end="")


if __name__ == "__main__":
    main()
