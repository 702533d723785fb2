"""What a visitor of a small shop can expect from the offline assistant."""

from __future__ import annotations

import pytest
from csai_provider_offline import OfflineProvider, register_providers
from csai_sdk import AssistantMessage, ModelReply, ModelRequest, ToolMessage, ToolResult, UserMessage
from csai_testkit.context import FakeClock, make_context

from plugins.providers.offline.tests.chat import WEDNESDAY, Chat, ask, calls_of, reply_to

NO_LLM = "no AI model is connected"


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
