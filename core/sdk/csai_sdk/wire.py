"""Lean readers for streamed answers: bytes in, the payload of each event out.

Vendors' SDKs build an object for every event of a stream, which costs several times what the rest of a turn
costs. Providers therefore read the raw bytes and decode only what they need, with these.
"""

from __future__ import annotations


class SseReader:
    """Splits a server-sent-events stream into the `data` of its events.

    `feed` takes the bytes of one network read and returns the data of every event completed by it, in
    order. Comments, ids and event names are passed over; several data lines are joined by a newline.
    `has_partial` tells at the end whether an event was cut.
    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """

    __slots__ = ("_lines", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that `chunk` completes."""
        data = self._rest + chunk if self._rest else chunk
        if b"\r" in data:
            # A trailing CR may be half of a CRLF: keep it back.
            held = b"\r" if data.endswith(b"\r") else b""
            data = data[: len(data) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n") + held
        lines = data.split(b"\n")
        self._rest = lines.pop()
        events = []
        for line in lines:
            if not line:
                if self._lines:
                    events.append(self._lines[0] if len(self._lines) == 1 else b"\n".join(self._lines))
                    self._lines = []
            elif line.startswith(b"data:"):
                self._lines.append(line[6:] if line[5:6] == b" " else line[5:])
        return events

    @property
    def has_partial(self) -> bool:
        return bool(self._lines) or self._rest.strip() != b""


class LineReader:
    """Splits a stream of newline-delimited JSON into its lines, empty ones left out."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes."""
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        return [line for line in lines if line.strip()]

    def finish(self) -> list[bytes]:
        """The last line, where the stream ended without a newline."""
        rest, self._rest = self._rest, b""
        return [rest] if rest.strip() else []
