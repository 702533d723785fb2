"""What a workflow answered, as data for the model: workflows answer with JSON, and with anything else."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any, NoReturn

from csai_sdk import HttpResponse

CUT_NOTE = "the answer was too long and is cut here"
_MARKUP = re.compile(r"<(?:!doctype|/?[a-z])[^<>]*>", re.IGNORECASE)
_ENTITY = re.compile(r"&#?[0-9a-zA-Z]{1,32};?")
_TAG_NAME = re.compile(r"/?[a-z][a-z0-9]*|[!?]")
_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)
_TEXT_TYPES = (
    "text/",
    "application/json",
    "application/xml",
    "application/javascript",
    "application/x-www-form",
)
_UNSEEN = frozenset({"script", "style", "noscript", "template", "svg", "head"})
_BREAKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol"})


def read_answer(response: HttpResponse) -> Any:
    """The answer's JSON as it is; everything else as an object that says what it is."""
    media_type = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if not response.body.strip():
        return {"status": "ok", "note": "empty answer"}
    if _is_binary(response.body, media_type):
        return {"status": "ok", "note": f"the answer is a file of {len(response.body)} bytes, not shown here"}
    text = _decode(response)
    if not response.is_truncated and (media_type.endswith("json") or text[:1] in ("{", "[")):
        try:
            return json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            pass
    answer = {"text": html_to_text(text) if _MARKUP.search(text) else text}
    return answer | {"note": CUT_NOTE} if response.is_truncated else answer


def html_to_text(page: str) -> str:
    """What a reader of the page would see, without scripts and styles.

    In one pass: parsers of HTML take minutes for pages that were made to keep them busy.
    """
    start, *pieces = _without_comments(page).split("<")
    parts = [start]
    unseen = ""
    for piece in pieces:
        tag, has_end, text = piece.partition(">")
        name = _TAG_NAME.match(tag.lower()) if has_end else None
        if unseen:
            if name and name[0] == f"/{unseen}":
                unseen = ""
                parts.append(text)
        elif name is None:
            parts.append(f"<{piece}")
        elif name[0] in _UNSEEN and not tag.endswith("/"):
            unseen = name[0]
        else:
            parts += ("\n", text) if name[0].removeprefix("/") in _BREAKS else (text,)
    lines = (" ".join(line.split()) for line in _ENTITY.sub(_unescaped, "".join(parts)).splitlines())
    return "\n".join(line for line in lines if line)


def _unescaped(entity: re.Match[str]) -> str:
    return unescape(entity[0])


def _without_comments(page: str) -> str:
    parts = []
    at = 0
    while (start := page.find("<!--", at)) >= 0 and (end := page.find("-->", start + 4)) >= 0:
        parts.append(page[at:start])
        at = end + 3
    return "".join(parts) + page[at:]


def _is_binary(body: bytes, media_type: str) -> bool:
    is_text_type = media_type.startswith(_TEXT_TYPES) or media_type.endswith(("+json", "+xml"))
    return b"\0" in body[:4096] or bool(media_type and not is_text_type)


def _decode(response: HttpResponse) -> str:
    named = _CHARSET.search(response.headers.get("content-type", ""))
    try:
        text = response.body.decode(named[1] if named else "utf-8", "replace")
    except LookupError:
        text = response.body.decode("utf-8", "replace")
    return text.removeprefix("\ufeff").strip()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
