"""A process's output as text, in lines of bounded length.

The SDK reads until a line ends, however long it becomes: a process that never ends one would take all memory
of the server. What it lets us choose is the encoding, so this is one: UTF-8 that counts.
"""

from __future__ import annotations

import codecs
from functools import cache

from csai_tool_mcp.transport import MAX_ANSWER_BYTES, TOO_LONG

_NAME = "csai_mcp_lines"


class _Lines(codecs.IncrementalDecoder):
    """Raises what the SDK takes for the end of the connection."""

    def __init__(self, errors: str = "strict") -> None:
        super().__init__(errors)
        self._text = codecs.getincrementaldecoder("utf-8")(errors)
        self._size_bytes = 0

    def decode(self, data: bytes, final: bool = False) -> str:  # type: ignore[override]
        ended, _, rest = data.rpartition(b"\n")
        size_bytes = self._size_bytes + len(ended.partition(b"\n")[0] or rest)
        if size_bytes > MAX_ANSWER_BYTES:
            raise ConnectionError(TOO_LONG)
        self._size_bytes = len(rest) if b"\n" in data else size_bytes
        return self._text.decode(data, final)

    def reset(self) -> None:
        self._text.reset()
        self._size_bytes = 0


@cache
def bounded_utf8() -> str:
    """The encoding's name, under which Python knows it from now on."""
    info = codecs.CodecInfo(codecs.utf_8_encode, codecs.utf_8_decode, incrementaldecoder=_Lines, name=_NAME)
    codecs.register(lambda name: info if name == _NAME else None)
    return _NAME
