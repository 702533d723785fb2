"""Signing in by the identity provider: there, back, and in.

The browser carries a ticket in a cookie, and nothing else: state, nonce and PKCE's verifier are derived from
it, so what another browser brings fits none, and no address that a server logs holds what lets anybody in.
Source: https://www.rfc-editor.org/rfc/rfc9700
"""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from csai.admins.audit import Actor, record
from csai.admins.issuer import Issuer
from csai.admins.oidc_repository import Identity, IdentityRepository, OidcSignInRepository
from csai.admins.repository import AdminRepository, AdminRow
from csai.admins.second_factor import is_second_factor
from csai.admins.service import SignedIn
from csai.admins.sign_in import SignIns, code_invalid, code_needed
from csai.database import Conflict, Database
from csai.kit.crypto import Keyring, key_hash
from csai.kit.problem import Problem, not_found

LIFETIME = timedelta(minutes=10)
PURPOSE = "oidc-sign-in"


class OidcSignIns:
    """Lets in admins whom the identity provider knows. Nobody becomes an admin by it."""

    def __init__(
        self,
        *,
        issuer: Issuer | None,
        sign_ins: SignIns,
        database: Database,
        keyring: Keyring,
        clock: Clock,
    ) -> None:
        self._maybe_issuer = issuer
        self._sign_ins = sign_ins
        self._database = database
        self._keyring = keyring
        self._clock = clock

    @property
    def label(self) -> str | None:
        """How the provider is called; None where none is set."""
        return self._maybe_issuer.label if self._maybe_issuer else None

    async def begin(self, request: Request, *, is_another: bool) -> tuple[str, str]:
        """Where the browser is to go, and the ticket for its cookie. Raises `Problem`."""
        issuer = self._issuer
        await self._sign_ins.check_attempt(request, "oidc-address")
        ticket = secrets.token_urlsafe(32)
        url = await issuer.url(
            state=self._derived("state", ticket),
            nonce=self._derived("nonce", ticket),
            verifier=self._derived("verifier", ticket),
            is_another=is_another,
        )
        now = self._clock.now()
        async with self._database.write() as transaction:
            await OidcSignInRepository(transaction, key_hash(ticket)).begin(
                now=now, expires_at=now + LIFETIME
            )
        return url, ticket

    async def answer(self, ticket: str, *, state: str, code: str, issuer: str) -> None:
        """Take what the provider sent the browser back with, once. Raises `Problem`."""
        asked = self._issuer
        expected = self._derived("state", ticket).encode()
        if not ticket or not hmac.compare_digest(state.encode(errors="replace"), expected):
            raise _over()
        async with self._database.write() as transaction:
            if not await OidcSignInRepository(transaction, key_hash(ticket)).answer(now=self._clock.now()):
                raise _over()
        if not code:
            raise Problem(403, "oidc_refused", "The identity provider let nobody in. Begin again.")
        identity = await asked.identity(
            code,
            said_issuer=issuer,
            nonce=self._derived("nonce", ticket),
            verifier=self._derived("verifier", ticket),
        )
        async with self._database.write() as transaction:
            await OidcSignInRepository(transaction, key_hash(ticket)).keep(identity)

    async def finish(self, request: Request, ticket: str, code: str | None) -> tuple[SignedIn, str]:
        """The admin and a token. Raises `Problem`, of which `second_factor_needed` leaves the ticket good."""
        await self._sign_ins.check_attempt(request, "login-address")
        try:
            async with self._database.write() as transaction:
                row, begun = await self._come_in(transaction, request, ticket, code)
        except Conflict:
            raise _over() from None  # somebody was linked to the same in the same moment
        if begun is None:
            await self._sign_ins.count_failure(row.id)
            raise code_invalid()
        return begun

    async def _come_in(
        self, transaction: AsyncConnection, request: Request, ticket: str, code: str | None
    ) -> tuple[AdminRow, tuple[SignedIn, str] | None]:
        """Without a session for a code that is not the second factor's."""
        now, issuer = self._clock.now(), self._issuer.name
        on_its_way = OidcSignInRepository(transaction, key_hash(ticket))
        identity = await on_its_way.identity(now=now)
        if identity is None:
            raise _over()
        row, is_new = await _find(transaction, issuer, identity)
        if not row.is_active:
            raise Problem(403, "admin_inactive", "Your account is deactivated. Ask an owner.")
        if row.is_locked(now):
            raise Problem(403, "admin_locked", "Your account is locked for a while. An owner can unlock it.")
        if row.totp_secret is not None and not identity.is_vouched:
            if not code:
                raise code_needed()
            if not await is_second_factor(transaction, self._keyring, row, code, now=now):
                return row, None
        if not await on_its_way.finish():
            raise _over()
        if is_new:
            await IdentityRepository(transaction, issuer).add(row.id, identity.subject, now=now)
            actor = Actor("admin", row.id, row.email, request.state.request_id)
            said = {"issuer": issuer, "subject": identity.subject}
            await record(transaction, actor, "admin.linked", object=f"admin:{row.id}", after=said, at=now)
        return row, await self._sign_ins.open(transaction, request, row, is_vouched=identity.is_vouched)

    @property
    def _issuer(self) -> Issuer:
        """Raises 404 where none is set."""
        if self._maybe_issuer is None:
            raise not_found("way to sign in")
        return self._maybe_issuer

    def _derived(self, what: str, ticket: str) -> str:
        return self._keyring.derived_text(PURPOSE, f"{what}:{ticket}")


async def _find(transaction: AsyncConnection, issuer: str, identity: Identity) -> tuple[AdminRow, bool]:
    """The admin, and whether they come so for the first time: then their address counts, and never again."""
    admins, identities = AdminRepository(transaction), IdentityRepository(transaction, issuer)
    linked = await identities.admin_id(identity.subject)
    if linked is None and identity.email is None:
        raise Problem(
            403, "oidc_unverified", "The identity provider does not say that your address is yours."
        )
    row = await (admins.get(linked) if linked else admins.find(email=identity.email or ""))
    if row is None:
        raise Problem(403, "admin_unknown", "Nobody with your address may sign in here. Ask an owner.")
    if linked is None and await identities.is_linked(row.id):
        raise Problem(
            403,
            "oidc_other_account",
            "Your address was linked to another account of the identity provider. Ask an owner for help.",
        )
    return row, linked is None


def _over() -> Problem:
    return Problem(
        401, "oidc_over", "This sign-in is over, was used, or was begun in another browser. Begin again."
    )
