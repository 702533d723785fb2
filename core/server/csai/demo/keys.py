"""The demo client's keys, kept in a file to show them again: the database holds their hashes only."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DemoClient:
    client_id: str
    publishable_key: str
    secret_key: str = field(repr=False)


def load(path: Path) -> DemoClient | None:
    """What an earlier run kept; None where there is nothing, or nothing of use."""
    try:
        return DemoClient(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def store(path: Path, client: DemoClient) -> None:
    """Write the file whole or not at all, for its owner's eyes only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(client), indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
