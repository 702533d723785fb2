"""A mail's page as the text that its reader would see, without what it quotes.

Read in one pass that keeps no tree: the time grows with the length, however a sender nests.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_MAX_HTML = 500_000
_MAX_TAG = 4_000
_UNSEEN = frozenset(("script", "style", "head", "title", "template", "object", "svg"))
# Within these nothing is markup but their own end.
_RAW = frozenset(("script", "style", "title"))
# How the usual programs mark what they quote. What follows Outlook's mark is all quotation.
_QUOTED = frozenset(
    ("gmail_quote", "gmail_quote_container", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote")
)
_QUOTED_FROM = frozenset(("divRplyFwdMsg", "appendonsend", "mail-editor-reference-message-container"))
_BLOCKS = frozenset(
    ("p", "div", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "pre", "blockquote")
)
_VOID = frozenset(("br", "hr", "img", "input", "link", "meta", "wbr", "area", "base", "col", "embed"))

_NO_WORDS = re.compile(r"<!--.*?(?:-->|\Z)|<[!?][^>]*(?:>|\Z)", re.DOTALL)
_NAME = re.compile(r"</?([a-zA-Z][a-zA-Z0-9:-]{0,30})")
_ATTRIBUTE = re.compile(r"""\b(id|class)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)


def text_of_html(page: str) -> str:
    reader = _Reader()
    for piece in _pieces(_NO_WORDS.sub("", page[:_MAX_HTML])):
        if not reader.take(piece):
            break
    text = re.sub(r"[^\S\n]+", " ", "".join(reader.said))
    return re.sub(r" ?\n ?(?:\n ?)+", "\n\n", text).strip()


def _pieces(page: str) -> Iterator[str]:
    """The page's words and tags, in their order. What is within a script comes not at all."""
    at = 0
    while at < len(page):
        opened = page.find("<", at)
        if opened < 0:
            yield page[at:]
            return
        if opened > at:
            yield page[at:opened]
        end = _tag_end(page, opened)
        if end is None:
            yield "<"
            at = opened + 1
            continue
        tag = page[opened:end]
        yield tag
        at = end
        name = _name_of(tag)
        if name in _RAW and not tag.startswith("</"):
            # Without an end it reaches to the page's end, which the next look finds at once.
            at = (_end_of_raw(page, name, at)) or len(page)


def _end_of_raw(page: str, name: str, at: int) -> int | None:
    found = re.compile(f"</{name}", re.IGNORECASE).search(page, at)
    return found.start() if found else None


def _tag_end(page: str, opened: int) -> int | None:
    """Behind the tag that begins here; None where it is a mere sign."""
    if not _NAME.match(page, opened):
        return None
    last = min(len(page), opened + _MAX_TAG)
    end = page.find(">", opened, last)
    # A value within quotation marks may hold the sign.
    if end > 0 and page.count('"', opened, end) % 2:
        closed = page.find('"', end, last)
        end = page.find(">", closed, last) if closed > 0 else end
    return end + 1 if end > 0 else None


def _name_of(piece: str) -> str:
    found = _NAME.match(piece)
    return found[1].lower() if found else ""


@dataclass
class _Reader:
    """Collects words. While an element is left out, only its own kind is counted, up to its end."""

    said: list[str] = field(default_factory=list)
    _left_out: str = ""
    _depth: int = 0

    def take(self, piece: str) -> bool:
        """False where all that follows is quotation."""
        name = _name_of(piece)
        if not name:
            if not self._left_out:
                self.said.append(_unescaped(piece))
        elif piece.startswith("</"):
            self._end(name)
        elif self._left_out:
            self._depth += name == self._left_out
        else:
            return self._begin(name, piece)
        return True

    def _begin(self, name: str, tag: str) -> bool:
        given = {
            found[1].lower(): found[2] or found[3] or found[4] or "" for found in _ATTRIBUTE.finditer(tag)
        }
        if given.get("id") in _QUOTED_FROM:
            return False
        if name == "br":
            self.said.append("\n")
        elif name in _BLOCKS:
            self._break()
        is_quoted = name == "blockquote" or not _QUOTED.isdisjoint(given.get("class", "").split())
        if name not in _VOID and (name in _UNSEEN or is_quoted):
            self._left_out, self._depth = name, 1
        return True

    def _end(self, name: str) -> None:
        if self._left_out:
            self._depth -= name == self._left_out
            if self._depth == 0:
                self._left_out = ""
        elif name in _BLOCKS:
            self.said.append("\n")

    def _break(self) -> None:
        """What stands before a block is on a line of its own."""
        if self.said and not self.said[-1].endswith("\n"):
            self.said.append("\n")


def _unescaped(words: str) -> str:
    try:
        return html.unescape(words)
    except ValueError:  # a number of more digits than Python reads
        return words
