"""The picture as SVG 1.1: boxes and lines with titles, colours of its own for each network."""

from __future__ import annotations

import re
import unicodedata
from xml.sax.saxutils import escape

from fabric_compiler.review.picture.layout import HEIGHT, WIDTH, Box, Line, Picture

_COLOURS = ("#1f6feb", "#bf8700", "#1a7f37", "#8250df", "#cf222e", "#0a7ea4")
_FONT = 'font-family="Helvetica, Arial, sans-serif"'


def render(picture: Picture) -> str:
    """One document; lines lie under the boxes, wider where they carry more."""
    networks = list(dict.fromkeys(line.network for line in picture.lines))
    colour = {network: _COLOURS[n % len(_COLOURS)] for n, network in enumerate(networks)}
    most = max((line.gbps for line in picture.lines), default=1)
    width, height = picture.width, picture.height + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">',
        f"<title>{text(picture.title)}</title>",
        f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
        *(_line(line, picture, colour[line.network], most) for line in picture.lines),
        *(_box(box, colour.get(box.network, "#57606a")) for box in picture.boxes),
        *_legend(colour, picture.height + 20),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _line(line: Line, picture: Picture, colour: str, most: float) -> str:
    a, b = picture.boxes[line.a], picture.boxes[line.b]
    wide = 0.6 + 3 * line.gbps / most
    what = f"{a.label} ({a.detail}) - {b.label} ({b.detail}): {line.links} links, {line.gbps:g} Gb/s, {line.network}"
    return (
        f'<line x1="{a.x:.1f}" y1="{a.y:.1f}" x2="{b.x:.1f}" y2="{b.y:.1f}" stroke="{colour}" stroke-width="{wide:.2f}" '
        f'stroke-opacity="0.45"><title>{text(what)}</title></line>'
    )


def _box(box: Box, colour: str) -> str:
    x, y = box.x - WIDTH / 2, box.y - HEIGHT / 2
    return (
        f"<g><title>{text(f'{box.label} {box.detail}')}</title>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{WIDTH}" height="{HEIGHT}" rx="5" fill="white" stroke="{colour}"/>'
        f'<text x="{box.x:.1f}" y="{box.y - 2:.1f}" {_FONT} font-size="9" text-anchor="middle">{text(_short(box.label))}</text>'
        f'<text x="{box.x:.1f}" y="{box.y + 10:.1f}" {_FONT} font-size="8" text-anchor="middle" fill="#57606a">'
        f"{text(_short(box.detail))}</text></g>"
    )


def _legend(colours: dict[str, str], y: float) -> list[str]:
    return [
        f'<text x="{20 + 140 * n}" y="{y:g}" {_FONT} font-size="11" fill="{colour}">{text(network)}</text>'
        for n, (network, colour) in enumerate(colours.items())
    ]


def _short(value: str, limit: int = 24) -> str:
    return value if len(value) <= limit else value[: limit - 1] + "…"


_UNSAFE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(value: str) -> str:
    """Character data of XML 1.0: markup escaped; control and direction characters, which it cannot hold or show, as `?`."""
    kept = "".join("?" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in value)
    return escape(_UNSAFE.sub("?", kept), {'"': "&quot;"})
