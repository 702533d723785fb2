"""Plain TCP connections through the one door, for protocols that are not HTTP: SMTP, IMAP, databases."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

from csai_sdk import HttpError

from csai.kit.egress import REFUSED, EgressPolicy
from csai.kit.pool import NO_ANSWER, Resolver


class Dialer:
    """Looks a name up once, judges what it finds, and connects to just that."""

    def __init__(self, resolver: Resolver, *, policy: EgressPolicy | None = None) -> None:
        self._resolver = resolver
        self._policy = policy

    async def resolve(self, host: str, port: int, *, timeout_s: float) -> list[str]:
        """Numeric addresses that may be connected to. Raises `HttpError`, the same for all that is wrong."""
        try:
            async with asyncio.timeout(timeout_s):
                found = [each["host"] for each in await self._resolver.resolve(host, port)]
        except (OSError, UnicodeError):  # TimeoutError among them
            found = []
        if not found:
            raise HttpError(NO_ANSWER, was_sent=False)
        allowed = [address for address in found if self._allows(address)]
        if not allowed:
            raise HttpError(REFUSED, was_sent=False)
        return allowed

    async def connect(self, host: str, port: int, *, timeout_s: float) -> socket.socket:
        """A connected, non-blocking socket. Raises `HttpError`; the caller closes what it gets."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        for address in await self.resolve(host, port, timeout_s=timeout_s):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            opened = socket.socket(family, socket.SOCK_STREAM)
            opened.setblocking(False)
            try:
                async with asyncio.timeout_at(deadline):
                    await loop.sock_connect(opened, (address, port))
            except OSError:
                opened.close()
            except BaseException:
                opened.close()
                raise
            else:
                return opened
        raise HttpError(NO_ANSWER, was_sent=False)

    def _allows(self, address: str) -> bool:
        return self._policy is None or self._policy.allows(ip_address(address))
