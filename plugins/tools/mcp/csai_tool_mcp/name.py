"""What a server's tool is called in the catalog."""

from __future__ import annotations

import hashlib
import re

MAX_CHARS = 64
_OTHERS = re.compile(r"[^A-Za-z0-9_-]+")
_HASH_CHARS = 8


def catalog_name(server: str, tool: str) -> str:
    """A name that every vendor of models takes, which no two tools of the client share.

    A tool's own name may hold characters that vendors refuse, or be too long for them: a hash then stands for
    what had to be left out, whatever else the server lists.
    """
    name = f"{server}__{tool}"
    if len(name) <= MAX_CHARS and not _OTHERS.search(tool) and tool:
        return name
    digest = hashlib.sha256(tool.encode("utf-8", "replace")).hexdigest()[:_HASH_CHARS]
    room = MAX_CHARS - len(server) - 2 - 1 - _HASH_CHARS
    return f"{server}__{_OTHERS.sub('_', tool)[:room]}_{digest}"
