"""Cutting an answer into pieces that a channel takes, where a reader would pause.

Markdown is cut, and each piece is formatted for itself: what is open at the end of a piece is closed there
and opened again in the next one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

from csai_sdk import Channel

MAX_PIECES = 20
CUT = "…"

_FENCE = re.compile(r"^ {0,3}(```+|~~~+)(.*)$")
# Within a line nothing is cut inside of these. Bounded, so that text which was made to keep it busy does not.
_SPAN = re.compile(
    r"!?\[[^\[\]\n]{0,500}\]\((?:[^()\n]|\([^()\n]{0,200}\)){1,2200}\)|https?://\S+|(`+)[^\n]+?\1|(\*\*|__|~~)\S[^\n]*?\S\2|(?<![\w*])\*\S[^*\n]*\*"
)
_SENTENCE_END = re.compile(r"[.!?…][\"')\]»”]*\s+|[。！？][\"')\]»”」』）]*\s*")
_JOINER, _FIRST_FLAG, _LAST_FLAG = "\u200d", "\U0001f1e6", "\U0001f1ff"
# Longer than any sign that people write.
_MAX_SIGN = 40


def pieces(text: str, channel: Channel) -> list[str]:
    """`text` in pieces of Markdown whose formatted forms are short enough, and none of them empty.

    What would take more than twenty pieces ends with an ellipsis.
    """
    said = (each for each in _cut(text.strip(), channel) if channel.format(each).strip())
    found = list(islice(said, MAX_PIECES + 1))
    if len(found) > MAX_PIECES:
        last = found[MAX_PIECES - 1]
        while last and not _fits(last + CUT, channel):
            last = last[:-1]
        found = [*found[: MAX_PIECES - 1], last + CUT]
    return found


def _cut(text: str, channel: Channel) -> Iterator[str]:
    while text and not _fits(text, channel):
        head, text = _first(text, channel)
        if head.strip():
            yield head
    if text.strip():
        yield text


def _first(text: str, channel: Channel) -> tuple[str, str]:
    """The longest good beginning that fits, and the rest."""
    most = _longest(text, channel)
    at = _place(text, most, channel)
    fence = _open_fence(text[:at].rstrip())
    if fence is None:
        return text[:at].rstrip(), text[at:].lstrip(" ")
    closing = f"\n{fence.strip()[:3]}"
    within = _place(text, _longest(text, channel, closing), channel, closing)
    if _open_fence(text[:within].rstrip()) != fence:
        return text[:within].rstrip(), text[within:].lstrip(" ")
    if within <= len(fence) + 1:
        # Not a line of it fits: it is cut like other text.
        at = _between_signs(text, most)
        return text[:at], text[at:]
    return f"{text[:within].rstrip()}{closing}", f"{fence}\n{text[within:]}"


def _longest(text: str, channel: Channel, tail: str = "") -> int:
    """How many characters from the beginning fit before `tail`, at least one; formatting changes lengths."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if _fits(text[:middle] + tail, channel):
            low = middle
        else:
            high = middle - 1
    return low


def _place(text: str, most: int, channel: Channel, tail: str = "") -> int:
    """Where to cut: after a paragraph, a line, a sentence, a word, in this order; but not too early.

    Less of the text may be longer: what is marked loses its marks only where they are closed.
    """
    return next(
        (place for place in _places(text, most) if place and _fits(text[:place].rstrip() + tail, channel)),
        _between_signs(text, most),
    )


def _between_signs(text: str, most: int) -> int:
    """The last place up to here where no sign is torn: a letter and its points, an emoji of several."""
    for at in range(most, max(0, most - _MAX_SIGN), -1):
        if at >= len(text) or not _is_within_sign(text, at):
            return at
    return most


def _is_within_sign(text: str, at: int) -> bool:
    before, behind = text[at - 1], text[at]
    if _JOINER in (before, behind) or unicodedata.category(behind) in ("Mn", "Me", "Mc"):
        return True
    if "\U0001f3fb" <= behind <= "\U0001f3ff" or "\U000e0020" <= behind <= "\U000e007f":
        return True
    flags = 0
    while flags < at and _FIRST_FLAG <= text[at - 1 - flags] <= _LAST_FLAG:
        flags += 1
    return _FIRST_FLAG <= behind <= _LAST_FLAG and flags % 2 == 1


def _places(text: str, most: int) -> Iterator[int]:
    # Blanks at the end of a piece are left out of it, and so may stand just behind what fits.
    least, window = most // 3, text[: most + 1]
    for separator in ("\n\n", "\n"):
        at = window.rfind(separator, least)
        if at > 0:
            yield at + len(separator)
    if _open_fence(text[:most]) is not None:
        return
    line_start = text.rfind("\n", 0, most) + 1
    spans = [
        (line_start + found.start(), line_start + found.end())
        for found in _SPAN.finditer(text[line_start:].split("\n", 1)[0])
    ]

    def is_outside(place: int) -> bool:
        return not any(start < place < end for start, end in spans)

    sentences = _SENTENCE_END.finditer(window, least)
    ends = [found.end() for found in sentences if found.start() + len(found[0].rstrip()) <= most]
    yield from (place for place in reversed(ends) if is_outside(place))
    blanks = [found.end() for found in re.finditer(r"\s+", window) if found.end() > least]
    yield from (place for place in reversed(blanks) if is_outside(place))
    yield from (start for start, end in spans if 0 < start < most < end)
    yield from reversed(blanks)


def _open_fence(text: str) -> str | None:
    """The line that opened a block of code which is still open at the end."""
    opened = None
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if found is None:
            continue
        if opened is None:
            opened = line
        elif line.strip().startswith(_FENCE.match(opened)[1]) and not found[2].strip():  # type: ignore[index]
            opened = None
    return opened


def _fits(text: str, channel: Channel) -> bool:
    return channel.length(channel.format(text)) <= channel.max_chars
