"""Asking the model: one reply, from the first provider of the client's chain that gives one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Literal

import structlog
from csai_sdk import (
    Clock,
    Message,
    ModelReply,
    ModelRequest,
    Passage,
    ProviderError,
    ProviderProtocolError,
    ProviderTimeout,
    Usage,
)
from csai_sdk.event import AfterModelCall

from csai.chat.prompt import CHARS_PER_TOKEN, estimate_tokens
from csai.chat.repository import TurnRepository
from csai.chat.running import ModelCall, RunningTurn
from csai.config import Settings
from csai.database import Database
from csai.kit.text import clean
from csai.kit.waiting import see_through
from csai.plugins.view import ChosenProvider
from csai.usage import counter
from csai.usage.prices import Cost, price

log = structlog.get_logger(__name__)

RETRIES = 1
MAX_BACKOFF_S = 8.0
MAX_TOKENS = 100_000_000
MAX_CHARS_PER_TOKEN = 64


class NoReply(Exception):
    """No provider of the chain answered; `last` is what the last of them raised."""

    def __init__(self, last: ProviderError | None) -> None:
        super().__init__(type(last).__name__ if last else "no provider is configured")
        self.last = last


class ModelCaller:
    """Reserves, streams, books, retries and fails over."""

    def __init__(self, *, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock

    async def reply(
        self,
        turn: RunningTurn,
        *,
        system: str,
        messages: Sequence[Message],
        passages: Sequence[Passage],
        tool_choice: Literal["auto", "none"],
    ) -> ModelReply:
        """One reply, its text passed on as it comes.

        Raises `NoReply`, or `LimitReached` when the plan leaves no room for the call.
        """
        last: ProviderError | None = None
        while turn.provider_index < len(turn.view.providers):
            chosen = turn.view.providers[turn.provider_index]
            request = ModelRequest(
                model=chosen.model,
                system=system,
                messages=messages,
                tools=turn.view.tool_specs,
                tool_choice=tool_choice,
                max_output_tokens=self._settings.max_output_tokens,
                temperature=self._settings.temperature,
                timeout_s=turn.remaining_s(),
                passages=passages,
                is_fallback=turn.provider_index > 0,
            )
            for attempt in range(1 + RETRIES):
                try:
                    return await self._attempt(turn, chosen, request)
                except ProviderError as error:
                    last = error
                    log.warning(
                        "model call failed",
                        provider=chosen.provider.id,
                        error=type(error).__name__,
                        status=error.status,
                        attempt=attempt,
                        client_id=turn.client_id,
                    )
                    if attempt == RETRIES or not await self._may_retry(turn, error, attempt):
                        break
                    request = replace(request, timeout_s=turn.remaining_s())
            turn.provider_index += 1
        raise NoReply(last)

    async def _may_retry(self, turn: RunningTurn, error: ProviderError, attempt: int) -> bool:
        """Wait before another try at the same vendor, where one can help and the time is there."""
        if not error.retryable:
            return False
        # Not for secrecy: the jitter keeps turns that failed together from coming back together.
        wait_s = error.retry_after_s if error.retry_after_s is not None else 0.5 * 2**attempt
        wait_s += random.uniform(0, 0.25)  # noqa: S311
        if wait_s > min(MAX_BACKOFF_S, turn.remaining_s() / 4):
            return False
        await asyncio.sleep(wait_s)
        return True

    async def _attempt(self, turn: RunningTurn, chosen: ChosenProvider, request: ModelRequest) -> ModelReply:
        bound = await self._reserve(turn, chosen, request)
        pieces: list[str] = []
        turn.saying = pieces
        reply: ModelReply | None = None
        failure: ProviderError | None = None
        stream = chosen.provider.stream(request, chosen.ctx)
        try:
            item = await self._first(stream)
            room = request.max_output_tokens * MAX_CHARS_PER_TOKEN
            while isinstance(item, str) and room > 0:
                room -= len(item)
                pieces.append(item)
                turn.stream.text(item)
                item = await anext(stream)
            if isinstance(item, str):
                failure = ProviderProtocolError("far more text than the output cap", retryable=False)
            else:
                reply = item
        except StopAsyncIteration:
            failure = ProviderProtocolError("the stream ended without a reply")
        except ProviderError as error:
            failure = error
        except TimeoutError:
            failure = ProviderTimeout("no first token in time")
        except (Exception, SystemExit) as error:
            log.exception("provider raised what is no ProviderError", provider=chosen.provider.id)
            failure = ProviderProtocolError(f"the plugin raised {type(error).__name__}", retryable=False)
        finally:
            # Also when the turn is stopped: what was said until then is booked.
            usage = self._book(turn, chosen, request, bound, reply, pieces, failure)
            await _close(stream)
        await self._tell(turn, chosen, usage, failure)
        if failure is None and reply is not None:
            return reply
        if pieces:
            self._withdraw(turn)
        raise failure or ProviderProtocolError("the stream ended without a reply")

    async def _first(self, stream: AsyncIterator[str | ModelReply]) -> str | ModelReply:
        async with asyncio.timeout(self._settings.first_token_timeout_s):
            return await anext(stream)

    def _withdraw(self, turn: RunningTurn) -> None:
        """Take back a piece of an answer that will not be finished; keep what earlier rounds said."""
        turn.saying = []
        turn.stream.add("text.reset", {})
        if turn.answer():
            turn.stream.text(turn.answer() + "\n\n")

    async def _reserve(self, turn: RunningTurn, chosen: ChosenProvider, request: ModelRequest) -> Usage:
        """Set aside the most this attempt can cost. A token is at least a byte, so bytes bound the input."""
        bound = Usage(_input_bytes(request), request.max_output_tokens)
        limits = turn.view.limits
        if "tokens" in limits or "cost" in limits:
            amounts = {
                "tokens": bound.tokens_input + bound.tokens_output if "tokens" in limits else 0,
                "cost": self._cost(chosen, request.model, bound).micros if "cost" in limits else 0,
            }
            reserved = counter.total(turn.reserved, amounts)
            await see_through(
                self._database.transact(
                    TurnRepository(turn.client_id).keep_reserved(turn.id, reserved),
                    counter.reserve(turn.client_id, turn.period, amounts, limits),
                    check=lambda results: counter.check_granted(results[-1], amounts, limits),
                )
            )
            turn.reserved.update(reserved)
        return bound

    def _book(
        self,
        turn: RunningTurn,
        chosen: ChosenProvider,
        request: ModelRequest,
        bound: Usage,
        reply: ModelReply | None,
        pieces: Sequence[str],
        failure: ProviderError | None,
    ) -> Usage:
        """Note what the attempt used, for the ledger."""
        usage = _believable(reply.usage) if reply else None
        is_estimated = usage is None
        if usage is None:
            if failure is not None and not pieces:
                return Usage()  # Refused or never begun: vendors bill nothing for it.
            text = reply.text if reply else "".join(pieces)
            usage = Usage(
                bound.tokens_input // CHARS_PER_TOKEN + 1,
                min(estimate_tokens(text), bound.tokens_output),
            )
        elif usage.tokens_output > bound.tokens_output or usage.tokens_input > bound.tokens_input:
            log.error(
                "vendor reported more than the call's bound",
                provider=chosen.provider.id,
                tokens_input=usage.tokens_input,
                tokens_output=usage.tokens_output,
                client_id=turn.client_id,
            )
        model = clean(reply.model if reply else "") or request.model
        cost = self._cost(chosen, model, usage)
        turn.model_calls.append(
            ModelCall(
                provider=chosen.provider.id,
                model=model,
                usage=usage,
                cost_micros=cost.micros,
                price=cost.snapshot,
                is_estimated=is_estimated,
                at=self._clock.now(),
            )
        )
        return usage

    def _cost(self, chosen: ChosenProvider, model: str, usage: Usage) -> Cost:
        traits = chosen.provider.traits(model)
        return price(
            usage,
            model=model,
            price_provider=traits.price_provider,
            overrides=self._settings.price_overrides,
        )

    async def _tell(
        self, turn: RunningTurn, chosen: ChosenProvider, usage: Usage, failure: ProviderError | None
    ) -> None:
        if "after_model_call" in turn.view.hooks:
            error = type(failure).__name__ if failure else None
            await turn.view.hooks.tell(
                "after_model_call",
                AfterModelCall(turn.ref, chosen.provider.id, chosen.model, usage, error),
            )


def _believable(usage: Usage | None) -> Usage | None:
    """The vendor's report, or None where it cannot be true; it is then booked as an estimate."""
    if usage is None:
        return None
    counts = (usage.tokens_input, usage.tokens_output, usage.tokens_cache_read, usage.tokens_cache_write)
    # A plugin may hand on what its vendor wrote, whatever the annotations say.
    if all(type(count) is int and 0 <= count <= MAX_TOKENS for count in counts):
        return usage
    log.error("vendor reported what no call uses", tokens=str(counts)[:200])
    return None


def _input_bytes(request: ModelRequest) -> int:
    """Bytes of all the model will read, with room for the vendor's own framing."""
    total = len(request.system.encode()) + 64
    for message in request.messages:
        total += len(repr(message).encode())
    for tool in request.tools:
        total += len(tool.description.encode()) + len(repr(tool.parameters_schema).encode()) + 64
    return total


async def _close(stream: AsyncIterator[str | ModelReply]) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
