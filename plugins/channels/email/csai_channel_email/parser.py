"""The library's parser of mails, within bounds.

It takes time that grows with the square of a header's length, with the number of parts, and with the lines
times the depth: a mail of a few hundred kilobytes would hold up a mailbox, or the process, for minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from email.parser import BytesFeedParser
from email.policy import EmailPolicy
from typing import Any

MAX_PARTS = 200
MAX_DEPTH = 20
MAX_LINES = 300_000
MAX_HEADER_CHARS = 2_000
_MAX_TYPE_CHARS = 1_000  # each part may have them
_MAX_IDS_CHARS = 16_000  # long conversations have many, which are read as plain text


class _Enough(Exception):
    """What was read until now is the mail."""


class _Part(EmailMessage):
    """Knows how deep it lies, and reads each of its headers once: the library does at each look."""

    def __init__(self, policy: Any = None) -> None:
        super().__init__(policy)
        self._depth = 0
        self._read: dict[str, Any] = {}

    def get(self, name: str, failobj: Any = None) -> Any:
        found = self._read.get(name.lower())
        if found is None and (found := super().get(name)) is not None:
            self._read[name.lower()] = found
        return failobj if found is None else found

    def attach(self, payload: Any) -> None:
        super().attach(payload)
        if isinstance(payload, _Part):
            payload._depth = self._depth + 1
            if payload._depth > MAX_DEPTH:
                raise _Enough


class _Policy(EmailPolicy):
    """Cuts headers where they come in."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[: _most_chars(name.lower())]


def parse(content: bytes) -> EmailMessage:
    """The mail; where it is too much for anybody's, as much of it as was read."""
    made: list[EmailMessage] = []
    parser = BytesFeedParser(policy=_Policy(message_factory=_factory(made)))
    with suppress(_Enough):
        parser.feed(_first_lines(content))
        parser.close()
    return made[0]


def _factory(made: list[EmailMessage]) -> Callable[..., EmailMessage]:
    def make(policy: Any = None) -> EmailMessage:
        if len(made) >= MAX_PARTS:
            raise _Enough
        made.append(_Part(policy))
        return made[-1]

    return make


def _most_chars(name: str) -> int:
    if name in ("references", "in-reply-to"):
        return _MAX_IDS_CHARS
    return _MAX_TYPE_CHARS if name.startswith("content-") else MAX_HEADER_CHARS


def _first_lines(content: bytes) -> bytes:
    if content.count(b"\n") <= MAX_LINES:
        return content
    return content[: -len(content.split(b"\n", MAX_LINES)[-1])]
