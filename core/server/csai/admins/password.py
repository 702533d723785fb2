"""Passwords of admins: hashed with argon2, off the event loop."""

from __future__ import annotations

import asyncio
import secrets
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from csai.kit.problem import Problem
from csai.kit.text import is_clean

MIN_CHARS = 12
MAX_CHARS = 256
# One takes 64 MB and some 50 ms of a core.
AT_ONCE = 2

hasher = PasswordHash((Argon2Hasher(),))
"""What a hash costs is written into it, so it may change: stored ones stay valid."""


def hash_password(password: str) -> str:
    """Raises `Problem` for a password that is too short to be one."""
    if not MIN_CHARS <= len(password) <= MAX_CHARS or not is_clean(password):
        raise Problem(
            422,
            "password_invalid",
            f"A password has {MIN_CHARS} to {MAX_CHARS} characters. A sentence of your own is a good one.",
        )
    return hasher.hash(password)


def new_password() -> str:
    return secrets.token_urlsafe(18)


class PasswordCheck:
    """Verifies and hashes passwords, a few at a time. Who is unknown takes as long as who is known."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(AT_ONCE)

    async def is_right(self, password: str, stored: str | None) -> bool:
        async with self._room:
            return await asyncio.to_thread(_verify, password, stored)

    async def hashed(self, password: str) -> str:
        """Raises `Problem` for a password that is too short to be one."""
        async with self._room:
            return await asyncio.to_thread(hash_password, password)


def _verify(password: str, stored: str | None) -> bool:
    is_right = hasher.verify(password, stored or _nobodys())
    return is_right and stored is not None


@cache
def _nobodys() -> str:
    return hasher.hash(secrets.token_urlsafe())
