from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, Json, Name, primary_id, within_client


class ChannelAccount(Base):
    """A client's account at a channel's vendor. `secrets` is one encrypted JSON object, bound to its owner.

    `public_id` stands in the webhook's address. `cursor` is where looking for news has come to, and
    `next_poll_at` when to look again. `fault` is why the vendor last refused the account, for its admin.
    """

    __tablename__ = "channel_accounts"
    __table_args__ = (
        UniqueConstraint("client_id", "id"),
        Index("ix_channel_accounts_next_poll_at", "next_poll_at"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(String(30))
    name: Mapped[str] = mapped_column(Name)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    enabled: Mapped[bool]
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    secrets: Mapped[str | None] = mapped_column(Text)
    settings_version: Mapped[int] = mapped_column(default=1)
    revision: Mapped[int] = mapped_column(default=1)
    cursor: Mapped[Any] = mapped_column(Json, nullable=True)
    polls: Mapped[int] = mapped_column(default=0)
    next_poll_at: Mapped[datetime | None]
    fault: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ChannelContact(Base):
    """Whoever writes to an account from one address. While `opted_out_at` is set, nothing is sent there.

    `heard_at` is when they last wrote, `noticed_at` when they were last told that a limit is reached.
    """

    __tablename__ = "channel_contacts"
    __table_args__ = (
        within_client("account_id", "channel_accounts"),
        UniqueConstraint("client_id", "id"),
        UniqueConstraint("account_id", "address"),
        Index("ix_channel_contacts_client_id_heard_at", "client_id", "heard_at"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id)
    account_id: Mapped[str] = mapped_column(Id)
    address: Mapped[str] = mapped_column(String(320))
    name: Mapped[str] = mapped_column(Name)
    opted_out_at: Mapped[datetime | None]
    heard_at: Mapped[datetime]
    noticed_at: Mapped[datetime | None]


class ChannelThread(Base):
    """A contact's conversation on the channel, and which session goes on with it.

    `heard_id`, `subject` and `earlier` (ids of earlier messages) are of the last message that came.
    `confirmations` are the questions that wait for the visitor's yes or no, in the order they are asked.
    """

    __tablename__ = "channel_threads"
    __table_args__ = (
        within_client("contact_id", "channel_contacts"),
        UniqueConstraint("client_id", "id"),
        UniqueConstraint("contact_id", "thread"),
        Index("ix_channel_threads_client_id_session_id", "client_id", "session_id"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id)
    contact_id: Mapped[str] = mapped_column(Id)
    thread: Mapped[str] = mapped_column(String(255))
    session_id: Mapped[str | None] = mapped_column(Id)
    heard_id: Mapped[str] = mapped_column(Text)
    heard_at: Mapped[datetime]
    subject: Mapped[str] = mapped_column(Text)
    earlier: Mapped[list[Any]] = mapped_column(default=list)
    confirmations: Mapped[list[Any]] = mapped_column(default=list)


class ChannelInbound(Base):
    """A visitor's message from a channel, stored once however often it is delivered: `dedupe_key` says which.

    `status` is `waiting`, then `working` while a turn answers it, then `done`, `refused` or `ignored`.
    """

    __tablename__ = "channel_inbox"
    __table_args__ = (
        within_client("account_id", "channel_accounts"),
        within_client("thread_id", "channel_threads"),
        UniqueConstraint("account_id", "dedupe_key"),
        Index("ix_channel_inbox_status_next_attempt_at", "status", "next_attempt_at"),
        Index("ix_channel_inbox_client_id_received_at", "client_id", "received_at"),
        Index("ix_channel_inbox_thread_id_id", "thread_id", "id"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id)
    account_id: Mapped[str] = mapped_column(Id)
    thread_id: Mapped[str] = mapped_column(Id)
    dedupe_key: Mapped[str] = mapped_column(String(200))
    vendor_id: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    media: Mapped[list[Any]] = mapped_column(default=list)
    consent: Mapped[str | None] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    received_at: Mapped[datetime]


class ChannelOutbound(Base):
    """A piece of an answer on its way to a visitor; its `id` is the message id that the vendor is given.

    `batch` names what it is a piece of, `part` which. `status` is `pending`, `sending` from just before the
    vendor is asked, then `sent`, `delivered`, `read`, `failed`, or `unknown` where nobody can tell.
    """

    __tablename__ = "channel_outbox"
    __table_args__ = (
        within_client("account_id", "channel_accounts"),
        within_client("thread_id", "channel_threads"),
        UniqueConstraint("client_id", "batch", "part"),
        Index("ix_channel_outbox_status_next_attempt_at", "status", "next_attempt_at"),
        Index("ix_channel_outbox_client_id_created_at", "client_id", "created_at"),
        Index("ix_channel_outbox_account_id_vendor_key", "account_id", "vendor_key"),
        Index("ix_channel_outbox_thread_id_id", "thread_id", "id"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id)
    account_id: Mapped[str] = mapped_column(Id)
    thread_id: Mapped[str] = mapped_column(Id)
    batch: Mapped[str] = mapped_column(String(100))
    part: Mapped[int]
    author: Mapped[str] = mapped_column(String(20))
    text: Mapped[str] = mapped_column(Text)
    in_reply_to: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    vendor_key: Mapped[str | None] = mapped_column(String(200))
    code: Mapped[str] = mapped_column(String(50), default="")
    detail: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[datetime]
    status_at: Mapped[datetime]
