"""Taking in what a channel tells: each message once, however often it is delivered.

Everything of one delivery is stored in one transaction, before the vendor is answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from csai_sdk import AccountNotice, ChannelNews, InboundMessage
from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.channels.outcome import MAX_ADDRESS_CHARS, Outcomes, vendor_key
from csai.channels.repository import AccountRepository
from csai.kit.identifier import new_id
from csai.kit.text import clean
from csai.models import ChannelContact, ChannelInbound, ChannelThread
from csai.statement import upsert

log = structlog.get_logger(__name__)

MAX_NAME_CHARS = 200
MAX_THREAD_CHARS = 255
MAX_SUBJECT_CHARS = 500
MAX_EARLIER = 50
MAX_MEDIA = 20
# Vendors deliver again for a week at most. What was written earlier is somebody's who plays it again, when
# nobody may know it any more.
MAX_AGE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _Place:
    """Whose conversation a message belongs to."""

    address: str
    thread: str


class Inbox:
    """What came in for one account."""

    def __init__(
        self, connection: AsyncConnection, client_id: str, account_id: str, *, max_chars: int, now: datetime
    ) -> None:
        self._connection = connection
        self._client_id = client_id
        self._account_id = account_id
        self._max_chars = max_chars
        self._now = now

    async def take(self, news: Sequence[ChannelNews]) -> int:
        """Store what is new in it; how many messages that were."""
        await Outcomes(self._connection, self._client_id, self._account_id, now=self._now).take(news)
        for notice in (each for each in news if isinstance(each, AccountNotice)):
            log.warning(
                "a channel's vendor tells of the account",
                client_id=self._client_id,
                account_id=self._account_id,
                code=notice.code,
            )
            await AccountRepository(self._connection, self._client_id).note_fault(
                self._account_id, clean(f"{notice.code}: {notice.detail}")
            )
        messages = sorted(
            {
                vendor_key(each.message_id): _cleaned(each)
                for each in news
                if isinstance(each, InboundMessage)
                and each.message_id
                and each.address
                and self._now - self._written_at(each) <= MAX_AGE
            }.items(),
            key=lambda item: (_place(item[1]).address, _place(item[1]).thread),
        )
        if not messages:
            return 0
        threads = await self._threads([message for _, message in messages])
        return await self._add(messages, threads)

    async def _threads(self, messages: Sequence[InboundMessage]) -> Mapping[_Place, str]:
        """The conversations that the messages belong to, begun where they are new."""
        places = list(dict.fromkeys(map(_place, messages)))
        addresses = sorted({place.address for place in places})
        names = {_place(each).address: each.sender_name[:MAX_NAME_CHARS] for each in messages}
        heard_at = self._heard_at(messages)
        await self._put_once(
            ChannelContact,
            [
                {
                    "id": new_id(),
                    "client_id": self._client_id,
                    "account_id": self._account_id,
                    "address": address,
                    "name": names[address],
                    "opted_out_at": None,
                    "heard_at": heard_at[address],
                    "noticed_at": None,
                }
                for address in addresses
            ],
        )
        found = select(ChannelContact.address, ChannelContact.id).where(
            ChannelContact.client_id == self._client_id,
            ChannelContact.account_id == self._account_id,
            ChannelContact.address.in_(addresses),
        )
        contacts = {row.address: row.id for row in await self._connection.execute(found)}
        await self._put_once(
            ChannelThread,
            [
                {
                    "id": new_id(),
                    "client_id": self._client_id,
                    "contact_id": contacts[place.address],
                    "thread": place.thread,
                    "session_id": None,
                    "heard_id": "",
                    "heard_at": self._now,
                    "subject": "",
                    "earlier": [],
                    "confirmations": [],
                }
                for place in places
            ],
        )
        addressed = {contact_id: address for address, contact_id in contacts.items()}
        rows = await self._connection.execute(
            select(ChannelThread.contact_id, ChannelThread.thread, ChannelThread.id).where(
                ChannelThread.client_id == self._client_id,
                ChannelThread.contact_id.in_(list(addressed)),
                ChannelThread.thread.in_({place.thread for place in places}),
            )
        )
        return {_Place(addressed[row.contact_id], row.thread): row.id for row in rows}

    async def _add(
        self, messages: Sequence[tuple[str, InboundMessage]], threads: Mapping[_Place, str]
    ) -> int:
        rows = [
            {
                "id": new_id(),
                "client_id": self._client_id,
                "account_id": self._account_id,
                "thread_id": threads[_place(message)],
                "dedupe_key": key,
                "vendor_id": message.message_id,
                "text": message.text[: self._max_chars],
                "media": [asdict(each) for each in message.media[:MAX_MEDIA]],
                "consent": message.consent,
                "status": "waiting",
                "attempts": 0,
                "next_attempt_at": self._now,
                "received_at": self._now,
            }
            for key, message in messages
        ]
        statement = upsert(self._connection, ChannelInbound).values(rows).on_conflict_do_nothing()
        added = set(
            (await self._connection.execute(statement.returning(ChannelInbound.dedupe_key))).scalars()
        )
        await self._hear([message for key, message in messages if key in added], threads)
        return len(added)

    async def _hear(self, messages: Iterable[InboundMessage], threads: Mapping[_Place, str]) -> None:
        """Remember of every conversation what came last: it is what an answer is an answer to."""
        last = {threads[_place(message)]: message for message in messages}
        if not last:
            return
        heard = (
            update(ChannelThread)
            .where(
                ChannelThread.client_id == self._client_id,
                ChannelThread.id == bindparam("thread_id", type_=ChannelThread.id.type),
            )
            .values(
                heard_id=bindparam("vendor_id"),
                heard_at=self._now,
                subject=bindparam("told_subject"),
                earlier=bindparam("told_earlier", type_=ChannelThread.earlier.type),
            )
        )
        await self._connection.execute(
            heard,
            [
                {
                    "thread_id": thread_id,
                    "vendor_id": message.message_id,
                    "told_subject": message.subject[:MAX_SUBJECT_CHARS],
                    "told_earlier": list(message.references[-MAX_EARLIER:]),
                }
                for thread_id, message in last.items()
            ],
        )
        for address, moment in sorted(self._heard_at(last.values()).items()):
            await self._connection.execute(
                update(ChannelContact)
                .where(
                    ChannelContact.client_id == self._client_id,
                    ChannelContact.account_id == self._account_id,
                    ChannelContact.address == address,
                    ChannelContact.heard_at < moment,
                )
                .values(heard_at=moment)
            )

    def _heard_at(self, messages: Iterable[InboundMessage]) -> Mapping[str, datetime]:
        """When each address last wrote: what the vendor takes a window from."""
        found: dict[str, datetime] = {}
        for message in messages:
            address, moment = _place(message).address, self._written_at(message)
            found[address] = max(moment, found.get(address, moment))
        return found

    def _written_at(self, message: InboundMessage) -> datetime:
        """Not later than now, and now where the vendor does not say."""
        if message.sent_at is None:
            return self._now
        told = message.sent_at if message.sent_at.tzinfo else message.sent_at.replace(tzinfo=UTC)
        return min(told, self._now)

    async def _put_once(self, table: Any, rows: list[dict[str, Any]]) -> None:
        await self._connection.execute(upsert(self._connection, table).values(rows).on_conflict_do_nothing())


def _place(message: InboundMessage) -> _Place:
    return _Place(message.address[:MAX_ADDRESS_CHARS], message.thread[:MAX_THREAD_CHARS])


def _cleaned(message: InboundMessage) -> InboundMessage:
    """Without the signs that no database takes, wherever a sender may have put them."""
    return replace(
        message,
        message_id=clean(message.message_id),
        address=clean(message.address),
        text=clean(message.text),
        sender_name=clean(message.sender_name),
        thread=clean(message.thread),
        subject=clean(message.subject),
        references=tuple(map(clean, message.references)),
        media=tuple(
            replace(each, ref=clean(each.ref), mime_type=clean(each.mime_type), name=clean(each.name))
            for each in message.media
        ),
    )
