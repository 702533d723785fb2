"""The endpoints of a connection: written by an admin, and offered to the model as tools."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from csai_sdk import Clock, Endpoint, EndpointImport, Integration
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.action import Action
from csai.admins.audit import Actor, record
from csai.clients.repository import ClientRepository
from csai.integrations.draft import EndpointDraft, check_draft
from csai.integrations.offer import endpoint_of, model_schema
from csai.integrations.repository import ConnectionRepository, EndpointRepository, EndpointRow
from csai.integrations.service import find_integration
from csai.kit.identifier import new_id
from csai.kit.precondition import check_revision
from csai.kit.problem import Problem, not_found
from csai.plugins.registry import PluginRegistry
from csai.tools.name import TOOL_NAME
from csai.tools.repository import ToolRepository

MAX_ENDPOINTS = 200


class Endpoints:
    """The endpoints of one connection, within a transaction. Every method raises `Problem`."""

    def __init__(
        self,
        transaction: AsyncConnection,
        client_id: str,
        integration_id: str,
        *,
        registry: PluginRegistry,
        clock: Clock,
        actor: Actor,
    ) -> None:
        self._transaction = transaction
        self._client_id = client_id
        self._integration_id = integration_id
        self._registry = registry
        self._clock = clock
        self._actor = actor
        self._repository = EndpointRepository(transaction, client_id)

    async def add(self, draft: EndpointDraft) -> None:
        _plugin, integration = await self._enter()
        stored = await self._repository.of(self._integration_id)
        name = draft.endpoint.name
        if name in stored or any(each.name == name for each in integration.endpoints()):
            raise Problem(409, "name_taken", f"The connection has an endpoint '{name[:64]}' already.")
        if len(stored) >= MAX_ENDPOINTS:
            raise Problem(
                409, "too_many_endpoints", f"A connection has at most {MAX_ENDPOINTS} endpoints of its own."
            )
        check_draft(draft, integration)
        await self._repository.add(
            id=new_id(), integration_id=self._integration_id, endpoint_name=name, **_columns(draft)
        )
        await self._keep("endpoint.added", name, after=_audited(draft.endpoint, draft.cache_s))

    async def add_all(self, found: EndpointImport) -> tuple[list[str], list[tuple[str, str]]]:
        """Those that are new, of what `read_document` gave; the names added, and what was left out."""
        _plugin, integration = await self._enter()
        taken = {*await self._repository.of(self._integration_id), *(e.name for e in integration.endpoints())}
        added, skipped = list[str](), list(found.skipped)
        for endpoint in found.endpoints:
            if endpoint.name in taken:
                skipped.append((endpoint.name, "the connection has an endpoint of that name already"))
            elif len(taken) >= MAX_ENDPOINTS:
                skipped.append((endpoint.name, f"a connection has at most {MAX_ENDPOINTS} endpoints"))
            else:
                await self._repository.add(
                    id=new_id(),
                    integration_id=self._integration_id,
                    endpoint_name=endpoint.name,
                    **_columns(EndpointDraft(endpoint)),
                )
                taken.add(endpoint.name)
                added.append(endpoint.name)
        if added:
            await self._keep("endpoints.imported", "*", after={"added": added})
        return added, skipped

    async def change(self, name: str, draft: EndpointDraft, *, tags: Collection[str] | None) -> None:
        """Put `draft`, whose name is the same, in the place of what was there."""
        _plugin, integration = await self._enter()
        row = await self._own(name)
        check_revision(row.revision, tags)
        check_draft(draft, integration)
        await self._repository.update(row.id, **_columns(draft), revision=row.revision + 1)
        await self._repository.update_tool(row.id, **_tool_columns(draft.endpoint))
        before = endpoint_of(row, integration)
        await self._keep(
            "endpoint.changed",
            name,
            before=_audited(before, row.cache_s) if before else None,
            after=_audited(draft.endpoint, draft.cache_s),
        )

    async def delete(self, name: str, *, tags: Collection[str] | None) -> None:
        await self._enter()
        row = await self._own(name)
        check_revision(row.revision, tags)
        await self._repository.delete(row.id)
        await self._keep("endpoint.deleted", name)

    async def offer(self, name: str, *, enabled: bool, tool_name: str | None = None) -> None:
        """Offer an endpoint as a tool, switched so; without a name as it was, or by the endpoint's."""
        plugin, integration = await self._enter()
        stored = await self._repository.of(self._integration_id)
        row, offered = stored.get(name, (None, None))
        endpoint = (
            endpoint_of(row, integration)
            if row is not None
            else next((each for each in integration.endpoints() if each.name == name), None)
        )
        if endpoint is None:
            raise not_found("endpoint")
        wanted = tool_name or (offered.tool_name if offered else name)
        if offered is None or offered.tool_name != wanted:
            await self._check_tool_name(wanted)
        endpoint_id = row.id if row is not None else await self._keep_ready(endpoint)
        if offered is None:
            await self._repository.add_tool(
                endpoint_id,
                id=new_id(),
                tool_name=wanted,
                category=integration.id,
                plugin=plugin,
                created_at=self._clock.now(),
                **_tool_columns(endpoint),
            )
        else:
            await self._repository.update_tool(endpoint_id, tool_name=wanted, **_tool_columns(endpoint))
        tools = ToolRepository(self._transaction, self._client_id)
        config = (await tools.get(wanted)).config
        await tools.put(wanted, enabled=enabled, webhook_url=None, config=config)
        await self._keep("endpoint.offered", name, after={"tool": wanted, "enabled": enabled})

    async def withdraw(self, name: str) -> None:
        """Offer it no more, in no way."""
        await self._enter()
        row, _offered = (await self._repository.of(self._integration_id)).get(name, (None, None))
        if row is not None:
            await self._repository.delete_tool(row.id)
        await self._keep("endpoint.withdrawn", name)

    async def _enter(self) -> tuple[str, Integration]:
        await ClientRepository(self._transaction, self._client_id).lock()
        row = await ConnectionRepository(self._transaction, self._client_id).get(self._integration_id)
        return find_integration(self._registry, row.integration_type)

    async def _own(self, name: str) -> EndpointRow:
        row, _offered = (await self._repository.of(self._integration_id)).get(name, (None, None))
        if row is None or row.is_ready:
            raise not_found("endpoint")
        return row

    async def _keep_ready(self, endpoint: Endpoint) -> str:
        """A row for a ready endpoint, which its tool can refer to."""
        endpoint_id = new_id()
        await self._repository.add(
            id=endpoint_id,
            integration_id=self._integration_id,
            endpoint_name=endpoint.name,
            is_ready=True,
            **_columns(EndpointDraft(endpoint)),
        )
        return endpoint_id

    async def _check_tool_name(self, name: str) -> None:
        if not TOOL_NAME.fullmatch(name):
            raise Problem(
                422, "tool_name_invalid", "A tool's name is 1 to 64 of the characters A-Z a-z 0-9 _ -."
            )
        if await self._repository.has_tool(name):
            raise Problem(
                409,
                "tool_name_taken",
                f"There is a tool '{name}' already. Offer it by another name (tool_name).",
            )

    async def _keep(
        self,
        action: Action,
        name: str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        await ClientRepository(self._transaction, self._client_id).bump()
        await record(
            self._transaction,
            self._actor,
            action,
            object=f"integration:{self._integration_id}/{name}",
            client_id=self._client_id,
            before=before,
            after=after,
            at=self._clock.now(),
        )


def _columns(draft: EndpointDraft) -> dict[str, Any]:
    endpoint = draft.endpoint
    return {
        "endpoint_url": endpoint.url,
        "method": endpoint.method,
        "description": endpoint.description,
        "parameters_schema": dict(endpoint.parameters_schema),
        "request": dict(endpoint.request),
        "is_private": endpoint.is_private,
        "visitor_parameters": list(endpoint.visitor_parameters),
        "cache_s": draft.cache_s,
    }


def _tool_columns(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "description": endpoint.description,
        "parameters_schema": model_schema(endpoint),
        "private": endpoint.is_private,
    }


def _audited(endpoint: Endpoint, cache_s: int) -> dict[str, Any]:
    return {
        "url": endpoint.url,
        "method": endpoint.method,
        "is_private": endpoint.is_private,
        "visitor_parameters": list(endpoint.visitor_parameters),
        "cache_s": cache_s,
    }
