"""The dashboard's pictures: those that `make screenshots` takes are there, small, and shown in the docs."""

from __future__ import annotations

import re
from pathlib import Path

from scripts import dashboard_pictures

DOCS = Path(__file__).resolve().parents[2] / "docs"
DOC = DOCS / "operators" / "using-the-dashboard.md"


def test_every_picture_of_the_dashboard_is_there_and_shown() -> None:
    there = {path.stem for path in (DOCS / "images").glob("dashboard-*.png")}
    shown = set(re.findall(r"\(\.\./images/(dashboard-[\w-]+)\.png\)", DOC.read_text()))
    assert set(dashboard_pictures.names()) == there
    assert there == shown


def test_no_picture_of_the_dashboard_is_large() -> None:
    sizes = {path.name: path.stat().st_size for path in (DOCS / "images").glob("dashboard-*.png")}
    assert {name: size for name, size in sizes.items() if size > dashboard_pictures.MAX_BYTES} == {}
