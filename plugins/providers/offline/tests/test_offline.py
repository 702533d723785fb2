"""What a visitor of a small shop can expect from the offline assistant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from csai_provider_offline import OfflineProvider, register_providers
from csai_sdk import (
    AssistantMessage,
    Message,
    ModelReply,
    ModelRequest,
    Passage,
    ToolMessage,
    ToolResult,
    ToolSpec,
    UserMessage,
)
from csai_testkit.context import FakeClock, make_context

WEDNESDAY = datetime(2026, 3, 4, 9, tzinfo=UTC)
NO_LLM = "no AI model is connected"


def string(description: str, **rest: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **rest}


def tool(
    name: str, description: str, /, *, read_only: bool = False, **properties: dict[str, Any]
) -> ToolSpec:
    required = [key for key, schema in properties.items() if "default" not in schema]
    schema = {"type": "object", "properties": properties, "required": required}
    return ToolSpec(name, description, schema, is_read_only=read_only)


ORDER = tool(
    "get_order_status",
    "Look up where an order is.",
    read_only=True,
    order_id=string("The order number, for example ORD-1001."),
)
STOCK = tool(
    "check_inventory",
    "Check whether a product is in stock and what it costs.",
    read_only=True,
    product=string("The product's name.", examples=["blue kettle"]),
    quantity={"type": "integer", "description": "How many are wanted.", "default": 1, "minimum": 1},
)
BOOK = tool(
    "book_appointment",
    "Book an appointment in the shop.",
    date=string("The day as YYYY-MM-DD.", pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    time=string("The time as HH:MM.", pattern="^[0-9]{1,2}:[0-9]{2}$"),
    name=string("Who comes."),
    service={"type": "string", "enum": ["consultation", "tea tasting"], "default": "consultation"},
)
TOOLS = (ORDER, STOCK, BOOK)
PASSAGES = (
    Passage(
        "1", "Opening hours", "We are open Monday to Friday from 9 to 18. On Saturdays we open until 14."
    ),
    Passage("2", "Returns", "You can return unused items within 30 days.\nItems on sale cannot be returned."),
    Passage(
        "3", "Shipping", "# Cost\nShipping is free above 50 euros.\n# Time\nOrders arrive within 3 days."
    ),
    Passage("4", "FAQ", "Q: Do you have a gift wrapping service?\nA: Yes, we wrap any item for 3 euros."),
    Passage("5", "Tracking an order", "Your order number looks like ORD-1001."),
    Passage("6", "Where to find us", "The shop is at the old harbour, by the fish market."),
    Passage("7", "שעות פתיחה", "החנות פתוחה בימים ראשון עד חמישי. ביום שישי החנות סגורה."),
)


async def reply_to(messages: Sequence[Message], **changes: Any) -> ModelReply:
    fields = {
        "model": "",
        "system": "",
        "messages": messages,
        "tools": TOOLS,
        "passages": PASSAGES,
        **changes,
    }
    context = make_context(plugin="offline", clock=FakeClock(WEDNESDAY))
    *chunks, reply = [part async for part in OfflineProvider().stream(ModelRequest(**fields), context)]
    assert isinstance(reply, ModelReply)
    assert "".join(map(str, chunks)) == reply.text
    assert all(chunks)
    return reply


async def ask(text: str, **changes: Any) -> ModelReply:
    return await reply_to((UserMessage(text),), **changes)


def calls_of(reply: ModelReply) -> list[tuple[str, Any]]:
    return [(call.name, call.arguments) for call in reply.tool_calls]


class Chat:
    """A conversation in which every tool answers with the results given."""

    def __init__(self, **results: Any) -> None:
        self.results = results
        self.messages: list[Message] = []

    async def say(self, text: str) -> ModelReply:
        """The last reply to the text; `calls` tells what was called on the way."""
        self.messages.append(UserMessage(text))
        self.calls: list[tuple[str, Any]] = []
        while True:
            reply = await reply_to(self.messages)
            self.messages.append(AssistantMessage(reply.text, reply.tool_calls, provider="offline"))
            if not reply.tool_calls:
                return reply
            self.calls += calls_of(reply)
            self.messages.append(
                ToolMessage(
                    tuple(
                        ToolResult(call.id, call.name, json.dumps(self.results.get(call.name, {"ok": True})))
                        for call in reply.tool_calls
                    )
                )
            )


def test_the_plugin_brings_one_provider_that_costs_nothing() -> None:
    (provider,) = register_providers()
    assert (provider.id, provider.traits("").price_provider) == ("offline", None)
    assert provider.is_configured(make_context(plugin="offline"))


async def test_it_says_in_its_first_answer_and_only_there_that_it_is_no_model() -> None:
    chat = Chat()
    assert NO_LLM in (await chat.say("When are you open?")).text
    assert NO_LLM not in (await chat.say("How much is shipping?")).text


@pytest.mark.parametrize(
    "text", ["Are you a bot?", "who are you", "Are you ChatGPT?", "which model is this?"]
)
async def test_it_says_so_again_whenever_it_is_asked(text: str) -> None:
    chat = Chat()
    await chat.say("hi")
    assert NO_LLM in (await chat.say(text)).text


async def test_a_stand_in_for_another_vendor_introduces_itself_in_the_middle_of_a_conversation() -> None:
    history = (UserMessage("hi"), AssistantMessage("Hello, I am Ada."), UserMessage("When are you open?"))
    assert NO_LLM in (await reply_to(history, is_fallback=True)).text


@pytest.mark.parametrize(
    ("text", "said"),
    [("Thanks a lot!", "You're welcome"), ("bye", "Goodbye"), ("ok, thanks, bye!", "Goodbye")],
)
async def test_thanks_and_a_goodbye_are_answered_in_kind(text: str, said: str) -> None:
    assert said in (await ask(text)).text


async def test_who_asks_for_a_person_is_told_what_it_cannot_do() -> None:
    assert "can't connect you" in (await ask("I want to talk to a human")).text


@pytest.mark.parametrize("text", ["hi", "Hello!", "good morning", "שלום", "", "   "])
async def test_a_greeting_is_returned_with_what_it_can_do(text: str) -> None:
    said = (await ask(text)).text
    assert said.startswith("Hello!")
    assert "book an appointment in the shop" in said


async def test_a_greeting_before_a_question_does_not_hide_the_question() -> None:
    assert calls_of(await ask("Hi, where is ORD-1001?")) == [("get_order_status", {"order_id": "ORD-1001"})]


@pytest.mark.parametrize(
    ("question", "title", "words"),
    [
        ("When are you open?", "Opening hours", "Monday to Friday from 9 to 18"),
        ("What is your return policy?", "Returns", "within 30 days"),
        ("Do you have a return policy?", "Returns", "within 30 days"),
        ("Can I send something back?", "Returns", "within 30 days"),
        ("how much is delivery", "Shipping", "free above 50 euros"),
        ("How long does shipping take?", "Shipping", "Orders arrive within 3 days."),
        ("Where are you located?", "Where to find us", "at the old harbour"),
        ("Do you offer gift wrapping?", "FAQ", "Yes, we wrap any item for 3 euros."),
        ("האם החנות פתוחה ביום שישי?", "שעות פתיחה", "ביום שישי החנות סגורה"),
    ],
)
async def test_knowledge_is_quoted_word_for_word_with_its_title(
    question: str, title: str, words: str
) -> None:
    reply = await ask(question)
    assert reply.tool_calls == ()
    assert f"“{title}”" in reply.text
    assert words in reply.text


@pytest.mark.parametrize(
    "question", ["Tell me about quantum physics", "why?", "asdf qwer", "🤷", "מה מזג האוויר?"]
)
async def test_where_nothing_fits_it_offers_what_it_can_and_makes_nothing_up(question: str) -> None:
    reply = await ask(question)
    assert reply.tool_calls == ()
    assert "could not find" in reply.text
    assert "“" not in reply.text


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("Where is my order ORD-1001?", "get_order_status", {"order_id": "ORD-1001"}),
        ("ORD-1001", "get_order_status", {"order_id": "ORD-1001"}),
        ("status of ord-1001 please", "get_order_status", {"order_id": "ORD-1001"}),
        ("track order 1001", "get_order_status", {"order_id": "ORD-1001"}),
        ("When will order ORD-1001 arrive?", "get_order_status", {"order_id": "ORD-1001"}),
        ("Is the blue kettle in stock?", "check_inventory", {"product": "blue kettle"}),
        ("do you have blue kettles?", "check_inventory", {"product": "blue kettles"}),
        ("Do you sell bicycles?", "check_inventory", {"product": "bicycles"}),
        ("how much is the blue kettle", "check_inventory", {"product": "blue kettle"}),
        ('Is "The Kettle of 1984" available?', "check_inventory", {"product": "The Kettle of 1984"}),
        ("Do you have 3 lava mugs?", "check_inventory", {"product": "lava mugs", "quantity": 3}),
    ],
)
async def test_a_clear_question_calls_its_tool(text: str, name: str, arguments: Any) -> None:
    reply = await ask(text)
    assert calls_of(reply) == [(name, arguments)]
    assert (reply.text, reply.stop_reason) == ("", "tool_calls")


@pytest.mark.parametrize(
    ("text", "day", "hour", "name"),
    [
        ("Book an appointment tomorrow at 3pm, my name is Dana Levi", "2026-03-05", "15:00", "Dana Levi"),
        (
            "Please book me in on Friday at 10:30 for Ann-Marie O'Neil",
            "2026-03-06",
            "10:30",
            "Ann-Marie O'Neil",
        ),
        ("I'd like an appointment on 2026-04-01 at noon. I'm Bob.", "2026-04-01", "12:00", "Bob"),
        ("Can I book an appointment for 12 May at 9:00 under the name of Noa?", "2026-05-12", "09:00", "Noa"),
        ("book appointment 3.4.2026 14:00 name: Eva", "2026-04-03", "14:00", "Eva"),
        ("book for March 3rd, 11 a.m., for Zoë", "2027-03-03", "11:00", "Zoë"),
        ("book an appointment in 2 weeks at 16:30 for Łukasz", "2026-03-18", "16:30", "Łukasz"),
    ],
)
async def test_a_booking_with_all_it_needs_is_made(text: str, day: str, hour: str, name: str) -> None:
    (call,) = calls_of(await ask(text))
    assert call == ("book_appointment", {"date": day, "time": hour, "name": name})


async def test_an_optional_choice_is_taken_when_it_is_named() -> None:
    (call,) = calls_of(await ask("I'd like a tea tasting tomorrow at 11am, my name is Bob"))
    assert call[1]["service"] == "tea tasting"


@pytest.mark.parametrize(
    "text",
    [
        "Don't book an appointment tomorrow at 10:00, my name is Bob",
        "My appointment is tomorrow at 10:00, my name is Bob",
        "I want to book an appointment but not tomorrow at 10:00, my name is Bob",
        "I need the appointment policy for tomorrow at 10:00, my name is Bob",
        "How do I book an appointment tomorrow at 10:00? My name is Bob",
        "What happens if I book an appointment tomorrow at 10:00 for Bob",
        "I read a book yesterday. My name is Bob, tomorrow at 10:00 I sleep.",
        "book an appointment on 31 February at 10:00 for Bob",
        "book an appointment tomorrow at 25:00 for Bob",
        "book an appointment tomorrow at 3, my name is Bob",
        "book an appointment on 03/04/2026 at 10:00 for Bob",
    ],
)
async def test_nothing_is_changed_without_a_clear_wish_and_certain_values(text: str) -> None:
    assert (await ask(text)).tool_calls == ()


async def test_a_missing_value_is_asked_for_and_an_answer_with_only_it_completes_the_call() -> None:
    chat = Chat()
    said = (await chat.say("where is my order?")).text
    assert "order id (for example ORD-1001)" in said
    await chat.say("ORD-1001")
    assert chat.calls == [("get_order_status", {"order_id": "ORD-1001"})]


async def test_several_missing_values_may_come_one_after_the_other() -> None:
    chat = Chat()
    assert "the date" in (await chat.say("I'd like to book an appointment")).text
    assert "the date" not in (await chat.say("tomorrow")).text
    assert "could not read" in (await chat.say("at 3")).text
    assert "your name" in (await chat.say("3pm")).text
    assert "could not read" in (await chat.say("I have a question")).text
    await chat.say("Dana Levi")
    assert chat.calls == [("book_appointment", {"date": "2026-03-05", "time": "15:00", "name": "Dana Levi"})]


async def test_a_visitor_may_turn_to_something_else_instead_of_answering() -> None:
    chat = Chat()
    await chat.say("I'd like to book an appointment")
    assert "Monday to Friday" in (await chat.say("When are you open?")).text
    await chat.say("Dana Levi")
    assert chat.calls == []


async def test_a_visitor_may_take_a_wish_back() -> None:
    chat = Chat()
    await chat.say("I'd like to book an appointment tomorrow at 10:00")
    assert "left it" in (await chat.say("never mind")).text
    await chat.say("Dana Levi")
    assert chat.calls == []


async def test_a_question_of_another_vendor_is_not_taken_for_its_own() -> None:
    history = (
        UserMessage("Book an appointment tomorrow at 10:00"),
        AssistantMessage("Sure, and what do you think of jazz?"),
        UserMessage("Bob"),
    )
    assert (await reply_to(history)).tool_calls == ()


async def test_a_follow_up_asks_the_same_of_another_thing() -> None:
    chat = Chat()
    await chat.say("Is the blue kettle in stock?")
    await chat.say("and the red mug?")
    assert chat.calls == [("check_inventory", {"product": "red mug"})]


async def test_a_refused_booking_may_be_tried_again_with_only_the_new_time() -> None:
    chat = Chat(book_appointment={"booked": False, "message": "Closed on Sundays."})
    await chat.say("Book an appointment on Sunday at 15:00, my name is Dana")
    await chat.say("then Monday at 10:00")
    assert chat.calls == [("book_appointment", {"date": "2026-03-09", "time": "10:00", "name": "Dana"})]


async def test_a_booking_that_was_made_is_not_made_again() -> None:
    chat = Chat(book_appointment={"booked": True, "message": "Booked."})
    await chat.say("Book an appointment on Monday at 15:00, my name is Dana")
    await chat.say("Monday at 10:00")
    assert chat.calls == []


async def test_one_message_may_ask_for_several_things() -> None:
    chat = Chat()
    reply = await chat.say("Where's ORD-1001 and is the blue kettle in stock? What are your opening hours?")
    assert [name for name, _ in chat.calls] == ["get_order_status", "check_inventory"]
    assert "“Opening hours”" in reply.text


async def test_an_action_without_a_tool_is_said_not_to_have_happened() -> None:
    reply = await Chat().say("Cancel my order ORD-1001")
    assert "nothing was changed" in reply.text


async def test_a_question_about_an_action_is_answered_from_the_knowledge() -> None:
    rules = Passage("9", "Changing an order", "An order can be cancelled as long as it is being packed.")
    assert rules.text in (await ask("can I cancel my order?", passages=(*PASSAGES, rules))).text


async def test_as_a_fallback_it_only_looks_things_up() -> None:
    booking = await ask("Book an appointment tomorrow at 3pm, my name is Dana", is_fallback=True)
    assert booking.tool_calls == ()
    assert (await ask("Where is ORD-1001?", is_fallback=True)).tool_calls


async def test_a_closing_answer_is_text() -> None:
    reply = await ask("Where is ORD-1001?", tool_choice="none")
    assert reply.tool_calls == ()
    assert reply.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"message": "It is on its way."}', "It is on its way."),
        ('{"message": "It comes on 2026-03-06."}', "It comes on Friday, 6 March 2026."),
        ('{"result": {"summary": "All good."}}', "All good."),
        (
            '{"status": "in_transit", "expected_on": "2026-03-06", "note": null}',
            "- Status: in transit\n- Expected",
        ),
        ('{"inStock": true, "price": {"amount": 39.9}}', "- In stock: yes\n- Price, amount: 39.9"),
        (
            '[{"name": "Kettle", "stock": 4}, {"name": "Mug", "stock": 0}]',
            "- Name: Kettle; Stock: 4\n- Name: Mug",
        ),
        ("on its way", "The answer is: on its way"),
        ('"on its way"', "The answer is: on its way"),
        ("42", "The answer is: 42"),
        ("{}", "That is done"),
        ("", "That is done"),
        ("null", "That is done"),
    ],
)
async def test_a_result_is_told_in_sentences(content: str, words: str) -> None:
    assert words in await _told(content)


@pytest.mark.parametrize(
    ("content", "is_error", "reason"),
    [
        ('{"error": "no such order"}', False, "no such order"),
        ('{"error": {"message": "no such order"}}', False, "no such order"),
        ("no such order", True, "no such order"),
        ('{"code": 5}', True, "did not work"),
    ],
)
async def test_an_error_is_told_kindly(content: str, is_error: bool, reason: str) -> None:
    said = await _told(content, is_error=is_error)
    assert "I'm sorry" in said
    assert reason in said


async def _told(content: str, *, is_error: bool = False) -> str:
    asked = await ask("Where is ORD-1001?")
    result = ToolResult(asked.tool_calls[0].id, "get_order_status", content, is_error=is_error)
    history = (
        UserMessage("Where is ORD-1001?"),
        AssistantMessage("", asked.tool_calls),
        ToolMessage((result,)),
    )
    return (await reply_to(history)).text


async def test_the_output_cap_holds_and_is_told() -> None:
    reply = await ask("When are you open?", max_output_tokens=5)
    assert reply.stop_reason == "max_tokens"
    assert reply.usage is not None
    assert reply.usage.tokens_output == 5


async def test_usage_counts_words_and_marks_of_what_was_read_and_written() -> None:
    reply = await ask("Hi there!", system="Be kind.", tools=())
    assert reply.usage is not None
    assert reply.usage.tokens_input == 6
    assert reply.usage.tokens_output > 20


async def test_the_same_request_is_answered_alike_and_another_turn_gets_other_call_ids() -> None:
    first, again = [await ask("Where is ORD-1001?") for _ in range(2)]
    assert first == again
    later = (UserMessage("Hi"), AssistantMessage("Hello"), UserMessage("Where is ORD-1001?"))
    assert (await reply_to(later)).tool_calls[0].id != first.tool_calls[0].id


async def test_text_comes_word_by_word() -> None:
    context = make_context(plugin="offline", clock=FakeClock(WEDNESDAY))
    request = ModelRequest("", "", (UserMessage("hi"),))
    *chunks, reply = [part async for part in OfflineProvider().stream(request, context)]
    assert isinstance(reply, ModelReply)
    assert len(chunks) == len(reply.text.split())
