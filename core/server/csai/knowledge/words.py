"""From text to the words it is found by: the same for passages and questions, whatever the database.

Each word is kept as up to four lexemes: the word itself, once more when it stands in the title, and its
first letters, so that `delivered` finds `delivery`. Every lexeme begins with a mark of its client: one
client's words lie apart from all others' in the index, and a search costs what its own client's passages
cost.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import islice

import regex

QUESTION_CHARS = 4_000
QUESTION_WORDS = 24
PASSAGE_WORDS = 2_000
WORD_CHARS = 40
LOOSE_CHARS = 4

WORD, IN_TITLE, LOOSE = "w", "t", "p"
WEIGHTS = {WORD: 1.0, IN_TITLE: 0.5, LOOSE: 0.3}

_ENGLISH = """
about after all also am an and any are as at be because been before but by can could did
do does doing don for from get got had has have having he her here hers him his how if in
into is it its just let like may me might more most much my no nor not now of off on or
our out please shall she should so some such tell than thank thanks that the their them
then there these they this those to too under up us very want was we were what when where
which while who whom why will with would you your yours ll re ve hi hello
"""
_HEBREW_WORDS = """
של את על עם אני זה זו זאת מה מי איך האם כן לא יש אין הוא היא הם אם כי גם או אנחנו אתם אתה
איפה מתי כמה לי לך שלי
"""
STOP_WORDS = frozenset([*_ENGLISH.split(), *_HEBREW_WORDS.split()])

_RUNS = regex.compile(
    r"(?V1)(?P<unspaced>[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]+)"
    r"|[[\p{L}\p{N}]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]+"
)
_MARKS = regex.compile(r"\p{M}+")
_HEBREW = regex.compile(r"\p{Hebrew}")
_HEBREW_PARTICLES = frozenset("והבלמשכ")
_VOWELS = frozenset("aeiouy")


@dataclass(frozen=True, slots=True)
class Term:
    """A lexeme that a question looks for, and how much finding it counts."""

    lexeme: str
    weight: float


def terms(client_id: str, question: str) -> list[Term]:
    """What to look for: the longest words of a long question, which are its rarest."""
    found = dict.fromkeys(_words(question[:QUESTION_CHARS]))
    chosen = sorted(found, key=len, reverse=True)[:QUESTION_WORDS]
    mark = _client_mark(client_id)
    kinds = {WORD: chosen, IN_TITLE: chosen, LOOSE: dict.fromkeys(_loose_forms(chosen))}
    return [Term(mark + kind + word, WEIGHTS[kind]) for kind, words in kinds.items() for word in words]


def lexemes(client_id: str, title: str, content: str) -> list[str]:
    """What the index keeps of a passage: letters and digits only, which no database reads as operators."""
    in_title = dict.fromkeys(_words(title))
    words = dict.fromkeys([*in_title, *islice(_words(content), PASSAGE_WORDS)])
    mark = _client_mark(client_id)
    kinds = {WORD: words, IN_TITLE: in_title, LOOSE: dict.fromkeys(_loose_forms(words))}
    return [mark + kind + word for kind, kept in kinds.items() for word in kept]


def _words(text: str) -> Iterator[str]:
    """The stems of the words of a text, without accents and without words that every text has."""
    for run in _RUNS.finditer(_plain(text)):
        if run.lastgroup == "unspaced":
            yield from _pairs(run.group())
        elif len(run.group()) > 1 and run.group() not in STOP_WORDS:
            yield _stem(run.group()[:WORD_CHARS])


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", _MARKS.sub("", decomposed)).casefold()


def _pairs(run: str) -> Iterator[str]:
    """Every two neighbouring characters, for scripts that write no spaces between words."""
    if len(run) == 1:
        yield run
    for start in range(len(run) - 1):
        yield run[start : start + 2]


def _stem(word: str) -> str:
    """The word without the commonest English endings: both sides lose the same, so it need not be a word."""
    if not word.isascii() or len(word) <= 3:
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "xes", "zes", "ches", "shes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        start = word.removesuffix(ending)
        if start != word and len(start) > 2 and not _VOWELS.isdisjoint(start):
            word = start[:-1] if start[-1] == start[-2] and start[-1] not in "lsz" else start
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def _loose_forms(words: Iterable[str]) -> Iterator[str]:
    """The first letters of a word; in Hebrew also those after a particle written together with it."""
    for word in words:
        is_hebrew = _HEBREW.match(word) is not None
        if len(word) >= (3 if is_hebrew else LOOSE_CHARS):
            yield word[:LOOSE_CHARS]
        if is_hebrew and len(word) > 3 and word[0] in _HEBREW_PARTICLES:
            yield word[1 : 1 + LOOSE_CHARS]


@lru_cache(1_024)
def _client_mark(client_id: str) -> str:
    return blake2b(client_id.encode(), digest_size=5).hexdigest()
