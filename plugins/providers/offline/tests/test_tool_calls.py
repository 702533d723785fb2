"""It calls a tool when the wish and the values are certain, and asks for what is missing."""

from __future__ import annotations

from typing import Any

import pytest
from csai_sdk import AssistantMessage, Passage, UserMessage

from plugins.providers.offline.tests.chat import PASSAGES, Chat, ask, calls_of, reply_to


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
