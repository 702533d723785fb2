"""What is new in a mail: its text without what it quotes and without its signature.

Judged line by line, so that the time grows with the length, whatever a sender writes.
"""

from __future__ import annotations

import re

# "On <date>, <name> wrote:" in the languages of the usual programs. Each needs its opening and its end; what
# lies between may break over up to three lines.
_WROTE = tuple(
    (re.compile(opening, re.IGNORECASE), re.compile(end + r"\s*:?\s*$", re.IGNORECASE))
    for opening, end in (
        (r"on\s", r"\bwrote"),
        (r"am\s", r"\bschrieb\b.{0,200}"),
        (r"le\s", r"\ba\s+\u00e9crit"),
        (r"el\s", r"\bescribi\u00f3"),
        (r"il\s", r"\bha\s+scritto"),
        (r"em\s", r"\bescreveu"),
        (r"op\s", r"\b(?:schreef|heeft\b.{0,200}\bgeschreven)\b.{0,200}"),
        (r"den\s", r"\bskrev\b.{0,200}"),
        (r"(?:w\s+dniu|dnia)\s", r"\bnapisa\u0142(?:\(a\)|a)?"),
        (
            r"\d",
            r"(?:\bwrote|<[^<>]{3,320}>)",
        ),  # Gmail in Russian, Hebrew and others: a date, a name, <address>
        (
            r"\u202b?(?:\u05d1\u05ea\u05d0\u05e8\u05d9\u05da|\u05d1\u05d9\u05d5\u05dd|\u05de\u05d0\u05ea)\b",
            r".*",
        ),  # Hebrew
        (r"\u0641\u064a\s", r".*"),  # Arabic
    )
)
_WROTE_LINES = 3
_WROTE_LENGTH = 400

# The head of a forwarded or answered mail: at least two of its lines, one under the other.
_HEAD = re.compile(
    r"^[*\s\u202b\u200f]*(?:from|sent|to|subject|date|cc|von|gesendet|an|betreff|datum|de|envoy\u00e9|\u00e0|objet|para|"
    r"asunto|fecha|enviado|da|inviato|a|oggetto|van|verzonden|aan|onderwerp|"
    r"\u05de\u05d0\u05ea|\u05e0\u05e9\u05dc\u05d7|\u05d0\u05dc|\u05e0\u05d5\u05e9\u05d0|\u05ea\u05d0\u05e8\u05d9\u05da|"
    r"\u0645\u0646|\u0625\u0644\u0649|\u0627\u0644\u0645\u0648\u0636\u0648\u0639)\s?\*?\s?:",
    re.IGNORECASE,
)
_DIVIDER = re.compile(r"^\s*(?:-{3,}\s*[^-\n]{3,60}\s*-{3,}|_{20,}|={20,})\s*$")
_SENT_FROM = re.compile(
    r"^\s*(?:sent from my\b|sent from (?:outlook|yahoo|mail)\b|get outlook for\b|von meinem .{1,40} gesendet|"
    r"envoy\u00e9 de mon\b|enviado desde mi\b|inviato da(?:l mio)?\b|verstuurd vanaf\b|"
    r"\u05e0\u05e9\u05dc\u05d7 \u05de(?:\u05d4|-))",  # Hebrew
    re.IGNORECASE,
)
_QUOTE = re.compile(r"^\s*[>|]")


def new_text(text: str) -> str:
    """The newly written part; all of the text where nothing else would be left."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    is_inline = _answered_inline(lines)
    kept: list[str] = []
    has_text = False
    index = 0
    while index < len(lines):
        line = lines[index]
        introduced = _wrote_lines(lines, index)
        if introduced and is_inline[index + introduced]:
            index += introduced
            continue
        if (
            introduced
            or (_introduces_quotation(lines, index) and not is_inline[index + 1])
            or _begins_earlier(lines, index)
            or _ends_letter(line, has_text=has_text)
        ):
            break
        if not _QUOTE.match(line):
            kept.append(line)
            has_text = has_text or bool(line)
        index += 1
    written = "\n".join(kept).strip()
    while "\n\n\n" in written:
        written = written.replace("\n\n\n", "\n\n")
    return written or _bare(lines)


def _begins_earlier(lines: list[str], index: int) -> bool:
    """Whether the head of an earlier mail begins here, with or without a dividing line above it."""
    if _DIVIDER.match(lines[index]):
        return _has_head(lines, index + 1)
    return bool(_HEAD.match(lines[index])) and _has_head(lines, index)


def _wrote_lines(lines: list[str], index: int) -> int:
    """Over how many lines "On ..., ... wrote:" reaches from here; 0 where it does not."""
    opening = [end for start, end in _WROTE if start.match(lines[index].lstrip())]
    if not opening:
        return 0
    said = ""
    for count, line in enumerate(lines[index : index + _WROTE_LINES], start=1):
        if not line.strip():
            return 0
        said = f"{said} {line.strip()}".strip()
        if len(said) > _WROTE_LENGTH:
            return 0
        has_date = any(letter.isdigit() for letter in said)
        if has_date and said.endswith((":", "\u202c")) and any(end.search(said) for end in opening):
            return count
    return 0


_INTRODUCES = re.compile(r"\d.*(?::|\uff1a)[\s\u200e\u200f\u202a-\u202e\u2066-\u2069]*$")


def _introduces_quotation(lines: list[str], index: int) -> bool:
    """Whether, in whatever language, a line with a number and a colon stands above quotation."""
    if not _INTRODUCES.search(lines[index][-_WROTE_LENGTH:]):
        return False
    below = next((line for line in lines[index + 1 : index + 3] if line.strip()), "")
    return bool(_QUOTE.match(below))


def _answered_inline(lines: list[str]) -> list[bool]:
    """For each line, and the end: whether quoted lines begin there, and words of the sender's own stand below
    or between them. Then what introduces the quotation does not end the mail."""
    found = [False]
    has_words = has_quote = False
    for line in reversed(lines):
        if _QUOTE.match(line):
            has_quote = True
        elif line.strip():
            has_words, has_quote = not _ends_letter(line, has_text=True), False
        found.append(has_quote and has_words)
    return found[::-1]


def _has_head(lines: list[str], index: int) -> bool:
    found = 0
    for line in lines[index : index + 6]:
        if _HEAD.match(line):
            found += 1
        elif line.strip() and found == 0:
            return False
        if found == 2:
            return True
    return False


def _ends_letter(line: str, *, has_text: bool) -> bool:
    """Whether a signature begins here (RFC 3676, section 4.3: two hyphens and a blank)."""
    if not has_text:
        return False
    return line in ("--", "__") or bool(_SENT_FROM.match(line))


def _bare(lines: list[str]) -> str:
    """A mail of nothing but quotation, or a signature, without the quotation's marks."""
    return "\n".join(re.sub(r"^[\s>|]+", "", line) for line in lines).strip()
