"""Files that a plugin has the server serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WebFiles:
    """Serve the files below `folder` under `path` (such as `/dashboard`), or one file at `path` itself.

    Files whose name carries a hash (`app.3f9a1c2b.js`) are served as immutable; the others are asked for
    anew (by their ETag) after `max_age_s` seconds, by default each time. Where `NAME.br` or `NAME.gz` lies
    beside a file, whoever takes that encoding gets it. With `is_app` an unknown path below `path` answers
    `index.html`, for single-page applications. With `is_public` pages of every origin may load the files,
    and check them by `integrity`: they hold nothing that is anybody's own. `headers` go out with every file,
    such as a `Content-Security-Policy`. Of two paths that fit, the one registered first answers.
    """

    path: str
    folder: Path
    is_app: bool = False
    max_age_s: int = 0
    is_public: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
