from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, primary_id


class Admin(Base):
    """A person who operates the installation, or where `is_bound` only some of its clients: `admin_clients`.

    There is no password until a one-time link was used. `failures` counts wrong ones in a row. The secret of
    the second factor is encrypted; no code of `totp_step` or before it is taken again.
    """

    __tablename__ = "admins"

    id: Mapped[str] = primary_id()
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(20))
    is_bound: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    totp_secret: Mapped[str | None] = mapped_column(Text)
    totp_pending: Mapped[str | None] = mapped_column(Text)
    totp_step: Mapped[int | None]
    created_at: Mapped[datetime]


class AdminSession(Base):
    """A browser or script that signed in: its tokens carry the id, and are worthless once it is gone.

    `is_vouched`: the identity provider said that a second factor was shown.
    """

    __tablename__ = "admin_sessions"
    __table_args__ = (Index("ix_admin_sessions_admin_id", "admin_id"),)

    id: Mapped[str] = primary_id()
    admin_id: Mapped[str] = mapped_column(Id, ForeignKey("admins.id", ondelete="CASCADE"))
    agent: Mapped[str] = mapped_column(String(200), default="")
    is_vouched: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class AdminRecoveryCode(Base):
    """A code that serves once instead of the second factor."""

    __tablename__ = "admin_recovery_codes"

    admin_id: Mapped[str] = mapped_column(Id, ForeignKey("admins.id", ondelete="CASCADE"), primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)


class AdminLink(Base):
    """A link that sets a password once; where it is no admin's, it makes the first one."""

    __tablename__ = "admin_links"
    __table_args__ = (Index("ix_admin_links_admin_id", "admin_id"),)

    id: Mapped[str] = primary_id()
    admin_id: Mapped[str | None] = mapped_column(Id, ForeignKey("admins.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime]


class AdminIdentity(Base):
    """Who an admin is at an identity provider, from their first sign-in by it on.

    The subject says who comes from then on, and no address: those change hands.
    """

    __tablename__ = "admin_identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    admin_id: Mapped[str] = mapped_column(Id, ForeignKey("admins.id", ondelete="CASCADE"), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(300), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]


class OidcSignIn(Base):
    """A browser on its way to the identity provider and back, by the hash of the ticket in its cookie.

    It comes back once (`is_answered`). What the provider said of who came stands here until the page has
    finished; `email` only where it is verified.
    """

    __tablename__ = "oidc_sign_ins"

    id: Mapped[str] = primary_id()
    ticket_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime]
    is_answered: Mapped[bool] = mapped_column(default=False)
    subject: Mapped[str | None] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(254))
    is_vouched: Mapped[bool] = mapped_column(default=False)


class ApiToken(Base):
    """What a script shows to act for an admin, as its hash; never more than that admin may, and only reading
    where `scope` says so. No `client_ids`: all of the admin's clients.
    """

    __tablename__ = "api_tokens"
    __table_args__ = (Index("ix_api_tokens_admin_id", "admin_id"),)

    id: Mapped[str] = primary_id()
    admin_id: Mapped[str] = mapped_column(Id, ForeignKey("admins.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(60))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(20))
    scope: Mapped[str] = mapped_column(String(10))
    client_ids: Mapped[list[Any] | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AdminClient(Base):
    """A client that a bound admin may operate. Who is bound and has none left sees nothing."""

    __tablename__ = "admin_clients"
    __table_args__ = (Index("ix_admin_clients_client_id", "client_id"),)

    admin_id: Mapped[str] = mapped_column(Id, ForeignKey("admins.id", ondelete="CASCADE"), primary_key=True)
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)


class AuditEntry(Base):
    """A change that a person or a command made, written in the change's own transaction and never altered.

    It belongs to the installation and refers to nothing, so that it outlives what it tells of. `before` and
    `after` hold no secret, only the names of those that were set.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_client_id_created_at_id", "client_id", "created_at", "id"),
        Index("ix_audit_log_created_at_id", "created_at", "id"),
    )

    id: Mapped[str] = primary_id()
    actor: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[str | None] = mapped_column(Id)
    actor_name: Mapped[str] = mapped_column(String(330), default="")
    action: Mapped[str] = mapped_column(String(60))
    object: Mapped[str] = mapped_column(String(300))
    client_id: Mapped[str | None] = mapped_column(Id)
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    request_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
