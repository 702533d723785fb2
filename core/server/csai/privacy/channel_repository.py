"""What is stored of a visitor's messages on channels, for the one whom it is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.models import ChannelAccount, ChannelContact, ChannelInbound, ChannelOutbound, ChannelThread
from csai.privacy.erasure_repository import Subject, contacts_of


class ChannelWordsRepository:
    """One client's messages on channels."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def contacts(self, subject: Subject, session_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Each contact that is the subject, or wrote in one of its sessions, and what came and went."""
        of_session = ChannelThread.session_id.in_(session_ids)
        of_visitor = contacts_of(self._client_id, subject)
        threads = await self._connection.execute(
            select(
                *(ChannelThread.id, ChannelThread.subject, ChannelContact.id.label("contact_id")),
                *(ChannelAccount.channel, ChannelContact.address, ChannelContact.name),
                *(ChannelContact.heard_at, ChannelContact.opted_out_at),
            )
            .join(ChannelContact, ChannelContact.id == ChannelThread.contact_id)
            .join(ChannelAccount, ChannelAccount.id == ChannelContact.account_id)
            .where(
                ChannelThread.client_id == self._client_id,
                or_(of_session, of_visitor) if subject.external_id else of_session,
            )
            .order_by(ChannelThread.id)
        )
        rows = threads.mappings().all()
        thread_ids = [row["id"] for row in rows]
        heard = await self._heard(thread_ids)
        answered = await self._answered(thread_ids)
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            about = ("channel", "address", "name", "heard_at", "opted_out_at")
            contact = found.setdefault(
                row["contact_id"],
                {name: row[name] for name in about} | {"subjects": [], "messages": [], "answers": []},
            )
            contact["subjects"] += [row["subject"]] if row["subject"] else []
            contact["messages"] += heard[row["id"]]
            contact["answers"] += answered[row["id"]]
        return list(found.values())

    async def _heard(self, thread_ids: Sequence[str]) -> Mapping[str, list[dict[str, Any]]]:
        columns = (ChannelInbound.text, ChannelInbound.media, ChannelInbound.status)
        statement = (
            select(ChannelInbound.thread_id, *columns, ChannelInbound.received_at)
            .where(ChannelInbound.client_id == self._client_id, ChannelInbound.thread_id.in_(thread_ids))
            .order_by(ChannelInbound.id)
        )
        return await self._by_thread(statement)

    async def _answered(self, thread_ids: Sequence[str]) -> Mapping[str, list[dict[str, Any]]]:
        columns = (ChannelOutbound.author, ChannelOutbound.text, ChannelOutbound.status)
        statement = (
            select(ChannelOutbound.thread_id, *columns, ChannelOutbound.created_at)
            .where(ChannelOutbound.client_id == self._client_id, ChannelOutbound.thread_id.in_(thread_ids))
            .order_by(ChannelOutbound.id)
        )
        return await self._by_thread(statement)

    async def _by_thread(self, statement: Select[*tuple[Any, ...]]) -> Mapping[str, list[dict[str, Any]]]:
        found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in (await self._connection.execute(statement)).mappings():
            told = dict(row)
            found[told.pop("thread_id")].append(told)
        return found
