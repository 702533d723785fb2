"""Who is asking: keys, origins, session tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from csai.clients.repository import KeyKind, find_key
from csai.database import Database
from csai.kit.crypto import Keyring, key_hash
from csai.kit.identifier import is_id
from csai.kit.problem import Problem, not_found
from csai.plugins.view import ClientView, ClientViews


@dataclass(frozen=True, slots=True)
class Access:
    """A key that was presented, and the client it opens."""

    client_id: str
    kind: KeyKind
    view: ClientView

    @property
    def is_secret(self) -> bool:
        return self.kind == "secret"


class Gate:
    """Authenticates visitor-side requests."""

    def __init__(self, *, database: Database, views: ClientViews, keyring: Keyring) -> None:
        self._database = database
        self._views = views
        self._keyring = keyring

    async def enter(self, request: Request, *, now: datetime) -> Access:
        """Resolve the client from `X-API-Key`, and check where a publishable key is used from."""
        key = request.headers.get("x-api-key", "")
        if not key:
            raise Problem(401, "key_missing", "Send the client's key in the X-API-Key header.")
        row = await find_key(self._database, key_hash(key))
        if row is None or (row.expires_at is not None and row.expires_at <= now):
            raise Problem(401, "key_invalid", "This key is unknown or no longer valid. Copy it again.")
        if row.client_status != "active":
            raise Problem(403, "client_inactive", "This client is deactivated. Ask the operator.")
        view = await self._views.get(row.client_id, row.config_version)
        access = Access(row.client_id, row.kind, view)
        if not access.is_secret:
            _check_origin(request, view)
        return access

    def check_session(self, request: Request, access: Access, session_id: str) -> None:
        """A publishable key sees only the session whose token it shows."""
        if not is_id(session_id):
            raise not_found("conversation")
        if access.is_secret:
            return
        token = request.headers.get("x-session-token", "")
        if not self._keyring.is_session_token(session_id, token):
            raise not_found("conversation")


def _check_origin(request: Request, view: ClientView) -> None:
    origin = request.headers.get("origin")
    if origin is None:
        if request.headers.get("sec-fetch-site") == "same-origin":
            return
        raise Problem(
            403,
            "origin_missing",
            "A publishable key works in a web page only. Use a secret key from a server.",
        )
    if origin not in view.origins:
        raise Problem(
            403,
            "origin_not_allowed",
            "This key may not be used from this page's origin. Add the origin to the client's origins.",
        )
