"""Reading and writing who admins are at identity providers, and sign-ins by them that are on their way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.models import AdminIdentity, OidcSignIn


@dataclass(frozen=True, slots=True)
class Identity:
    """Who came, as the issuer says. `email` only where it says that the address is theirs."""

    subject: str
    email: str | None
    is_vouched: bool
    """A second factor was shown."""


class IdentityRepository:
    """Who admins are at one issuer."""

    def __init__(self, connection: AsyncConnection, issuer: str) -> None:
        self._connection = connection
        self._issuer = issuer
        self._here = AdminIdentity.issuer == issuer

    async def admin_id(self, subject: str) -> str | None:
        statement = select(AdminIdentity.admin_id).where(self._here, AdminIdentity.subject == subject)
        found: str | None = await self._connection.scalar(statement)
        return found

    async def is_linked(self, admin_id: str) -> bool:
        statement = select(AdminIdentity.subject).where(self._here, AdminIdentity.admin_id == admin_id)
        return await self._connection.scalar(statement) is not None

    async def add(self, admin_id: str, subject: str, *, now: datetime) -> None:
        await self._connection.execute(
            insert(AdminIdentity).values(
                admin_id=admin_id, issuer=self._issuer, subject=subject, created_at=now
            )
        )


async def drop_identities(connection: AsyncConnection, admin_id: str) -> None:
    """Of every issuer: whoever has the address next links it anew."""
    await connection.execute(delete(AdminIdentity).where(AdminIdentity.admin_id == admin_id))


@dataclass(frozen=True, slots=True)
class OidcSignInRepository:
    """One sign-in that is on its way, by the hash of its ticket."""

    connection: AsyncConnection
    ticket_hash: str

    async def begin(self, *, now: datetime, expires_at: datetime) -> None:
        """Add it, and drop those of anybody that are over."""
        await self.connection.execute(delete(OidcSignIn).where(OidcSignIn.expires_at <= now))
        await self.connection.execute(
            insert(OidcSignIn).values(ticket_hash=self.ticket_hash, expires_at=expires_at)
        )

    async def answer(self, *, now: datetime) -> bool:
        """Whether its one answer may be looked at now; no other one may."""
        statement = update(OidcSignIn).where(
            OidcSignIn.ticket_hash == self.ticket_hash, ~OidcSignIn.is_answered, OidcSignIn.expires_at > now
        )
        taken = await self.connection.execute(statement.values(is_answered=True).returning(OidcSignIn.id))
        return taken.first() is not None

    async def keep(self, identity: Identity) -> None:
        statement = update(OidcSignIn).where(OidcSignIn.ticket_hash == self.ticket_hash)
        await self.connection.execute(
            statement.values(subject=identity.subject, email=identity.email, is_vouched=identity.is_vouched)
        )

    async def identity(self, *, now: datetime) -> Identity | None:
        """Who has come back, until they have finished."""
        statement = select(OidcSignIn.subject, OidcSignIn.email, OidcSignIn.is_vouched).where(
            OidcSignIn.ticket_hash == self.ticket_hash,
            OidcSignIn.subject.is_not(None),
            OidcSignIn.expires_at > now,
        )
        row = (await self.connection.execute(statement)).first()
        return Identity(row.subject or "", row.email, row.is_vouched) if row else None

    async def finish(self) -> bool:
        """Whether it was still there: it no longer is."""
        statement = delete(OidcSignIn).where(OidcSignIn.ticket_hash == self.ticket_hash)
        return (await self.connection.execute(statement.returning(OidcSignIn.id))).first() is not None
