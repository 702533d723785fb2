"""csai's chat widget, and a demo page that hosts it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from csai_sdk import WebFiles, hookimpl

STATIC = Path(__file__).parent / "static"
LOADER_MAX_AGE_S = 300
"""How long pages may go on with the loader they have, and with it the app that it pins."""


@hookimpl
def register_web() -> Sequence[WebFiles]:
    loader = STATIC / "widget.js"
    return [
        WebFiles(path="/widget.js", folder=loader, max_age_s=LOADER_MAX_AGE_S, is_public=True),
        WebFiles(path="/widget.js.map", folder=STATIC / "widget.js.map", is_public=True),
        WebFiles(path="/widget", folder=STATIC / "widget", is_public=True),
        WebFiles(path="/demo", folder=STATIC / "demo", is_app=True),
    ]
