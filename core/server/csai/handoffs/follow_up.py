"""A teammate answers, and the visitor has left: after a while it is mailed to the address they left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog
from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.channels import outbox
from csai.channels.wording import words
from csai.clients.branding import stored_branding
from csai.database import Database
from csai.handoffs.follow_up_repository import Due, FollowUpRepository, Unread, due_follow_ups
from csai.plugins.registry import PluginRegistry
from csai.plugins.view import ClientView, ClientViews

log = structlog.get_logger(__name__)

AT_ONCE = 20


class FollowUps:
    """Knows what visitors have read of teammates' words, and puts the rest on its way by mail, each once."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        views: ClientViews,
        registry: PluginRegistry,
        after_s: float,
    ) -> None:
        """`after_s`: so long the visitor may take to read it where it was said."""
        self._database = database
        self._clock = clock
        self._views = views
        self._registry = registry
        self._after = timedelta(seconds=after_s)

    async def expect(
        self, transaction: AsyncConnection, client_id: str, conversation_id: str, seq: int
    ) -> None:
        """Beside a teammate's message that has just been stored, with its number."""
        await FollowUpRepository(transaction, client_id).expect(
            conversation_id, seq, due_at=self._clock.now() + self._after
        )

    async def read(self, client_id: str, conversation_id: str, seq: int) -> None:
        """The visitor was shown the conversation up to this number. Mostly there is nothing to write."""
        async with self._database.read() as connection:
            is_news = await FollowUpRepository(connection, client_id).is_news(conversation_id, seq)
        if is_news:
            async with self._database.write() as transaction:
                await FollowUpRepository(transaction, client_id).read(conversation_id, seq)

    async def send_due(self) -> int:
        """Put what is due on its way; how many there were. Safe wherever it is done at the same time."""
        async with self._database.read() as connection:
            found = await due_follow_ups(connection, now=self._clock.now(), count=AT_ONCE)
        for due in found:
            view = await self._views.get(due.client_id, due.config_version)
            async with self._database.write() as transaction:
                outcome = await self._put(transaction, due, view)
            log.info("a teammate's words followed up", client_id=due.client_id, outcome=outcome)
        return len(found)

    async def _put(self, transaction: AsyncConnection, due: Due, view: ClientView) -> str:
        repository = FollowUpRepository(transaction, due.client_id)
        unread = await repository.take(due)
        if unread is None:
            return "read"
        if unread.email is None or not stored_branding(view.client.branding).email_follow_up:
            return "not_wanted"
        account = await repository.account(self._mail_channels(view))
        if account is None:
            return "no_account"
        account_id, channel_id = account
        said = await repository.visitor_texts(due.conversation_id)
        now = self._clock.now()
        post = await repository.post(
            account_id,
            unread.email.lower(),
            unread.session_id,
            subject=words("missed_subject", said, view.locales, name=view.client.name),
            now=now,
        )
        await outbox.put(
            transaction,
            due.client_id,
            account_id=account_id,
            thread_id=post.thread_id,
            channel=self._registry.channels[channel_id][1],
            batch=f"missed:{due.id}",
            text=_text(unread, said, view),
            author="teammate",
            in_reply_to=post.heard_id,
            now=now,
        )
        return "mailed"

    def _mail_channels(self, view: ClientView) -> list[str]:
        return [name for name in view.channels if self._registry.channels[name][1].is_mail]


def _text(unread: Unread, said: Sequence[str], view: ClientView) -> str:
    """Teammates' words between what they are and the way back.

    Nothing that the visitor wrote: the address may be another's.
    """
    head, back = (
        words(each, said, view.locales, name=view.client.name) for each in ("missed", "missed_back")
    )
    return "\n\n".join([head, *unread.words, back])
