"""Cutting documents into passages."""

from __future__ import annotations

from csai.knowledge.ingest import PASSAGE_CHARS, TITLE_CHARS, PassageDraft, split_passages
from hypothesis import given
from hypothesis import strategies as st

HANDBOOK = """# Shop handbook

Welcome to the shop.

## Delivery

Two days on the mainland.

A week to the islands.

### Costs

Free above 50 euros.
## Returns
Thirty days.
"""


def test_sections_become_passages_titled_by_the_headings_above_them() -> None:
    assert split_passages(HANDBOOK, title="Handbook", url="https://s.example/h") == [
        PassageDraft("Handbook - Shop handbook", "Welcome to the shop.", "https://s.example/h"),
        PassageDraft(
            "Handbook - Shop handbook - Delivery",
            "Two days on the mainland.\n\nA week to the islands.",
            "https://s.example/h",
        ),
        PassageDraft(
            "Handbook - Shop handbook - Delivery - Costs", "Free above 50 euros.", "https://s.example/h"
        ),
        PassageDraft("Handbook - Shop handbook - Returns", "Thirty days.", "https://s.example/h"),
    ]


def test_title_that_repeats_the_heading_is_said_once() -> None:
    assert split_passages("# Delivery\nTwo days.", title="Delivery")[0].title == "Delivery"


def test_plain_text_is_cut_between_paragraphs() -> None:
    paragraphs = [f"Paragraph {number}. " + "word " * 80 for number in range(10)]
    passages = split_passages("\r\n\r\n".join(paragraphs), title="Text")
    assert [passage.content.count("Paragraph") for passage in passages] == [2, 2, 2, 2, 2]


def test_paragraph_too_long_is_cut_between_sentences() -> None:
    text = " ".join(f"Sentence {number} has some words in it." for number in range(100))
    passages = split_passages(text, title="Text")
    assert len(passages) > 1
    assert all(passage.content.endswith("it.") for passage in passages)


def test_sentence_too_long_is_cut_between_words_and_a_word_where_it_must_be() -> None:
    passages = split_passages("lorem " * 400 + "x" * 3_000, title="Text")
    assert all(len(passage.content) <= PASSAGE_CHARS for passage in passages)
    assert sum(passage.content.count("lorem") for passage in passages) == 400
    assert sum(passage.content.count("x") for passage in passages) == 3_000


def test_comment_in_a_code_block_is_no_heading() -> None:
    passages = split_passages("# Setup\n```sh\n# install\n\nmake\n```\n", title="Guide")
    assert passages == [PassageDraft("Guide - Setup", "```sh\n# install\n\nmake\n```")]


def test_nothing_gives_no_passages() -> None:
    assert split_passages(" \n\n# Only a heading\n", title="Empty") == []


@given(st.text(alphabet=st.sampled_from("ab .\n#`\r\té"), max_size=4_000), st.text(max_size=400))
def test_no_letter_of_the_text_is_lost_and_no_passage_is_too_long(text: str, title: str) -> None:
    passages = split_passages(text, title=title)
    assert all(0 < len(passage.content) <= PASSAGE_CHARS for passage in passages)
    assert all(len(passage.title) <= TITLE_CHARS for passage in passages)
    headings = [line for line in text.replace("\r", "\n").split("\n") if line.startswith("#")]
    kept = "".join(passage.content for passage in passages)
    assert kept.count("é") >= text.count("é") - "".join(headings).count("é")
