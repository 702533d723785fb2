"""What the model is told of itself and the visitor."""

from __future__ import annotations

from csai.clients.repository import ClientRepository
from csai.knowledge.ingest import PassageDraft
from csai.knowledge.repository import KnowledgeRepository
from csai_sdk import Locale, hookimpl, tool
from csai_sdk.event import BeforeModelCall
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import ServerFactory


@tool(read_only=True)
def look_up(order_id: str) -> str:
    """Looks an order up."""
    return f"{order_id} has shipped"


class Remarks:
    """Adds to the prompt what differs with every question."""

    @hookimpl
    def register_tools(self) -> list[object]:
        return [look_up]

    @hookimpl
    async def before_model_call(self, event: BeforeModelCall) -> str:
        return f"They ask: {event.text}"


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


async def test_the_language_is_that_of_the_latest_words_of_the_visitor(make_server: ServerFactory) -> None:
    provider = ScriptedProvider(["Yes?"], is_endless=True)
    server = await make_server(provider, plugins={"locales": Locales()})

    first = (await server.say("WHERE IS IT?")).json()
    for text in ("4711", "and now?", "🙂"):
        await server.say(text, first)

    shouts = ["The visitor shouts." in request.system for request in provider.requests]
    assert shouts == [True, True, False, False]


async def test_a_request_begins_the_same_for_every_question_so_that_vendors_can_keep_it(
    make_server: ServerFactory,
) -> None:
    provider = ScriptedProvider(["Yes?"], is_endless=True)
    server = await make_server(provider, plugins={"remarks": Remarks()})
    async with server.services.database.write() as transaction:
        drafts = [PassageDraft(word, f"All about {word}.", "") for word in ("kettles", "shipping")]
        await KnowledgeRepository(transaction, server.client.id).add_new(
            drafts, at=server.services.clock.now()
        )
        await ClientRepository(transaction, server.client.id).bump()

    first = await server.say("kettles?")
    await server.say("shipping?", first.json())
    await server.say("shipping?")

    steady = {request.system[: request.steady_chars] for request in provider.requests}
    assert len(steady) == 1
    assert "customer-support assistant" in steady.pop()
    for request, word in zip(provider.requests, ("kettles", "shipping", "shipping"), strict=True):
        rest = request.system[request.steady_chars :]
        assert f"They ask: {word}?" in rest
        assert f"All about {word}." in rest
    assert len({repr(request.tools) for request in provider.requests}) == 1
    assert provider.requests[0].tools
