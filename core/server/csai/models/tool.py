from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, primary_id, within_client


class Tool(Base):
    """The catalog. Shared where `client_id` is null; else what one client's own systems offer.

    `plugin` names the plugin whose Python function it is (backend `python`), or whose integration reads it
    (`integration`, with its endpoint); else it is null. What a backend lists for a client has the system's
    name in `source`, what the backend finds it by in `target`, a hash of its definition in `fingerprint`, and
    is `gone` once the system offers it no more.
    """

    __tablename__ = "tools"
    __table_args__ = (
        UniqueConstraint("client_id", "tool_name"),
        within_client("endpoint_id", "integration_endpoints"),
        UniqueConstraint("endpoint_id"),
        Index(
            "uq_tools_shared_tool_name",
            "tool_name",
            unique=True,
            sqlite_where=text("client_id IS NULL"),
            postgresql_where=text("client_id IS NULL"),
        ),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str | None] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    tool_name: Mapped[str] = mapped_column(String(64))
    description: Mapped[str] = mapped_column(Text)
    parameters_schema: Mapped[dict[str, Any]]
    category: Mapped[str] = mapped_column(String(50), default="general")
    backend: Mapped[str] = mapped_column(String(50))
    plugin: Mapped[str | None] = mapped_column(String(100))
    endpoint_id: Mapped[str | None] = mapped_column(Id)
    read_only: Mapped[bool] = mapped_column(default=False)
    idempotent: Mapped[bool] = mapped_column(default=False)
    private: Mapped[bool] = mapped_column(default=False)
    confirm: Mapped[bool] = mapped_column(default=False)
    source: Mapped[str | None] = mapped_column(String(64))
    target: Mapped[dict[str, Any] | None]
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    gone: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class ClientTool(Base):
    """Which client has which tool, and where it is answered.

    `approved` is the fingerprint of the listed tool that an admin switched on: it is used only while it is
    still the same.
    """

    __tablename__ = "client_tools"
    __table_args__ = (UniqueConstraint("client_id", "tool_id"),)

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    tool_id: Mapped[str] = mapped_column(Id, ForeignKey("tools.id", ondelete="CASCADE"))
    enabled: Mapped[bool] = mapped_column(default=True)
    n8n_webhook_url: Mapped[str | None] = mapped_column(Text)
    custom_config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    approved: Mapped[str | None] = mapped_column(String(64))


class ListedTools(Base):
    """When a backend was last asked for the tools of a client's own systems, and what each of them said."""

    __tablename__ = "listed_tools"
    __table_args__ = (UniqueConstraint("client_id", "backend"),)

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    backend: Mapped[str] = mapped_column(String(50))
    sources: Mapped[list[Any]]
    listed_at: Mapped[datetime]


class ToolExecution(Base):
    """One logical tool call.

    `status`: waiting (for the visitor's word, until `expires_at`), declined, replaced (by another question
    about the same tool), intended (written before a side effect), succeeded, failed, refused or unknown.
    """

    __tablename__ = "tool_executions"
    __table_args__ = (
        UniqueConstraint("client_id", "call_id"),
        within_client("conversation_id", "conversations"),
        Index("ix_tool_executions_client_id_timestamp", "client_id", "timestamp"),
        Index("ix_tool_executions_conversation_id", "conversation_id"),
        Index("ix_tool_executions_turn_id", "turn_id"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id)
    conversation_id: Mapped[str] = mapped_column(Id)
    turn_id: Mapped[str] = mapped_column(Id)
    call_id: Mapped[str] = mapped_column(String(80))
    tool_name: Mapped[str] = mapped_column(Text)
    parameters: Mapped[dict[str, Any]]
    n8n_response: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(10))
    success: Mapped[bool | None]
    execution_time_ms: Mapped[int | None]
    timestamp: Mapped[datetime]
    expires_at: Mapped[datetime | None]
