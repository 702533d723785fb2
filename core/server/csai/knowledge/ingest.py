"""Cutting a document into passages short enough to quote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import regex

PASSAGE_CHARS = 1_200
TITLE_CHARS = 300

_HEADING = regex.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*$")
_FENCE = regex.compile(r"(```|~~~)")
_SENTENCE_END = regex.compile(r"(?<=[.!?…。！？؟])\s+")


@dataclass(frozen=True, slots=True)
class PassageDraft:
    """A passage before it is kept."""

    title: str
    content: str
    url: str = ""


def split_passages(text: str, *, title: str, url: str = "") -> list[PassageDraft]:
    """Passages of a Markdown or plain text: a section's paragraphs together, as long as they fit.

    A passage is titled by the document and the headings above it, so that it is understood by itself.
    """
    return [
        PassageDraft(_title([title, *headings]), content, url)
        for headings, paragraphs in _sections(text)
        for content in _packed(paragraphs)
    ]


def document_passages(text: str, *, name: str) -> list[PassageDraft]:
    """Passages of a file, titled by its first heading where it begins with one, else by its name."""
    first_line = next(iter(text.strip().splitlines()), "")
    title = "" if _HEADING.fullmatch(first_line) else name.replace("-", " ").replace("_", " ")
    return split_passages(text, title=title)


def _sections(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """Each run of paragraphs under one heading, with that heading and those above it."""
    headings: dict[int, str] = {}
    paragraphs: list[str] = []
    lines: list[str] = []
    is_code = False
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if _FENCE.match(line.lstrip()):
            is_code = not is_code
        heading = None if is_code else _HEADING.fullmatch(line)
        if (heading or not line.strip()) and not is_code and lines:
            paragraphs.append("\n".join(lines).strip())
            lines = []
        if heading:
            if paragraphs:
                yield [headings[level] for level in sorted(headings)], paragraphs
                paragraphs = []
            level = len(heading[1])
            headings = {above: words for above, words in headings.items() if above < level} | {
                level: heading[2]
            }
        elif line.strip() or is_code:
            lines.append(line)
    if lines:
        paragraphs.append("\n".join(lines).strip())
    if paragraphs:
        yield [headings[level] for level in sorted(headings)], paragraphs


def _packed(paragraphs: list[str]) -> Iterator[str]:
    return _joined((piece for paragraph in paragraphs for piece in _pieces(paragraph)), "\n\n")


def _pieces(paragraph: str) -> Iterator[str]:
    """The paragraph, or where it is too long its sentences, or parts of them."""
    if len(paragraph) <= PASSAGE_CHARS:
        return iter([paragraph])
    sentences = _SENTENCE_END.split(paragraph)
    return _joined((part for sentence in sentences for part in _parts(sentence)), " ")


def _joined(pieces: Iterable[str], separator: str) -> Iterator[str]:
    """As many pieces together as fit into a passage."""
    passage = ""
    for piece in pieces:
        joined = f"{passage}{separator}{piece}" if passage else piece
        if len(joined) > PASSAGE_CHARS:
            yield passage
            joined = piece
        passage = joined
    if passage:
        yield passage


def _parts(sentence: str) -> Iterator[str]:
    """Cut between words where there are any."""
    while len(sentence) > PASSAGE_CHARS:
        cut = sentence.rfind(" ", 1, PASSAGE_CHARS + 1)
        cut = cut if cut > 0 else PASSAGE_CHARS
        yield sentence[:cut].rstrip()
        sentence = sentence[cut:].lstrip()
    if sentence:
        yield sentence


def _title(parts: list[str]) -> str:
    """The document's title and its headings, without saying the same thing twice."""
    said = dict.fromkeys(part.strip() for part in parts if part.strip())
    return " - ".join(said)[:TITLE_CHARS]
