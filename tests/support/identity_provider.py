"""An identity provider on a loopback port that speaks OpenID Connect, and lies where a test says so.

It is strict where csai has to be right: the address to come back to, PKCE, the secret, each code once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus, urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

OWN_ID, SECRET = "csai at the provider", "its secret: 100% + more"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Key:
    """One that signs, and how it is published."""

    private: Any
    kid: str | None
    algorithm: str = "RS256"

    @classmethod
    def rsa(cls, kid: str | None, *, private: Any = RSA_KEY, algorithm: str = "RS256") -> Key:
        return cls(private, kid, algorithm)

    @classmethod
    def elliptic(cls, kid: str) -> Key:
        return cls(ec.generate_private_key(ec.SECP256R1()), kid, "ES256")

    @property
    def public(self) -> dict[str, Any]:
        kind: Any = ECAlgorithm if self.algorithm.startswith("ES") else RSAAlgorithm
        named = {} if self.kid is None else {"kid": self.kid}
        return {**kind.to_jwk(self.private.public_key(), as_dict=True), "use": "sig", **named}

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.private, self.algorithm, headers={"kid": self.kid} if self.kid else {})


@dataclass
class IdentityProvider:
    """Whoever comes is `person`. What is set here holds from then on."""

    url: str = ""
    callback: str = ""
    keys: list[Key] = field(default_factory=lambda: [Key.rsa("one")])
    """The first signs; all are published."""
    published: list[dict[str, Any]] | None = None
    """Instead of them."""
    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "1001", "email": "ada@example.com", "email_verified": True}
    )
    told_apart: dict[str, Any] = field(default_factory=dict)
    """What only the userinfo endpoint says of the person."""
    claims: dict[str, Any] = field(default_factory=dict)
    """Of the next tokens, instead of the right ones; None leaves one out."""
    sign: Callable[[dict[str, Any]], str] | None = None
    document: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, str] = field(default_factory=dict)
    """What the browser brings back, instead of the right thing."""
    broken: dict[str, web.Response] = field(default_factory=dict)
    """Answers by path, instead of the right ones."""
    is_page_shown: bool = False
    """Whether a browser sees a page with a button first."""
    now: Callable[[], float] = time.time
    asked: list[str] = field(default_factory=list)
    """Paths, in their order."""
    faults: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _people: dict[str, str] = field(default_factory=dict)

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "oidc_issuer": self.url,
            "oidc_client_id": OWN_ID,
            "oidc_client_secret": SECRET,
            "oidc_label": "Acme",
            "public_url": self.callback.removesuffix("/admin/auth/oidc/callback"),
            **more,
        }

    @web.middleware
    async def noting(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(request.path)
        return self.broken.get(request.path) or await handler(request)

    async def configuration(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize?tenant=acme",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                **self.document,
            }
        )

    async def key_set(self, request: web.Request) -> web.Response:
        published = [key.public for key in self.keys] if self.published is None else self.published
        return web.json_response({"keys": published})

    async def authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        self._check(asked.get("redirect_uri") == self.callback, "redirect_uri")
        self._check(asked.get("client_id") == OWN_ID, "client_id")
        self._check(asked.get("response_type") == "code", "response_type")
        self._check(set(asked.get("scope", "").split()) == {"openid", "email"}, "scope")
        self._check(asked.get("code_challenge_method") == "S256", "code_challenge_method")
        self._check(all(len(asked.get(name, "")) >= 43 for name in ("state", "nonce")), "state or nonce")
        code = secrets.token_urlsafe(16)
        self._codes[code] = {**asked, "person": json.dumps(self.person)}
        brought = {"code": code, "state": asked["state"], **self.answer}
        target = f"{self.callback}?{urlencode({name: each for name, each in brought.items() if each})}"
        if not self.is_page_shown:
            return web.Response(status=302, headers={"Location": target})
        page = f'<!doctype html><title>Acme</title><a href="{target.replace("&", "&amp;")}">Go on as Ada</a>'
        return web.Response(text=page, content_type="text/html")

    async def token(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        begun = self._codes.pop(str(form.get("code")), None)
        kind, _, pair = request.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            own_id, secret = map(unquote_plus, base64.b64decode(pair).decode().split(":"))
        else:
            own_id, secret = str(form.get("client_id")), str(form.get("client_secret"))
        if (own_id, secret) != (OWN_ID, SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        is_right = begun is not None and challenge == begun["code_challenge"]
        if not is_right or form.get("redirect_uri") != self.callback:
            return web.json_response({"error": "invalid_grant", "error_description": "<b>no</b>"}, status=400)
        assert begun is not None
        now = int(self.now())
        claims = {
            "iss": self.url,
            "aud": OWN_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": begun["nonce"],
            **json.loads(begun["person"]),
            **self.claims,
        }
        claims = {name: each for name, each in claims.items() if each is not None}
        signed = (self.sign or self.keys[0].sign)(claims)
        access = secrets.token_urlsafe(16)
        self._people[access] = json.dumps({"sub": claims.get("sub"), **self.told_apart})
        return web.json_response({"access_token": access, "token_type": "Bearer", "id_token": signed})

    async def userinfo(self, request: web.Request) -> web.Response:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or token not in self._people:
            return web.json_response({"error": "invalid_token"}, status=401)
        return web.Response(text=self._people.pop(token), content_type="application/json")

    def _check(self, is_right: bool, what: str) -> None:
        if not is_right:
            self.faults.append(what)


@asynccontextmanager
async def identity_provider(callback: str) -> AsyncIterator[IdentityProvider]:
    """One that sends browsers back to that address."""
    provider = IdentityProvider(callback=callback)
    app = web.Application(middlewares=[provider.noting])
    app.router.add_get("/.well-known/openid-configuration", provider.configuration)
    app.router.add_get("/keys", provider.key_set)
    app.router.add_get("/authorize", provider.authorize)
    app.router.add_post("/token", provider.token)
    app.router.add_get("/userinfo", provider.userinfo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    provider.url = f"http://{host}:{port}"
    try:
        yield provider
        assert provider.faults == []
    finally:
        await runner.cleanup()
