"""Long tool results made shorter."""

from __future__ import annotations

import json
from typing import Any

import pytest
from csai.chat.trim import level, shorten
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=8), inner, max_size=6),
    max_leaves=40,
)


@given(
    st.text(max_size=400) | VALUES.map(lambda value: json.dumps(value, ensure_ascii=False)),
    st.integers(0, 300),
)
def test_a_text_never_grows_beyond_its_size_and_stays_whole_where_it_fits(text: str, size: int) -> None:
    shorter = shorten(text, size)

    assert len(shorter.encode()) <= size
    if len(text.encode()) <= size:
        assert shorter == text


@given(st.lists(st.integers(0, 1_000), max_size=20), st.integers(-5, 5_000))
def test_all_are_cut_to_one_height_and_use_the_room(weights: list[int], room: int) -> None:
    cap = level(weights, room)

    cut = [min(weight, cap) for weight in weights]
    assert sum(cut) <= max(room, 0)
    if cut != weights:
        assert sum(cut) > room - len(weights)


def test_a_list_keeps_its_first_items_and_says_how_many_there_were() -> None:
    orders = [{"order": f"ORD-{number}", "status": "sent"} for number in range(200)]

    shorter = json.loads(shorten(json.dumps(orders), 1_000))

    assert len(shorter) > 15
    assert shorter[:-1] == orders[: len(shorter) - 1]
    assert shorter[-1] == "(200 items in all, the rest left out)"


def test_an_object_keeps_its_short_fields_whole() -> None:
    found: dict[str, Any] = {"total": 200, "note": "x" * 5_000, "items": list(range(5_000)), "next": None}

    shorter = json.loads(shorten(json.dumps(found), 600))

    assert list(shorter) == list(found)
    assert (shorter["total"], shorter["next"]) == (200, None)
    assert shorter["items"][:3] == [0, 1, 2]
    assert shorter["note"].startswith("xxx")
    assert "left out" in shorter["note"]


def test_other_text_keeps_both_ends_and_says_how_long_it_was() -> None:
    text = "begin " + "é" * 5_000 + " end"

    shorter = shorten(text, 500)

    assert shorter.startswith("begin ")
    assert shorter.endswith(" end")
    assert "[... 10010 bytes in all, the middle left out ...]" in shorter


def test_no_amount_is_cut_into_another_one() -> None:
    text = " ".join(f"Item {number} costs 1{number:03},50 EUR" for number in range(400))
    amounts = {word for word in text.split() if "," in word}

    for size in range(400, 460):
        shorter = shorten(text, size)
        words = shorter.partition("\n[")[0].split() + shorter.partition("]\n")[2].split()
        assert {word for word in words if "," in word} <= amounts
        assert set(words) <= set(text.split())


@pytest.mark.parametrize(
    "letter", ["\U0001f469\u200d\U0001f469\u200d\U0001f467", "\u05e9\u05b8\u05c1", "e\u0301\u0323"]
)
def test_no_letter_is_cut_from_what_is_shown_as_a_part_of_it(letter: str) -> None:
    text = letter * 300
    for size in range(200, 230):
        shorter = shorten(text, size)
        head, tail = shorter.partition("\n[")[0], shorter.partition("]\n")[2]
        assert head == letter * (len(head) // len(letter))
        assert tail == letter * (len(tail) // len(letter))
        assert head
        assert tail


def test_json_nested_too_deeply_is_cut_as_text() -> None:
    assert len(shorten("[" * 100_000, 300)) <= 300
