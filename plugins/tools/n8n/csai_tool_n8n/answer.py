"""What a workflow answered, as data for the model: workflows answer with JSON, and with anything else."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any, NoReturn

from csai_sdk import HttpResponse

CUT_NOTE = "the answer was too long and is cut here"
_MARKUP = re.compile(r"<(?:!doctype|/?[a-z][a-z0-9]*)[^<>]*>", re.IGNORECASE)
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


def html_to_text(html: str) -> str:
    """What a reader of the page would see, without scripts and styles."""
    reader = _TextReader()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).splitlines())
    return "\n".join(line for line in lines if line)


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


class _TextReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen_depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen_depth += 1
        elif tag in _BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen_depth = max(0, self._unseen_depth - 1)
        elif tag in _BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen_depth:
            self.parts.append(data)
