"""What the model is told of before, and in which words."""

from __future__ import annotations

from csai.chat.prompt import history_messages, with_question
from csai.chat.repository import HistoryRow
from csai_sdk import AssistantMessage, Locale, Message, UserMessage, hookimpl
from csai_testkit.scripted import ScriptedProvider
from hypothesis import given
from hypothesis import strategies as st

from tests.support.server import ServerFactory

ROWS = st.lists(
    st.builds(
        HistoryRow,
        st.sampled_from(["user", "assistant"]),
        st.text(max_size=50),
        st.none()
        | st.just(
            {
                "rounds": [
                    {"text": "", "calls": [{"id": "c", "name": "t", "arguments": {}}]},
                    {"results": [{"id": "c", "name": "t", "content": "x", "error": False}]},
                ],
                "final": "done",
            }
        ),
    ),
    max_size=30,
)


def kinds(messages: list[Message]) -> list[type]:
    return [type(message) for message in messages]


@given(ROWS, st.integers(0, 500))
def test_what_is_sent_alternates_and_ends_with_the_question(rows: list[HistoryRow], budget: int) -> None:
    messages = with_question(history_messages(rows, token_budget=budget), "the question")

    assert isinstance(messages[0], UserMessage)
    assert isinstance(messages[-1], UserMessage)
    assert messages[-1].text.endswith("the question")
    assert not any(
        left is right is UserMessage
        for left, right in zip(kinds(messages), kinds(messages)[1:], strict=False)
    )


def test_the_oldest_messages_are_left_out_first() -> None:
    rows = [HistoryRow("assistant", "new answer", None), HistoryRow("user", "new", None)]
    old = [HistoryRow("assistant", "x" * 4_000, None), HistoryRow("user", "old", None)]

    messages = history_messages([*rows, *old], token_budget=100)

    assert messages == [UserMessage("new"), AssistantMessage("new answer")]


class Shouting(Locale):
    code = "xx"

    def matches(self, text: str) -> float:
        return 1.0 if text.isupper() else 0.0

    def prompt_fragment(self) -> str:
        return "The visitor shouts."


class Broken(Locale):
    code = "yy"

    def matches(self, text: str) -> float:
        raise RuntimeError("broken")


class Locales:
    @hookimpl
    def register_locales(self) -> list[Locale]:
        return [Broken(), Shouting()]


async def test_the_visitor_s_language_adds_to_the_prompt_and_a_broken_locale_does_not(
    make_server: ServerFactory,
) -> None:
    provider = ScriptedProvider(["Yes?"], is_endless=True)
    server = await make_server(provider, plugins={"locales": Locales()})

    await server.say("HELLO")
    await server.say("hello")

    assert "The visitor shouts." in provider.requests[0].system
    assert "The visitor shouts." not in provider.requests[1].system
