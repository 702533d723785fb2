"""What the model is told of itself and the visitor."""

from __future__ import annotations

from csai_sdk import Locale, hookimpl
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import ServerFactory


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
