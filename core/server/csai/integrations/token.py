"""What a client's system gave for a connection: kept encrypted, renewed once for all who wait."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from csai_sdk import Clock

from csai.database import Database
from csai.integrations.repository import TokenRepository, owner_of_connection
from csai.kit.crypto import DecryptError, Keyring
from csai.kit.waiting import see_through

LEASE_S = 30.0
LOOK_S = 0.1


class ConnectionTokens:
    """The SDK's `TokenStore` of one connection.

    The right to renew is a lease in the database: no transaction is open while a vendor is asked, and a
    process that dies holding it keeps the others waiting for no longer than the lease.
    """

    def __init__(
        self, database: Database, keyring: Keyring, clock: Clock, *, client_id: str, integration_id: str
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock
        self._client_id = client_id
        self._integration_id = integration_id
        self._renewing = asyncio.Lock()

    async def read(self) -> Mapping[str, Any] | None:
        async with self._database.read() as connection:
            stored = await TokenRepository(connection, self._client_id, self._integration_id).get()
        if stored is None:
            return None
        try:
            kept: Mapping[str, Any] = json.loads(self._keyring.decrypt(stored, self._owner))
        except DecryptError:
            return None  # as good as none: they are asked for anew
        return kept

    async def renew(
        self,
        seen: Mapping[str, Any] | None,
        make: Callable[[Mapping[str, Any] | None], Awaitable[Mapping[str, Any]]],
    ) -> Mapping[str, Any]:
        # Of this process one waits at the database; a look at it every so often is enough for the rest.
        async with self._renewing:
            while (kept := await self.read()) == seen:
                if await self._claim():
                    # A vendor that gave a new refresh token forgets the old one: it has to be kept.
                    return await see_through(self._make(seen, make))
                await asyncio.sleep(LOOK_S)
        if kept is None:
            return await self.renew(None, make)
        return kept

    async def _make(
        self,
        seen: Mapping[str, Any] | None,
        make: Callable[[Mapping[str, Any] | None], Awaitable[Mapping[str, Any]]],
    ) -> Mapping[str, Any]:
        made = None
        try:
            # Another process may have renewed between the look and the claim.
            kept = await self.read()
            if kept != seen and kept is not None:
                return kept
            made = dict(await make(kept))
        finally:
            token = None if made is None else self._keyring.encrypt(json.dumps(made), self._owner)
            async with self._database.write() as transaction:
                repository = TokenRepository(transaction, self._client_id, self._integration_id)
                await repository.release(token)
        return made

    async def _claim(self) -> bool:
        now = self._clock.now()
        async with self._database.write() as transaction:
            repository = TokenRepository(transaction, self._client_id, self._integration_id)
            return await repository.claim(now=now, until=now + timedelta(seconds=LEASE_S))

    @property
    def _owner(self) -> str:
        return owner_of_connection(self._client_id, self._integration_id)
