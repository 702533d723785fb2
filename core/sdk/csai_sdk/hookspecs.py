"""Every hook a plugin may implement. Nothing here runs; it is the contract.

Contributing hooks are plain functions, called once when the server loads the plugin. Event hooks are
coroutines, called for clients that have the plugin enabled. All implementations of one event are started in
the alphabetical order of their plugins' ids, which is also the order of what they return, run side by side,
and share a deadline of 2 s. One that fails or is late does not touch the others, and what it raises is
logged.

A hook that fails again and again for a client (5 times in a row, unless the operator says otherwise) is left
alone for 30 s at a time. A task or thread that it starts must end with it, or be kept and closed by a
resource of the context; code that does not give the event loop back for 5 s gets its plugin quarantined.

A hook in whose code nothing is awaited costs a turn a few millionths of a second, one that may wait several
times that. The former has no task of its own: in what it calls, `asyncio.current_task()` is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from csai_sdk import event
    from csai_sdk.channel import Channel
    from csai_sdk.context import PluginContext
    from csai_sdk.gateway import Gateway
    from csai_sdk.integration import Integration
    from csai_sdk.locale import Locale
    from csai_sdk.provider import Provider
    from csai_sdk.settings import PluginSettings
    from csai_sdk.tool import Tool, ToolBackend
    from csai_sdk.web import WebFiles

hookspec = pluggy.HookspecMarker("csai")
hookimpl = pluggy.HookimplMarker("csai")


@hookspec
def register_settings() -> type[PluginSettings]:  # type: ignore[empty-body]
    """Return the model of the plugin's settings. Without it the plugin has none."""


@hookspec
def register_providers() -> Sequence[Provider]:  # type: ignore[empty-body]
    """Return the LLM vendors this plugin brings."""


@hookspec
def register_tools() -> Sequence[Tool]:  # type: ignore[empty-body]
    """Return functions decorated with `csai_sdk.tool`; they appear in the shared tool catalog."""


@hookspec
def register_tool_backends() -> Sequence[ToolBackend]:  # type: ignore[empty-body]
    """Return what runs catalog tools that live elsewhere, such as webhooks."""


@hookspec
def register_integrations() -> Sequence[Integration]:  # type: ignore[empty-body]
    """Return kinds of outside business systems."""


@hookspec
def register_gateways() -> Sequence[Gateway]:  # type: ignore[empty-body]
    """Return payment vendors."""


@hookspec
def register_channels() -> Sequence[Channel]:  # type: ignore[empty-body]
    """Return message channels."""


@hookspec
def register_locales() -> Sequence[Locale]:  # type: ignore[empty-body]
    """Return languages."""


@hookspec
def register_web() -> Sequence[WebFiles]:  # type: ignore[empty-body]
    """Return folders of files to serve."""


@hookspec
async def message_received(event: event.MessageReceived, ctx: PluginContext) -> None:
    """A visitor's message was accepted. Best effort."""


@hookspec
async def before_model_call(event: event.BeforeModelCall, ctx: PluginContext) -> str | None:
    """Called before the first model call of a turn; may return text to add to the system prompt.

    Best effort: a hook that fails adds nothing.
    """


@hookspec
async def after_model_call(event: event.AfterModelCall, ctx: PluginContext) -> None:
    """A model call ended, well or not. Best effort."""


@hookspec
async def before_tool_call(event: event.BeforeToolCall, ctx: PluginContext) -> None:
    """A tool is about to run, its arguments valid. Raise `HookRefusal` to stop it.

    Fails closed: when the hook raises anything else or is late, the call does not run either.
    """


@hookspec
async def after_tool_call(event: event.AfterToolCall, ctx: PluginContext) -> None:
    """A tool ran, well or not. Best effort."""


@hookspec
async def reply_sent(event: event.ReplySent, ctx: PluginContext) -> None:
    """The turn's outcome is stored. Best effort."""


@hookspec
async def handoff(event: event.Handoff, ctx: PluginContext) -> None:
    """The conversation goes from the AI to a teammate, or to the queue for one. Best effort."""


@hookspec
async def usage_recorded(event: event.UsageRecorded, ctx: PluginContext) -> None:
    """A model call's usage is in the ledger. Best effort."""


@hookspec
async def limit_reached(event: event.LimitReached, ctx: PluginContext) -> None:
    """Work was refused because a limit of the client's plan is used up. Best effort."""


@hookspec
async def plugin_toggled(event: event.PluginToggled, ctx: PluginContext) -> None:
    """A plugin was switched on or off for the client. Best effort."""


@hookspec
async def erase_visitor(event: event.EraseVisitor, ctx: PluginContext) -> None:
    """Erase whatever the plugin keeps of this visitor. Must succeed: a failure is tried again."""
