"""Telling plugins what happens: hooks run together, apart from each other, under one deadline."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import structlog
from csai_sdk import HookRefusal, PluginContext

from csai.kit.text import clean
from csai.plugins.health import PluginHealth, fault_of
from csai.plugins.left import begin_on_behalf, tasks_of
from csai.plugins.registry import EventHook

log = structlog.get_logger(__name__)

DEADLINE_S = 2.0
INSIST_S = 30.0
"""For events of which a failure is tried again, and nobody waits for a model."""
NO_ANSWER = "a check that must pass first did not answer"

Hook = tuple[str, EventHook, PluginContext]


class EventHooks:
    """One client's event hooks, by event. Empty for most events of most clients, so asking is cheap."""

    def __init__(self, hooks: Mapping[str, tuple[Hook, ...]], *, health: PluginHealth | None = None) -> None:
        self._hooks = hooks
        self._health = health or PluginHealth()

    def __contains__(self, name: str) -> bool:
        return name in self._hooks

    async def tell(self, name: str, event: object) -> list[Any]:
        """Call the hooks of a best-effort event; returns what those that answered returned, in order."""
        part = f"hook {name}"
        hooks = [hook for hook in self._hooks.get(name, ()) if self._admits(part, hook)]
        if not hooks:
            return []
        answers = []
        for hook, result in zip(hooks, await self._call(hooks, event), strict=True):
            self._judge(part, hook, result)
            if isinstance(result, BaseException):
                log.error("hook failed", hook=name, plugin=hook[0], error=type(result).__name__)
            elif result is not None:
                answers.append(clean(result) if isinstance(result, str) else result)
        return answers

    async def ask(self, name: str, event: object) -> str | None:
        """Call the hooks of an event that may be refused; returns why it is, or None. Fails closed."""
        hooks = self._hooks.get(name, ())
        if not hooks:
            return None
        part = f"hook {name}"
        if not all(self._admits(part, hook) for hook in hooks):
            return NO_ANSWER
        results = await self._call(hooks, event)
        for hook, result in zip(hooks, results, strict=True):
            self._judge(part, hook, result)
        for (plugin, _function, _ctx), result in zip(hooks, results, strict=True):
            if isinstance(result, HookRefusal):
                return clean(str(result))
            if isinstance(result, BaseException):
                log.error("hook failed, so the action is refused", hook=name, plugin=plugin)
                return NO_ANSWER
        return None

    async def insist(self, name: str, event: object) -> list[str]:
        """Call the hooks of an event that must succeed; the plugins that have to be asked again."""
        part = f"hook {name}"
        hooks = self._hooks.get(name, ())
        asked = [hook for hook in hooks if self._admits(part, hook)]
        failing = [hook[0] for hook in hooks if hook not in asked]
        results = await self._call(asked, event, deadline_s=INSIST_S) if asked else []
        for hook, result in zip(asked, results, strict=True):
            self._judge(part, hook, result)
            if isinstance(result, BaseException):
                log.error("hook failed", hook=name, plugin=hook[0], error=type(result).__name__)
                failing.append(hook[0])
        return sorted(failing)

    def _admits(self, part: str, hook: Hook) -> bool:
        ctx = hook[2]
        return self._health.admits(ctx.plugin, part, ctx.client_id)

    def _judge(self, part: str, hook: Hook, result: object) -> None:
        """Tell what became of the call to whoever leaves failing plugins alone."""
        fault = None
        if isinstance(result, BaseException) and not isinstance(result, HookRefusal):
            fault = fault_of(result)
        self._health.judge(hook[2], part, fault, is_shared=True)

    async def _call(
        self, hooks: Sequence[Hook], event: object, *, deadline_s: float = DEADLINE_S
    ) -> list[Any]:
        tasks = [asyncio.create_task(_answer(function, event, ctx)) for _plugin, function, ctx in hooks]
        try:
            done, _ = await asyncio.wait(tasks, timeout=deadline_s)
        finally:
            # The late ones, or all, when what waits for them is stopped.
            for task in tasks:
                task.cancel()
        return [task.result() if task in done else TimeoutError("the hook is late") for task in tasks]


async def _answer(function: EventHook, event: object, ctx: PluginContext) -> Any:
    """What the hook returned or raised, `sys.exit` included: out of a task, that would stop the server."""
    try:
        begin_on_behalf(tasks_of(ctx))
        return await function(**_accepted(function, event, ctx))
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- a plugin's fault, for the caller to judge
        return error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return error


def _accepted(function: EventHook, event: object, ctx: PluginContext) -> dict[str, Any]:
    """As with pluggy's own calls, a hook may leave out parameters it does not need."""
    names = _parameters(function)
    return {name: value for name, value in (("event", event), ("ctx", ctx)) if name in names}


@lru_cache(maxsize=1_024)
def _parameters(function: EventHook) -> frozenset[str]:
    # A signature sees through decorators that wrap properly.
    return frozenset(inspect.signature(function).parameters)
