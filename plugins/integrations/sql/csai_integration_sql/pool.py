"""The few connections that one client may have open to its database.

libpq reads much from the environment and the home folder of the server: here it is told everything, so that
nothing of the operator's, such as a password file or a certificate, reaches a host that a client chose.
Source: https://www.postgresql.org/docs/current/libpq-connect.html
"""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from csai_sdk import HttpError, IntegrationError, Transports

from csai_integration_sql.settings import SqlSettings

CONNECT_TIMEOUT_S = 5
IDLE_S = 60.0
MAX_ADDRESSES = 3
_NOWHERE = "/nonexistent/csai"

UNREACHABLE = "The database cannot be reached at the moment."
REFUSED = "The database refuses csai: the connection's user and password have to be checked."
UNSAFE = "The database's certificate cannot be trusted, or it offers no encryption."

Driver = psycopg.AsyncConnection[Any]


class Pool:
    """Opens connections as they are needed, and closes those that nobody has used for a minute."""

    def __init__(self, settings: SqlSettings, transports: Transports) -> None:
        self._settings = settings
        self._transports = transports
        self._places = asyncio.Semaphore(settings.max_connections)
        self._idle: list[tuple[float, Driver]] = []
        self._authorities: Path | None = None
        self._is_closed = False

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Driver]:
        """A connection outside of a transaction, which is to be given back so. Raises `IntegrationError`."""
        async with self._places:
            driver = await self._take()
            try:
                yield driver
            finally:
                is_idle = driver.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
                if is_idle and not driver.closed and not self._is_closed:
                    self._idle.append((asyncio.get_running_loop().time(), driver))
                else:
                    await _close(driver)

    async def aclose(self) -> None:
        self._is_closed = True
        idle, self._idle = self._idle, []
        for _, driver in idle:
            await _close(driver)
        if self._authorities is not None:
            self._authorities.unlink(missing_ok=True)
            self._authorities = None

    async def _take(self) -> Driver:
        oldest = asyncio.get_running_loop().time() - IDLE_S
        found = None
        while self._idle:
            since, driver = self._idle.pop()
            if found is None and since > oldest and not driver.closed:
                found = driver
                break
            await _close(driver)
        return found or await self._open()

    async def _open(self) -> Driver:
        settings = self._settings
        try:
            addresses = await self._transports.resolve(
                settings.host, settings.port, is_operator_url=False, timeout_s=CONNECT_TIMEOUT_S
            )
        except HttpError:
            raise IntegrationError(UNREACHABLE, retryable=True) from None
        failure = IntegrationError(UNREACHABLE, retryable=True)
        for address in list(addresses)[:MAX_ADDRESSES]:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    return await psycopg.AsyncConnection.connect(
                        autocommit=True, prepare_threshold=None, **self._parameters(address)
                    )
            except (psycopg.Error, OSError, TimeoutError) as error:
                failure = _failure(error)
        raise failure

    def _parameters(self, address: str) -> dict[str, Any]:
        settings = self._settings
        is_encrypted = settings.tls == "verify"
        return {
            # The address is where it connects to, the name is what the certificate has to say.
            "hostaddr": address,
            "host": settings.host,
            "port": settings.port,
            "dbname": settings.database,
            "user": settings.user,
            "password": settings.password.get_secret_value() if settings.password else "",
            "sslmode": "verify-full" if is_encrypted else "disable",
            "sslrootcert": self._root_certificates() if is_encrypted else _NOWHERE,
            "sslcert": _NOWHERE,
            "sslkey": _NOWHERE,
            "sslcrl": "",
            # Unencrypted, no password that whoever reads along could use.
            "require_auth": "!gss,!sspi" if is_encrypted else "!password,!gss,!sspi",
            "gssencmode": "disable",
            "passfile": _NOWHERE,
            # Literals are read here as the standard has it, where parameters are looked for.
            "options": "-c default_transaction_read_only=on -c standard_conforming_strings=on",
            "application_name": "csai",
            "client_encoding": "UTF8",
            "target_session_attrs": "any",
            "load_balance_hosts": "disable",
            "connect_timeout": CONNECT_TIMEOUT_S,
        }

    def _root_certificates(self) -> str:
        if not self._settings.ca_certificate:
            paths = ssl.get_default_verify_paths()
            return paths.cafile or paths.openssl_cafile
        if self._authorities is None:
            handle, name = tempfile.mkstemp(prefix="csai-sql-", suffix=".pem")
            with os.fdopen(handle, "w", encoding="ascii", errors="replace") as file:
                file.write(self._settings.ca_certificate)
            self._authorities = Path(name)
        return str(self._authorities)


def _failure(error: BaseException) -> IntegrationError:
    """Said in words of our own: the driver's hold the address."""
    words = str(error).lower()
    if "authentication" in words or "role" in words or "does not exist" in words or "password" in words:
        return IntegrationError(REFUSED)
    if "certificate" in words or "ssl" in words:
        return IntegrationError(UNSAFE)
    return IntegrationError(UNREACHABLE, retryable=True)


async def _close(driver: Driver) -> None:
    with suppress(psycopg.Error, OSError):
        await driver.close()
