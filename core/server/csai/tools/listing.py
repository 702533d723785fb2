"""Bringing a client's catalog in line with what its own systems offer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import structlog
from csai_sdk import Clock, PluginContext, ToolBackend, ToolListing
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import SYSTEM, Actor, record
from csai.clients.repository import ClientRepository
from csai.database import Database
from csai.kit.problem import Problem
from csai.kit.waiting import end
from csai.plugins.left import on_behalf, tasks_of
from csai.plugins.view import ClientView, ClientViews
from csai.tools.listing_repository import ListingRepository, OwnTool
from csai.tools.offer import Offered, SourceOffer, check_offers

log = structlog.get_logger(__name__)

LIST_S = 30.0
PAUSE_S = 60.0
"""Between two listings that one client's systems themselves ask for."""
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class SourceChange:
    """What listing one system's tools has changed in the client's catalog."""

    backend: str
    source: str
    tools: int = 0
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    problem: str = ""

    @property
    def is_change(self) -> bool:
        return bool(self.added or self.changed or self.returned or self.gone)


class Listings:
    """Asks the backends, checks what they say, and writes it down."""

    def __init__(self, *, database: Database, views: ClientViews, clock: Clock) -> None:
        self._database = database
        self._views = views
        self._clock = clock
        self._soon: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._begun: set[asyncio.Task[None]] = set()

    async def refresh(self, client_id: str, *, actor: Actor = SYSTEM) -> list[SourceChange]:
        """List the tools of all the client's systems; a fault of one is in the outcome. Raises `Problem`."""
        for _ in range(_ATTEMPTS):
            async with self._database.read() as connection:
                client = await ClientRepository(connection, client_id).get()
            view = await self._views.get(client_id, client.config_version)
            self._views.hold(view)
            try:
                asked = await _ask_all(view)
                changes = await self._keep(view, asked, actor)
            finally:
                await self._views.release(view)
            if changes is not None:
                return changes
        raise Problem(
            409,
            "changed_meanwhile",
            "The client was changed while its systems were asked. Repeat it.",
        )

    async def run(self, client_id: str) -> Mapping[str, Any]:
        """The hourly job."""
        changes = await self.refresh(client_id)
        return {"sources": len(changes), "changed": sum(change.is_change for change in changes)}

    def begin(self, client_id: str) -> None:
        """List them in the background, now: an admin has changed which systems there are."""
        task = asyncio.create_task(self._refresh_unseen(client_id))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    def soon(self, client_id: str) -> None:
        """The same at a system's own wish, however often it has it: every `PAUSE_S` at most."""
        if client_id in self._soon:
            self._again.add(client_id)
            return
        self._soon[client_id] = asyncio.create_task(self._refresh_soon(client_id))

    async def _refresh_soon(self, client_id: str) -> None:
        try:
            while True:
                self._again.discard(client_id)
                await self._refresh_unseen(client_id)
                await asyncio.sleep(PAUSE_S)
                if client_id not in self._again:
                    return
        finally:
            self._soon.pop(client_id, None)

    async def _refresh_unseen(self, client_id: str) -> None:
        try:
            await self.refresh(client_id)
        except Exception:
            log.exception("a client's tools were not listed", client_id=client_id)

    async def close(self) -> None:
        await end([*self._soon.values(), *self._begun])

    async def _keep(
        self, view: ClientView, asked: Mapping[str, Sequence[ToolListing]], actor: Actor
    ) -> list[SourceChange] | None:
        """None where the client was changed meanwhile: the answers may be those of systems it had before."""
        client_id = view.client.id
        if not asked:
            return []
        offers = {}
        async with self._database.read() as connection:
            taken = {
                backend: await ListingRepository(connection, client_id).taken(backend) for backend in asked
            }
        for backend, listings in asked.items():
            offers[backend] = await asyncio.to_thread(check_offers, listings, taken[backend])
        changes = []
        async with self._database.write() as transaction:
            client = ClientRepository(transaction, client_id)
            await client.lock()
            if (await client.get()).config_version != view.version:
                return None
            for backend, found in offers.items():
                changes += await self._keep_backend(transaction, client_id, backend, found)
            made = [asdict(change) for change in changes if change.is_change]
            if made:
                await client.bump()
                await record(
                    transaction,
                    actor,
                    "tools.listed",
                    object="tools",
                    client_id=client_id,
                    after={"sources": made},
                    at=self._clock.now(),
                )
        return changes

    async def _keep_backend(
        self, transaction: AsyncConnection, client_id: str, backend: str, offers: Sequence[SourceOffer]
    ) -> list[SourceChange]:
        repository = ListingRepository(transaction, client_id)
        own = await repository.own(backend)
        changes, new, changed = [], [], []
        for offer in offers:
            added = [tool for tool in offer.tools if tool.tool_name not in own]
            known = [(tool, own[tool.tool_name]) for tool in offer.tools if tool.tool_name in own]
            other = [(tool, was) for tool, was in known if tool.fingerprint != was.fingerprint]
            back = [(tool, was) for tool, was in known if was.is_gone and tool.fingerprint == was.fingerprint]
            new += added
            changed += [(tool, _asks_first(tool, was)) for tool, was in (*other, *back)]
            changes.append(
                SourceChange(
                    backend,
                    offer.source,
                    tools=len(offer.tools),
                    added=[tool.tool_name for tool in added],
                    changed=[tool.tool_name for tool, _ in other],
                    returned=[tool.tool_name for tool, _ in back],
                    gone=_gone(offer, own),
                    refused=offer.refused,
                    problem=offer.problem,
                )
            )
        changes += _left(backend, offers, own)
        await repository.add(backend, new, now=self._clock.now())
        await repository.change(changed)
        await repository.lose([name for change in changes for name in change.gone])
        sources = [
            {"source": each.source, "tools": each.tools, "refused": each.refused, "problem": each.problem}
            for each in changes[: len(offers)]
        ]
        await repository.note(backend, sources, now=self._clock.now())
        return changes


async def _ask_all(view: ClientView) -> dict[str, Sequence[ToolListing]]:
    """What each backend lists, by its id; those that list nothing, or fail, are left out."""
    asked = await asyncio.gather(
        *(_ask(backend, ctx, view.client.id) for backend, ctx in view.backends.values())
    )
    return {
        name: listings for name, listings in zip(view.backends, asked, strict=True) if listings is not None
    }


async def _ask(backend: ToolBackend, ctx: PluginContext, client_id: str) -> Sequence[ToolListing] | None:
    try:
        with on_behalf(tasks_of(ctx)):
            async with asyncio.timeout(LIST_S):
                return await backend.list_tools(ctx)
    except (Exception, SystemExit):
        log.exception("a tool backend did not list its tools", backend=backend.id, client_id=client_id)
        return None


def _asks_first(tool: Offered, before: OwnTool) -> bool:
    """As an admin said; but one that begins to change things asks."""
    return before.confirm or (before.read_only and not tool.read_only)


def _gone(offer: SourceOffer, own: Mapping[str, OwnTool]) -> list[str]:
    if offer.problem:
        return []
    offered = {tool.tool_name for tool in offer.tools}
    return [
        name
        for name, tool in own.items()
        if tool.source == offer.source and name not in offered and not tool.is_gone
    ]


def _left(backend: str, offers: Sequence[SourceOffer], own: Mapping[str, OwnTool]) -> list[SourceChange]:
    """Systems that the client has no more."""
    known = {offer.source for offer in offers}
    gone: dict[str, list[str]] = {}
    for name, tool in own.items():
        if tool.source not in known and not tool.is_gone:
            gone.setdefault(tool.source, []).append(name)
    return [SourceChange(backend, source, gone=names) for source, names in gone.items()]
