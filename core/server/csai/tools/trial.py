"""Trying a client's tool by hand, as a turn would run it, with no model and no visitor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from csai_sdk import Clock, ToolInvocation

from csai.admins.audit import Actor, record
from csai.clients.repository import ClientRepository
from csai.database import Database
from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.plugins.view import ClientView, ClientViews, EnabledTool
from csai.tools.call import is_sound
from csai.tools.invocation import Outcome, invoke, timeout_s


@dataclass(frozen=True, slots=True)
class Trial:
    """What an admin wants to see a tool do."""

    tool_name: str
    arguments: Mapping[str, Any]
    visitor_id: str | None = None
    """Whom a private tool is to take for the verified visitor."""
    may_act: bool = False
    """Whether a tool that changes something may do so."""


async def try_tool(
    trial: Trial, client_id: str, *, database: Database, views: ClientViews, actor: Actor, clock: Clock
) -> Outcome:
    """Run it once, and keep in the audit log that it was run. Not metered: no visitor asked for it.

    Raises `Problem` for a tool the client cannot use, arguments that do not fit, and a side effect that was
    not asked for.
    """
    async with database.read() as connection:
        client = await ClientRepository(connection, client_id).get()
    view = await views.get(client_id, client.config_version)
    views.hold(view)
    try:
        tool = _checked(view, trial)
        outcome = await invoke(
            tool,
            ToolInvocation(
                call_id=f"trial.{new_id()}",
                tool=tool.spec,
                arguments=trial.arguments,
                config=tool.config,
                is_idempotent=tool.is_idempotent,
                timeout_s=timeout_s(tool.config),
                visitor_id=trial.visitor_id,
            ),
        )
    finally:
        await views.release(view)
    async with database.write() as transaction:
        await record(
            transaction,
            actor,
            "tool.tried",
            object=f"tool:{trial.tool_name}",
            client_id=client_id,
            # Without arguments and answer, which may be a visitor's.
            after={"status": outcome.status, "duration_ms": outcome.duration_ms},
            at=clock.now(),
        )
    return outcome


def _checked(view: ClientView, trial: Trial) -> EnabledTool:
    tool = view.tools.get(trial.tool_name)
    if tool is None:
        there = ", ".join(view.tools) or "none"
        raise Problem(
            404,
            "tool_not_usable",
            f"The client cannot use a tool '{trial.tool_name[:64]}': it is off, its plugin is off, or there "
            f"is none. Usable: {there}.",
        )
    if not is_sound(trial.arguments):
        raise Problem(422, "arguments_invalid", "The arguments are no JSON object that can be passed on.")
    errors = tool.validator.errors(trial.arguments)
    if errors:
        raise Problem(
            422, "arguments_invalid", "The arguments do not fit the tool's schema: " + "; ".join(errors)
        )
    if tool.is_private and trial.visitor_id is None:
        raise Problem(
            422,
            "visitor_missing",
            "This tool is for verified visitors. Say which one it is to be tried as (visitor_id).",
        )
    if not tool.spec.is_read_only and not trial.may_act:
        raise Problem(
            409,
            "side_effect",
            "This tool changes something. To have it done, say so: `may_act` (the command's --may-act).",
        )
    return tool
