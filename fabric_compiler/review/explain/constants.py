"""The rule of a line that no field of the device model moves: syntax, structure, or what a target always says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from fabric_compiler.targets.templates import default_directory

# what stands in every config_db.json, and why; SONiC's YANG models are sonic-<table>.yang of sonic-buildimage
_FIELDS: Mapping[str, str] = {
    "buffer_model": "static buffer rows as the file has them; dynamic would compute its own (sonic-device_metadata.yang)",
    "default_bgp_status": "BGP runs from the start",
    "default_pfcwd_status": "the watchdog has the times of PFC_WD; enable would start one with times of its own",
    "docker_routing_config_mode": "split-unified: FRR reads the one frr.conf of this build (docker_init.sh)",
    "frr_mgmt_framework_config": "bfdd is started only with true (docker-fpm-frr, supervisord.conf.j2)",
    "synchronous_mode": "orchagent waits for the ASIC's answer",
    "type": "SONiC takes the seed of ECMP hashing from the type, so there is one for each tier (switch.json.j2)",
}
_KEY = re.compile(r'\s*"((?:[^"\\]|\\.)*)":')
_TEMPLATES = {"frr.conf": ("sonic", "frr"), ".cfg": ("eos",), ".yaml": ("hosts",), ".sh": ("hosts",), ".conf": ("hosts",)}
_COMMENT = re.compile(r"\{#\s*(.*?)\s*#\}", re.DOTALL)


def rule(file: str, lines: Sequence[str], number: int) -> str:
    """Why line `number` (from 1) of a device's file is there."""
    text = lines[number - 1]
    if file.endswith(".json"):
        return _of_json(lines, number)
    if not text.strip(" !"):
        return (
            "it ends a section" if "!" in text else "it keeps sections apart" if number < len(lines) else "the end of the file"
        )
    return _of_template(file, text.strip()) or "what the operating system prints at the end of a section"


def _of_json(lines: Sequence[str], number: int) -> str:
    path = _path(lines, number)
    if not path:
        return "CONFIG_DB is one JSON object"
    if path[-1] in _FIELDS:
        return _FIELDS[path[-1]]
    table, *rest = path
    what = f"the table {table}" + (f", row {rest[0]}" if rest else "") + (f", field {rest[1]}" if len(rest) > 1 else "")
    return f"{what}, as SONiC's YANG models and its own templates have it"


def _path(lines: Sequence[str], number: int) -> list[str]:
    """Keys from the outermost to that of the line; of a closing brace those of its object."""
    depth = _depth(lines[number - 1])
    found = _KEY.match(lines[number - 1])
    path = [found[1]] if found else []
    wanted = depth - 1 if found else depth
    for text in reversed(lines[: number - 1]):
        if wanted <= 0:
            break
        if _depth(text) == wanted and (key := _KEY.match(text)):
            path.insert(0, key[1])
            wanted -= 1
    return path


def _depth(text: str) -> int:
    return (len(text) - len(text.lstrip())) // 4


def _of_template(file: str, text: str) -> str:
    """The comment of the template that the line stands in."""
    name = file.rpartition("/")[2]
    directories = next((found for suffix, found in _TEMPLATES.items() if name.endswith(suffix)), ())
    for directory in directories:
        for template, (comment, patterns) in _templates(directory).items():
            if any(pattern.fullmatch(text) for pattern in patterns):
                return f"{comment or 'syntax'} [templates/{template}]"
    return ""


@lru_cache(maxsize=8)
def _templates(directory: str) -> dict[str, tuple[str, list[re.Pattern[str]]]]:
    """By name: the comment at its head, and its lines with what is filled in left open."""
    found = {}
    for path in sorted((default_directory() / directory).glob("*.j2")):
        source = path.read_text()
        head = _COMMENT.match(source)
        comment = " ".join(head[1].split()) if head else ""
        lines = (line.strip() for line in _COMMENT.sub("", source).split("\n"))
        patterns = [_pattern(line) for line in lines if line and not re.fullmatch(r"(\{%.*?%\})+", line)]
        found[f"{directory}/{path.name}"] = (comment, patterns)
    return found


def _pattern(line: str) -> re.Pattern[str]:
    literal = re.split(r"\{[{%].*?[%}]\}", line)
    return re.compile(".*".join(map(re.escape, literal)) if any(part.strip() for part in literal) else r"(?!)")
