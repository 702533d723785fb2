"""How plugins fare at run time: a part that fails again and again is left alone for a while, and it is said.

Providers are only written down here; whether they are asked is for the breaker of the chat.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import structlog
from csai_sdk import PluginContext

from csai.plugins.left import LEFT_REMEDY, MANY, tasks_of
from csai.plugins.memory import Trouble

log = structlog.get_logger(__name__)

FAILURES = 5
OPEN_S = 30.0
MANY_CLIENTS = 3
"""A part that fails for so many clients, and answers none meanwhile, is broken for all."""


class Part(NamedTuple):
    """A hook, tool or provider of a plugin, for one client, or for all where `client_id` is None."""

    plugin: str
    name: str
    client_id: str | None


def fault_of(error: BaseException) -> str:
    """What a plugin's call did, without the error's words: they may be a visitor's."""
    if isinstance(error, TimeoutError):
        return "it was late"
    if isinstance(error, SystemExit):
        return "it tried to end the server's process (SystemExit)"
    return f"it raised {type(error).__name__}"


class PluginHealth:
    """Counts failures in a row, in this process. While all is well it costs a look at an empty dict."""

    def __init__(
        self,
        *,
        failures: int = FAILURES,
        open_s: float = OPEN_S,
        tell: Callable[[Trouble, bool], None] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tell` hears of every trouble, and whether it is new. With 0 `failures` nothing is left alone."""
        self._threshold = failures
        self._open_s = open_s
        self._tell = tell
        self._now = now
        self._failed: dict[Part, int] = {}
        self._failed_clients: dict[tuple[str, str], set[str | None]] = {}
        self._held_until: dict[Part, float] = {}
        self._troubles: dict[tuple[str, str], Trouble] = {}

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has failed: then every part is admitted, and an answer changes nothing."""
        return not self._failed and not self._held_until

    def admits(self, plugin: str, part: str, client_id: str | None) -> bool:
        """Whether the part may be called. When its time is over, one call tries it for all others."""
        if not self._held_until:
            return True
        now = self._now()
        for key in (Part(plugin, part, client_id), Part(plugin, part, None)):
            until = self._held_until.get(key)
            if until is None:
                continue
            if now < until:
                return False
            self._held_until[key] = now + self._open_s
        return True

    def answered(self, plugin: str, part: str, client_id: str | None) -> None:
        """It did what it was asked, or refused for a reason of its own."""
        if self.is_quiet:
            return
        self._failed.pop(Part(plugin, part, client_id), None)
        self._failed_clients.pop((plugin, part), None)
        for key in (Part(plugin, part, client_id), Part(plugin, part, None)):
            self._held_until.pop(key, None)
        trouble = self._troubles.get((plugin, part))
        if trouble is not None and trouble.is_open and not self._is_failing(plugin, part):
            self._note(replace(trouble, is_open=False))
            log.info("plugin answers again", plugin=plugin, part=part)

    def failed(
        self,
        plugin: str,
        part: str,
        client_id: str | None,
        cause: str,
        *,
        is_shared: bool = False,
        is_held: bool = True,
    ) -> None:
        """It raised what it should not, or was late.

        `is_shared`: what fails for many clients is held for all. Without `is_held` it is only written down.
        """
        key, shared = Part(plugin, part, client_id), Part(plugin, part, None)
        count = self._failed[key] = self._failed.get(key, 0) + 1
        is_trial = key in self._held_until or shared in self._held_until
        if self._threshold == 0 or not (is_trial or count >= self._threshold):
            return
        if is_held:
            self._hold(key)
        if is_held and is_shared:
            clients = self._failed_clients.setdefault((plugin, part), set())
            clients.add(client_id)
            if len(clients) >= MANY_CLIENTS:
                self._hold(shared)
        self._note(
            Trouble(
                plugin,
                part,
                f"{part} failed {count} times in a row; at last: {cause}",
                "see the server's log and tell its author; it is tried again by itself",
            )
        )

    def judge(
        self,
        ctx: PluginContext,
        part: str,
        fault: str | None,
        *,
        is_shared: bool = False,
        is_held: bool = True,
    ) -> None:
        """After a call: count its fault, or that there was none; and look at what it left running."""
        if fault is None:
            self.answered(ctx.plugin, part, ctx.client_id)
        else:
            self.failed(ctx.plugin, part, ctx.client_id, fault, is_shared=is_shared, is_held=is_held)
        tasks = tasks_of(ctx)
        if tasks is not None and tasks.are_many:
            self.note(
                ctx.plugin,
                "tasks",
                f"more than {MANY} tasks that its calls for one client started still run",
                LEFT_REMEDY,
            )

    def note(self, plugin: str, part: str, cause: str, remedy: str) -> None:
        """Something that is no call's failure, such as tasks left behind."""
        known = self._troubles.get((plugin, part))
        if known is None or not known.is_open or known.cause != cause:
            self._note(Trouble(plugin, part, cause, remedy))

    def troubles(self) -> list[Trouble]:
        """What is amiss now, and what was and is no more."""
        return sorted(self._troubles.values(), key=lambda trouble: (trouble.plugin, trouble.part))

    def degraded(self) -> dict[str, Trouble]:
        """The plugins of which a part is in trouble now, each with its last one."""
        found = sorted((trouble for trouble in self.troubles() if trouble.is_open), key=lambda each: each.at)
        return {trouble.plugin: trouble for trouble in found}

    def _is_failing(self, plugin: str, part: str) -> bool:
        return any(
            (key.plugin, key.name) == (plugin, part) and count >= self._threshold
            for key, count in self._failed.items()
        )

    def _hold(self, key: Part) -> None:
        if key not in self._held_until:
            log.error(
                "plugin left alone for a while", plugin=key.plugin, part=key.name, client_id=key.client_id
            )
        self._held_until[key] = self._now() + self._open_s

    def _note(self, trouble: Trouble) -> None:
        before = self._troubles.get((trouble.plugin, trouble.part))
        self._troubles[trouble.plugin, trouble.part] = trouble
        if self._tell is not None:
            self._tell(trouble, trouble.is_open and (before is None or not before.is_open))
