"""The second factor: codes of an authenticator app, and recovery codes for who has lost it."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime

import structlog
from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.account import Account
from csai.admins.action import Action
from csai.admins.audit import Actor, record
from csai.admins.repository import AdminRepository, AdminRow
from csai.admins.service import SignedIn
from csai.admins.session_repository import RecoveryRepository, SessionRepository
from csai.admins.totp import enrolment_uri, new_secret, owner_of_secret, step_of
from csai.database import Database
from csai.kit.crypto import DecryptError, Keyring, key_hash
from csai.kit.problem import Problem, not_found

log = structlog.get_logger(__name__)

RECOVERY_CODES = 10
RECOVERY_BYTES = 10


class SecondFactors:
    """Sets an admin's own second factor up, and takes it away."""

    def __init__(self, *, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock

    async def begin(self, admin: SignedIn) -> tuple[str, str]:
        """A secret for the app, and as a URI; nothing is asked for until a code has confirmed it."""
        secret = new_secret()
        async with self._database.write() as transaction:
            row = await AdminRepository(transaction).get(admin.id)
            if row is not None and row.totp_secret is not None:
                raise Problem(409, "second_factor_set", "There is a second factor. Take it off first.")
            encrypted = self._keyring.encrypt(secret, owner_of_secret(admin.id))
            await AdminRepository(transaction).set(admin.id, totp_pending=encrypted)
        return secret, enrolment_uri(secret, email=admin.email)

    async def confirm(self, admin: SignedIn, code: str) -> list[str]:
        """Ask for codes from now on; ends the other sessions. The recovery codes are shown this once."""
        now = self._clock.now()
        codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
        async with self._database.write() as transaction:
            repository = AdminRepository(transaction)
            # Who is shown recovery codes is shown those that count.
            await repository.lock(admin.id)
            row = await repository.get(admin.id)
            step = _step(self._keyring, row, row.totp_pending if row else None, code, now)
            if row is None or step is None:
                raise _invalid()
            await repository.set(admin.id, totp_secret=row.totp_pending, totp_pending=None, totp_step=step)
            await RecoveryRepository(transaction, admin.id).put([key_hash(each) for each in codes])
            await SessionRepository(transaction, admin.id).end_all(but=admin.session_id)
            await _record(transaction, admin.actor, "admin.second_factor_set", admin.id, now)
        return codes

    async def take_off(self, admin: SignedIn, code: str) -> None:
        """With a code of it, so that a session left open is not enough."""
        async with self._database.write() as transaction:
            row = await AdminRepository(transaction).get(admin.id)
            if row is None or row.totp_secret is None:
                raise not_found("second factor")
            if not await is_second_factor(transaction, self._keyring, row, code, now=self._clock.now()):
                raise _invalid()
            await drop_second_factor(transaction, admin.id, actor=admin.actor, at=self._clock.now())


async def is_second_factor(
    transaction: AsyncConnection, keyring: Keyring, row: AdminRow, code: str, *, now: datetime
) -> bool:
    """Whether the code is one of the admin's, which it uses up: none is taken twice."""
    code = "".join(code.split())
    step = _step(keyring, row, row.totp_secret, code, now)
    if step is not None:
        return await AdminRepository(transaction).use_step(row.id, step)
    return await RecoveryRepository(transaction, row.id).use(key_hash(code.lower()))


async def reset_second_factor(
    transaction: AsyncConnection, account: Account, *, actor: Actor, at: datetime
) -> None:
    """For who has lost app and recovery codes; ends their sessions."""
    await SessionRepository(transaction, account.row.id).end_all()
    await drop_second_factor(transaction, account.row.id, actor=actor, at=at)


async def drop_second_factor(
    transaction: AsyncConnection, admin_id: str, *, actor: Actor, at: datetime
) -> None:
    await AdminRepository(transaction).set(admin_id, totp_secret=None, totp_pending=None)
    await RecoveryRepository(transaction, admin_id).put([])
    await _record(transaction, actor, "admin.second_factor_taken_off", admin_id, at)


def _step(
    keyring: Keyring, row: AdminRow | None, encrypted: str | None, code: str, now: datetime
) -> int | None:
    if row is None or encrypted is None:
        return None
    try:
        return step_of(keyring.decrypt(encrypted, owner_of_secret(row.id)), code, now=now)
    except DecryptError:
        log.error("a second factor does not decrypt: check CSAI_SECRET_KEYS", admin_id=row.id)
        return None


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _invalid() -> Problem:
    return Problem(409, "second_factor_invalid", "This code is another one, or was used: wait for the next.")


async def _record(
    transaction: AsyncConnection, actor: Actor, action: Action, admin_id: str, at: datetime
) -> None:
    await record(transaction, actor, action, object=f"admin:{admin_id}", at=at)
