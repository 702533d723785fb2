"""Files that came with a message, as the model is told of them: a note, or the words of a text."""

from __future__ import annotations

import asyncio

import structlog
from csai_sdk import Media

from csai.channels.line import Line
from csai.kit.text import clean

log = structlog.get_logger(__name__)

MAX_TEXT_BYTES = 32_000
# For all files of a message together.
FETCHING_S = 20.0
READABLE = ("text/plain", "text/csv", "text/markdown", "application/json")


async def with_attachments(text: str, media: list[Media], line: Line, *, max_chars: int) -> str:
    """The message's text, and below it a line for every file; of short texts what they say."""
    parts = [text] if text.strip() else []
    until = asyncio.get_running_loop().time() + FETCHING_S
    for each in media:
        words = await _words(each, line, until)
        note = f"[Attached: {describe(each)}]"
        parts.append(f"{note}\n{words}" if words else note)
    return "\n\n".join(parts)[:max_chars]


def describe(media: Media) -> str:
    """Kind, name, type and size, such as `image photo.jpg (image/jpeg, 120 kB)`."""
    size = f"{max(1, media.size_bytes // 1_000)} kB" if media.size_bytes is not None else ""
    known = ", ".join(clean(each)[:100] for each in (media.mime_type.split(";")[0], size) if each)
    named = f"{media.kind} {clean(media.name)[:100]}".strip()
    return f"{named} ({known})" if known else named


async def _words(media: Media, line: Line, until: float) -> str:
    is_short = media.size_bytes is None or media.size_bytes <= MAX_TEXT_BYTES
    if media.mime_type.split(";")[0].strip() not in READABLE or not is_short:
        return ""
    try:
        async with asyncio.timeout_at(until):
            content = await line.channel.fetch(media, line.account, line.ctx, max_bytes=MAX_TEXT_BYTES)
        # What only says that it is text is told of like any other file.
        words = "" if b"\0" in content else content[:MAX_TEXT_BYTES].decode("utf-8-sig")
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- the note tells of the file all the same
        log.warning("a file could not be fetched", channel=line.channel.id, error=type(error).__name__)
        return ""
    return clean(words)
