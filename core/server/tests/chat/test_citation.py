"""Sources under an answer are those it draws on."""

from __future__ import annotations

from csai.chat.citation import cite
from csai_sdk import Passage

RETURNS = Passage("1", "Returns", "You may send anything back within 30 days for a full refund.", "/returns")
SHIPPING = Passage("2", "Shipping", "Parcels leave our warehouse every weekday and arrive in two days.")


def test_a_passage_that_was_used_is_cited() -> None:
    answer = "You may send it back within 30 days and get a full refund."

    cited = cite(answer, question="Can I return a kettle?", passages=[SHIPPING, RETURNS])

    assert cited == [{"title": "Returns", "url": "/returns"}]


def test_an_answer_from_a_tool_cites_no_passage_that_lay_beside_it() -> None:
    answer = "Order ORD-1001 was shipped on Monday and is due on Thursday."

    assert cite(answer, question="Where is my order?", passages=[SHIPPING, RETURNS]) == []


def test_words_of_the_question_are_no_evidence() -> None:
    answer = "I do not know about parcels leaving the warehouse every weekday."
    question = "Do parcels leave the warehouse every weekday?"

    assert cite(answer, question=question, passages=[SHIPPING]) == []


def test_a_source_of_several_passages_is_named_once() -> None:
    answer = "You may send anything back within 30 days for a full refund."

    assert len(cite(answer, question="?", passages=[RETURNS, RETURNS])) == 1
