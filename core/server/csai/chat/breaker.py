"""The circuit breaker: a vendor that keeps failing is left alone, and tried again by one turn at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple, TypeVar, get_args

import structlog
from csai_sdk import PluginSettings, ProviderAuthError, ProviderError, ProviderQuotaExceeded
from pydantic import SecretStr

from csai.chat.circuit import UNREACHABLE, SharedCircuits
from csai.kit.alert import Alerts
from csai.plugins.answering import ChosenProvider

log = structlog.get_logger(__name__)

T = TypeVar("T")

LOOK_S = 2.0

Admission = Literal["normal", "trial"]


class Circuit(NamedTuple):
    """Whose account at which vendor: the installation's, where `client_id` is None."""

    client_id: str | None
    provider: str

    @property
    def name(self) -> str:
        return f"{self.client_id or '-'}:{self.provider}"


def circuit_of(chosen: ChosenProvider) -> Circuit:
    """A client with a key or an address of its own has a circuit of its own: its trouble is nobody else's."""
    own = _account_settings(type(chosen.ctx.settings)) & chosen.ctx.client_set
    return Circuit(chosen.ctx.client_id if own else None, chosen.provider.id)


@dataclass(slots=True)
class _Open:
    """Not closed: held until a moment, then tried by one turn. Moments are on the breaker's clock."""

    held_until: float
    changed_at: float
    is_shared: bool


class Breaker:
    """Counts failures in this process, and shares with the others which circuits are open.

    A turn whose vendor is well touches nothing but memory. Redis is written when a circuit opens, is tried
    or closes, and read every `LOOK_S`; without it each process finds out for itself.
    """

    def __init__(
        self,
        *,
        failures: int,
        open_s: float,
        alerts: Alerts,
        shared: SharedCircuits | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threshold = failures
        self._open_s = open_s
        self._alerts = alerts
        self._shared = shared
        self._now = now
        self._failed_turns: dict[str, set[str]] = {}
        self._open: dict[str, _Open] = {}
        self._is_redis_missed = False

    def held(self) -> list[str]:
        """The names of the circuits that are not closed, as far as this process knows."""
        return sorted(self._open)

    async def admit(self, circuit: Circuit) -> Admission | None:
        """Whether the vendor may be asked: None is no, "trial" that everybody else waits for this answer.

        Pair with `failed` or `answered`; a trial that ends without either is taken up after `open_s`.
        """
        state = self._open.get(circuit.name)
        if state is None:
            return "normal"
        now = self._now()
        if now < state.held_until:
            return None
        # Before any waiting, so that no other turn of this process comes through as well.
        state.held_until, state.changed_at = now + self._open_s, now
        if self._shared is not None and state.is_shared:
            held_s = await self._ask(self._shared.claim(circuit.name, self._open_s))
            if held_s:
                state.held_until = self._now() + held_s
                return None
        return "trial"

    async def answered(self, circuit: Circuit, admission: Admission) -> None:
        """The vendor gave a reply."""
        if self._failed_turns:
            self._failed_turns.pop(circuit.name, None)
        if admission == "trial":
            await self._close(circuit)

    async def failed(
        self, circuit: Circuit, admission: Admission, error: ProviderError, *, turn_id: str
    ) -> None:
        """The vendor did not; what it raised says whether that is its fault.

        The tries of one turn count once: what a visitor wrote may be what the vendor stumbles over.
        """
        is_trial = admission == "trial"
        if not (error.retryable or _is_shut(error)):
            if is_trial:
                await self._close(circuit)
            return
        if self._threshold == 0 or (circuit.name in self._open and not is_trial):
            return
        turns = self._failed_turns.setdefault(circuit.name, set())
        turns.add(turn_id)
        if is_trial or _is_shut(error) or len(turns) >= self._threshold:
            await self._hold(circuit, error)

    async def watch(self) -> None:
        """Learn it now and ever after; done at once where there is no Redis."""
        while self._shared is not None:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def aclose(self) -> None:
        if self._shared is not None:
            await self._shared.aclose()

    async def _hold(self, circuit: Circuit, error: ProviderError) -> None:
        now = self._now()
        is_new = circuit.name not in self._open
        state = self._open[circuit.name] = _Open(now + self._open_s, now, is_shared=False)
        self._failed_turns.pop(circuit.name, None)
        if self._shared is not None:
            was_closed = await self._ask(self._shared.hold(circuit.name, self._open_s))
            state.is_shared = was_closed is not None
            is_new = is_new and was_closed is not False
        if is_new:
            self._alerts.raise_alert(
                "provider.circuit_opened",
                provider=circuit.provider,
                client_id=circuit.client_id,
                error=type(error).__name__,
                status=error.status,
                tried_again_after_s=self._open_s,
            )

    async def _close(self, circuit: Circuit) -> None:
        state = self._open.pop(circuit.name, None)
        self._failed_turns.pop(circuit.name, None)
        if state is None:
            return
        log.info("provider answers again", provider=circuit.provider, client_id=circuit.client_id)
        if self._shared is not None:
            await self._ask(self._shared.close(circuit.name))

    async def look(self) -> None:
        """Learn now which circuits other processes opened and closed."""
        if self._shared is None:
            return
        asked_at = self._now()
        found = await self._ask(self._shared.look())
        if found is None:
            return
        now = self._now()
        for name, held_s in found.items():
            state = self._open.get(name)
            # What changed here since the question is newer than the answer.
            if state is None or state.changed_at < asked_at:
                self._open[name] = _Open(now + held_s, asked_at, is_shared=True)
        for name, state in list(self._open.items()):
            if name not in found and state.is_shared and state.changed_at < asked_at:
                del self._open[name]
                self._failed_turns.pop(name, None)

    async def _ask(self, question: Awaitable[T]) -> T | None:
        """What Redis answers; None where it does not, said once until it does again."""
        try:
            answer = await question
        except UNREACHABLE:
            if not self._is_redis_missed:
                log.warning("redis does not answer, minding circuits in this process alone")
            self._is_redis_missed = True
            return None
        self._is_redis_missed = False
        return answer


def _is_shut(error: ProviderError) -> bool:
    """The account is out of money, or its key is refused: no turn will fare better.

    Not where a key may merely not do what was asked (403): a client may have chosen such a model.
    """
    is_key_refused = isinstance(error, ProviderAuthError) and error.status in (None, 401)
    return is_key_refused or isinstance(error, ProviderQuotaExceeded)


@cache
def _account_settings(model: type[PluginSettings]) -> frozenset[str]:
    """The settings that say whose account it is and where: secrets, addresses, and what vendors name in
    variables of the environment.
    """
    names = set()
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        is_secret = SecretStr in (field.annotation, *get_args(field.annotation))
        if is_secret or extra.get("env") or extra.get("url"):
            names.add(name)
    return frozenset(names)
