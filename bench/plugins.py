"""What plugins cost a turn in processor time, in this process: `python bench/plugins.py [--quick]`.

Clients with 0, 10 and 50 enabled plugins, each with a hook for every event there is, take turns one after
another, so that whatever else the machine does falls on all alike. A turn asks a scripted model twice, with
one tool call between, and is stored in SQLite. *Dispatch* is the same events without the turn.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import structlog
import uvloop
from csai.chat.replay import Asked
from csai.chat.schemas import ChatMessage
from csai.clients.access import Access
from csai.clients.repository import ClientRepository
from csai.clients.service import create_client
from csai.config import Settings
from csai.migrations import upgrade
from csai.plugins.discovery import Found
from csai.plugins.event import EventHooks
from csai.plugins.left import watch_tasks
from csai.plugins.registry import PluginRegistry
from csai.plugins.view import ClientView
from csai.services import Services, build_services
from csai.tools.repository import ToolRepository
from csai_sdk import ToolCall, Usage, event, hookimpl, hookspecs, tool
from csai_testkit.scripted import ScriptedProvider

EVENT_HOOKS = [name for name in vars(hookspecs) if asyncio.iscoroutinefunction(getattr(hookspecs, name))]
COUNTS = (10, 50)
TURNS, DISPATCHES, WARM_UP = 300, 3_000, 20
TARGET_MS = 0.3

Hook = Callable[..., Coroutine[Any, Any, None]]


async def at_once(event: Any, ctx: Any) -> None:
    """Returns."""


async def after_a_wait(event: Any, ctx: Any) -> None:
    """Lets others go first, once."""
    await asyncio.sleep(0)


async def count(event: Any, ctx: Any) -> None:
    """Keeps in the plugin's store how many messages there were."""
    await ctx.store.set("messages", (await ctx.store.get("messages") or 0) + 1)


COUNTING = "one counts messages"
SORTS: dict[str, Callable[[int, str], Hook]] = {
    "return at once": lambda number, name: at_once,
    "wait once": lambda number, name: after_a_wait,
    COUNTING: lambda number, name: count if (number, name) == (0, "message_received") else at_once,
}


@tool(read_only=True)
def look_up(order_id: str) -> str:
    """Looks an order up."""
    return f"{order_id} has shipped"


def script(request: Any) -> list[Any]:
    if type(request.messages[-1]).__name__ == "UserMessage":
        return [ToolCall("c", "look_up", {"order_id": "ORD-1"})]
    return ["It has shipped.", Usage(20, 4)]


@dataclass
class Case:
    """A client, and how many plugins of which sort it has."""

    sort: str
    count: int
    access: Access
    turn_ms: list[float]
    dispatch_ms: float = 0.0

    @property
    def view(self) -> ClientView:
        return self.access.view


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the turns")
    share = 10 if parser.parse_args().quick else 1
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="csai-bench-") as folder:
        cases = uvloop.run(_measure(Path(folder), TURNS // share, DISPATCHES // share))
    _print(cases)


def _print(cases: list[Case]) -> None:
    print("| hooks | plugins | CPU ms/turn | more than without | dispatch alone, ms/turn |")
    print("|---|---|---|---|---|")
    bare = statistics.median(cases[0].turn_ms)
    for case in cases:
        turn_ms = statistics.median(case.turn_ms)
        more = f"{turn_ms - bare:.2f} | {case.dispatch_ms:.3f}"
        print(f"| {case.sort} | {case.count} | {turn_ms:.2f} | {more} |")
    found = next(case.dispatch_ms for case in cases if case.count == COUNTS[0])
    print(f"\n{COUNTS[0]} plugins whose hooks return at once: {found:.3f} ms, target {TARGET_MS} ms")


async def _measure(folder: Path, turns: int, dispatches: int) -> list[Case]:
    watch_tasks(asyncio.get_running_loop())
    services = await _serve(folder)
    try:
        none = await _case(services, "none", 0)
        cases = [none, *[await _case(services, sort, number) for sort in SORTS for number in COUNTS]]
        for number in range(WARM_UP + turns):
            for case in cases:
                spent_ms = await _spent_ms(_turn(services, case.access, number))
                if number >= WARM_UP:
                    case.turn_ms.append(spent_ms)
        for case in cases:
            await _dispatch(case, dispatches)
        return cases
    finally:
        await services.close()


async def _spent_ms(work: Coroutine[Any, Any, None]) -> float:
    """The process' time: where a turn writes to SQLite, another thread does."""
    began = time.process_time()
    await work
    return (time.process_time() - began) * 1_000


async def _turn(services: Services, access: Access, number: int) -> None:
    message = ChatMessage(message=f"Where is order {number}?")
    stream, _ = await services.turns.submit(Asked(access, message, None, None, "127.0.0.1"))
    status = (await stream.wait())["status"]
    await services.live.ended()  # the last hooks are told after the visitor
    if status != "completed":
        raise SystemExit(f"bench: a turn ended as {status}")


async def _dispatch(case: Case, times: int) -> None:
    """In pieces, of which the median counts. What writes to a database is slow, and is asked less often."""
    hooks = case.view.hooks
    told = _events(case.access.client_id)
    pieces, size = 20, max(1, times // (400 if case.sort == COUNTING else 20))
    spent_ms = [await _spent_ms(_tell(hooks, told, size)) for _ in range(pieces)]
    case.dispatch_ms = statistics.median(spent_ms) / size


async def _tell(hooks: EventHooks, told: list[tuple[str, object]], times: int) -> None:
    for _ in range(times):
        for name, happened in told:
            if name == "before_tool_call":
                await hooks.ask(name, happened)
            elif name in hooks:
                await hooks.tell(name, happened)


def _events(client_id: str) -> list[tuple[str, object]]:
    """What a turn with one tool call tells, in order."""
    turn = event.TurnRef(client_id, "conversation", "turn")
    used = Usage(20, 4)
    asked = ("after_model_call", event.AfterModelCall(turn, "scripted", "scripted-1", used, None))
    booked = event.UsageRecorded(turn, "scripted", "scripted-1", used, Decimal(0), False)
    return [
        ("message_received", event.MessageReceived(turn, "Where is it?", None)),
        ("before_model_call", event.BeforeModelCall(turn, "scripted", "scripted-1", "Where is it?")),
        asked,
        ("before_tool_call", event.BeforeToolCall(turn, "call", "look_up", {"order_id": "ORD-1"})),
        ("after_tool_call", event.AfterToolCall(turn, "call", "look_up", True, 1)),
        asked,
        ("usage_recorded", booked),
        ("usage_recorded", booked),
        ("reply_sent", event.ReplySent(turn, "completed", "It has shipped.")),
    ]


async def _serve(folder: Path) -> Services:
    settings = Settings(
        database_url=f"sqlite+aiosqlite:///{folder}/csai.sqlite",
        redis_url="",
        data_dir=folder,
        rate_limit_client=0,
        rate_limit_visitor=0,
        response_cache_s=0,
        plugins_on_by_default=(),
    )
    await asyncio.to_thread(upgrade, settings.effective_database_url)
    services = build_services(settings, registry=_registry())
    await services.start()
    return services


def _registry() -> PluginRegistry:
    registry = PluginRegistry()
    model = ScriptedProvider(script, is_endless=True)
    base = {"register_providers": lambda: [model], "register_tools": lambda: [look_up]}
    registry.register(Found("base", _module(base), "bench", "0"))
    for sort, hook in SORTS.items():
        for number in range(max(COUNTS)):
            own = {name: _copy_of(hook(number, name)) for name in EVENT_HOOKS}
            registry.register(Found(_plugin_id(sort, number), _module(own), "bench", "0"))
    if registry.quarantined:
        raise SystemExit(f"bench: {registry.quarantined}")
    return registry


def _module(hooks: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(**{name: hookimpl(function) for name, function in hooks.items()})


def _copy_of(hook: Hook) -> Any:
    """No two plugins share a function."""
    assert isinstance(hook, FunctionType)
    return FunctionType(hook.__code__, hook.__globals__)


def _plugin_id(sort: str, number: int) -> str:
    return f"{sort.split()[0]}-{number}"


async def _case(services: Services, sort: str, number: int) -> Case:
    async with services.database.write() as transaction:
        client = await create_client(
            transaction, name=sort, origins=[], keyring=services.keyring, clock=services.clock
        )
        repository = ClientRepository(transaction, client.id)
        for plugin in ("base", *(_plugin_id(sort, each) for each in range(number))):
            await repository.set_plugin(
                plugin, enabled=True, settings={}, secrets=None, now=services.clock.now()
            )
        await ToolRepository(transaction, client.id).enable("look_up")
        version = await repository.bump()
    view = await services.views.get(client.id, version)
    return Case(sort, number, Access(client.id, "secret", view), [])


if __name__ == "__main__":
    main()
