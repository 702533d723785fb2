"""One attempt at something that channels leave to be done."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Task:
    """`kind` is `answer` (a message), `send` (a piece) or `poll` (an account); `number` counts attempts."""

    kind: str
    client_id: str
    item_id: str
    number: int
