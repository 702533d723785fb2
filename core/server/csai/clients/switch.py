"""Switching a client's tools. Running servers follow at the next turn."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from csai_sdk import Clock, HttpError
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import SYSTEM, Actor, record
from csai.clients.repository import ClientPluginRow, ClientRepository
from csai.integrations.repository import BACKEND
from csai.kit.outbound import BAD_URL, http_target
from csai.kit.precondition import check_tag
from csai.kit.problem import Problem
from csai.plugins.registry import PluginRegistry
from csai.tools.python import PythonBackend
from csai.tools.repository import SwitchedTool, ToolRepository, tool_state

MAX_URL_CHARS = 2_000
MAX_TIMEOUT_S = 120


async def switch_tool(
    transaction: AsyncConnection,
    client_id: str,
    tool_name: str,
    *,
    enabled: bool | None = None,
    webhook_url: str | None = None,
    timeout_s: float | None = None,
    tags: Collection[str] | None = None,
    flags: Mapping[str, bool] | None = None,
    clock: Clock,
    actor: Actor = SYSTEM,
) -> SwitchedTool:
    """Switch a tool of the catalog and say where it is answered; None keeps what was. Raises `Problem`.

    `tags` are those of what was looked at; None changes it whatever it is. `flags` are those of a tool of the
    client's own.
    """
    repository = ToolRepository(transaction, client_id)
    await ClientRepository(transaction, client_id).lock()
    tool = await repository.get(tool_name)
    if tags is not None:
        (row,) = [each for each in await repository.all() if each.tool_name == tool_name]
        check_tag(tool_state(row, tool), tags)
    config = dict(tool.config)
    if webhook_url is not None:
        _check_url(webhook_url)
    if timeout_s is not None:
        if not 0 < timeout_s <= MAX_TIMEOUT_S:
            raise Problem(
                422, "tool_timeout_invalid", f"A tool's timeout is more than 0 and at most {MAX_TIMEOUT_S} s."
            )
        config["timeout_s"] = timeout_s
    changed = replace(
        tool,
        enabled=tool.enabled if enabled is None else enabled,
        webhook_url=webhook_url or tool.webhook_url,
        config=config,
        # Whoever switches it on has looked at what it is now.
        approved=tool.fingerprint if enabled else tool.approved,
    )
    if flags:
        await repository.set_own(tool_name, **flags)
    await repository.put(
        tool_name,
        enabled=changed.enabled,
        webhook_url=changed.webhook_url,
        config=changed.config,
        approved=changed.approved,
    )
    await ClientRepository(transaction, client_id).bump()
    await record(
        transaction,
        actor,
        "tool.switched",
        object=f"tool:{tool_name}",
        client_id=client_id,
        before=_audited(tool),
        after={**_audited(changed), **(flags or {})},
        at=clock.now(),
    )
    return changed


def _audited(tool: SwitchedTool) -> dict[str, Any]:
    """Without the webhook's address: what calls it unseen may be its only secret."""
    return {"enabled": tool.enabled, "has_webhook": tool.webhook_url is not None, "config": dict(tool.config)}


def tool_obstacles(
    tool: SwitchedTool,
    client_id: str,
    *,
    plugins: Mapping[str, ClientPluginRow],
    registry: PluginRegistry,
    on_by_default: Collection[str],
) -> list[str]:
    """What keeps a tool that is on from being used, each with what to do about it.

    `plugins` are those that the client has rows of.
    """
    obstacles = []
    # A plugin's own code, as against what a backend calls at an address.
    is_own = tool.backend in (PythonBackend.id, BACKEND)
    if tool.is_gone:
        obstacles.append("its server does not list it any more: it can be used again once the server does")
    if tool.is_changed:
        obstacles.append(
            "its description or schema has changed since it was switched on: look at it, and switch it on "
            "again"
        )
    if not is_own and tool.fingerprint is None and tool.webhook_url is None:
        obstacles.append("it has no address to call: --webhook URL")
    if not tool.is_connected:
        obstacles.append("its connection is off: csai integrations set CLIENT NAME --on")
    plugin_id = tool.plugin if is_own else registry.tool_backends.get(tool.backend, (None,))[0]
    if plugin_id is None or plugin_id not in registry.plugins:
        obstacles.append(f"its plugin is not loaded ({plugin_id or tool.backend}): csai plugins doctor")
        return obstacles
    row = plugins.get(plugin_id)
    if not (row.enabled if row else plugin_id in on_by_default):
        obstacles.append(
            f"the plugin {plugin_id} is off for this client: csai client plugin {client_id} {plugin_id} --on"
        )
    return obstacles


def _check_url(url: str) -> None:
    try:
        http_target(url)
    except HttpError:
        raise Problem(422, "webhook_url_invalid", f"The webhook: {BAD_URL}.") from None
    if len(url) > MAX_URL_CHARS or not url.isprintable():
        raise Problem(
            422, "webhook_url_invalid", f"The webhook's URL has at most {MAX_URL_CHARS} printable characters."
        )
