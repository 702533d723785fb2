"""What protects a running server from its plugins, wired: health, watchdog, crash report, refused exits."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import structlog
from csai_sdk import Clock

from csai.analytics.incident import plugin_failed
from csai.config import Settings
from csai.kit.alert import Alerts
from csai.kit.restart import restart
from csai.once import OnceWriter
from csai.plugins.crash import CrashReport
from csai.plugins.discovery import candidates
from csai.plugins.fingerprint import fingerprint, installed_versions
from csai.plugins.health import PluginHealth
from csai.plugins.left import watch_tasks
from csai.plugins.memory import Trouble, Verdict
from csai.plugins.owner import Owners
from csai.plugins.vetting import plugin_memory
from csai.plugins.watchdog import Block, Watchdog

log = structlog.get_logger(__name__)

REMEDY = "tell its author; after a repair, or to try it all the same: csai plugins doctor --again"


def plugin_health(settings: Settings, alerts: Alerts, once: OnceWriter, clock: Clock) -> PluginHealth:
    """Health that tells the operator and is remembered for `csai plugins doctor`."""
    memory = plugin_memory(settings)

    def tell(trouble: Trouble, is_new: bool) -> None:
        _in_background(memory.keep_trouble, trouble)
        if trouble.is_open:
            step = plugin_failed(trouble.plugin, now=clock.now())
            once.write(step.values["key"], step)
        if is_new:
            alerts.raise_alert(
                "plugin.degraded", plugin=trouble.plugin, part=trouble.part, cause=trouble.cause
            )

    return PluginHealth(failures=settings.plugin_failures, open_s=settings.plugin_open_s, tell=tell)


class PluginGuard:
    """On duty while the server runs."""

    def __init__(self, settings: Settings, health: PluginHealth) -> None:
        self._settings = settings
        self._health = health
        self._memory = plugin_memory(settings)
        self._points, _ = candidates(settings.plugins)
        self._owners = Owners(self._points.values())
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def on_duty(self) -> Iterator[None]:
        self._loop = asyncio.get_running_loop()
        watch_tasks(self._loop)
        watchdog = Watchdog(
            owners=self._owners,
            block_s=self._settings.plugin_block_s,
            restart_s=self._settings.plugin_restart_s,
            blocked=self._blocked,
            stuck=self._stuck,
            crowded=self._crowded,
        )
        report = CrashReport(self._memory)
        with ExitStack() as stack:
            stack.callback(report.close)
            stack.enter_context(_exits_refused(self._owners, self._exit_refused))
            stack.enter_context(watchdog.watching())
            yield

    def _blocked(self, block: Block) -> None:
        if block.plugin is None:
            log.error("the event loop stands still", place=block.place, blocked_s=round(block.blocked_s, 1))
            return
        cause = f"it kept the server standing still for {block.blocked_s:.0f} s ({block.place})"
        log.error("a plugin blocks the event loop", plugin=block.plugin, place=block.place)
        self._keep_out(block.plugin, cause)
        self._tell(block.plugin, "event loop", f"{cause}; it is kept out from the next start on", REMEDY)

    def _stuck(self, block: Block) -> None:
        log.critical("restarting, as a plugin does not give the event loop back", plugin=block.plugin)
        restart()

    def _crowded(self, plugin: str, part: str, cause: str, remedy: str) -> None:
        self._tell(plugin, part, cause, remedy)

    def _exit_refused(self, plugin: str, place: str) -> None:
        cause = f"it tried to end the server's process ({place})"
        self._tell(plugin, "os._exit", cause, "tell its author: a plugin raises an error, and never exits")

    def _keep_out(self, plugin: str, cause: str) -> None:
        point = self._points.get(plugin)
        if point is not None:
            seal = fingerprint(point, installed_versions())
            self._memory.keep_verdict(Verdict(plugin, seal, "blocked", cause, REMEDY))

    def _tell(self, plugin: str, part: str, cause: str, remedy: str) -> None:
        """On the loop, which alerts need, when it goes on."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._health.note, plugin, part, cause, remedy)


@contextmanager
def _exits_refused(owners: Owners, tell: Callable[[str, str], None]) -> Iterator[None]:
    """`os._exit` in a plugin's code raises `SystemExit`, which is caught like all else that it raises."""
    real, process = os._exit, os.getpid()

    def exit_unless_plugin(status: int) -> Any:
        found = owners.of_frame(sys._getframe(1)) if os.getpid() == process else None
        if found is None:
            real(status)
        tell(*found)
        raise SystemExit(status)

    os._exit = exit_unless_plugin
    try:
        yield
    finally:
        os._exit = real


def _in_background(work: Callable[[Trouble], None], trouble: Trouble) -> None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        work(trouble)
    else:
        loop.run_in_executor(None, work, trouble)
