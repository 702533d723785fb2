"""How an API knows who asks: keys, passwords, and OAuth 2 tokens that are renewed.

Source: https://www.rfc-editor.org/rfc/rfc6749 (sections 2.3.1, 4.4, 5 and 6)
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode

from csai_sdk import Connection, HttpError, IntegrationError, PluginContext, SettingsError
from pydantic import SecretStr

from csai_integration_rest.settings import RestSettings

EARLY_S = 30.0
REFUSAL_S = 60.0
"""How long a refusal is believed, before tokens are asked for once more: vendors lock out who insists."""
DEFAULT_LIFETIME_S = 3_600.0
MAX_LIFETIME_S = 1e9
TOKEN_TIMEOUT_S = 10.0
MAX_TOKEN_BYTES = 64_000

REFUSED = "The system refuses to sign csai in. The connection has to be set up anew."
CHANGED = "The connection is just being changed. It may answer later."


class Refused(IntegrationError):
    """The system gives no tokens, and would not give any to whoever asks again."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request carries. `tokens` is what it was made of, where that can be renewed."""

    headers: Mapping[str, str]
    query: str = ""
    tokens: Mapping[str, Any] | None = None


async def sign_in(
    connection: Connection, ctx: PluginContext, *, refused: Mapping[str, Any] | None = None
) -> Signed:
    """What the next request carries; `refused` are tokens that the API did not take.

    Raises `IntegrationError`.
    """
    settings = connection.settings_as(RestSettings)
    match settings.auth:
        case "api_key" if settings.api_key_place == "query":
            name, key = settings.api_key_name, _revealed(settings.api_key)
            return Signed({}, urlencode({name: key}))
        case "api_key":
            return Signed({settings.api_key_name: _revealed(settings.api_key)})
        case "basic":
            return Signed({"authorization": _basic(settings.username, _revealed(settings.password))})
        case "bearer":
            return Signed({"authorization": f"Bearer {_revealed(settings.token)}"})
        case "none":
            return Signed({})
    tokens = await _tokens(connection, settings, ctx, refused)
    return Signed({"authorization": f"Bearer {tokens['access_token']}"}, tokens=tokens)


async def _tokens(
    connection: Connection, settings: RestSettings, ctx: PluginContext, refused: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    if connection.tokens is None:
        raise IntegrationError(REFUSED)

    async def make(old: Mapping[str, Any] | None) -> Mapping[str, Any]:
        try:
            return await _ask(settings, ctx, _grant(settings, old))
        except Refused:
            # Kept, so that nobody who waits asks again; what was kept before may be good another time.
            until = (ctx.clock.now() + timedelta(seconds=REFUSAL_S)).isoformat()
            return {**(old or {}), "refused_until": until, "refused_of": _origin(settings)}

    kept = await connection.tokens.read()
    if _is_refused(kept, settings, ctx.clock.now()):
        raise Refused(REFUSED)
    if kept is None or kept == refused or not _is_good(kept, settings, ctx.clock.now()):
        kept = await connection.tokens.renew(kept, make)
    if _is_refused(kept, settings, ctx.clock.now()):
        raise Refused(REFUSED)
    if not _is_good(kept, settings, ctx.clock.now()):
        # Whoever renewed them has other settings: what the system gave for those is not sent where these say.
        raise IntegrationError(CHANGED, retryable=True)
    return kept


def _grant(settings: RestSettings, old: Mapping[str, Any] | None) -> Mapping[str, str]:
    """What tokens are asked for with. Raises `Refused`."""
    if settings.auth == "client_credentials":
        return {"grant_type": "client_credentials"}
    is_ours = old is not None and old.get("origin") == _origin(settings)
    newest = str(old.get("refresh_token") or "") if old is not None and is_ours else ""
    refresh_token = newest or _revealed(settings.refresh_token)
    if not refresh_token:
        raise Refused(REFUSED)
    return {"grant_type": "refresh_token", "refresh_token": refresh_token}


def _is_good(tokens: Mapping[str, Any], settings: RestSettings, now: datetime) -> bool:
    if tokens.get("origin") != _origin(settings):
        return False
    return now < datetime.fromisoformat(tokens["expires_at"]) - timedelta(seconds=EARLY_S)


def _is_refused(tokens: Mapping[str, Any] | None, settings: RestSettings, now: datetime) -> bool:
    if tokens is None or tokens.get("refused_of") != _origin(settings):
        return False
    return now < datetime.fromisoformat(tokens["refused_until"])


def consent_url(settings: RestSettings, *, redirect_url: str, state: str, code_challenge: str) -> str:
    """Where an admin lets csai in. Raises `SettingsError`."""
    if settings.auth != "consent":
        raise SettingsError("this sign-in needs nobody's consent")
    asked = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": redirect_url,
        "state": state,
        "code_challenge": code_challenge,
        "code_challenge_method": "S256",
        **({"scope": settings.scope} if settings.scope else {}),
    }
    return f"{settings.authorize_url}?{urlencode(asked)}"


async def tokens_of_code(
    settings: RestSettings, ctx: PluginContext, *, code: str, redirect_url: str, code_verifier: str
) -> Mapping[str, Any]:
    """What is given for an admin's consent. Raises `IntegrationError`."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_url,
        "code_verifier": code_verifier,
    }
    return await _ask(settings, ctx, form)


async def _ask(settings: RestSettings, ctx: PluginContext, grant: Mapping[str, str]) -> Mapping[str, Any]:
    """Tokens as they are kept. Raises `IntegrationError`."""
    form = dict(grant)
    if settings.scope and form["grant_type"] != "authorization_code":
        form["scope"] = settings.scope
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    secret = _revealed(settings.client_secret)
    if secret and settings.client_auth == "basic":
        headers["authorization"] = _basic(quote_plus(settings.client_id), quote_plus(secret))
    else:
        form |= {"client_id": settings.client_id, **({"client_secret": secret} if secret else {})}
    try:
        answer = await ctx.http.request(
            "POST",
            settings.token_url,
            headers=headers,
            content=urlencode(form).encode(),
            timeout_s=TOKEN_TIMEOUT_S,
            max_bytes=MAX_TOKEN_BYTES,
        )
    except HttpError:
        raise IntegrationError("The system that gives tokens gave no answer.", retryable=True) from None
    if answer.status == 429 or answer.status >= 500:
        raise IntegrationError("The system that gives tokens is busy.", retryable=True)
    if answer.status != 200:
        ctx.log.warning("a token was refused", extra={"status": answer.status})
        raise Refused(REFUSED)
    return _kept(_object(answer.body), settings, form.get("refresh_token", ""), ctx.clock.now())


def _kept(said: Mapping[str, Any], settings: RestSettings, old: str, now: datetime) -> Mapping[str, Any]:
    access = said.get("access_token")
    if not isinstance(access, str) or not access.isascii() or not access.isprintable() or not access:
        raise Refused(REFUSED)
    try:
        lives_s = float(said.get("expires_in") or DEFAULT_LIFETIME_S)  # some vendors say it as text
    except (TypeError, ValueError, OverflowError):
        lives_s = DEFAULT_LIFETIME_S
    lives_s = lives_s if 0 < lives_s < MAX_LIFETIME_S else DEFAULT_LIFETIME_S
    kept = {
        "access_token": access,
        # Never so early that each request would ask for another.
        "expires_at": (now + timedelta(seconds=max(lives_s, 2 * EARLY_S))).isoformat(),
        "origin": _origin(settings),
    }
    if settings.auth in ("refresh_token", "consent"):
        given = said.get("refresh_token")
        kept["refresh_token"] = given if isinstance(given, str) and given else old
    return kept


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise Refused(REFUSED)
    return said


def _origin(settings: RestSettings) -> str:
    """Which settings the tokens came of: others make them worthless, and they go to no other address."""
    said = [
        settings.auth,
        settings.base_url,
        settings.authorize_url if settings.auth == "consent" else "",
        settings.token_url,
        settings.client_id,
        settings.scope,
        _revealed(settings.refresh_token),
        _revealed(settings.client_secret),
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _revealed(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
