"""Descriptions that shops write as pages, as their readers see them."""

from __future__ import annotations

import re
from html import unescape

MAX_PAGE_CHARS = 200_000

_BREAK = re.compile(r"<(?:br|/?(?:p|div|li|ul|ol|h[1-6]|tr|table))\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_SHORTCODE = re.compile(r"\[/?[a-z][a-z0-9_-]*[^\[\]]{0,500}\]")
_UNSEEN = re.compile(r"<(/?)(script|style)\b[^<>]*>", re.IGNORECASE)


def plain_text(page: str) -> str:
    """Without markup, scripts, styles and WordPress's shortcodes."""
    seen, at, inside = [], 0, ""
    page = page[:MAX_PAGE_CHARS]
    for tag in _UNSEEN.finditer(page):
        name = tag[2].lower()
        if not inside and not tag[1]:
            seen.append(page[at : tag.start()])
            inside = name
        elif inside == name and tag[1]:
            at, inside = tag.end(), ""
    if not inside:
        seen.append(page[at:])
    text = unescape(_SHORTCODE.sub("", _TAG.sub("", _BREAK.sub("\n", "".join(seen)))))
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)
