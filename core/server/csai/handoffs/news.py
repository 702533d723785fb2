"""What a visitor has yet to be told of their conversation: who answers, the queue, what teammates say.

An event's id is a mark of all that was told up to it, so that any process can go on where another left off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from csai.conversations.repository import MessageRow
from csai.conversations.schemas import message_json

PREFIX = "live:"

_MARK = re.compile(r"live:(\d{1,9})\.(ai|queued|teammate|closed)\.(\d{1,17})\.(\d{1,9})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A conversation as it is: `position` is its place in the client's queue, from 1; 0 outside."""

    client_id: str
    conversation_id: str
    state: str
    since: datetime | None
    teammate: str | None
    last_seq: int
    position: int = 0

    @property
    def is_closed(self) -> bool:
        return self.state == "closed"


@dataclass(frozen=True, slots=True)
class Mark:
    """What was told: messages up to number `seq`, and a state with when it began, in microseconds."""

    seq: int
    state: str
    since_us: int
    position: int

    @classmethod
    def of(cls, snapshot: Snapshot, *, seq: int, position: int = 0) -> Mark:
        since = snapshot.since
        return cls(seq, snapshot.state, (since - _EPOCH) // _MICROSECOND if since else 0, position)

    @classmethod
    def parse(cls, text: str) -> Mark | None:
        """None for what is no mark."""
        found = _MARK.fullmatch(text)
        return cls(int(found[1]), found[2], int(found[3]), int(found[4])) if found else None

    def __str__(self) -> str:
        return f"{PREFIX}{self.seq}.{self.state}.{self.since_us}.{self.position}"


def told(mark: Mark | None, now: Snapshot, said: Sequence[MessageRow]) -> Iterator[tuple[Mark, bytes]]:
    """The events that are due, each with the mark of what is told with it.

    `said` are teammates' messages after the mark's, oldest first.
    """
    seq = mark.seq if mark is not None else now.last_seq
    if mark is None:
        mark = Mark.of(now, seq=seq)
        yield mark, _event("conversation.ended" if now.is_closed else "handoff", _state(now), mark)
    has_changed = (mark.state, mark.since_us) != (now.state, Mark.of(now, seq=0).since_us)
    # Somebody comes before they speak, and speaks before they go.
    if has_changed and now.state == "teammate":
        mark, event = _passed_on(mark, now)
        yield mark, event
        has_changed = False
    for row in said:
        mark = replace(mark, seq=row.seq)
        yield mark, _event("teammate.message", {"message": message_json(row)}, mark)
    if has_changed:
        mark, event = _passed_on(mark, now)
        yield mark, event
    if now.position != mark.position:
        mark = replace(mark, position=now.position)
        if now.position:
            yield mark, _event("handoff.queue", {"position": now.position}, mark)


def _passed_on(mark: Mark, now: Snapshot) -> tuple[Mark, bytes]:
    after = Mark.of(now, seq=mark.seq)
    if now.is_closed:
        return after, _event("conversation.ended", _state(now), after)
    # Without a mark of its own: where the connection breaks after it, both come again.
    before = b""
    if now.state == "teammate":
        before = _event("teammate.joined", {"teammate": now.teammate})
    elif mark.state == "teammate":
        before = _event("teammate.left", {})
    return after, before + _event("handoff", _state(now), after)


def _state(now: Snapshot) -> dict[str, Any]:
    return {
        "state": now.state,
        "teammate": now.teammate,
        "since": now.since.isoformat() if now.since else None,
    }


def _event(name: str, data: Mapping[str, Any], mark: Mark | None = None) -> bytes:
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    identity = f"id: {mark}\n" if mark is not None else ""
    return f"{identity}event: {name}\ndata: {body}\n\n".encode("utf-8", "replace")
