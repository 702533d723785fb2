"""Putting what is to be said on a channel beside its cause, in pieces that the channel can take."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from csai_sdk import Channel
from csai_sdk.channel import Author
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.channels.split import pieces
from csai.kit.identifier import new_id
from csai.models import ChannelAccount, ChannelContact, ChannelOutbound, ChannelThread, Conversation
from csai.plugins.registry import PluginRegistry

__all__ = ["Author", "TeammateWords", "put"]


async def put(
    transaction: AsyncConnection,
    client_id: str,
    *,
    account_id: str,
    thread_id: str,
    channel: Channel | None,
    batch: str,
    text: str,
    author: Author,
    in_reply_to: str = "",
    now: datetime,
) -> int:
    """Have `text` sent, once for each `batch`; in how many pieces. Without a channel it stays in one."""
    parts: Sequence[str] = pieces(text, channel) if channel is not None else [text]
    if not parts:
        return 0
    await transaction.execute(
        insert(ChannelOutbound),
        [
            {
                "id": new_id(),
                "client_id": client_id,
                "account_id": account_id,
                "thread_id": thread_id,
                "batch": batch,
                "part": part,
                "author": author,
                "text": piece,
                "in_reply_to": in_reply_to,
                "status": "pending",
                "attempts": 0,
                "next_attempt_at": now,
                "vendor_key": None,
                "code": "",
                "detail": "",
                "created_at": now,
                "status_at": now,
            }
            for part, piece in enumerate(parts, 1)
        ],
    )
    return len(parts)


class TeammateWords:
    """What teammates say in conversations of channels goes out there as well."""

    def __init__(self, registry: PluginRegistry) -> None:
        self._registry = registry

    async def put(
        self,
        transaction: AsyncConnection,
        client_id: str,
        conversation_id: str,
        *,
        message_id: str,
        text: str,
        now: datetime,
    ) -> bool:
        """Beside a teammate's message that has just been stored; False for other conversations.

        Where the visitor has only been written to, it is another's to say whether they are again.
        """
        statement = (
            select(ChannelThread.id, ChannelThread.heard_id, ChannelAccount.id, ChannelAccount.channel)
            .join(ChannelContact, ChannelContact.id == ChannelThread.contact_id)
            .join(ChannelAccount, ChannelAccount.id == ChannelContact.account_id)
            .join(Conversation, Conversation.session_id == ChannelThread.session_id)
            .where(
                ChannelThread.client_id == client_id,
                ChannelThread.heard_id != "",
                Conversation.client_id == client_id,
                Conversation.id == conversation_id,
            )
        )
        row = (await transaction.execute(statement)).first()
        if row is None:
            return False
        thread_id, heard_id, account_id, channel = row
        await put(
            transaction,
            client_id,
            account_id=account_id,
            thread_id=thread_id,
            channel=self._registry.channels.get(channel, ("", None))[1],
            batch=f"said:{message_id}",
            text=text,
            author="teammate",
            in_reply_to=heard_id,
            now=now,
        )
        return True
