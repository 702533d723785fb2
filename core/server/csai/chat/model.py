"""Asking the model: one reply, from the first provider of the client's chain that gives one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Literal

import structlog
from csai_sdk import Clock, Message, ModelReply, ModelRequest, Passage, ProviderError, ProviderTimeout

from csai.chat.attempt import Attempts
from csai.chat.breaker import Breaker, circuit_of
from csai.chat.prompt import SystemPrompt
from csai.chat.running import RunningTurn
from csai.config import Settings
from csai.plugins.answering import ChosenProvider
from csai.usage.unknown import UnknownPrices

log = structlog.get_logger(__name__)

FIRST_WAIT_S = 0.5
MAX_WAIT_S = 8.0
LAST_MAX_WAIT_S = 30.0


class NoReply(Exception):
    """No provider of the chain answered; `last` is what the last of them that was asked raised."""

    def __init__(self, last: ProviderError | None) -> None:
        super().__init__(type(last).__name__ if last else "no provider could be asked")
        self.last = last


class ModelCaller:
    """Retries where that can help, fails over where it cannot."""

    def __init__(
        self,
        *,
        settings: Settings,
        attempts: Attempts,
        breaker: Breaker,
        unknown: UnknownPrices,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._unknown = unknown
        self._clock = clock
        self._attempts = attempts
        self._breaker = breaker

    async def reply(
        self,
        turn: RunningTurn,
        *,
        system: SystemPrompt,
        messages: Sequence[Message],
        passages: Sequence[Passage],
        tool_choice: Literal["auto", "none"],
    ) -> ModelReply:
        """One reply, its text passed on as it comes.

        Raises `NoReply`, or `LimitReached` when the plan leaves no room for the call.
        """
        last: ProviderError | None = None
        while turn.provider_index < len(turn.chain):
            chosen = turn.chain[turn.provider_index]
            if not self._may_ask(turn, chosen):
                turn.provider_index += 1
                continue
            circuit = circuit_of(chosen)
            tries = 0
            while (trial := await self._breaker.admit(circuit)) is not None:
                request = ModelRequest(
                    model=chosen.model,
                    system=system.text,
                    steady_chars=system.steady_chars,
                    messages=messages,
                    tools=turn.view.tool_specs,
                    tool_choice=tool_choice,
                    max_output_tokens=self._settings.max_output_tokens,
                    temperature=self._temperature(turn),
                    timeout_s=turn.remaining_s(),
                    passages=passages,
                    is_fallback=turn.provider_index > turn.first_index,
                )
                try:
                    reply = await self._attempts.run(turn, chosen, request)
                except ProviderError as error:
                    last = error
                    tries += 1
                    self._log_failure(turn, chosen, error, tries)
                    await self._breaker.failed(circuit, trial, error, turn_id=turn.id)
                    if not await self._wait_to_retry(turn, error, tries):
                        break
                else:
                    await self._breaker.answered(circuit, trial)
                    return reply
            turn.provider_index += 1
        raise NoReply(last)

    def _temperature(self, turn: RunningTurn) -> float | None:
        own = turn.arm.arm.temperature if turn.arm is not None else None
        return self._settings.temperature if own is None else own

    def _may_ask(self, turn: RunningTurn, chosen: ChosenProvider) -> bool:
        """Not a model whose price nobody knows, where the plan limits what may be spent."""
        now = self._clock.now()
        if turn.view.prices.knows(chosen.provider, chosen.model, now):
            return True
        may_pay = turn.view.may_pay(chosen, now)
        self._unknown.met(chosen.provider.id, chosen.model, is_asked=may_pay)
        return may_pay

    def _log_failure(
        self, turn: RunningTurn, chosen: ChosenProvider, error: ProviderError, tries: int
    ) -> None:
        log.warning(
            "model call failed",
            provider=chosen.provider.id,
            error=type(error).__name__,
            status=error.status,
            tries=tries,
            client_id=turn.client_id,
        )

    async def _wait_to_retry(self, turn: RunningTurn, error: ProviderError, tries: int) -> bool:
        """Wait before another try at the same vendor, where one can help and the time is there."""
        is_last = turn.provider_index == len(turn.chain) - 1
        if not error.retryable or tries > self._settings.model_retries:
            return False
        if isinstance(error, ProviderTimeout) and error.status is None and not is_last:
            return False  # It has had its time; the next is not to wait as long again.
        wait_s = backoff_s(tries, error.retry_after_s)
        longest_s = LAST_MAX_WAIT_S if is_last else MAX_WAIT_S
        if wait_s > min(longest_s, turn.remaining_s() / (2 if is_last else 4)):
            return False
        await asyncio.sleep(wait_s)
        return True


def backoff_s(tries: int, retry_after_s: float | None) -> float:
    """Seconds to wait after so many tries: what the vendor asked for and a little more, or doubling.

    The random part is not for secrecy: it keeps turns that failed together from coming back together.
    """
    if retry_after_s is not None:
        return retry_after_s + random.uniform(0, 0.25 + retry_after_s / 10)  # noqa: S311
    return min(MAX_WAIT_S, FIRST_WAIT_S * 2.0 ** (tries - 1)) * random.uniform(0.5, 1)  # noqa: S311
