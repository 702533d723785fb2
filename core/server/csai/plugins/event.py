"""Telling plugins what happens: hooks run together, apart from each other, under one deadline."""

from __future__ import annotations

import asyncio

# Documented for task implementations of others: https://docs.python.org/3/library/asyncio-extending.html
from asyncio.tasks import _enter_task as enter_task
from asyncio.tasks import _leave_task as leave_task
from collections.abc import Iterable, Mapping, Sequence
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
INSIST_S = 30.0
"""For events of which a failure is tried again, and nobody waits for a model."""
NO_ANSWER = "a check that must pass first did not answer"


Run = tuple[Hook, ...]


class EventHooks:
    """One client's event hooks, by event. Empty for most events of most clients, so asking is cheap."""

    def __init__(
        self,
        hooks: Mapping[str, Sequence[tuple[str, EventHook, PluginContext]]],
        *,
        health: PluginHealth | None = None,
    ) -> None:
        self._runs = {name: _runs(Hook(*each) for each in of_event) for name, of_event in hooks.items()}
        self._health = health or PluginHealth()

    def __contains__(self, name: str) -> bool:
        return name in self._runs

    async def tell(self, name: str, event: object) -> list[Any]:
        """Call the hooks of a best-effort event; returns what those that answered returned, in order."""
        runs = self._runs.get(name)
        if not runs:
            return []
        part = f"hook {name}"
        if not self._health.is_quiet:
            runs = _runs(hook for run in runs for hook in run if self._admits(part, hook))
        answers = []
        for hook, answer in await self._call(part, runs, event, deadline_s=DEADLINE_S):
            if isinstance(answer, BaseException):
                log.error("hook failed", hook=name, plugin=hook.plugin, error=type(answer).__name__)
            else:
                answers.append(clean(answer) if isinstance(answer, str) else answer)
        return answers

    async def ask(self, name: str, event: object) -> str | None:
        """Call the hooks of an event that may be refused; returns why it is, or None. Fails closed."""
        runs = self._runs.get(name)
        if not runs:
            return None
        part = f"hook {name}"
        if not self._health.is_quiet and not all(self._admits(part, hook) for run in runs for hook in run):
            return NO_ANSWER
        for hook, answer in await self._call(part, runs, event, deadline_s=DEADLINE_S):
            if isinstance(answer, HookRefusal):
                return clean(str(answer))
            if isinstance(answer, BaseException):
                log.error("hook failed, so the action is refused", hook=name, plugin=hook.plugin)
                return NO_ANSWER
        return None

    async def insist(self, name: str, event: object) -> list[str]:
        """Call the hooks of an event that must succeed; the plugins that have to be asked again."""
        part = f"hook {name}"
        hooks = [hook for run in self._runs.get(name, ()) for hook in run]
        asked = [hook for hook in hooks if self._admits(part, hook)]
        failing = [hook.plugin for hook in hooks if hook not in asked]
        for hook, answer in await self._call(part, _runs(asked), event, deadline_s=INSIST_S):
            if isinstance(answer, BaseException):
                log.error("hook failed", hook=name, plugin=hook.plugin, error=type(answer).__name__)
                failing.append(hook.plugin)
        return sorted(failing)

    def _admits(self, part: str, hook: Hook) -> bool:
        ctx = hook.ctx
        return self._health.admits(ctx.plugin, part, ctx.client_id)

    async def _call(
        self, part: str, runs: Sequence[Run], event: object, *, deadline_s: float
    ) -> list[tuple[Hook, Any]]:
        """The hooks that answered something other than None, or raised it, each with that.

        Whoever leaves failing plugins alone is told of all, as far as there is something to tell.
        """
        answered = []
        called = await _answers(runs, event, deadline_s=deadline_s)
        is_quiet = self._health.is_quiet
        for run, answers in zip(runs, called, strict=True):
            for hook, answer in zip(run, answers, strict=True):
                if answer is None and is_quiet and not hook.tasks.is_used:
                    continue
                is_fault = isinstance(answer, BaseException) and not isinstance(answer, HookRefusal)
                self._health.judge(hook.ctx, part, fault_of(answer) if is_fault else None, is_shared=True)
                if answer is not None:
                    answered.append((hook, answer))
        return answered


async def _answers(runs: Sequence[Run], event: object, *, deadline_s: float) -> list[list[Any]]:
    """By run. No deadline reaches code that cannot wait: where there is no other, it needs no task either."""
    if len(runs) == 1 and not runs[0][0].can_wait:
        return [_answers_at_once(runs[0], event)]
    answers: list[list[Any]] = [[] for _ in runs]
    # Which start in the order of the hooks.
    tasks = [asyncio.create_task(_answer(run, event, own)) for run, own in zip(runs, answers, strict=True)]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=deadline_s)
    finally:
        # The late ones, or all, when what waits for them is stopped.
        for task in tasks:
            task.cancel()
    return [
        own if len(own) == len(run) else [TimeoutError("the hook is late") for _ in run]
        for run, own in zip(runs, answers, strict=True)
    ]


async def _answer(run: Run, event: object, answers: list[Any]) -> None:
    if run[0].can_wait:
        answers.append(await run[0].answer(event))
    else:
        answers.extend(_answers_at_once(run, event))


def _answers_at_once(run: Run, event: object) -> list[Any]:
    """Outside any task: a hook is not to get hold of that of the turn, and cancel it."""
    loop, turn = asyncio.get_running_loop(), asyncio.current_task()
    if turn is not None:
        leave_task(loop, turn)
    try:
        # What one of them sets for its own context is not for the next.
        return [copy_context().run(hook.answer_at_once, event) for hook in run]
    finally:
        if turn is not None:
            enter_task(loop, turn)


def _runs(hooks: Iterable[Hook]) -> tuple[Run, ...]:
    """Those that follow each other and cannot wait, together; every other one alone."""
    runs: list[list[Hook]] = []
    for hook in hooks:
        if not hook.can_wait and runs and not runs[-1][0].can_wait:
            runs[-1].append(hook)
        else:
            runs.append([hook])
    return tuple(map(tuple, runs))
