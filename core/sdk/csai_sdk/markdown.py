"""Answers are Markdown; a channel that has other marks, or none, restyles them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FENCE = re.compile(r"^ {0,3}(?:```+|~~~+)(.*)$")
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*$")
_BULLET = re.compile(r"^(\s*)[*+]\s+")
# Bounded, so that text which was made to keep it busy does not.
_INLINE = re.compile(
    r"(?P<code>(?P<tick>`+)(?!`)(?P<coded>.{1,800}?)(?<!`)(?P=tick)(?!`))"
    r"|!?\[(?P<label>[^\[\]\n]{0,500})\]\((?P<target>[^()\s]{1,2000})[^()\n]{0,200}\)"
    r"|(?P<address>https?://[^\s<>]{1,2000})"
    r"|(?:\*\*(?=\S)(?P<bold>.{1,800}?)(?<=\S)\*\*|(?<!\w)__(?=\S)(?P<bold2>.{1,800}?)(?<=\S)__(?!\w))"
    r"|~~(?=\S)(?P<strike>.{1,800}?)(?<=\S)~~"
    r"|(?<![\w*])\*(?=[^\s*])(?P<italic>[^*\n]{1,800}?)(?<=\S)\*(?![\w*])"
    r"|(?<!\w)_(?=[^\s_])(?P<italic2>[^_\n]{1,800}?)(?<=\S)_(?!\w)"
)


@dataclass(frozen=True, slots=True)
class TextStyle:
    """The marks that stand around words; an empty one leaves the words alone."""

    bold: str = ""
    italic: str = ""
    strike: str = ""
    code: str = ""
    fence: str = ""
    """Around a block of code, on lines of their own."""


def restyle(markdown: str, style: TextStyle) -> str:
    """Markdown with the marks of `style`: headings become bold lines, links `label (address)`.

    All words stay. What is within code is left as it is.
    """
    lines = []
    is_code = False
    for line in markdown.split("\n"):
        if _FENCE.match(line):
            is_code = not is_code
            if style.fence:
                lines.append(style.fence)
        elif is_code:
            lines.append(line)
        elif heading := _HEADING.match(line):
            words = _restyled(heading[1].replace("**", ""), style)
            lines.append(f"{style.bold}{words}{style.bold}" if words else "")
        else:
            lines.append(_restyled(_BULLET.sub(r"\1- ", line), style))
    return "\n".join(lines)


def _restyled(line: str, style: TextStyle) -> str:
    return _INLINE.sub(lambda found: _mark(found, style), line)


def _mark(found: re.Match[str], style: TextStyle) -> str:
    if found["code"]:
        return f"{style.code}{found['coded']}{style.code}"
    if found["target"]:
        label, target = _restyled(found["label"], TextStyle()), found["target"]
        return target if label in ("", target) else f"{label} ({target})"
    if found["address"]:
        return found["address"]
    for names, mark in ((("bold", "bold2"), style.bold), (("italic", "italic2"), style.italic)):
        for name in names:
            if found[name]:
                return f"{mark}{_restyled(found[name], style)}{mark}"
    return f"{style.strike}{_restyled(found['strike'], style)}{style.strike}"
