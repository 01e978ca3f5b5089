"""The page of a graph in a real browser: it runs, within its own content policy, and draws what it should."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fabric_compiler.compiler import Options, analyse
from fabric_compiler.review.picture import layout, page

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


@pytest.mark.parametrize(("intent", "boxes"), [("quickstart", 34), ("three-tier-16384", 145)])
def test_the_page_draws_all_its_boxes(tmp_path: Path, intent: str, boxes: int) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("chromium is not installed (Debian package chromium)")
    found = analyse(ROOT / f"intents/{intent}.yaml", Options())
    made = layout.picture(found.graph)
    path = tmp_path / "graph.html"
    path.write_text(page.render(made, found.graph, found.cabling, [medium.name for medium in found.catalog.media]))
    command = [browser, *FLAGS, f"--user-data-dir={tmp_path}/profile", "--dump-dom", path.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    ready = re.search(r'data-ready="(\d+)"', shown)
    assert ready, "the script did not come to its end"
    assert int(ready[1]) == boxes == len(made.boxes)
