"""A workbook (ECMA-376, Office Open XML) of plain tables, written as text: libraries take a second a hundred thousand cells.

A cell is text or a number and never a formula. Nothing in the file tells when or where it was made; its bytes are those of the
zlib at hand.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from fabric_compiler.export.xml_text import xml

_LONGEST: Final = 32_767  # characters of a cell (Excel specifications and limits)
_ROWS: Final = 1_048_576  # of a sheet, its header among them
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive can say
_LEVEL: Final = 4
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# style 1: the header, bold
_STYLES: Final = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


@dataclass(slots=True)
class Workbook:
    """Cells are made by `text` and `number`, joined to rows, and a sheet is made of rows; cells may be used again."""

    _strings: dict[str, int] = field(default_factory=dict)
    _sheets: list[tuple[str, bytes]] = field(default_factory=list)

    def text(self, value: str) -> str:
        """A cell of text, whatever it begins with."""
        return f'<c t="s"><v>{self._strings.setdefault(value, len(self._strings))}</v></c>'

    @staticmethod
    def number(value: int | float) -> str:
        return f"<c><v>{value!r}</v></c>"

    def sheet(self, name: str, header: Sequence[tuple[str, int]], rows: Iterable[str]) -> None:
        """A sheet of titles with widths in characters, and rows; what one cannot hold goes on to the next."""
        pending = iter(rows)
        part = 0
        while (batch := list(islice(pending, _ROWS - 1))) or not part:
            part += 1
            self._sheets.append((name if part == 1 else f"{name} {part}", "".join(self._sheet(header, batch)).encode()))

    def _sheet(self, header: Sequence[tuple[str, int]], rows: list[str]) -> Iterator[str]:
        yield f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        # the header stays in sight
        pane = '<pane ySplit="1" topLeftCell="A2" state="frozen"/>'
        yield f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
        widths = (f'<col min="{n}" max="{n}" width="{width}" customWidth="1"/>' for n, (_, width) in enumerate(header, 1))
        yield f"<cols>{''.join(widths)}</cols><sheetData><row>"
        yield "".join(self.text(title).replace("<c ", '<c s="1" ') for title, _ in header)
        yield "</row>"
        if rows:
            yield f"<row>{'</row><row>'.join(rows)}</row>"
        yield f'</sheetData><autoFilter ref="A1:{_column(len(header))}{len(rows) + 1}"/>'
        yield '<pageSetup orientation="landscape" fitToHeight="0"/></worksheet>'

    def content(self) -> bytes:
        """The file."""
        count = range(1, len(self._sheets) + 1)
        parts = [
            ("[Content_Types].xml", self._types().encode()),
            ("_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")]).encode()),
            ("xl/workbook.xml", self._workbook().encode()),
            (
                "xl/_rels/workbook.xml.rels",
                _relations(
                    [("worksheet", f"worksheets/sheet{n}.xml") for n in count]
                    + [("styles", "styles.xml"), ("sharedStrings", "sharedStrings.xml")]
                ).encode(),
            ),
            ("xl/styles.xml", _STYLES.encode()),
            ("xl/sharedStrings.xml", "".join(self._shared()).encode()),
            *((f"xl/worksheets/sheet{n}.xml", sheet) for n, (_, sheet) in enumerate(self._sheets, 1)),
        ]
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
            for name, part in parts:
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
                archive.writestr(entry, part)
        return buffer.getvalue()

    def _shared(self) -> Iterator[str]:
        yield f'{_HEAD}<sst xmlns="{_MAIN}">'
        for text in self._strings:
            yield f'<si><t xml:space="preserve">{xml(text[:_LONGEST])}</t></si>'
        yield "</sst>"

    def _workbook(self) -> str:
        sheets = (f'<sheet name="{xml(name)}" sheetId="{n}" r:id="rId{n}"/>' for n, (name, _) in enumerate(self._sheets, 1))
        return f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{"".join(sheets)}</sheets></workbook>'

    def _types(self) -> str:
        overrides = [
            ("/xl/workbook.xml", "sheet.main"),
            ("/xl/styles.xml", "styles"),
            ("/xl/sharedStrings.xml", "sharedStrings"),
        ]
        overrides += [(f"/xl/worksheets/sheet{n}.xml", "worksheet") for n in range(1, len(self._sheets) + 1)]
        named = "".join(f'<Override PartName="{part}" ContentType="{_TYPE}.{kind}+xml"/>' for part, kind in overrides)
        return (
            f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
            f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{named}</Types>'
        )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    made = (f'<Relationship Id="rId{n}" Type="{_RELATIONS}/{kind}" Target="{at}"/>' for n, (kind, at) in enumerate(targets, 1))
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{"".join(made)}</Relationships>'


def _column(number: int) -> str:
    """1 -> A, 27 -> AA."""
    name = ""
    while number:
        number, digit = divmod(number - 1, 26)
        name = chr(ord("A") + digit) + name
    return name
