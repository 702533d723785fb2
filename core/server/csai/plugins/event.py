"""Telling plugins what happens: hooks run together, apart from each other, under one deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from typing import Any

import structlog
from csai_sdk import HookRefusal, PluginContext

from csai.kit.text import clean
from csai.plugins.health import PluginHealth, fault_of
from csai.plugins.hook import Hook
from csai.plugins.registry import EventHook

log = structlog.get_logger(__name__)

DEADLINE_S = 2.0
NO_ANSWER = "a check that must pass first did not answer"


class EventHooks:
    """One client's event hooks, by event. Empty for most events of most clients, so asking is cheap."""

    def __init__(
        self,
        hooks: Mapping[str, Sequence[tuple[str, EventHook, PluginContext]]],
        *,
        health: PluginHealth | None = None,
    ) -> None:
        self._hooks = {name: tuple(Hook(*each) for each in of_event) for name, of_event in hooks.items()}
        self._health = health or PluginHealth()

    def __contains__(self, name: str) -> bool:
        return name in self._hooks

    async def tell(self, name: str, event: object) -> list[Any]:
        """Call the hooks of a best-effort event; returns what those that answered returned, in order."""
        hooks = self._hooks.get(name)
        if not hooks:
            return []
        part = f"hook {name}"
        if not self._health.is_quiet:
            hooks = tuple(hook for hook in hooks if self._admits(part, hook))
        answers = []
        for hook, result in await self._call(part, hooks, event):
            if isinstance(result, BaseException):
                log.error("hook failed", hook=name, plugin=hook.plugin, error=type(result).__name__)
            elif result is not None:
                answers.append(clean(result) if isinstance(result, str) else result)
        return answers

    async def ask(self, name: str, event: object) -> str | None:
        """Call the hooks of an event that may be refused; returns why it is, or None. Fails closed."""
        hooks = self._hooks.get(name)
        if not hooks:
            return None
        part = f"hook {name}"
        if not self._health.is_quiet and not all(self._admits(part, hook) for hook in hooks):
            return NO_ANSWER
        for hook, result in await self._call(part, hooks, event):
            if isinstance(result, HookRefusal):
                return clean(str(result))
            if isinstance(result, BaseException):
                log.error("hook failed, so the action is refused", hook=name, plugin=hook.plugin)
                return NO_ANSWER
        return None

    def _admits(self, part: str, hook: Hook) -> bool:
        ctx = hook.ctx
        return self._health.admits(ctx.plugin, part, ctx.client_id)

    async def _call(self, part: str, hooks: Sequence[Hook], event: object) -> list[tuple[Hook, Any]]:
        """Each hook with what it returned or raised; whoever leaves failing plugins alone is told of all."""
        answers = await _answers(hooks, event)
        is_quiet = self._health.is_quiet
        for hook, result in answers:
            is_fault = isinstance(result, BaseException) and not isinstance(result, HookRefusal)
            if is_fault or not is_quiet or (hook.tasks is not None and hook.tasks.is_used):
                self._health.judge(hook.ctx, part, fault_of(result) if is_fault else None, is_shared=True)
        return answers


async def _answers(hooks: Sequence[Hook], event: object) -> list[tuple[Hook, Any]]:
    """In tasks, which start in the order of the hooks: for a deadline, and to keep off the turn's own."""
    answers: dict[Hook, Any] = {}
    runs = _runs(hooks)
    tasks = [asyncio.create_task(_answer(run, event, answers)) for run in runs]
    try:
        if len(runs) == 1 and not runs[0][0].can_wait:
            await _ended(tasks[0])
        elif tasks:
            await asyncio.wait(tasks, timeout=DEADLINE_S)
    finally:
        # The late ones, or all, when what waits for them is stopped.
        for task in tasks:
            task.cancel()
    return [(hook, answers[hook] if hook in answers else TimeoutError("the hook is late")) for hook in hooks]


async def _ended(task: asyncio.Task[None]) -> None:
    """Without a deadline, which code that cannot wait would not notice; a timer costs as much as ten hooks."""
    try:
        await task
    except asyncio.CancelledError:
        own = asyncio.current_task()
        if own is None or own.cancelling():
            raise
        # Else a hook cancelled the task that it ran in; what it answered is known all the same.


def _runs(hooks: Sequence[Hook]) -> list[list[Hook]]:
    """Those that follow each other and cannot wait, together; every other one alone."""
    runs: list[list[Hook]] = []
    for hook in hooks:
        if not hook.can_wait and runs and not runs[-1][0].can_wait:
            runs[-1].append(hook)
        else:
            runs.append([hook])
    return runs


async def _answer(run: Sequence[Hook], event: object, answers: dict[Hook, Any]) -> None:
    if run[0].can_wait:
        answers[run[0]] = await run[0].answer(event)
        return
    for hook in run:
        # What one of them sets for its own context is not for the next.
        answers[hook] = copy_context().run(hook.answer_at_once, event)
