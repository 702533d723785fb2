"""The identity provider of admins, as OpenID Connect speaks to it: authorization code, with PKCE.

Here it is called the issuer, since a provider is of models, and its word client is not ours either.
Sources: https://openid.net/specs/openid-connect-core-1_0.html, .../openid-connect-discovery-1_0.html,
https://www.rfc-editor.org/rfc/rfc7636, https://www.rfc-editor.org/rfc/rfc9207
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import structlog
from csai_sdk import Clock, HttpClient, HttpError
from pydantic import BaseModel, ValidationError

from csai.admins.account import normalise_email
from csai.admins.id_token import IdTokenInvalid, KeyUnknown, read_id_token
from csai.admins.oidc_repository import Identity
from csai.config import ConfigError, Settings
from csai.kit.problem import Problem
from csai.kit.text import clean

log = structlog.get_logger(__name__)

CALLBACK = "/admin/auth/oidc/callback"
TIMEOUT_S = 10.0
MAX_BYTES = 256_000
KEPT = timedelta(hours=1)
"""How long what the issuer publishes is believed; a key that is not among it has it read anew."""
SECOND_FACTORS = frozenset({"mfa", "otp", "hwk"})
"""Ways of authentication that prove more than a password. Source: https://www.rfc-editor.org/rfc/rfc8176"""


class _Document(BaseModel):
    """What it publishes of itself, as far as we need it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False


class Issuer:
    """One for an installation: `make_issuer`."""

    def __init__(self, settings: Settings, *, http: HttpClient, clock: Clock) -> None:
        self.name = settings.oidc_issuer
        self.label = settings.oidc_label or urlsplit(settings.oidc_issuer).netloc
        self._settings = settings
        self._redirect_url = settings.public_url + CALLBACK
        self._http = http
        self._clock = clock
        self._document: tuple[datetime, _Document] | None = None
        self._keys: tuple[datetime, list[dict[str, Any]]] | None = None

    async def url(self, *, state: str, nonce: str, verifier: str, is_another: bool) -> str:
        """Where the browser is to go. Raises 502."""
        address = (await self._published()).authorization_endpoint
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        query = {
            "response_type": "code",
            "scope": "openid email",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self._redirect_url,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
            **({"prompt": "select_account"} if is_another else {}),
        }
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(query)}"

    async def identity(self, code: str, *, said_issuer: str, nonce: str, verifier: str) -> Identity:
        """Who the code stands for. Raises 502, and 403 for who is not let in."""
        document = await self._published()
        is_silent = not said_issuer and not document.authorization_response_iss_parameter_supported
        if said_issuer != self.name and not is_silent:
            raise _invalid("the answer is another provider's")
        given = await self._tokens(document, code, verifier)
        claims = await self._read(given["id_token"], document, nonce)
        # What is signed goes first, and it alone says how somebody signed in.
        told = {**await self._userinfo(document, given, claims), **claims}
        email = self._verified_email(told)
        self._check_let_in(told, email)
        ways = claims.get("amr")
        is_vouched = isinstance(ways, list) and any(way in SECOND_FACTORS for way in map(str, ways))
        return Identity(claims["sub"], email, is_vouched)

    async def check(self) -> None:
        """Raises 502 where it cannot be spoken to."""
        await self._fresh_keys(await self._published())

    async def _published(self) -> _Document:
        now = self._clock.now()
        if self._document is None or self._document[0] + KEPT <= now:
            address = f"{self.name.rstrip('/')}/.well-known/openid-configuration"
            try:
                document = _Document.model_validate(await self._ask("GET", address))
            except ValidationError:
                raise _unreachable("what it publishes of itself does not fit") from None
            if document.issuer != self.name:
                raise _unreachable("it calls itself otherwise than CSAI_OIDC_ISSUER")
            addresses = (
                document.authorization_endpoint,
                document.token_endpoint,
                document.jwks_uri,
                document.userinfo_endpoint,
            )
            scheme = f"{urlsplit(self.name).scheme}://"
            if not all(each is None or each.startswith(scheme) for each in addresses):
                raise _unreachable("its addresses are less safe than its name")
            self._document = now, document
        return self._document[1]

    async def _tokens(self, document: _Document, code: str, verifier: str) -> dict[str, Any]:
        own_id, secret = self._settings.oidc_client_id, self._settings.oidc_client_secret.get_secret_value()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_url,
            "code_verifier": verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if "client_secret_basic" in document.token_endpoint_auth_methods_supported:
            pair = f"{quote_plus(own_id)}:{quote_plus(secret)}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": own_id, "client_secret": secret}
        answer = await self._ask("POST", document.token_endpoint, headers, urlencode(form).encode())
        if not isinstance(answer.get("id_token"), str):
            raise _invalid("it gave no ID token")
        return answer

    async def _userinfo(
        self, document: _Document, given: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What it says apart where the ID token has no address: it need not be in that of a code.

        Source: https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
        """
        token = given.get("access_token")
        if "email" in claims or document.userinfo_endpoint is None or not isinstance(token, str):
            return {}
        said = await self._ask("GET", document.userinfo_endpoint, {"authorization": f"Bearer {token}"})
        if said.get("sub") != claims["sub"]:
            raise _invalid("it tells of somebody else")
        return said

    async def _read(self, token: str, document: _Document, nonce: str) -> dict[str, Any]:
        now = self._clock.now()
        own_id = self._settings.oidc_client_id
        read = partial(read_id_token, token, issuer=self.name, audience=own_id, nonce=nonce, now=now)
        keys = self._keys[1] if self._keys and self._keys[0] + KEPT > now else None
        try:
            try:
                if keys is None:
                    keys = await self._fresh_keys(document)
                return await asyncio.to_thread(read, keys)
            except KeyUnknown:
                keys = await self._fresh_keys(document)
                return await asyncio.to_thread(read, keys)
        except IdTokenInvalid as error:
            raise _invalid(str(error)) from None

    async def _fresh_keys(self, document: _Document) -> list[dict[str, Any]]:
        keys = (await self._ask("GET", document.jwks_uri)).get("keys")
        if not isinstance(keys, list):
            raise _unreachable("it publishes no keys")
        self._keys = self._clock.now(), [key for key in keys if isinstance(key, dict)]
        return self._keys[1]

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> dict[str, Any]:
        """A JSON object. Nothing that the issuer says is shown to anybody."""
        sent = {"accept": "application/json", **(headers or {})}
        try:
            answer = await self._http.request(
                method, url, headers=sent, content=content, timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES
            )
        except HttpError as error:
            raise _unreachable(str(error)) from None
        try:
            said = json.loads(b"" if answer.is_truncated else answer.body)
        except (ValueError, RecursionError):
            said = None
        if method == "POST" and answer.status in (400, 401) and isinstance(said, dict):
            raise _invalid("it refuses the code or csai", said=said.get("error"))
        if answer.status != 200 or not isinstance(said, dict):
            raise _unreachable("it answers otherwise than it should", status=answer.status)
        return said

    def _verified_email(self, claims: Mapping[str, Any]) -> str | None:
        email = claims.get("email")
        is_verified = claims.get(self._settings.oidc_verified_claim) in (True, "true", "1")
        # Lower case makes one of different letters of different scripts: the address of somebody else.
        if not is_verified or not isinstance(email, str) or not email.isascii():
            return None
        try:
            return normalise_email(email)
        except Problem:
            return None

    def _check_let_in(self, claims: Mapping[str, Any], email: str | None) -> None:
        domains = {each.lower() for each in self._settings.oidc_domains}
        demanded = (each.partition("=") for each in self._settings.oidc_claims)
        is_of_domain = not domains or (email or "").rpartition("@")[2] in domains
        if not (is_of_domain and all(_says(claims.get(name), wanted) for name, _, wanted in demanded)):
            raise Problem(
                403,
                "oidc_not_allowed",
                "This account of the identity provider may not sign in here. Ask whoever runs the server.",
            )


def make_issuer(settings: Settings, *, http: HttpClient, clock: Clock) -> Issuer | None:
    """None where none is set. Raises `ConfigError`."""
    if not settings.oidc_issuer:
        return None
    needed = {
        "CSAI_OIDC_CLIENT_ID": settings.oidc_client_id,
        "CSAI_OIDC_CLIENT_SECRET": settings.oidc_client_secret.get_secret_value(),
        "CSAI_PUBLIC_URL": settings.public_url,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise ConfigError(f"with CSAI_OIDC_ISSUER, set {' and '.join(missing)} too")
    if settings.env == "production" and not settings.oidc_issuer.startswith("https://"):
        raise ConfigError("CSAI_OIDC_ISSUER: production takes only https://")
    return Issuer(settings, http=http, clock=clock)


def _says(claim: Any, wanted: str) -> bool:
    said = claim if isinstance(claim, list) else [claim]
    return any(
        (json.dumps(each) if isinstance(each, bool) else str(each)) == wanted
        for each in said
        if each is not None
    )


def _unreachable(reason: str, **fields: Any) -> Problem:
    log.error("the identity provider cannot be spoken to", reason=reason, **fields)
    return Problem(
        502, "oidc_unreachable", "The identity provider does not answer as it should. Try again in a moment."
    )


def _invalid(reason: str, *, said: Any = None) -> Problem:
    log.warning("a sign-in by the identity provider is refused", reason=reason, said=clean(str(said))[:60])
    return Problem(
        502, "oidc_invalid", "What the identity provider answered proves nothing. Begin the sign-in again."
    )
