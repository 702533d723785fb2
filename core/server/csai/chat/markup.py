"""Text without what costs tokens and says nothing: padding, tags, the spelling of JSON."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence

# Every pattern is linear: what is read here, strangers wrote.
_FENCED = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
_NO_BREAK = re.compile("[\u00a0\u202f]")
_INNER_SPACE = re.compile(r"(?<=\S)[ \t]{2,}(?=\S)")
_LINE_END = re.compile(r"(?<=\S)[ \t]+$|^[ \t]+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")
_RULE = re.compile(r"([-=_*~#.])\1{5,}")
_TAG = re.compile(r"<!--|-->|<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})(\s[^<>]*)?/?>")
_CLOSING = re.compile(r"</[a-zA-Z]|<br\s*/?>|<!--")
_LINK = re.compile(r"""\b(?:href|src)\s*=\s*["']([^"']+)["']""")
_JSON_PART = re.compile(r'"(?:[^"\\]|\\.)*"|\s+')
BLOCKS = frozenset(
    [
        *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "footer", "form"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre"),
        *("section", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
    ]
)
STRUCK = frozenset({"s", "del", "strike"})
"""What holds no more: an old price beside the new one."""
UNSEEN = frozenset({"script", "style", "noscript", "template", "svg"})


def tidy(text: str) -> str:
    """The same text with fewer characters: no padding, no tags. Code in fences stays as it is."""
    if _CLOSING.search(text):
        text = _without_tags(text)
    text = _NO_BREAK.sub(" ", _INVISIBLE.sub("", text.replace("\r\n", "\n")))
    if not _FENCED.search(text):
        return _unpadded(text).strip()
    return "\n".join(_outside_fences(text)).strip()


def minified(text: str) -> str | None:
    """JSON with every value as it stands, written shorter; None for what is no JSON.

    Numbers are not read and written again: their digits are the shop's.
    """
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _JSON_PART.sub(_shorter_part, text)


def _shorter_part(part: re.Match[str]) -> str:
    written = part.group()
    if not written.startswith('"'):
        return ""
    if "\\u" not in written and "<" not in written:
        return written
    value = json.loads(written)
    if _CLOSING.search(value):
        value = tidy(value)
    shorter = json.dumps(value, ensure_ascii=False)
    # Half of a surrogate pair can be escaped, not written.
    is_writable = not any("\ud800" <= character <= "\udfff" for character in shorter)
    return shorter if is_writable and len(shorter) <= len(written) else written


def _unpadded(text: str) -> str:
    text = _LINE_END.sub("", _INNER_SPACE.sub(" ", text))
    return _BLANK_LINES.sub("\n\n", _RULE.sub(r"\1\1\1", text))


def _outside_fences(text: str) -> Iterator[str]:
    """The lines, unpadded but for those of code."""
    outside: list[str] = []
    is_code = False
    for line in text.split("\n"):
        is_fence = _FENCED.match(line) is not None
        if is_fence or is_code:
            if outside:
                yield _unpadded("\n".join(outside))
                outside = []
            yield line
        else:
            outside.append(line)
        is_code ^= is_fence
    if outside:
        yield _unpadded("\n".join(outside))


def _without_tags(text: str) -> str:
    """What a page shows of HTML, and where its links lead."""
    pieces: list[str] = []
    links: list[str] = []
    unseen = ""
    at = 0
    for tag in _TAG.finditer(text):
        if not unseen:
            pieces.append(text[at : tag.start()])
        at = tag.end()
        name = (tag.group(2) or tag.group()).lower()
        is_end = tag.group(1) == "/"
        if unseen:
            unseen = "" if (name == unseen and is_end) or (unseen == "<!--" and name == "-->") else unseen
        elif name == "<!--" or (name in UNSEEN and not is_end):
            unseen = name
        elif name in BLOCKS:
            pieces.append("\n")
        elif name in STRUCK:
            pieces.append("~~")
        elif name == "a":
            pieces.append(_link(tag, links, is_end=is_end))
    if not unseen:
        pieces.append(text[at:])
    return html.unescape(_joined(pieces))


def _joined(pieces: Sequence[str]) -> str:
    """Together, but for two numbers between which a tag stood: $19<sup>99</sup> is not $1999."""
    joined: list[str] = []
    for piece in filter(None, pieces):
        if joined and joined[-1][-1].isdigit() and piece[0].isdigit():
            joined.append(" ")
        joined.append(piece)
    return "".join(joined)


def _link(tag: re.Match[str], open_links: list[str], *, is_end: bool) -> str:
    if is_end:
        return f" ({open_links.pop()})" if open_links else ""
    found = _LINK.search(tag.group(3) or "")
    if found:
        open_links.append(found.group(1))
    return ""
