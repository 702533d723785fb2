"""A conversation to take away, as the visitor saw it: nothing of tools, nothing that runs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from csai.conversations.repository import ConversationRepository, MessageRow
from csai.conversations.schemas import message_json
from csai.database import Database

Format = Literal["text", "html", "json"]

PAGE = 500
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}"
    "article{margin:1rem 0}header{color:#595959;font-size:.85rem}"
    "p{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}"
)
# Words of visitors and models stand in it: whoever opens the file runs and loads nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Written:
    """How a transcript is written: its beginning, each message, what is between two, its end."""

    media_type: str
    extension: str
    message: Callable[[MessageRow, str], str]
    begin: Callable[[str], str]
    between: str
    end: str


def _text(row: MessageRow, who: str) -> str:
    # Further lines stand further in: none of them can pass for the beginning of a message.
    words = "\n    ".join(row.content.splitlines())
    return f"[{row.timestamp:%Y-%m-%d %H:%M} UTC] {who}: {words}"


def _html(row: MessageRow, who: str) -> str:
    return (
        f'<article><header><bdi>{escape(who)}</bdi>, <time datetime="{row.timestamp.isoformat()}">'
        f'{row.timestamp:%Y-%m-%d %H:%M} UTC</time></header><p dir="auto">{escape(row.content)}</p></article>'
    )


def _begin_html(name: str) -> str:
    return (
        '<!doctype html>\n<html><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>{escape(name)}</title><style>{STYLE}</style></head>"
        f'<body><h1 dir="auto">{escape(name)}</h1>\n'
    )


def _json(row: MessageRow, who: str) -> str:
    return json.dumps({**message_json(row), "name": who}, ensure_ascii=False)


FORMATS: Mapping[Format, Written] = {
    "text": Written("text/plain", "txt", _text, lambda _name: "", "\n\n", "\n"),
    "html": Written("text/html", "html", _html, _begin_html, "\n", "\n</body></html>\n"),
    "json": Written("application/json", "json", _json, lambda _name: '{"messages": [\n', ",\n", "\n]}\n"),
}


async def transcript(
    database: Database, client_id: str, conversation_id: str, *, client_name: str, form: Format
) -> AsyncIterator[bytes]:
    """The file, some hundreds of messages at a time, however long the conversation is."""
    written = FORMATS[form]
    names = {"visitor": "Visitor", "ai": f"{client_name} (AI)", "teammate": client_name}
    after, before = 0, written.begin(client_name)
    while page := await _messages(database, client_id, conversation_id, after=after):
        pieces = [written.message(row, names.get(row.author, row.author)) for row in page]
        yield (before + written.between.join(pieces)).encode("utf-8", "replace")
        after, before = page[-1].seq, written.between
    # Where nothing was said, the beginning has yet to be told.
    yield ((before if after == 0 else "") + written.end).encode()


async def _messages(
    database: Database, client_id: str, conversation_id: str, *, after: int
) -> Sequence[MessageRow]:
    async with database.read() as connection:
        return await ConversationRepository(connection, client_id).messages(
            conversation_id, after=after, count=PAGE
        )
