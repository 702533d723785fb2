"""Encrypting what is stored with the first of the secret keys, so that the others can go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from csai_sdk import Clock

from csai.admins.audit import CLI, record
from csai.config import Settings
from csai.database import Database
from csai.kit.crypto import DecryptError, Keyring
from csai.secrets.repository import PLACES, Place, SecretRepository

MAX_NAMED = 100
MAX_LOOKS = 5


@dataclass(slots=True)
class Count:
    """What there is in one place. `rotated` were under an older key, and no longer are unless it was dry."""

    place: str
    total: int = 0
    current: int = 0
    rotated: int = 0
    unreadable: int = 0


@dataclass(slots=True)
class Rotation:
    """What was done, or would be."""

    is_dry: bool
    counts: list[Count] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    """Owners of what no key decrypts; the first hundred."""

    @property
    def can_drop_old_keys(self) -> bool:
        """Whether nothing stored needs any key but the first."""
        left = sum(each.unreadable + (each.rotated if self.is_dry else 0) for each in self.counts)
        return left == 0

    def report(self) -> dict[str, Any]:
        return {
            "dry_run": self.is_dry,
            "places": [asdict(each) for each in self.counts],
            "unreadable": self.unreadable,
            "can_drop_old_keys": self.can_drop_old_keys,
        }

    def advice(self, settings: Settings) -> str:
        if any(each.unreadable for each in self.counts):
            return (
                "Drop no key. Add the one these were encrypted with to CSAI_SECRET_KEYS, after the first, "
                "and run this again; or give these secrets anew."
            )
        if not self.can_drop_old_keys:
            return "Nothing was changed: this was a dry run. Run csai secrets rotate before you drop a key."
        if len(settings.secret_keys) < 2:
            return "Everything stored is under the one key there is."
        return (
            "Nothing stored needs the older keys. They still prove conversations that were begun under them: "
            f"drop them from CSAI_SECRET_KEYS after {settings.message_days} days, or at once where visitors "
            "may have to begin anew and admins to sign in again. Backups made until now need them."
        )


async def rotate_secrets(
    database: Database,
    keyring: Keyring,
    *,
    clock: Clock,
    is_dry: bool = False,
    batch: int = 200,
    progress: Callable[[str, int], None] = lambda _place, _seen: None,
) -> Rotation:
    """Go through all secrets, a batch in a transaction.

    What is under the first key already is passed over, so that a run that was broken off is gone on with by
    the next. A secret that is changed meanwhile is left to whoever changed it.
    """
    done = Rotation(is_dry)
    for place in PLACES:
        await _rotate_place(database, keyring, place, done, batch=batch, progress=progress)
    if not is_dry and any(each.rotated for each in done.counts):
        await _look_again(database, keyring, done, batch=batch)
        async with database.write() as transaction:
            await record(
                transaction,
                CLI,
                "secrets.rotated",
                object="secrets",
                after={each.place: each.rotated for each in done.counts},
                at=clock.now(),
            )
    return done


async def _look_again(database: Database, keyring: Keyring, done: Rotation, *, batch: int) -> None:
    """Until nothing is left. Undoing a change moves a secret as it is stored: maybe behind this run."""
    for _ in range(MAX_LOOKS):
        again = Rotation(is_dry=False)
        for place in PLACES:
            await _rotate_place(database, keyring, place, again, batch=batch, progress=lambda *_: None)
        for count, more in zip(done.counts, again.counts, strict=True):
            count.rotated += more.rotated
        if not any(more.rotated for more in again.counts):
            return


async def _rotate_place(
    database: Database,
    keyring: Keyring,
    place: Place,
    done: Rotation,
    *,
    batch: int,
    progress: Callable[[str, int], None],
) -> None:
    count = Count(place.name)
    done.counts.append(count)
    key: tuple[str, ...] | None = None
    while True:
        async with database.read() if done.is_dry else database.write() as connection:
            repository = SecretRepository(connection, place)
            rows = await repository.after(key, count=batch)
            for row_key, token in rows:
                owner = place.owner(*row_key)
                new = _judge(keyring, token, owner, count, done)
                if new is not None and not done.is_dry:
                    await repository.replace(row_key, old=token, new=new)
        if not rows:
            return
        key = rows[-1][0]
        progress(place.name, count.total)


def _judge(keyring: Keyring, token: str, owner: str, count: Count, done: Rotation) -> str | None:
    """The secret encrypted anew, where it has to be."""
    count.total += 1
    if keyring.is_current(token, owner):
        count.current += 1
        return None
    try:
        new = keyring.rotate(token, owner)
    except DecryptError:
        count.unreadable += 1
        if len(done.unreadable) < MAX_NAMED:
            done.unreadable.append(owner)
        return None
    count.rotated += 1
    return new
