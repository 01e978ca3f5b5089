"""pyarrow reads the tables with their types, and finds what the CSV files say."""

from __future__ import annotations

import csv

import pytest
from exports import NAMES, build, exported, rows

pq = pytest.importorskip("pyarrow.parquet")

TABLES = ("devices", "links", "cables", "cable_ends", "addresses", "sessions", "bom")
NUMBERS = {
    "asn",
    "unit",
    "plane",
    "rail",
    "group",
    "speed_gbps",
    "length_m",
    "prefix_length",
    "a_asn",
    "b_asn",
    "count",
    "watts_each",
}


@pytest.mark.parametrize("name", NAMES)
def test_parquet_says_what_the_tables_of_the_build_say(name: str) -> None:
    for table in TABLES:
        found = pq.read_table(exported(name, "parquet") / f"{table}.parquet")
        wanted = rows(name, table)
        assert found.num_rows == len(wanted)
        for column in found.column_names:
            values, texts = found.column(column).to_pylist(), [row[column] for row in wanted]
            if column in NUMBERS:
                assert [0 if value is None else value for value in values] == [float(text or 0) for text in texts], column
            else:
                assert ["" if value is None else value for value in values] == texts, column


@pytest.mark.parametrize("name", NAMES)
def test_the_csv_export_is_the_plan_of_the_build(name: str) -> None:
    files = {file.name: file.read_bytes() for file in exported(name, "csv").iterdir()}
    assert files == {file.name: file.read_bytes() for file in (build(name) / "plan").iterdir()}
    for content in files.values():
        lengths = {len(row) for row in csv.reader(content.decode().splitlines())}
        assert len(lengths) == 1
