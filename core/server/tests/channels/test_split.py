"""An answer is cut where a reader would pause, and no formatting breaks."""

from __future__ import annotations

from typing import Any

import pytest
from csai.channels.consent import consent_in, decision_in
from csai.channels.split import CUT, MAX_PIECES, pieces
from csai_sdk import Channel, TextStyle, restyle
from csai_testkit.growth import assert_grows_with_length
from hypothesis import example, given, settings
from hypothesis import strategies as st


def channel_of(max_chars: int) -> Any:
    class Short(Channel):
        id = "short"

    Short.max_chars = max_chars
    Short.__abstractmethods__ = frozenset()
    return Short()  # type: ignore[abstract]


def plain_channel_of(max_chars: int) -> Any:
    """One that shows no formatting."""

    class Plain(Channel):
        id = "plain"

        def format(self, text: str) -> str:
            return restyle(text, TextStyle())

    Plain.max_chars = max_chars
    Plain.__abstractmethods__ = frozenset()
    return Plain()  # type: ignore[abstract]


@pytest.mark.parametrize(
    ("text", "most", "parts"),
    [
        ("", 10, []),
        ("Short.", 10, ["Short."]),
        ("First one. Second one.", 14, ["First one.", "Second one."]),
        ("First line\nSecond line", 14, ["First line", "Second line"]),
        ("One.\n\nTwo is long.", 14, ["One.", "Two is long."]),
        ("a word and another", 10, ["a word and", "another"]),
        ("x" * 25, 10, ["x" * 10, "x" * 10, "x" * 5]),
        ("Go **to the shop** now", 15, ["Go", "**to the shop**", "now"]),
    ],
)
def test_a_cut_is_where_a_reader_pauses(text: str, most: int, parts: list[str]) -> None:
    assert pieces(text, channel_of(most)) == parts


def test_a_block_of_code_is_closed_and_opened_again() -> None:
    text = "```python\n" + "\n".join(f"line {number}" for number in range(12)) + "\n```"
    found = pieces(text, channel_of(60))
    assert len(found) > 1
    assert all(each.startswith("```python\n") and each.endswith("\n```") for each in found)
    lines = [line for each in found for line in each.split("\n") if line.startswith("line")]
    assert lines == [f"line {number}" for number in range(12)]


@pytest.mark.parametrize(
    "link", ["[the page](https://shop.example/orders?id=1)", "[a page](https://shop.example/cups_(of_tin))"]
)
def test_a_link_stays_in_one_piece(link: str) -> None:
    found = pieces(f"See here. {link} for all of it", channel_of(46))
    assert link in found


def test_what_never_ends_is_cut_off() -> None:
    found = pieces("word " * 5_000, channel_of(50))
    assert len(found) == MAX_PIECES
    assert found[-1].endswith(CUT)
    assert all(len(each) <= 50 for each in found)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab *_`~[]()\n.!-#é\U0001f600\u3002", max_size=300), st.integers(12, 60))
def test_every_piece_is_short_enough_and_says_something(text: str, most: int) -> None:
    found = pieces(text, channel_of(most))
    assert all(each.strip() for each in found)
    assert all(len(each) <= most for each in found)


FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
SIGNS = (
    FAMILY,
    "\U0001f44d\U0001f3fd",
    "\U0001f1ee\U0001f1f8",
    "\u2764\ufe0f",
    "\u05e9\u05c1\u05b8",
    "e\u0301",
    "a",
)


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("most", range(12, 19))
def test_no_sign_is_torn(sign: str, most: int) -> None:
    for before in ("", "x", "xy"):
        text = before + sign * 30
        found = pieces(text, channel_of(most))
        assert "".join(found) == text
        assert all(len(each) <= most for each in found)
        assert all(not each.removeprefix(before).replace(sign, "") for each in found)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from((*SIGNS, " ", "word", ". ")), max_size=60), st.integers(12, 40))
def test_no_sign_is_torn_in_any_text(signs: list[str], most: int) -> None:
    text = "".join(signs)
    for each in pieces(text, channel_of(most))[:-1]:
        ending = text.find(each) + len(each)
        assert text[ending : ending + 1] not in (
            "\u200d",
            "\ufe0f",
            "\u0301",
            "\u05c1",
            "\u05b8",
            "\U0001f3fd",
        )
        assert not each.endswith("\u200d")


def test_an_address_stays_in_one_piece() -> None:
    address = "https://shop.example/orders/1029384756?from=mail"
    text = f"Here it is, have a look: {address} and tell us."
    assert any(address in each for each in pieces(text, channel_of(len(address) + 2)))


def test_a_script_without_blanks_is_cut_at_its_sentences() -> None:
    text = "\u3053\u3093\u306b\u3061\u306f\u3002" * 8
    assert pieces(text, channel_of(14)) == ["\u3053\u3093\u306b\u3061\u306f\u3002" * 2] * 4


@pytest.mark.parametrize("end", ["\u3002", "\uff01", "\uff1f\u300d"])
def test_a_sentence_that_just_does_not_fit_is_not_sent_whole(end: str) -> None:
    text = "\u5b57" * 20 + end + "\u5b57" * 5
    found = pieces(text, channel_of(20))
    assert "".join(found) == text
    assert all(len(each) <= 20 for each in found)


@pytest.mark.parametrize("text", ["```\n```", "```python"])
def test_markdown_that_says_nothing_is_not_sent(text: str) -> None:
    assert pieces(text, plain_channel_of(100)) == []


@pytest.mark.parametrize(
    "piece", ["[", "![", "[a](", "*a", "**a", "`", "__a", "~~a", "http://", "```\n", "- "]
)
def test_a_hostile_text_is_cut_in_a_time_that_grows_with_its_length(piece: str) -> None:
    assert_grows_with_length(lambda text: pieces(text, channel_of(1_000)), piece, 16_000 // len(piece))


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab *_`~[]()\\\n.-#\u3002", max_size=300), st.integers(12, 60))
@example(r"*. [a](b) **b\**`a\*", 12)
@example(r"ab *\*cccccccc\***", 14)
def test_what_is_sent_is_short_enough_however_formatting_changes_it(text: str, most: int) -> None:
    channel = plain_channel_of(most)
    sent = [channel.format(each) for each in pieces(text, channel)]
    assert all(each.strip() and len(each) <= most for each in sent)


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("STOP", "stop"),
        (" stop! ", "stop"),
        ("*Stop*", "stop"),
        ("Arrêt", "stop"),
        ("הסר", "stop"),
        ("إيقاف", "stop"),
        ("_stop_", "stop"),
        ("Please stop.", "stop"),
        ("STOP, please", "stop"),
        ("stop messages", "stop"),
        ("הסר אותי", "stop"),
        ("הסירו אותי בבקשה", "stop"),
        ("please stop my order", None),
        ("remove me", None),
        ("להסיר", None),
        ("please help", None),
        ("please", None),
        ("START", "start"),
        ("Help", "help"),
        ("stop my order", None),
        ("cancel", None),
        ("", None),
        ("x" * 10_000, None),
    ],
)
def test_a_wish_is_a_whole_message(text: str, wish: str | None) -> None:
    assert consent_in(text) == wish


@pytest.mark.parametrize(
    ("text", "word"),
    [("Yes", "approve"), ("ja!", "approve"), ("כן", "approve"), ("No.", "decline"), ("yes but later", None)],
)
def test_yes_and_no_are_whole_messages(text: str, word: str | None) -> None:
    assert decision_in(text) == word
