"""Vectors without a model: the words of a text, their parts and what they stand for, hashed into places.

Two texts are near to each other when they share words, pieces of words (so that `deliveries` is near
`delivery`, and a typing error near its word) or things of everyday shopping that a short list knows under
several names, in English and Hebrew. Nothing here understands a sentence.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from math import sqrt
from zlib import crc32

from csai_provider_offline.words import implied_words, is_stop_word, stem, words

DIMENSIONS = 512
MODEL = "hashed-words-1"
"""A new number for every change that moves vectors: what is stored is then made anew."""

_WORD, _CONCEPT, _PIECES = 1.0, 0.9, 0.6
_PIECE_CHARS = (3, 4)
_MAX_TEXT_WORDS = 2_000
_PARTICLES = "והבלמשכ"

# What visitors and businesses call the same thing. Hebrew words are compared without particles and by
# their beginnings, as endings there are many.
_CONCEPTS = tuple(
    tuple(group.split())
    for group in (
        "open close hour opening closing schedule שעות פתוח סגור פתיחה",
        "return refund exchange reimburse החזר החזרה להחזיר זיכוי החלפ",
        "ship shipping shipment deliver delivery dispatch courier send post mail משלוח שליח לשלוח נשלח",
        "price cost charge fee expensive cheap rate מחיר עולה עלות תשלום",
        "stock inventory available availability מלאי זמין",
        "buy purchase order sell sold לקנות קני הזמנ להזמין רכיש",
        "book reserve appointment booking reservation slot meeting visit תור פגישה לקבוע ביקור",
        "track tracking status parcel package arrive מעקב חביל הגיע מגיע סטטוס",
        "cancel cancellation terminate unsubscribe quit ביטול לבטל מבטל",
        "pay payment card paypal visa installment שלם תשלום אשראי כרטיס",
        "contact email phone telephone call reach support צור קשר טלפון להתקשר מייל",
        "human agent person representative someone staff נציג אדם",
        "address located location directions find store shop branch כתובת סניף חנות",
        "warranty guarantee repair fix broken damaged defect faulty אחריות תיקון שבור פגום תקול",
        "change modify update edit replace לשנות שינוי לעדכן עדכון",
        "password login account signin username סיסמ להתחבר חשבון",
        "invoice receipt bill חשבונית קבלה",
        "discount coupon voucher promo sale code הנח קופון מבצע",
        "size fit large small measure מיד גודל",
        "wash clean care laundry dishwasher כביסה לנקות ניקוי",
        "child kid baby ילד תינוק",
        "gift present wrap מתנ",
        "delete remove erase privacy personal data פרטיות למחוק מחיק",
        "abroad international overseas foreign country worldwide חול בינלאומ",
        "loyalty points member club reward מועדון נקודות חבר",
    )
)
_PHRASED = {stem(word): number for number, group in enumerate(_CONCEPTS) for word in group if word.isascii()}
_BEGINNINGS = tuple(
    (word, number) for number, group in enumerate(_CONCEPTS) for word in group if not word.isascii()
)


def vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A vector of length 1, the same for the same text everywhere; of a text without words all zeros."""
    places = [0.0] * dimensions
    for feature, weight in _features(text).items():
        place, sign = _place(feature, dimensions)
        places[place] += sign * weight
    length = sqrt(sum(value * value for value in places))
    return [value / length for value in places] if length else places


def _features(text: str) -> dict[str, float]:
    found = Counter(stem(word) for word in words(_unmarked(text))[:_MAX_TEXT_WORDS] if not is_stop_word(word))
    features: dict[str, float] = {}
    for word, count in found.items():
        # Said three times is not three times as much.
        weight = sqrt(count)
        for feature, share in _of_word(word):
            features[feature] = features.get(feature, 0.0) + weight * share
    for implied in implied_words(text):
        if implied in _PHRASED:
            concept = f"c{_PHRASED[implied]}"
            features[concept] = max(features.get(concept, 0.0), _CONCEPT)
    return features


@lru_cache(maxsize=20_000)
def _of_word(word: str) -> tuple[tuple[str, float], ...]:
    """What a word is known by, and how much of it each is."""
    return tuple(_parts(word))


def _parts(word: str) -> Iterator[tuple[str, float]]:
    yield f"w{word}", _WORD
    bare = _without_particle(word)
    if bare != word:
        yield f"w{bare}", _WORD
    concept = _concept(word, bare)
    if concept is not None:
        yield f"c{concept}", _CONCEPT
    edged = f"^{bare}$"
    pieces = [edged[at : at + size] for size in _PIECE_CHARS for at in range(len(edged) - size + 1)]
    for piece in pieces:
        yield f"p{piece}", _PIECES / sqrt(len(pieces))


def _concept(word: str, bare: str) -> int | None:
    if word.isascii():
        return _PHRASED.get(word)
    return next(
        (number for start, number in _BEGINNINGS if word.startswith(start) or bare.startswith(start)), None
    )


def _without_particle(word: str) -> str:
    """A Hebrew word without the particle that is written together with it, as far as one can tell."""
    return word[1:] if len(word) > 3 and word[0] in _PARTICLES else word


def _unmarked(text: str) -> str:
    """Without vowel points and accents, which only some writers set."""
    return "".join(each for each in unicodedata.normalize("NFKD", text) if unicodedata.category(each) != "Mn")


@lru_cache(maxsize=100_000)
def _place(feature: str, dimensions: int) -> tuple[int, float]:
    """Where a feature lies; its sign lets two that share a place cancel out as often as add up."""
    number = crc32(feature.encode("utf-8", "replace"))
    return number % dimensions, 1.0 if number & 0x8000_0000 else -1.0
