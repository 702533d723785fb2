"""Letting admins in: by password, then by token."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from urllib.parse import urlsplit

import structlog
from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from csai.admins.audit import Actor, record
from csai.admins.password import PasswordCheck, hash_password
from csai.admins.repository import AdminRepository, AdminRow
from csai.admins.token import LIFETIME, read_token, sign_token
from csai.clients.rate_limit import RateLimiter
from csai.config import Settings
from csai.database import Database
from csai.kit.address import client_address
from csai.kit.crypto import Keyring
from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.kit.text import is_clean

log = structlog.get_logger(__name__)

Role = Literal["owner", "admin", "teammate", "viewer"]
ROLES: tuple[Role, ...] = get_args(Role)
READERS: Collection[str] = frozenset({"owner", "admin", "viewer"})
CHANGERS: Collection[str] = frozenset({"owner", "admin"})

COOKIE = "csai_admin"
SAFE_METHODS = frozenset({"GET", "HEAD"})
LOGINS_PER_ADDRESS = 10
LOGINS_PER_EMAIL = 20
MAX_EMAIL_CHARS = 254

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An admin whose token is valid, and until when it is."""

    id: str
    email: str
    role: str
    expires_at: datetime
    request_id: str | None = None

    @property
    def actor(self) -> Actor:
        return Actor("admin", self.id, self.email, self.request_id)


async def create_admin(
    transaction: AsyncConnection, *, email: str, password: str, role: Role, actor: Actor, clock: Clock
) -> str:
    """Add an admin of the installation; their id. Raises `Problem`."""
    email = normalise_email(email)
    repository = AdminRepository(transaction)
    if await repository.find(email=email) is not None:
        raise Problem(409, "admin_exists", f"There is an admin with the address {email} already.")
    admin_id, now = new_id(), clock.now()
    await repository.add(
        id=admin_id, email=email, password_hash=hash_password(password), role=role, created_at=now
    )
    await record(
        transaction,
        actor,
        "admin.created",
        object=f"admin:{admin_id}",
        after={"email": email, "role": role},
        at=now,
    )
    return admin_id


def normalise_email(text: str) -> str:
    """In lower case, as no two people differ by that. Raises `Problem`."""
    email = text.strip().lower()
    if len(email) > MAX_EMAIL_CHARS or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise Problem(422, "email_invalid", "Give an e-mail address, such as ada@example.com.")
    return email


class Admins:
    """Authenticates the admin side."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        keyring: Keyring,
        limiter: RateLimiter,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._keyring = keyring
        self._limiter = limiter
        self._clock = clock
        self._passwords = PasswordCheck()

    async def login(self, request: Request, *, email: str, password: str) -> tuple[SignedIn, str]:
        """The admin and a token. Raises 401 alike for whatever is wrong, and 429 for too many attempts."""
        self.check_same_site(request, is_cookie_used=False)
        email = email.strip().lower()
        address = client_address(request, self._settings.trusted_proxies)
        await self._limiter.check_attempt("login-address", address, per_minute=LOGINS_PER_ADDRESS)
        await self._limiter.check_attempt("login-email", email, per_minute=LOGINS_PER_EMAIL)
        row = None
        if is_clean(email):
            async with self._database.read() as connection:
                row = await AdminRepository(connection).find(email=email)
        is_right = await self._passwords.is_right(password, row.password_hash if row else None)
        if row is None or not is_right:
            log.warning("admin login refused")
            raise Problem(401, "login_invalid", "The e-mail address or the password is wrong.")
        now = self._clock.now()
        admin = _signed_in(row, now + LIFETIME, request)
        async with self._database.write() as transaction:
            await record(transaction, admin.actor, "admin.logged_in", object=f"admin:{row.id}", at=now)
        token = sign_token(self._keyring, admin_id=row.id, generation=row.token_generation, now=now)
        return admin, token

    async def enter(self, request: Request, *, roles: Collection[str] = CHANGERS) -> SignedIn:
        """The admin whose token the request carries. Raises 401, and 403 for a role that may not do this."""
        shown, is_cookie = _shown_token(request)
        if not shown:
            raise Problem(
                401, "token_missing", "Sign in: send the token of POST /admin/auth/login as a bearer."
            )
        now = self._clock.now()
        token = read_token(self._keyring, shown, now=now)
        if token is not None:
            async with self._database.read() as connection:
                row = await AdminRepository(connection).get(token.admin_id)
            if row is not None and row.token_generation == token.generation:
                if is_cookie:
                    self.check_same_site(request, is_cookie_used=True)
                if row.role not in roles:
                    raise Problem(403, "role_insufficient", f"The role {row.role} may not do this.")
                return _signed_in(row, token.expires_at, request)
        raise Problem(401, "token_invalid", "The token is not valid, or no longer: sign in again.")

    async def logout(self, admin: SignedIn) -> None:
        """End all of the admin's tokens, those of other browsers and of scripts too."""
        async with self._database.write() as transaction:
            await AdminRepository(transaction).revoke_tokens(admin.id)
            await record(
                transaction,
                admin.actor,
                "admin.logged_out",
                object=f"admin:{admin.id}",
                at=self._clock.now(),
            )

    def check_same_site(self, request: Request, *, is_cookie_used: bool) -> None:
        """Refuse what another site's page makes a browser send. Raises 403.

        Scripts say nothing of a site and carry no cookie, so only what carries one must say where it is from.
        """
        if request.method in SAFE_METHODS:
            return
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        if site is not None:
            is_ours = site == "same-origin"
        elif origin is not None:
            ours = {request.headers.get("host", ""), urlsplit(self._settings.public_url).netloc} - {""}
            is_ours = urlsplit(origin).netloc in ours
        else:
            is_ours = not is_cookie_used
        if not is_ours:
            raise Problem(
                403,
                "cross_site",
                "A page of another site may not do this. From a script, send the token as a bearer.",
            )


def _shown_token(request: Request) -> tuple[str, bool]:
    """The token, and whether it came as a cookie, which a browser sends by itself."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return bearer.strip(), False
    return request.cookies.get(COOKIE, ""), True


def _signed_in(row: AdminRow, expires_at: datetime, request: Request) -> SignedIn:
    return SignedIn(row.id, row.email, row.role, expires_at, request.state.request_id)
