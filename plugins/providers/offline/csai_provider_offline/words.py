"""Words of any script: cut out, brought to a common form, and compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
# Scripts written without spaces: their "words" are whole phrases, so pairs of characters stand in.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
_DOUBLED = re.compile(r"([bdgmnprt])\1$")
_PLURAL_ES = re.compile(r"(?:s|x|z|ch|sh)es$")

# Each word is compared with each of many others.
_MAX_WORDS = 60

_STOP_WORDS = """
a about all also am an and any anyone anything are as at be been being but by can can't could did do does
doing don't done for from get give go got had has have he hello help her here hi him his how i i'd i'm
i've if in interested into is it it's its just know let let's like long looking many may me mine more
much my need no not of off ok okay on one or our out please really shall she should so some something
still take takes tell than thank thanks that the their them then there these they this those to too us
very want was way we were what what's whats when where where's which while who whose why will with would
yes yet you your yours
של את על אני האם מה איך יש לי הוא היא זה זו אתם לכם שלכם שלי אפשר אם גם או לא כן עם מתי איפה כמה
"""
_STOP = frozenset(_STOP_WORDS.split())

# What visitors and businesses call the same thing.
_CONCEPTS = tuple(
    frozenset(group.split())
    for group in (
        "open close hour opening closing",
        "return refund exchange",
        "ship shipping shipment deliver delivery dispatch courier arrive",
        "price cost charge fee",
        "stock inventory available availability sold sell buy purchase",
        "book schedule reserve appointment booking reservation slot meeting visit",
        "status track tracking progress arrive parcel package",
        "cancel cancellation",
        "pay payment card",
        "contact email phone telephone call reach",
        "human agent person representative someone staff teammate",
        "transfer connect talk speak handover",
        "address located location directions find",
        "warranty guarantee",
        "change modify update edit",
        "find look search lookup",
        "list show",
        "calculate compute",
    )
)

# Ways of asking that hold their meaning in no single word, and the word they stand for.
_PHRASES = (
    (re.compile(r"\bwhere(?:'s|’s| is| are)\b.*\b(?:order|parcel|package|delivery)\b"), "status"),
    (re.compile(r"\bwhen (?:will|does|do|is)\b.*\b(?:arrive|come|delivered|here)\b"), "status"),
    (re.compile(r"\b(?:do|have) you (?:still )?(?:have|got|sell|carry|stock)\b"), "stock"),
    (re.compile(r"\b(?:any|how many)\b.*\b(?:left|remaining)\b|\bhow many\b.*\bdo you have\b"), "stock"),
    (re.compile(r"\b(?:buy|purchase|looking for|interested in)\b"), "stock"),
    (re.compile(r"\bhow (?:long|fast|quick|quickly|soon)\b"), "day"),
    (re.compile(r"\bwhere (?:are you|(?:is|can i find) (?:the|your) (?:shop|store|office))\b"), "find"),
    (re.compile(r"\bhow much (?:is|are|does|do|would)\b"), "price"),
    (re.compile(r"\b(?:send|give|bring)\b.*\bback\b|\bmoney back\b"), "return"),
    (re.compile(r"\b(?:talk|speak|chat) (?:to|with)\b"), "transfer"),
)
# What such phrases are made of says nothing by itself.
_OF_PHRASES = "send bring back money talk speak chat fast quick quickly soon"
_PHRASE_WORDS = frozenset(_OF_PHRASES.split())


def words(text: str) -> list[str]:
    """The words in order, lower-case; pairs of characters where a script has no spaces."""
    result: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        if _UNSPACED.search(word) and len(word) > 2:
            result.extend(word[at : at + 2] for at in range(len(word) - 1))
        else:
            result.append(word.replace("’", "'"))
    return result


def content_words(text: str) -> list[str]:
    """The stems of the words that carry meaning, each once, and what phrases stand for."""
    implied = implied_words(text)
    left_out = _STOP | _PHRASE_WORDS if implied else _STOP
    stems = dict.fromkeys(stem(word) for word in words(text) if word not in left_out)
    return list(dict.fromkeys([*list(stems)[:_MAX_WORDS], *implied]))


def implied_words(text: str) -> list[str]:
    """What the message asks for by a turn of phrase."""
    lowered = text[:1000].casefold()
    return [stem(word) for pattern, word in _PHRASES if pattern.search(lowered)]


def is_stop_word(word: str) -> bool:
    return word.casefold().replace("’", "'") in _STOP


def stem(word: str) -> str:
    """A light English stem; other words stay as they are."""
    word = word.removesuffix("'s")
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    word = _without_plural(word)
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = _DOUBLED.sub(r"\1", word.removesuffix(ending))
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def _without_plural(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if _PLURAL_ES.search(word):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


_CONCEPTS_OF: dict[str, frozenset[int]] = {}
for _number, _group in enumerate(_CONCEPTS):
    for _word in _group:
        _CONCEPTS_OF[stem(_word)] = _CONCEPTS_OF.get(stem(_word), frozenset()) | {_number}


@lru_cache(maxsize=20_000)
def likeness(one: str, other: str) -> float:
    """How far two stems mean the same: 1 the same word, 0.6 the same thing, 0 neither."""
    if one == other or _is_inflected(one, other):
        return 1.0
    shared = _CONCEPTS_OF.get(one, frozenset()) & _CONCEPTS_OF.get(other, frozenset())
    return 0.6 if shared else 0.0


def best_likeness(word: str, others: Iterable[str]) -> float:
    return max((likeness(word, other) for other in others), default=0.0)


def _is_inflected(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if len(short) < 3 or short.isdigit() or long.isdigit():
        return False
    if one.isascii() or other.isascii():
        return len(short) >= 5 and long.startswith(short) and len(long) - len(short) <= 3
    # Hebrew and its kin put articles and prepositions before the word, many others endings behind it.
    return len(long) - len(short) <= 2 and (long.startswith(short) or long.endswith(short))
