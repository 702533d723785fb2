"""The dashboard: a single-page application that a browser gets from `/dashboard/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from csai_sdk import WebFiles, hookimpl

STATIC = Path(__file__).parent / "static"


def _headers(**directives: str) -> Mapping[str, str]:
    """Nothing but our own files and our own server, whatever is written into a page."""
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "frame-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    } | {name.replace("_", "-"): value for name, value in directives.items()}
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
    }


@hookimpl
def register_web() -> Sequence[WebFiles]:
    # A preview of a client's widget shows the client's own logo, and is shown within the dashboard.
    preview = _headers(img_src="'self' data: https:", frame_ancestors="'self'")
    return [
        WebFiles("/dashboard/preview", STATIC / "preview", headers=preview),
        WebFiles("/dashboard", STATIC, is_app=True, headers=_headers()),
    ]
