"""What of a conversation a model is shown: the newest question always."""

from __future__ import annotations

import json
from typing import Any

import pytest
from csai.chat.prompt import estimate_tokens, passage_line
from csai.chat.repository import HistoryRow
from csai.chat.window import Material, Window, fit, weigh_message
from csai_sdk import AssistantMessage, Message, Passage, ToolCall, ToolMessage, ToolResult, UserMessage, tool
from csai_testkit.scripted import ScriptedProvider
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.server import ServerFactory

WORDS = st.sampled_from(["", "a", "é\n\n", "漢" * 60, "word " * 300, '\\"' * 200])
RESULTS = WORDS | st.sampled_from(
    [json.dumps(["item " * 9] * 60), json.dumps({"a": "b" * 900, "c": [1] * 400})]
)
QUESTIONS = st.text(max_size=60) | st.sampled_from(["a" * 16_000, "é" * 15_999, "😀" * 16_000])


@st.composite
def stored_parts(draw: st.DrawFn) -> dict[str, Any] | None:
    rounds: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 2))):
        ids = [f"{number}.{index}" for index in range(draw(st.integers(1, 3)))]
        calls = [{"id": id_, "name": "t", "arguments": {"q": draw(WORDS)}} for id_ in ids]
        results = [{"id": id_, "name": "t", "content": draw(RESULTS), "error": False} for id_ in ids]
        rounds += [{"text": draw(WORDS), "calls": calls}, {"results": results}]
    return {"rounds": rounds, "final": draw(WORDS)} if rounds else None


@st.composite
def running_rounds(draw: st.DrawFn) -> list[AssistantMessage | ToolMessage]:
    rounds: list[AssistantMessage | ToolMessage] = []
    for number in range(draw(st.integers(0, 3))):
        ids = [f"r{number}.{index}" for index in range(draw(st.integers(1, 4)))]
        reasoning = draw(st.just(()) | WORDS.map(lambda text: ({"thinking": text},)))
        calls = tuple(ToolCall(id_, "t", {"q": draw(WORDS)}) for id_ in ids)
        rounds.append(AssistantMessage(draw(WORDS), calls, reasoning, "scripted"))
        rounds.append(ToolMessage(tuple(ToolResult(id_, "t", draw(RESULTS)) for id_ in ids)))
    return rounds


ROWS = st.lists(
    st.builds(HistoryRow, st.just("user"), WORDS, st.none())
    | st.builds(HistoryRow, st.sampled_from(["assistant", "system"]), WORDS, stored_parts()),
    max_size=12,
)
PASSAGES = st.lists(st.builds(Passage, st.just("id"), WORDS, WORDS), max_size=5)
MATERIAL = st.builds(
    Material,
    question=QUESTIONS,
    history=ROWS,
    summary=WORDS,
    passages=PASSAGES,
    fixed_tokens=st.integers(0, 3_000),
)


def size(material: Material, window: Window) -> int:
    said = sum(_size(message) for message in window.messages)
    passages = sum(estimate_tokens(passage_line(passage)) for passage in window.passages)
    return material.fixed_tokens + said + passages


def _size(message: Message) -> int:
    return estimate_tokens(message.text) if isinstance(message, UserMessage) else weigh_message(message)


@settings(max_examples=150, deadline=None)
@given(MATERIAL, running_rounds(), st.integers(0, 9_000), st.integers(0, 9_000))
def test_the_question_always_fits_whole_and_the_rest_keeps_to_the_budget(
    material: Material, rounds: list[AssistantMessage | ToolMessage], more: int, history_budget: int
) -> None:
    # From a budget that leaves room for the question alone.
    budget = material.fixed_tokens + estimate_tokens(material.question) + more

    window = fit(material, rounds, budget=budget, history_budget=history_budget)

    assert _question_stands_last(material, window.messages)
    assert is_valid(window.messages)
    assert size(material, window) <= budget


def _question_stands_last(material: Material, messages: list[Message]) -> bool:
    asked = [message for message in messages if isinstance(message, UserMessage)][-1]
    return asked.text.endswith(material.question)


def is_valid(messages: list[Message]) -> bool:
    """Whether every vendor takes it: sides take turns, and each call has its result right behind it."""
    expected: set[type] = {UserMessage}
    for position, message in enumerate(messages):
        if type(message) not in expected:
            return False
        match message:
            case UserMessage():
                expected = {AssistantMessage}
            case ToolMessage():
                expected = {AssistantMessage}
            case AssistantMessage(tool_calls=()):
                expected = {UserMessage}
            case AssistantMessage():
                answer = messages[position + 1] if position + 1 < len(messages) else None
                asked = [call.id for call in message.tool_calls]
                if not isinstance(answer, ToolMessage) or [r.call_id for r in answer.results] != asked:
                    return False
                expected = {ToolMessage}
    return isinstance(messages[-1], UserMessage | ToolMessage)


@given(st.integers(0, 100_000))
def test_with_room_for_all_nothing_is_left_out(more: int) -> None:
    history = [HistoryRow("assistant", "new answer", None), HistoryRow("user", "new", None)]
    material = Material("now?", history, "They met.", [Passage("1", "Tea", "It is hot.")])
    rounds: list[AssistantMessage | ToolMessage] = [
        AssistantMessage("", (ToolCall("c", "t", {}),)),
        ToolMessage((ToolResult("c", "t", "[1, 2]"),)),
    ]

    window = fit(material, rounds, budget=1_000 + more, history_budget=1_000)

    assert window.messages[1:] == [AssistantMessage("new answer"), UserMessage("now?"), *rounds]
    assert isinstance(window.messages[0], UserMessage)
    assert window.messages[0].text.endswith('{"summary": "They met."}\n\nnew')
    assert window.passages == material.passages


def test_the_oldest_turns_are_left_out_first() -> None:
    rows = [HistoryRow("assistant", "new answer", None), HistoryRow("user", "new", None)]
    old = [HistoryRow("assistant", "x" * 4_000, None), HistoryRow("user", "old", None)]

    window = fit(Material("now?", [*rows, *old]), [], budget=200, history_budget=200)

    assert window.messages == [UserMessage("new"), AssistantMessage("new answer"), UserMessage("now?")]


def test_then_tool_results_are_cut_before_passages_go() -> None:
    rounds: list[AssistantMessage | ToolMessage] = [
        AssistantMessage("", (ToolCall("long", "t", {}), ToolCall("short", "t", {}))),
        ToolMessage((ToolResult("long", "t", "x" * 8_000), ToolResult("short", "t", "42 pieces"))),
    ]
    passage = Passage("1", "Tea", "It is hot.")
    material = Material("now?", [HistoryRow("user", "x" * 4_000, None)], passages=[passage])

    window = fit(material, rounds, budget=500, history_budget=8_000)

    assert window.passages == [passage]
    answered = window.messages[-1]
    assert isinstance(answered, ToolMessage)
    assert answered.results[1] == ToolResult("short", "t", "42 pieces")
    assert "the middle left out" in answered.results[0].content
    assert len(answered.results[0].content) > 1_000


@pytest.mark.parametrize(("room", "is_kept"), [(400, True), (60, False)])
def test_an_old_turn_that_is_too_long_loses_the_length_of_its_results_then_its_rounds(
    room: int, is_kept: bool
) -> None:
    parts = {
        "rounds": [
            {"text": "", "calls": [{"id": "c", "name": "t", "arguments": {}}]},
            {"results": [{"id": "c", "name": "t", "content": "x" * 8_000, "error": False}]},
        ],
        "final": "It is sent.",
    }
    rows = [HistoryRow("assistant", "It is sent.", parts), HistoryRow("user", "Where is it?", None)]

    window = fit(Material("now?", rows), [], budget=10_000, history_budget=room)

    assert window.messages[0] == UserMessage("Where is it?")
    assert window.messages[-2] == AssistantMessage("It is sent.")
    assert any(isinstance(message, ToolMessage) for message in window.messages) is is_kept


@tool(read_only=True)
async def list_orders() -> str:
    """All orders."""
    return json.dumps([{"order": number, "note": "n" * 200} for number in range(100)])


async def test_a_small_context_still_gets_the_question_and_valid_rounds(make_server: ServerFactory) -> None:
    call = ToolCall("c1", "list_orders", {})
    provider = ScriptedProvider([call], [call], ["Many."], ["Yes."])
    server = await make_server(provider, tools=[list_orders], context_tokens=4_000)
    question = "Which orders? " + "x" * 15_000

    first = (await server.say(question)).json()
    await server.say("Sure?", first)

    assert first["status"] == "completed"
    for request in provider.requests[:3]:
        assert request.messages[0] == UserMessage(question)
        assert is_valid(list(request.messages))
    shown = [message for message in provider.requests[2].messages if isinstance(message, ToolMessage)]
    assert [len(message.results) for message in shown] == [1, 1]
    orders = json.loads(shown[0].results[0].content)
    assert orders[-1] == "(100 items in all, the rest left out)"
    assert provider.requests[3].messages[-1] == UserMessage("Sure?")
