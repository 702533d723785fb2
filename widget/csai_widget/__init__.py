"""csai's chat widget, and a demo page that hosts it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from csai_sdk import WebFiles, hookimpl

STATIC = Path(__file__).parent / "static"


@hookimpl
def register_web() -> Sequence[WebFiles]:
    return [
        WebFiles(path="/widget.js", folder=STATIC / "widget.js"),
        WebFiles(path="/widget.js.map", folder=STATIC / "widget.js.map"),
        WebFiles(path="/demo", folder=STATIC / "demo", is_app=True),
    ]
