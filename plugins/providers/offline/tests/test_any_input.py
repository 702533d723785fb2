"""Whatever comes in, one answer comes out, and nothing is done that was not asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from csai_provider_offline import OfflineProvider
from csai_sdk import (
    AssistantMessage,
    Message,
    ModelReply,
    ModelRequest,
    Passage,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolSpec,
    UserMessage,
)
from csai_testkit.context import FakeClock, make_context
from hypothesis import given, settings
from hypothesis import strategies as st

VECTORS = Path(__file__).parents[4].parent / "shared/vectors"
READS = ("get_", "find_", "list_", "calculate", "think")

PIECES = st.sampled_from(
    [
        "where",
        "is",
        "my",
        "order",
        "ORD-1001",
        "and",
        "the",
        "blue",
        "kettle",
        "in",
        "stock",
        "book",
        "an",
        "appointment",
        "tomorrow",
        "at",
        "3pm",
        "for",
        "Dana",
        "please",
        "cancel",
        "never",
        "mind",
        "hi",
        "who",
        "are",
        "you",
        "?",
        "!",
        ".",
        ",",
        '"',
        "“",
        "(",
        "2026-03-05",
        "25:61",
        "31.2.2026",
        "a@b.test",
        "#W12",
        "שלום",
        "你好",
    ]
)
TEXTS = st.text(max_size=80) | st.lists(PIECES, max_size=25).map(" ".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYWORDS = st.dictionaries(
    st.sampled_from(
        ["type", "enum", "pattern", "format", "items", "anyOf", "$ref", "examples", "description"]
    ),
    JSON | st.sampled_from(["string", "array", "date", "#/properties", "^(a+)+$", "[", "such as 'X-1'"]),
    max_size=4,
)
SCHEMAS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "properties": st.dictionaries(st.sampled_from(["id", "name", "date", "q", "", "x"]), KEYWORDS | JSON)
        | JSON,
        "required": st.lists(st.sampled_from(["id", "name", "date", "q"])) | JSON,
    },
)
TOOLS = st.builds(
    ToolSpec,
    st.sampled_from(["get_order", "book_it", "x", "ü"]),
    st.text(max_size=30),
    SCHEMAS,
    st.booleans(),
)
RESULTS = st.builds(
    ToolResult, st.just("1"), st.just("get_order"), st.text(max_size=30) | JSON.map(json.dumps), st.booleans()
)
MESSAGES: st.SearchStrategy[list[Message]] = st.lists(
    st.builds(UserMessage, TEXTS)
    | st.builds(AssistantMessage, TEXTS)
    | st.just(AssistantMessage("", (ToolCall("1", "get_order", {}),)))
    | st.builds(lambda result: ToolMessage((result,)), RESULTS),
    max_size=7,
)
PASSAGES = st.lists(st.builds(Passage, st.just("1"), TEXTS, TEXTS), max_size=3)


async def reply_to(request: ModelRequest) -> ModelReply:
    context = make_context(plugin="offline", clock=FakeClock(datetime(2026, 3, 4, 9, tzinfo=UTC)))
    parts = [part async for part in OfflineProvider().stream(request, context)]
    *chunks, reply = parts
    assert isinstance(reply, ModelReply)
    assert all(isinstance(chunk, str) and chunk for chunk in chunks)
    assert "".join(map(str, chunks)) == reply.text
    assert len({call.id for call in reply.tool_calls}) == len(reply.tool_calls)
    assert reply.tool_calls or reply.text
    return reply


@settings(max_examples=150, deadline=None)
@given(MESSAGES, st.lists(TOOLS, max_size=3), PASSAGES, st.booleans(), st.sampled_from(["auto", "none"]))
async def test_any_conversation_gets_one_reply_and_twice_the_same(
    messages: list[Message], tools: list[ToolSpec], passages: list[Passage], is_fallback: bool, choice: Any
) -> None:
    request = ModelRequest(
        "", "", messages, tools, tool_choice=choice, passages=passages, is_fallback=is_fallback
    )
    reply = await reply_to(request)
    assert reply == await reply_to(request)
    assert choice == "auto" or not reply.tool_calls
    read_only = {tool.name for tool in tools if tool.is_read_only}
    assert not is_fallback or {call.name for call in reply.tool_calls} <= read_only


@pytest.mark.parametrize(
    "unit",
    [
        *("a", "( ", "where is ", "1", " ", "name ", "a.b@", "how much ", "-", "hey ", "book me ", "1/1/"),
        *("thanks ", "\n", "and is ", "my name is ", "I'm A", "#", "? ", "a-1 "),
    ],
)
async def test_a_long_message_of_any_shape_is_answered_quickly(unit: str) -> None:
    text = unit * (16_000 // len(unit))
    pattern = {"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}
    tools = [
        ToolSpec("book_it", "Book it.", {"properties": {"q": pattern, "id": {}}, "required": ["q", "id"]})
    ]
    passages = [Passage("1", "Text", text), Passage("2", "Words", "word other more. " * 500)]
    clock = datetime.now(UTC)
    await reply_to(ModelRequest("", "", (UserMessage(text),) * 3, tools, passages=passages))
    assert (datetime.now(UTC) - clock).total_seconds() < 5


def _retail_tools() -> list[ToolSpec]:
    path = VECTORS / "retail/tools.json"
    if not path.is_file():
        pytest.skip(f"the recorded retail tools are not at {path}")
    functions = [entry["function"] for entry in json.loads(path.read_text())]
    return [
        ToolSpec(f["name"], f["description"], f["parameters"], f["name"].startswith(READS)) for f in functions
    ]


async def _retail_calls(text: str) -> list[tuple[str, Any]]:
    reply = await reply_to(ModelRequest("", "", (UserMessage(text),), _retail_tools()))
    return [(call.name, call.arguments) for call in reply.tool_calls]


@pytest.mark.parametrize(
    "text",
    [
        "I think I ordered something wrong",
        "my order #W5442520 was cancelled by mistake",
        "can I return things?",
        "How do I cancel order #W5442520? I no longer need it",
        "What happens if I cancel order #W5442520 that was ordered by mistake?",
        "don't cancel order #W5442520, it was ordered by mistake",
        "I am unhappy with item 1008292230 of order #W5442520 and gift_card_0000000",
        "modify it",
    ],
)
async def test_vague_words_change_nothing_in_a_real_shop(text: str) -> None:
    assert [name for name, _ in await _retail_calls(text) if not name.startswith(READS)] == []


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("Where is my order #W5442520?", "get_order_details", {"order_id": "#W5442520"}),
        ("my email is sara@example.com", "find_user_id_by_email", {"email": "sara@example.com"}),
        ("What is 3 * (4 + 5)?", "calculate", {"expression": "3 * (4 + 5)"}),
        (
            "Cancel order W5442520, I no longer need it",
            "cancel_pending_order",
            {"order_id": "#W5442520", "reason": "no longer needed"},
        ),
        (
            "My name is Olivia Ito and my zip code is 80218",
            "find_user_id_by_name_zip",
            {"first_name": "Olivia", "last_name": "Ito", "zip": "80218"},
        ),
    ],
)
async def test_clear_words_call_the_right_tool_of_a_real_shop(text: str, name: str, arguments: Any) -> None:
    assert await _retail_calls(text) == [(name, arguments)]


async def test_no_instruction_of_the_retail_tasks_makes_it_change_anything() -> None:
    tasks = VECTORS / "retail/tasks_dev.json"
    if not tasks.is_file():
        pytest.skip(f"the recorded retail tasks are not at {tasks}")
    for task in json.loads(tasks.read_text()):
        calls = await _retail_calls(task["instruction"])
        assert [name for name, _ in calls if not name.startswith(READS)] == []
