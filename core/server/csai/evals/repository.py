"""What a run needs of a client: read from the installation, written onto the stage; and conversations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.clients.repository import ClientPluginRow, ClientRepository, ClientRow
from csai.evals.mock import PLUGIN
from csai.kit.identifier import new_id
from csai.knowledge import statements
from csai.knowledge.ingest import PassageDraft
from csai.knowledge.repository import EmbeddingRepository, KnowledgeRepository, has_pgvector
from csai.knowledge.vectors import as_bytes
from csai.models import (
    ClientTool,
    Conversation,
    KnowledgeEmbedding,
    KnowledgePassage,
    Message,
    Plan,
    Tool,
    ToolExecution,
    Visitor,
)
from csai.plugins.view import EnabledTool
from csai.providers.repository import PriceRepository
from csai.usage.price_list import OwnPrice

NO_LIMITS = "eval"


@dataclass(frozen=True, slots=True)
class KnownPassage:
    """A piece of the client's knowledge, and its vector where it has one."""

    draft: PassageDraft
    dimensions: int = 0
    vector: bytes = b""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A client as its turns see it, without anything that was ever said to it."""

    client: ClientRow
    plugins: Mapping[str, ClientPluginRow]
    passages: Sequence[KnownPassage]
    embedded_by: str
    """The model whose vectors they are, as `Embedder.key` names it; empty where there are none."""
    prices: Sequence[OwnPrice]
    """Set by admins, and in force."""


@dataclass(frozen=True, slots=True)
class SaidRow:
    turn_id: str
    content: str


@dataclass(frozen=True, slots=True)
class CalledRow:
    """A call; the turn is the one that ran it, where another one asked the visitor for their word."""

    call_id: str
    turn_id: str
    tool_name: str
    parameters: Mapping[str, Any]
    response: str | None
    status: str


class Source:
    """One client of the installation, read and never written."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def configuration(self, *, now: datetime) -> Configuration:
        repository = ClientRepository(self._connection, self._client_id)
        embedding = await EmbeddingRepository(self._connection, self._client_id).state()
        embedded_by = embedding.model if embedding else ""
        return Configuration(
            await repository.get(),
            await repository.plugins(),
            await self._passages(embedded_by),
            embedded_by,
            [each for each in await PriceRepository(self._connection).all() if each.effective_from <= now],
        )

    async def _passages(self, embedded_by: str) -> list[KnownPassage]:
        vectors = await self._vectors(embedded_by) if embedded_by else {}
        passages = await self._connection.execute(
            select(
                KnowledgePassage.id, KnowledgePassage.title, KnowledgePassage.content, KnowledgePassage.url
            )
            .where(KnowledgePassage.client_id == self._client_id)
            .order_by(KnowledgePassage.id)
        )
        return [
            KnownPassage(PassageDraft(title=title, content=content, url=url), *vectors.get(key, (0, b"")))
            for key, title, content, url in passages
        ]

    async def _vectors(self, model: str) -> dict[str, tuple[int, bytes]]:
        is_pgvector = await has_pgvector(self._connection)
        prepared = statements.COPIED_PGVECTOR if is_pgvector else statements.COPIED_BYTES
        query: Any = prepared.statement
        rows = await self._connection.execute(query, {"client": self._client_id, "model": model})
        return {key: (dimensions, as_bytes(vector)) for key, dimensions, vector in rows}

    async def visitor(self, session_id: str) -> str | None:
        """Who had the conversation, where the host page vouched for them."""
        return await self._connection.scalar(
            select(Visitor.external_id)
            .join(Conversation, Conversation.visitor_id == Visitor.id)
            .where(
                Visitor.client_id == self._client_id,
                Conversation.client_id == self._client_id,
                Conversation.session_id == session_id,
            )
        )

    async def conversation(self, session_id: str) -> tuple[list[SaidRow], list[CalledRow]]:
        """What the visitor said, and the calls that were made for it, in order."""
        mine = select(Conversation.id).where(
            Conversation.client_id == self._client_id, Conversation.session_id == session_id
        )
        said = await self._connection.execute(
            select(Message.turn_id, Message.content)
            .where(
                Message.client_id == self._client_id,
                Message.conversation_id.in_(mine),
                Message.role == "user",
            )
            .order_by(Message.seq)
        )
        called = await self._connection.execute(
            select(
                ToolExecution.call_id,
                ToolExecution.turn_id,
                ToolExecution.tool_name,
                ToolExecution.parameters,
                ToolExecution.n8n_response,
                ToolExecution.status,
            )
            .where(
                ToolExecution.client_id == self._client_id,
                ToolExecution.conversation_id.in_(mine),
            )
            .order_by(ToolExecution.timestamp, ToolExecution.call_id)
        )
        return [SaidRow(turn_id or "", content) for turn_id, content in said], [
            CalledRow(*row) for row in called
        ]


class StageRepository:
    """The one client of a stage's own database."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def furnish(
        self,
        configuration: Configuration,
        *,
        settings: Mapping[str, Any],
        switched: Mapping[str, bool],
        tools: Iterable[EnabledTool],
        at: datetime,
    ) -> None:
        """Write the client, its plugins, knowledge and tools, the tools answered by the suite."""
        execute = self._connection.execute
        client = configuration.client
        # Of the client's plan without its limits: which models it offers and allows.
        features = dict(client.features)
        plan = {"name": NO_LIMITS, "title": NO_LIMITS, "limits": {}, "features": features, "created_at": at}
        await execute(insert(Plan).values(limit_message="", **plan))
        repository = ClientRepository(self._connection, self._client_id)
        await repository.add(
            name=client.name,
            plan_type=NO_LIMITS,
            settings=dict(settings),
            timezone=client.timezone,
            created_at=at,
        )
        for name in {*configuration.plugins, *switched}:
            row = configuration.plugins.get(name) or ClientPluginRow(False, {}, None)
            await repository.set_plugin(
                name,
                enabled=switched.get(name, row.enabled),
                settings=row.settings,
                secrets=row.secrets,
                settings_version=row.settings_version,
                now=at,
            )
        await repository.set_plugin(PLUGIN, enabled=True, settings={}, secrets=None, now=at)
        prices = PriceRepository(self._connection)
        for price in configuration.prices:
            await prices.put(replace(price, effective_from=min(price.effective_from, at)))
        for tool in tools:
            await self._add(tool, at)
        await self._teach(configuration, at)
        await repository.bump()

    async def _teach(self, configuration: Configuration, at: datetime) -> None:
        """With vectors as far as the installation has them: the rest is found by words alone, as there."""
        passages = configuration.passages
        knowledge = KnowledgeRepository(self._connection, self._client_id)
        ids = await knowledge.add([each.draft for each in passages], at=at)
        vectors = [
            {
                "client": self._client_id,
                "passage": key,
                "model": configuration.embedded_by,
                "dimensions": each.dimensions,
                "vector": each.vector,
            }
            for key, each in zip(ids, passages, strict=True)
            if each.vector
        ]
        if vectors:
            keep: Any = statements.KEEP_BYTES.statement
            await self._connection.execute(keep, vectors)
        await self._connection.execute(
            update(KnowledgeEmbedding)
            .where(KnowledgeEmbedding.client_id == self._client_id)
            .values(model=configuration.embedded_by, due_at=None)
        )

    async def _add(self, tool: EnabledTool, at: datetime) -> None:
        key = new_id()
        await self._connection.execute(
            insert(Tool).values(
                id=key,
                client_id=self._client_id,
                tool_name=tool.spec.name,
                description=tool.spec.description,
                parameters_schema=dict(tool.spec.parameters_schema),
                backend=PLUGIN,
                read_only=tool.spec.is_read_only,
                idempotent=tool.is_idempotent,
                private=tool.is_private,
                confirm=tool.needs_confirmation,
                created_at=at,
            )
        )
        await self._connection.execute(
            insert(ClientTool).values(client_id=self._client_id, tool_id=key, enabled=True, custom_config={})
        )
