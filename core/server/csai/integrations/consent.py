"""Letting csai into a client's system by an admin's consent: OAuth 2's authorization code.

The state that travels through the browser is signed, over within minutes, and bound to the client, the
connection and the admin who began; the connection knows the one consent it waits for. PKCE's verifier is
derived from it, and is stored nowhere.
Source: https://www.rfc-editor.org/rfc/rfc7636, https://www.rfc-editor.org/rfc/rfc9700
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from csai_sdk import Clock, Connection, HttpError, Integration, IntegrationError, SettingsError
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.action import Action
from csai.admins.audit import Actor, record
from csai.admins.service import SignedIn
from csai.clients.repository import ClientRepository
from csai.database import Database
from csai.integrations.offer import Opener
from csai.integrations.repository import ConnectionRepository, ConnectionRow
from csai.integrations.service import find_integration, plugin_context
from csai.kit.crypto import Keyring
from csai.kit.identifier import is_id
from csai.kit.outbound import http_target
from csai.kit.problem import Problem
from csai.kit.text import clean
from csai.plugins.registry import PluginRegistry
from csai.plugins.stored import SettingsFault
from csai.plugins.view import ClientViews

LIFETIME = timedelta(minutes=10)
MAX_STATE_CHARS = 1_000
MAX_CODE_CHARS = 4_000
_PURPOSE = "integration-consent"


@dataclass(frozen=True, slots=True)
class Consents:
    """Begins and ends them."""

    database: Database
    views: ClientViews
    registry: PluginRegistry
    keyring: Keyring
    clock: Clock
    redirect_url: str

    async def begin(self, client_id: str, integration_id: str, actor: Actor) -> str:
        """Where the admin's browser is to go. Raises `Problem`."""
        if not self.redirect_url.startswith(("http://", "https://")):
            raise Problem(
                409,
                "public_url_missing",
                "The operator has to set CSAI_PUBLIC_URL first: the system asks for it.",
            )
        nonce = secrets.token_urlsafe(32)
        async with self.database.write() as transaction:
            await ClientRepository(transaction, client_id).lock()
            repository = ConnectionRepository(transaction, client_id)
            row = await repository.get(integration_id)
            _plugin, integration = find_integration(self.registry, row.integration_type)
            state = self._state([client_id, row.id, actor.id, nonce, self._expiry()])
            url = self._url(integration, self._open(row, integration, client_id), state, nonce)
            await repository.update(row.id, consent_nonce=nonce)
            await self._record(transaction, "integration.consent_begun", client_id, row.id, actor)
        return url

    async def end(self, state: str, code: str, admin: SignedIn) -> ConnectionRow:
        """Keep what the system gives for the code. Raises `Problem`."""
        client_id, integration_id, nonce = self._read(state, admin.actor)
        admin.check_client(client_id)
        async with self.database.write() as transaction:
            repository = ConnectionRepository(transaction, client_id)
            if not await repository.take_nonce(integration_id, nonce):
                raise _invalid()
            row = await repository.get(integration_id)
            version = (await ClientRepository(transaction, client_id).get()).config_version
        plugin, integration = find_integration(self.registry, row.integration_type)
        connection = self._open(row, integration, client_id)
        async with plugin_context(self.views, client_id, plugin, version=version) as ctx:

            async def make(_old: Mapping[str, Any] | None) -> Mapping[str, Any]:
                return await integration.consent(
                    connection,
                    code=code[:MAX_CODE_CHARS],
                    redirect_url=self.redirect_url,
                    code_verifier=self._verifier(nonce),
                    ctx=ctx,
                )

            assert connection.tokens is not None  # noqa: S101 -- the opener gives them
            try:
                await connection.tokens.renew(await connection.tokens.read(), make)
            except (IntegrationError, SettingsError) as error:
                raise Problem(409, "consent_failed", clean(str(error))) from None
        async with self.database.write() as transaction:
            await self._record(transaction, "integration.consented", client_id, row.id, admin.actor)
        return row

    def _open(self, row: ConnectionRow, integration: Integration, client_id: str) -> Connection:
        try:
            return Opener(client_id, self.database, self.keyring, self.clock).open(row, integration)
        except SettingsFault as fault:
            raise Problem(409, fault.code, f"The connection {row.name}: {fault.cause}.") from None

    def _url(self, integration: Integration, connection: Connection, state: str, nonce: str) -> str:
        challenge = _text(hashlib.sha256(self._verifier(nonce).encode()).digest())
        try:
            url = integration.consent_url(
                connection, redirect_url=self.redirect_url, state=state, code_challenge=challenge
            )
            http_target(url)
        except SettingsError as error:
            raise Problem(409, "consent_not_needed", f"{clean(str(error))}.") from None
        except HttpError:
            raise Problem(409, "consent_not_needed", "The connection's address of consent is none.") from None
        return url

    def _expiry(self) -> int:
        return int((self.clock.now() + LIFETIME).timestamp())

    def _state(self, content: list[Any]) -> str:
        said = _text(json.dumps(content).encode())
        return f"{said}.{_text(self._signatures(said)[0])}"

    def _read(self, state: str, actor: Actor) -> tuple[str, str, str]:
        """Client, connection and nonce. Raises the same for whatever is wrong."""
        said, _, signature = state[:MAX_STATE_CHARS].partition(".")
        shown = signature.encode(errors="replace")
        if not any(hmac.compare_digest(_text(each).encode(), shown) for each in self._signatures(said)):
            raise _invalid()
        client_id, integration_id, admin_id, nonce, expires = json.loads(_bytes(said))
        is_over = self.clock.now().timestamp() > expires
        if is_over or admin_id != actor.id or not (is_id(client_id) and is_id(integration_id)):
            raise _invalid()
        return client_id, integration_id, nonce

    def _signatures(self, said: str) -> list[bytes]:
        keys = self.keyring.derived_keys(_PURPOSE)
        return [hmac.digest(key, b"state:" + said.encode(errors="replace"), "sha256") for key in keys]

    def _verifier(self, nonce: str) -> str:
        """43 characters, as RFC 7636 has it. Under the first key: one that changes meanwhile ends it."""
        key = self.keyring.derived_keys(_PURPOSE)[0]
        return _text(hmac.digest(key, b"verifier:" + nonce.encode(), "sha256"))

    async def _record(
        self, transaction: AsyncConnection, action: Action, client_id: str, integration_id: str, actor: Actor
    ) -> None:
        await record(
            transaction,
            actor,
            action,
            object=f"integration:{integration_id}",
            client_id=client_id,
            at=self.clock.now(),
        )


def _invalid() -> Problem:
    return Problem(
        400,
        "consent_invalid",
        "This consent is over, was used, or was begun by somebody else. Begin it anew.",
    )


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
