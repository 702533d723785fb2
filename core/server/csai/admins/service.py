"""Letting admins in: whose token a request carries, and what they may do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from urllib.parse import urlsplit

from csai_sdk import Clock
from starlette.requests import Request

from csai.admins.api_token_repository import ApiTokenRepository
from csai.admins.audit import Actor
from csai.admins.repository import AdminRepository
from csai.admins.token import read_token
from csai.config import Settings
from csai.database import Database
from csai.kit.crypto import Keyring, key_hash
from csai.kit.problem import Problem, not_found

Role = Literal["owner", "admin", "teammate", "viewer"]
ROLES: tuple[Role, ...] = get_args(Role)
READERS: Collection[str] = frozenset(ROLES)
SPEAKERS: Collection[str] = frozenset({"owner", "admin", "teammate"})
CHANGERS: Collection[str] = frozenset({"owner", "admin"})
OWNERS: Collection[str] = frozenset({"owner"})

COOKIE = "csai_admin"
SAFE_METHODS = frozenset({"GET", "HEAD"})

Scope = Literal["read", "write"]
TOKEN_PREFIX = "csai_"  # noqa: S105 -- what API tokens begin with


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An admin whose token is valid, and until when it is.

    `client_ids` are the clients that they may operate; None is the whole installation.
    """

    id: str
    email: str
    role: str
    expires_at: datetime
    request_id: str | None = None
    client_ids: frozenset[str] | None = None
    session_id: str = ""
    token_name: str | None = None
    """Of the API token that acts for them; None where they signed in themselves."""
    is_read_only: bool = False
    has_second_factor: bool = False
    has_password: bool = True
    is_vouched: bool = False
    """Whether the identity provider said that they showed a second factor to it."""

    def check_client(self, client_id: str) -> None:
        """Raises 404 for a client that the admin may not operate, as for one that there is not."""
        if self.client_ids is not None and client_id not in self.client_ids:
            raise not_found("client")

    @property
    def actor(self) -> Actor:
        if self.token_name is not None:
            name = f"token:{self.token_name} of {self.email}"
            return Actor("token", self.id, name, self.request_id)
        return Actor("admin", self.id, self.email, self.request_id)


class Admins:
    """Authenticates the admin side."""

    def __init__(self, *, settings: Settings, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._keyring = keyring
        self._clock = clock

    async def enter(
        self,
        request: Request,
        *,
        roles: Collection[str] = CHANGERS,
        is_scoped: bool = False,
        is_personal: bool = False,
    ) -> SignedIn:
        """The admin whose token the request carries. Raises 401, and 403 for a role that may not do this.

        Who is bound to clients gets a 404 where the path names another one, and a 403 where it names none,
        unless `is_scoped`: then the endpoint itself keeps to `client_ids`. No API token does
        what `is_personal`.
        """
        shown, is_cookie = _shown_token(request)
        if not shown:
            raise Problem(
                401, "token_missing", "Sign in: send the token of POST /admin/auth/login as a bearer."
            )
        is_api_token = shown.startswith(TOKEN_PREFIX) and not is_cookie
        find = self._of_api_token if is_api_token else self._signed_in
        admin = await find(request, shown)
        if admin is None:
            raise Problem(401, "token_invalid", "The token is not valid, or no longer: sign in again.")
        if is_cookie:
            self.check_same_site(request, is_cookie_used=True)
        _check_scope(admin, request, is_scoped=is_scoped)
        _check_token(admin, request, is_personal=is_personal)
        if self._settings.require_second_factor and not (admin.has_second_factor or admin.is_vouched):
            _check_may_enrol(request)
        if admin.role not in roles:
            raise Problem(403, "role_insufficient", f"The role {admin.role} may not do this.")
        return admin

    async def find(self, request: Request) -> SignedIn | None:
        """The same for who may be nobody yet: None where there is no valid token."""
        try:
            return await self.enter(request, roles=READERS, is_scoped=True)
        except Problem as problem:
            if problem.status != 401:
                raise
            return None

    async def _signed_in(self, request: Request, shown: str) -> SignedIn | None:
        now = self._clock.now()
        token = read_token(self._keyring, shown, now=now)
        if token is None:
            return None
        async with self._database.read() as connection:
            repository = AdminRepository(connection)
            found = await repository.of_session(token.session_id, now=now)
            if found is None or found[0].id != token.admin_id:
                return None
            row, is_vouched = found
            client_ids = await repository.scope(row)
        return SignedIn(
            row.id,
            row.email,
            row.role,
            token.expires_at,
            request_id=request.state.request_id,
            client_ids=client_ids,
            session_id=token.session_id,
            has_second_factor=row.totp_secret is not None,
            has_password=row.password_hash is not None,
            is_vouched=is_vouched,
        )

    async def _of_api_token(self, request: Request, shown: str) -> SignedIn | None:
        now = self._clock.now()
        async with self._database.read() as connection:
            token = await ApiTokenRepository(connection).find(key_hash(shown), now=now)
            repository = AdminRepository(connection)
            row = None if token is None else await repository.get(token.admin_id)
            if token is None or row is None:
                return None
            own = await repository.scope(row)
        if token.is_use_due(now):
            async with self._database.write() as transaction:
                await ApiTokenRepository(transaction).use(token.id, now=now)
        return SignedIn(
            row.id,
            row.email,
            lesser_role(token.role, row.role),
            token.expires_at,
            request_id=request.state.request_id,
            client_ids=shared_clients(token.client_ids, own),
            has_second_factor=row.totp_secret is not None,
            token_name=token.name,
            is_read_only=token.scope == "read",
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


def lesser_role(one: str, other: str) -> str:
    return max(one, other, key=[str(role) for role in ROLES].index)


def shared_clients(one: Collection[str] | None, other: Collection[str] | None) -> frozenset[str] | None:
    """The clients that both may operate; None is all."""
    if one is None or other is None:
        only = other if one is None else one
        return None if only is None else frozenset(only)
    return frozenset(one) & frozenset(other)


def _check_token(admin: SignedIn, request: Request, *, is_personal: bool) -> None:
    if admin.token_name is None:
        return
    if is_personal:
        raise Problem(403, "session_required", "No API token may do this: sign in with your password.")
    if admin.is_read_only and request.method not in SAFE_METHODS:
        raise Problem(403, "token_read_only", "This token only reads. Make one with the scope write.")


def _check_may_enrol(request: Request) -> None:
    if not request.url.path.startswith("/admin/auth/"):
        raise Problem(
            403,
            "second_factor_required",
            "This installation demands a second factor: POST /admin/auth/second-factor.",
        )


def _check_scope(admin: SignedIn, request: Request, *, is_scoped: bool) -> None:
    """Before the role: what is asked of a client that one may not see is nobody's business."""
    client_id = request.path_params.get("client_id")
    if client_id is not None:
        admin.check_client(client_id)
    elif admin.client_ids is not None and not is_scoped:
        raise Problem(403, "installation_only", "This is for admins of the whole installation.")


def _shown_token(request: Request) -> tuple[str, bool]:
    """The token, and whether it came as a cookie, which a browser sends by itself."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return bearer.strip(), False
    return request.cookies.get(COOKIE, ""), True
