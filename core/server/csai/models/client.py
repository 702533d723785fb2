from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, Name, primary_id


class Client(Base):
    """A business, the tenant.

    `config_version` grows with every change of what a turn depends on: keys, plugins, tools, settings.
    `identity_secret` (encrypted) signs the host page's visitor tokens. While it `is_paused`, its AI calls no
    model.
    """

    __tablename__ = "clients"

    id: Mapped[str] = primary_id()
    name: Mapped[str] = mapped_column(Name)
    domain: Mapped[str] = mapped_column(String(253), default="")
    plan_type: Mapped[str] = mapped_column(String(50), ForeignKey("plans.name"))
    status: Mapped[str] = mapped_column(String(20), default="active")
    is_paused: Mapped[bool] = mapped_column(default=False)
    config_version: Mapped[int] = mapped_column(default=1)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    branding: Mapped[dict[str, Any]] = mapped_column(default=dict)
    billing: Mapped[dict[str, Any]] = mapped_column(default=dict)
    identity_secret: Mapped[str | None] = mapped_column(Text)
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    created_at: Mapped[datetime]


class ApiKey(Base):
    """A key of a client. Only its hash is kept; `hint` is its last characters, for people."""

    __tablename__ = "api_keys"
    __table_args__ = (Index("ix_api_keys_client_id", "client_id"),)

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(12))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]


class ClientOrigin(Base):
    """A web origin that a client's publishable keys may be used from."""

    __tablename__ = "client_origins"
    __table_args__ = (UniqueConstraint("client_id", "origin"),)

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    origin: Mapped[str] = mapped_column(String(300))


class ClientPlugin(Base):
    """A plugin switched for a client. `secrets` is one encrypted JSON object, bound to its owner.

    `revision` grows with every change: an operator's change names the one it was made on. `settings_version`
    is that of the plugin's model which wrote the values. `previous` and `previous_secrets` are what undoing
    the last change restores; they are null where there is nothing to undo.
    """

    __tablename__ = "client_plugins"

    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    plugin: Mapped[str] = mapped_column(String(100), primary_key=True)
    enabled: Mapped[bool]
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    secrets: Mapped[str | None] = mapped_column(Text)
    settings_version: Mapped[int] = mapped_column(default=1)
    revision: Mapped[int] = mapped_column(default=1)
    previous: Mapped[dict[str, Any] | None]
    previous_secrets: Mapped[str | None] = mapped_column(Text)
    updated_at: Mapped[datetime]
