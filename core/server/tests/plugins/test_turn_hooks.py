"""What a turn tells plugins: to whom, when, and what it makes of those that fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from csai.clients.repository import ClientRepository
from csai.models import ToolExecution, Turn
from csai.plugins import event as events
from csai_sdk import HookRefusal, PluginContext, ProviderAuthError, ToolCall, Usage, hookimpl, hookspecs, tool
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import Server, ServerFactory

TURN_HOOKS = (
    "message_received",
    "before_model_call",
    "after_model_call",
    "before_tool_call",
    "after_tool_call",
    "usage_recorded",
    "reply_sent",
)
NOT_CALLED_YET: set[str] = set()
"""Hooks of the contract that nothing in the server calls; a hook that gets its caller leaves this list."""


@tool(read_only=True)
def look_up(order_id: str) -> str:
    """Looks an order up."""
    return f"{order_id} has shipped"


class Listener:
    """A plugin that hears everything, and answers with what the test wrote for a hook."""

    def __init__(self, **answers: Callable[[Any], Any]) -> None:
        self.heard: list[tuple[str, Any, PluginContext]] = []
        self._answers = answers
        self._news = asyncio.Condition()

    async def hear(self, name: str, event: Any, ctx: PluginContext) -> Any:
        async with self._news:
            self.heard.append((name, event, ctx))
            self._news.notify_all()
        answer = self._answers.get(name)
        result = answer(event) if answer else None
        return await result if asyncio.iscoroutine(result) else result

    async def until(self, name: str, times: int = 1) -> None:
        """Wait until it was told: the visitor has the answer before plugins hear of it."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: self.names.count(name) >= times)

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.heard]

    def last(self, name: str) -> Any:
        return next(event for heard, event, _ in reversed(self.heard) if heard == name)


def plugin_of(listener: Listener) -> Any:
    """A module of one hook for every event there is."""

    def hook(name: str) -> Any:
        async def heard(event: Any, ctx: PluginContext) -> Any:
            return await listener.hear(name, event, ctx)

        return hookimpl(heard, specname=name)

    names = [name for name in vars(hookspecs) if asyncio.iscoroutinefunction(getattr(hookspecs, name))]
    return SimpleNamespace(**{name: hook(name) for name in names})


def asking() -> ScriptedProvider:
    """A model that looks an order up and answers, for every question."""

    def reply(request: Any) -> list[Any]:
        if request.messages[-1].__class__.__name__ == "UserMessage":
            return [ToolCall("c", "look_up", {"order_id": "ORD-1"})]
        return ["It has shipped.", Usage(20, 4, 8)]

    return ScriptedProvider(reply, is_endless=True)


async def test_a_turn_tells_each_of_its_events_in_order(make_server: ServerFactory) -> None:
    listener = Listener()
    provider = asking()
    server = await make_server(provider, tools=[look_up], plugins={"listener": plugin_of(listener)})

    answer = (await server.say("Where is ORD-1?")).json()
    await listener.until("reply_sent")

    assert listener.names == [
        *("message_received", "before_model_call", "after_model_call", "before_tool_call"),
        *("after_tool_call", "after_model_call", "usage_recorded", "usage_recorded", "reply_sent"),
    ]
    (turn,) = await server.rows(Turn)
    for name, event, ctx in listener.heard:
        told = event.turn
        assert (told.client_id, told.conversation_id, told.turn_id) == (
            *(turn["client_id"], turn["conversation_id"], turn["id"]),
        ), name
        assert (ctx.plugin, ctx.client_id) == ("listener", server.client.id)
    assert listener.last("message_received").text == "Where is ORD-1?"
    assert listener.last("before_model_call").model == "scripted-1"
    call = listener.last("before_tool_call")
    assert (call.tool, call.arguments) == ("look_up", {"order_id": "ORD-1"})
    assert call.call_id == listener.last("after_tool_call").call_id == answer["tool_calls"][0]["id"]
    assert listener.last("after_tool_call").is_success
    assert listener.last("after_model_call").usage == Usage(20, 4, 8)
    recorded = listener.last("usage_recorded")
    assert (recorded.usage, recorded.is_estimated) == (Usage(20, 4, 8), False)
    assert (listener.last("reply_sent").status, listener.last("reply_sent").text) == (
        "completed",
        "It has shipped.",
    )


async def test_a_model_call_that_failed_is_told_with_its_error(make_server: ServerFactory) -> None:
    listener = Listener()
    provider = ScriptedProvider(
        [ToolCall("c", "look_up", {"order_id": "ORD-1"})], [ProviderAuthError("no key")]
    )
    server = await make_server(provider, tools=[look_up], plugins={"listener": plugin_of(listener)})

    answer = (await server.say("Hi")).json()
    await listener.until("reply_sent")

    assert answer["status"] == "failed"
    assert listener.names.count("usage_recorded") == 1
    told = listener.last("after_model_call")
    assert (told.error, told.usage) == ("ProviderAuthError", Usage())
    assert listener.last("reply_sent").status == "failed"


@pytest.mark.parametrize("limits", [{"messages": 0}, {"tokens": 10}], ids=["refused", "blocked"])
async def test_a_limit_that_is_reached_is_told(make_server: ServerFactory, limits: Mapping[str, int]) -> None:
    listener = Listener()
    server = await make_server(asking(), plugins={"listener": plugin_of(listener)}, limits=limits)

    await server.say("Hi")
    await listener.until("limit_reached")

    told = listener.last("limit_reached")
    assert {told.metric: told.limit} == limits
    assert told.client_id == server.client.id


async def test_a_plugin_hears_of_the_clients_only_that_have_it(make_server: ServerFactory) -> None:
    listener = Listener()
    server = await make_server(asking(), tools=[look_up], plugins={"listener": plugin_of(listener)})
    other = await server.add_client()
    async with server.services.database.write() as transaction:
        await ClientRepository(transaction, other.id).set_plugin(
            "listener", enabled=False, settings={}, secrets=None, now=server.services.clock.now()
        )

    assert (await server.say("Hi", client=other)).json()["status"] == "completed"
    await asyncio.gather(*(server.say("Hi", client=client) for client in (other, server.client)))
    await listener.until("reply_sent")
    assert {ctx.client_id for _, _, ctx in listener.heard} == {server.client.id}
    assert {event.turn.client_id for _, event, _ in listener.heard} == {server.client.id}


async def test_text_that_a_plugin_returns_before_the_model_call_is_in_the_prompt(
    make_server: ServerFactory,
) -> None:
    provider = asking()
    plugins = {
        "first": plugin_of(Listener(before_model_call=lambda event: "Today all shipping is free.")),
        "odd": plugin_of(Listener(before_model_call=lambda event: ["no", "text"])),
        "nul": plugin_of(Listener(before_model_call=lambda event: "half \ud800 and \x00")),
    }
    server = await make_server(provider, tools=[look_up], plugins=plugins)

    answer = (await server.say("Hi")).json()

    assert answer["status"] == "completed"
    for request in provider.requests:
        assert "Today all shipping is free." in request.system
        assert request.system.encode()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (HookRefusal("Not on Sundays."), "Not on Sundays."),
        (HookRefusal("Not \x00 on \ud800 Sundays."), "Sundays."),
        (RuntimeError("broken"), "did not answer"),
        (asyncio.CancelledError(), "did not answer"),
        (SystemExit(1), "did not answer"),
    ],
    ids=["refuses", "refuses in odd text", "raises", "is cancelled", "exits"],
)
async def test_a_tool_call_that_a_plugin_does_not_let_pass_is_explained_to_the_model(
    make_server: ServerFactory, answer: BaseException, words: str
) -> None:
    provider = asking()
    plugin = plugin_of(Listener(before_tool_call=lambda event: raising(answer)))
    server = await make_server(provider, tools=[look_up], plugins={"guard": plugin})

    outcome = (await server.say("Where is ORD-1?")).json()

    assert outcome["status"] == "completed"
    (result,) = provider.requests[1].messages[-1].results  # type: ignore[union-attr]
    assert result.is_error
    assert words in result.content
    assert [row["status"] for row in await server.rows(ToolExecution)] == ["refused"]


def raising(error: BaseException) -> Any:
    raise error


@tool
def exit_in_a_thread() -> None:
    """Ends the program, or so it thinks."""
    raise SystemExit(1)


@tool
async def exit_on_the_loop() -> None:
    """Ends the program, or so it thinks."""
    raise SystemExit(1)


async def test_a_tool_or_provider_that_exits_does_not_take_the_server_with_it(
    make_server: ServerFactory,
) -> None:
    exits = [exit_in_a_thread, exit_on_the_loop]
    provider = ScriptedProvider(
        [ToolCall(each.spec.name, each.spec.name, {}) for each in exits], ["Hm."], [SystemExit(1)], ["Yes."]
    )
    server = await make_server(provider, tools=exits)

    statuses = [(await server.say(text)).json()["status"] for text in ("Use them", "Exit", "Still there?")]

    assert statuses == ["completed", "failed", "completed"]
    assert [row["status"] for row in await server.rows(ToolExecution)] == ["unknown", "unknown"]


async def hanging(event: Any) -> None:
    await asyncio.Event().wait()


async def test_a_check_that_hangs_keeps_the_tool_from_running(
    make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "DEADLINE_S", 0.01)
    provider = asking()
    plugin = plugin_of(Listener(before_tool_call=hanging))
    server = await make_server(provider, tools=[look_up], plugins={"guard": plugin})

    outcome = (await server.say("Where is ORD-1?")).json()

    assert (outcome["status"], outcome["tool_calls"][0]["success"]) == ("completed", False)


@pytest.mark.parametrize(
    "fault",
    [
        lambda event: raising(RuntimeError("broken")),
        lambda event: raising(SystemExit(1)),
        lambda event: raising(asyncio.CancelledError()),
        lambda event: object(),
        hanging,
    ],
    ids=["raises", "exits", "cancels", "returns anything", "hangs"],
)
async def test_hooks_that_fail_do_no_harm_to_the_turn(
    make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch, fault: Callable[[Any], Any]
) -> None:
    monkeypatch.setattr(events, "DEADLINE_S", 0.01)
    answers = {name: fault for name in TURN_HOOKS if name != "before_tool_call"}
    broken, healthy = Listener(**answers), Listener()
    plugins = {"broken": plugin_of(broken), "healthy": plugin_of(healthy)}
    server = await make_server(asking(), tools=[look_up], plugins=plugins)

    first = (await server.say("Where is ORD-1?")).json()
    again = (await server.say("And now?", first)).json()
    await healthy.until("reply_sent", 2)

    assert [answer["status"] for answer in (first, again)] == ["completed", "completed"]
    assert [answer["tool_calls"][0]["success"] for answer in (first, again)] == [True, True]
    assert set(healthy.names) == set(broken.names) == set(TURN_HOOKS)
    assert len(healthy.names) == len(broken.names) == 2 * 9


async def test_a_stop_while_a_plugin_hears_of_the_limit_still_ends_the_turn(
    make_server: ServerFactory,
) -> None:
    is_told = asyncio.Event()

    async def dawdle(event: Any) -> None:
        is_told.set()
        await asyncio.Event().wait()

    listener = Listener(limit_reached=dawdle)
    server = await make_server(
        asking(), tools=[look_up], plugins={"listener": plugin_of(listener)}, limits={"tokens": 2_700}
    )
    begun = (await server.say("Hi")).json()
    asked = asyncio.create_task(server.say("Hi again", begun))
    async with asyncio.timeout(20):
        await is_told.wait()
        await stop(server, begun)
        outcome = (await asked).json()

    assert outcome["status"] in ("blocked", "stopped")
    assert {row["status"] for row in await server.rows(Turn)} == {begun["status"], outcome["status"]}


async def stop(server: Server, answer: Mapping[str, Any]) -> None:
    await server.http.post(
        "/chat/stop",
        json={"session_id": answer["session_id"]},
        headers={"X-API-Key": server.client.secret_key},
    )


def test_every_hook_of_the_contract_has_a_caller_or_is_listed_here() -> None:
    from pathlib import Path

    import csai

    sources = "\n".join(path.read_text() for path in Path(csai.__file__).parent.rglob("*.py"))
    hooks = [name for name in vars(hookspecs) if asyncio.iscoroutinefunction(getattr(hookspecs, name))]

    assert {name for name in hooks if f'"{name}"' not in sources} == NOT_CALLED_YET
