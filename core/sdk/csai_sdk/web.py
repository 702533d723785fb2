"""Files that a plugin has the server serve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WebFiles:
    """Serve the files below `folder` under `path` (such as `/dashboard`), or one file at `path` itself.

    Files whose name carries a hash (`app.3f9a1c2b.js`) are served as immutable. With `is_app` an unknown
    path below `path` answers `index.html`, for single-page applications.
    """

    path: str
    folder: Path
    is_app: bool = False
