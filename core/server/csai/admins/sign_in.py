"""Signing in and out: by password, for a day, and longer for those who stay."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from csai.admins.account import add_admin
from csai.admins.action import Action
from csai.admins.audit import SYSTEM, Actor, record
from csai.admins.password import PasswordCheck
from csai.admins.repository import AdminRepository, AdminRow
from csai.admins.second_factor import is_second_factor
from csai.admins.service import Admins, SignedIn
from csai.admins.session_repository import LinkRepository, SessionRepository, SessionRow
from csai.admins.token import LIFETIME, sign_token
from csai.clients.rate_limit import RateLimiter
from csai.config import Settings
from csai.database import Database
from csai.kit.address import client_address
from csai.kit.crypto import Keyring, key_hash
from csai.kit.identifier import check_id, new_id
from csai.kit.problem import Problem, not_found
from csai.kit.text import clean, is_clean

log = structlog.get_logger(__name__)

ATTEMPTS_PER_ADDRESS = 10
LOGINS_PER_EMAIL = 20
FREE_FAILURES = 5
"""Wrong passwords in a row until the account is locked for a minute, then for twice as long each time."""
MAX_LOCK = timedelta(hours=1)
LONGEST = timedelta(days=30)
"""How long a session can be refreshed."""
FRESH = timedelta(minutes=10)
MAX_AGENT_CHARS = 200


class SignIns:
    """Begins, prolongs and ends sessions."""

    def __init__(
        self,
        *,
        admins: Admins,
        settings: Settings,
        database: Database,
        keyring: Keyring,
        limiter: RateLimiter,
        clock: Clock,
    ) -> None:
        self._admins = admins
        self._settings = settings
        self._database = database
        self._keyring = keyring
        self._limiter = limiter
        self._clock = clock
        self._passwords = PasswordCheck()

    async def login(
        self, request: Request, *, email: str, password: str, code: str | None = None
    ) -> tuple[SignedIn, str]:
        """The admin and a token. Raises 401 alike for whatever is wrong, and 429 for too many attempts."""
        await self.check_attempt(request, "login-address")
        email = email.strip().lower()
        await self._limiter.check_attempt("login-email", email, per_minute=LOGINS_PER_EMAIL)
        row = await self._find(email)
        is_locked = row is not None and row.is_locked(self._clock.now())
        is_right = await self._passwords.is_right(password, row.password_hash if row else None)
        if row is None or not row.is_active or is_locked or not is_right:
            await self.count_failure(None if row is None or is_locked else row.id)
            log.warning("admin login refused")
            raise _login_invalid()
        if row.totp_secret is not None and not code:
            raise code_needed()
        begun = await self._begin(request, row, code)
        if begun is None:
            await self.count_failure(row.id)
            raise code_invalid()
        return begun

    async def welcome(self, request: Request, *, token: str, email: str | None, password: str) -> str:
        """Set the password that a one-time link allows to set; whose it is. Raises `Problem`.

        Nobody is signed in by that: a second factor is still asked for.
        """
        await self.check_attempt(request, "welcome-address")
        await self.link_owner(token)  # a password is hashed for those alone who have one
        password_hash = await self._passwords.hashed(password)
        now = self._clock.now()
        async with self._database.write() as transaction:
            links = LinkRepository(transaction)
            is_known, admin_id = await links.admin_id(key_hash(token), now=now)
            if not is_known or not await links.take(key_hash(token), admin_id):
                raise _link_invalid()
            if admin_id is None:
                return await self._first(transaction, request, email, password_hash)
            return await self._set_password(transaction, request, admin_id, password_hash)

    async def link_owner(self, token: str) -> str | None:
        """Whose link it is; None for the one that makes the first admin. Raises 401."""
        async with self._database.read() as connection:
            is_known, admin_id = await LinkRepository(connection).admin_id(
                key_hash(token), now=self._clock.now()
            )
            repository = AdminRepository(connection)
            row = await repository.get(admin_id) if admin_id else None
            is_late = admin_id is None and await repository.has_any()
        if not is_known or is_late or (row is not None and not row.is_active):
            raise _link_invalid()
        return row.email if row else None

    async def check_link(self, request: Request, token: str) -> str | None:
        """The same, for whoever opens the link."""
        await self.check_attempt(request, "welcome-address")
        return await self.link_owner(token)

    async def change_password(self, admin: SignedIn, *, current: str, new: str) -> None:
        """Ends the admin's other sessions. Raises `Problem`."""
        await self.check_password(admin, current)
        password_hash = await self._passwords.hashed(new)
        async with self._database.write() as transaction:
            await AdminRepository(transaction).set(admin.id, password_hash=password_hash)
            await SessionRepository(transaction, admin.id).end_all(but=admin.session_id)
            await self._record(transaction, admin.actor, "admin.password_changed", admin.id)

    async def check_password(self, admin: SignedIn, password: str) -> None:
        """Raises 409 for another one than the admin's own, and 429 for too many attempts."""
        await self.check_guess(admin)
        row = await self._find(admin.email)
        if not await self._passwords.is_right(password, row.password_hash if row else None):
            raise Problem(409, "password_wrong", "The current password is another one.")

    async def check_presence(self, admin: SignedIn, password: str) -> None:
        """The same; who has no password shows by having signed in a moment ago that it is still them."""
        if admin.has_password:
            await self.check_password(admin, password)
            return
        async with self._database.read() as connection:
            session = await SessionRepository(connection, admin.id).get(admin.session_id)
        if session is None or session.created_at + FRESH <= self._clock.now():
            raise Problem(409, "session_old", "You have no password: sign in again, and repeat it then.")

    async def check_guess(self, admin: SignedIn) -> None:
        """Count an attempt at a password or code of who is signed in. Raises 429."""
        await self._limiter.check_attempt("admin-guess", admin.id, per_minute=ATTEMPTS_PER_ADDRESS)

    async def refresh(self, admin: SignedIn) -> tuple[datetime, str]:
        """A token for another day of the same session, and its end. Raises 401 once it has lasted long."""
        now = self._clock.now()
        async with self._database.write() as transaction:
            sessions = SessionRepository(transaction, admin.id)
            session = await sessions.get(admin.session_id)
            if session is None or session.created_at + LONGEST <= now:
                raise Problem(401, "session_over", "You were signed in for long: sign in again.")
            await sessions.extend(admin.session_id, until=now + LIFETIME)
        return now + LIFETIME, self._token(admin.id, admin.session_id, now)

    async def sessions(self, admin: SignedIn) -> list[SessionRow]:
        async with self._database.read() as connection:
            return await SessionRepository(connection, admin.id).all(now=self._clock.now())

    async def end(self, admin: SignedIn, session_id: str) -> None:
        """Raises 404 for a session that is not the admin's own."""
        check_id(session_id, "session")
        async with self._database.write() as transaction:
            if not await SessionRepository(transaction, admin.id).end(session_id):
                raise not_found("session")
            await self._record(transaction, admin.actor, "admin.logged_out", admin.id)

    async def end_all(self, admin: SignedIn) -> None:
        async with self._database.write() as transaction:
            await SessionRepository(transaction, admin.id).end_all()
            await self._record(transaction, admin.actor, "admin.logged_out", admin.id)

    async def check_attempt(self, request: Request, what: str) -> None:
        """Raises 403 for another site's page, and 429 for too many from one address."""
        self._admins.check_same_site(request, is_cookie_used=False)
        address = client_address(request, self._settings.trusted_proxies)
        await self._limiter.check_attempt(what, address, per_minute=ATTEMPTS_PER_ADDRESS)

    async def _find(self, email: str) -> AdminRow | None:
        if not is_clean(email):
            return None
        async with self._database.read() as connection:
            return await AdminRepository(connection).find(email=email)

    async def count_failure(self, admin_id: str | None) -> None:
        """Who is unknown or locked takes the same statements, or their time would tell."""
        async with self._database.write() as transaction:
            repository, counted = AdminRepository(transaction), admin_id or new_id()
            failures = await repository.count_failure(counted)
            until = _lock_end(failures, self._clock.now())
            await repository.set(counted, locked_until=until)
            if until is not None:
                await self._record(transaction, SYSTEM, "admin.locked", counted)

    async def _begin(self, request: Request, row: AdminRow, code: str | None) -> tuple[SignedIn, str] | None:
        """None for a code that is not the second factor's."""
        async with self._database.write() as transaction:
            if await AdminRepository(transaction).get(row.id) != row:
                raise _login_invalid()  # changed while the password was verified
            if row.totp_secret is not None and not await is_second_factor(
                transaction, self._keyring, row, code or "", now=self._clock.now()
            ):
                return None
            return await self.open(transaction, request, row)

    async def open(
        self, transaction: AsyncConnection, request: Request, row: AdminRow, *, is_vouched: bool = False
    ) -> tuple[SignedIn, str]:
        """A session of who has shown that they are that admin, and its token."""
        now, session_id = self._clock.now(), new_id()
        actor = Actor("admin", row.id, row.email, request.state.request_id)
        repository = AdminRepository(transaction)
        await repository.set(row.id, failures=0, locked_until=None)
        await SessionRepository(transaction, row.id).add(
            id=session_id,
            agent=clean(request.headers.get("user-agent", ""))[:MAX_AGENT_CHARS],
            is_vouched=is_vouched,
            now=now,
            expires_at=now + LIFETIME,
        )
        await self._record(transaction, actor, "admin.logged_in", row.id)
        admin = SignedIn(
            row.id,
            row.email,
            row.role,
            now + LIFETIME,
            request_id=actor.request_id,
            client_ids=await repository.scope(row),
            session_id=session_id,
            has_second_factor=row.totp_secret is not None,
            has_password=row.password_hash is not None,
            is_vouched=is_vouched,
        )
        return admin, self._token(row.id, session_id, now)

    async def _first(
        self, transaction: AsyncConnection, request: Request, email: str | None, password_hash: str
    ) -> str:
        if await AdminRepository(transaction).has_any():
            raise _link_invalid()
        actor = Actor("system", request_id=request.state.request_id)
        admin_id = await add_admin(
            transaction, email or "", password_hash, "owner", None, actor=actor, at=self._clock.now()
        )
        row = await AdminRepository(transaction).get(admin_id)
        return row.email if row else ""

    async def _set_password(
        self, transaction: AsyncConnection, request: Request, admin_id: str, password_hash: str
    ) -> str:
        repository = AdminRepository(transaction)
        row = await repository.get(admin_id)
        if row is None or not row.is_active:
            raise _link_invalid()
        await repository.set(admin_id, password_hash=password_hash, failures=0, locked_until=None)
        await SessionRepository(transaction, admin_id).end_all()
        actor = Actor("admin", row.id, row.email, request.state.request_id)
        await self._record(transaction, actor, "admin.password_set", admin_id)
        return row.email

    async def _record(
        self, transaction: AsyncConnection, actor: Actor, action: Action, admin_id: str
    ) -> None:
        await record(transaction, actor, action, object=f"admin:{admin_id}", at=self._clock.now())

    def _token(self, admin_id: str, session_id: str, now: datetime) -> str:
        return sign_token(self._keyring, admin_id=admin_id, session_id=session_id, now=now)


def _lock_end(failures: int, now: datetime) -> datetime | None:
    if failures < FREE_FAILURES:
        return None
    # The exponent is kept small: a timedelta holds no such numbers.
    return now + min(timedelta(minutes=2 ** min(failures - FREE_FAILURES, 10)), MAX_LOCK)


def code_needed() -> Problem:
    return Problem(401, "second_factor_needed", "Send the code of your authenticator app too: `code`.")


def code_invalid() -> Problem:
    return Problem(401, "second_factor_invalid", "This code is another one, or was used.")


def _login_invalid() -> Problem:
    return Problem(401, "login_invalid", "The e-mail address or the password is wrong.")


def _link_invalid() -> Problem:
    return Problem(401, "link_invalid", "This link was used or is over. Ask an owner for a new one.")
