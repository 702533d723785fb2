"""How hard a question is judged, in any language, without understanding a word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from csai.providers.routing import Features, difficulty, features
from csai_testkit.growth import assert_grows_with_length

PLAIN = Features(
    words=4,
    sentences=1,
    questions=1,
    lines=1,
    numbers=0,
    has_markup=False,
    turns_before=0,
    has_tool_history=False,
    tools=0,
    has_knowledge=False,
    best_passage=0,
    is_decision=False,
)


def of(question: str, **known: Any) -> Features:
    return features(
        question,
        **{
            "turns_before": 0,
            "has_tool_history": False,
            "tools": 0,
            "best_passage": None,
            "is_decision": False,
            **known,
        },
    )


@pytest.mark.parametrize(
    "question",
    [
        "What are your opening hours?",
        "מתי אתם פתוחים בימי שישי?",
        "ما هي ساعات العمل لديكم؟",
        "请问你们几点开门？",
        "何時に開店しますか。",
        "Когда вы открываетесь?",
    ],
)
def test_the_same_short_question_is_simple_in_every_language(question: str) -> None:
    found = of(question)
    assert found.sentences == 1
    assert difficulty(found) < 10


def test_a_long_question_is_as_long_where_words_have_no_spaces_between() -> None:
    assert of("我上个星期在你们的网上商店买了一盏灯但是收到的时候灯罩已经碎了" * 3).words > 40


@pytest.mark.parametrize(
    "harder",
    [
        {"words": 60},
        {"sentences": 4},
        {"questions": 3},
        {"lines": 4},
        {"numbers": 2},
        {"has_markup": True},
        {"turns_before": 3},
        {"has_tool_history": True},
        {"tools": 2},
        {"has_knowledge": True, "best_passage": 10},
        {"is_decision": True},
    ],
)
def test_each_of_these_makes_a_question_harder(harder: dict[str, Any]) -> None:
    assert difficulty(replace(PLAIN, **harder)) > difficulty(PLAIN)


def test_a_passage_that_answers_it_makes_a_question_simpler() -> None:
    asked = replace(PLAIN, words=40, has_knowledge=True)
    assert difficulty(replace(asked, best_passage=80)) < difficulty(replace(asked, best_passage=40))


def test_what_is_kept_gives_the_same_decision_again() -> None:
    found = of("Where is order 10411?\nAnd 10412? See https://shop.example", tools=3, best_passage=0.4)
    assert difficulty(Features.of(found.stored())) == difficulty(found)


def test_the_longest_question_is_judged_in_a_time_that_grows_with_its_length() -> None:
    assert_grows_with_length(lambda question: difficulty(of(question)), "a. 1?\n", 5_000)
