"""The plan's tables for a notebook: as CSV, and as Parquet with the types of their columns."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final, get_type_hints

from fabric_compiler.diagnostics import CompileError, Diagnostic, Report, Severity
from fabric_compiler.export.base import Export, Files, Parameters
from fabric_compiler.export.source import Address, BomLine, Cable, CableEnd, Device, Link, Session, Source

_EMPTY_AS_ZERO: Final = frozenset({"asn", "unit"})  # columns of numbers that a row may leave empty


def csv(source: Source, parameters: Parameters, report: Report) -> Files:
    """The tables as they stand in the build."""
    for name in source.below("plan"):
        yield name.removeprefix("plan/"), source.read(name)


def parquet(source: Source, parameters: Parameters, report: Report) -> Files:
    """A Parquet file a table: numbers are numbers, and what is empty is null. The bytes are those of the pyarrow at hand."""
    try:
        import pyarrow as pa
        from pyarrow.parquet import write_table
    except ImportError:
        message, hint = "Parquet is written by pyarrow, which is missing", "pip install 'fabric-compiler[export]'"
        raise CompileError([Diagnostic("FC8003", Severity.ERROR, message, hint=hint)]) from None
    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    tables: tuple[tuple[str, type[Any], Sequence[Any]], ...] = (
        ("devices", Device, source.devices),
        ("links", Link, source.links),
        ("cables", Cable, list(source.cables.values())),
        ("cable_ends", CableEnd, source.cable_ends),
        ("addresses", Address, source.addresses),
        ("sessions", Session, source.sessions),
        ("bom", BomLine, source.bom),
    )
    for name, kind, rows in tables:
        schema = pa.schema([(field, types[get_type_hints(kind)[field]]) for field in kind._fields])
        columns = [
            [_cell(field, row[place]) for row in rows] if field in _EMPTY_AS_ZERO or schema.field(field).type == types[str]
            else [row[place] for row in rows]
            for place, field in enumerate(kind._fields)
        ]  # fmt: skip
        arrays = [pa.array(values, own.type) for values, own in zip(columns, schema, strict=True)]
        buffer = io.BytesIO()
        write_table(pa.Table.from_arrays(arrays, schema=schema), buffer, compression="zstd")
        yield f"{name}.parquet", buffer.getvalue()


def _cell(field: str, value: Any) -> Any:
    """None for what is empty. Text is UTF-8, which a lone surrogate is not."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() or None
    return value or None


CSV = Export("the plan's tables as they stand", csv)
PARQUET = Export("the plan's tables with typed columns, for notebooks", parquet)
