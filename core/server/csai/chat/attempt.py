"""One call of one model: room set aside for it, its text passed on as it comes, its use booked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import structlog
from csai_sdk import (
    Clock,
    ModelReply,
    ModelRequest,
    Provider,
    ProviderError,
    ProviderProtocolError,
    ProviderTimeout,
    Usage,
)
from csai_sdk.event import AfterModelCall

from csai.chat.prompt import CHARS_PER_TOKEN, estimate_tokens
from csai.chat.repository import TurnRepository
from csai.chat.running import FencedOut, RunningTurn
from csai.chat.spending import ModelCall, UnderWay
from csai.config import Settings
from csai.database import Database, OutcomeUnknown
from csai.kit.fault_point import FaultPoint, reach
from csai.kit.text import clean
from csai.kit.waiting import see_through
from csai.outbox.limit import LimitNews
from csai.plugins.answering import ChosenProvider
from csai.plugins.health import fault_of
from csai.statement import Rows
from csai.usage import counter

log = structlog.get_logger(__name__)

MAX_TOKENS = 100_000_000
MAX_CHARS_PER_TOKEN = 64


class Stopwatch:
    """How long a call takes, and how long until its first text."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.first_text_ms: int | None = None

    def first_text(self) -> None:
        if self.first_text_ms is None:
            self.first_text_ms = self.elapsed_ms()

    def elapsed_ms(self) -> int:
        return round((time.monotonic() - self._began) * 1000)


class Attempts:
    """Reserves, streams and books."""

    def __init__(self, *, settings: Settings, database: Database, clock: Clock, limits: LimitNews) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._limits = limits

    async def run(self, turn: RunningTurn, chosen: ChosenProvider, request: ModelRequest) -> ModelReply:
        """The reply. Raises `ProviderError`, the text passed on until then withdrawn and booked."""
        # What is set aside and what is booked have one price, also where another begins meanwhile.
        began = self._clock.now()
        bound = await self._reserve(turn, chosen, request, began)
        watch = Stopwatch()
        reach(FaultPoint.MODEL_CALL)
        pieces: list[str] = []
        turn.saying = pieces
        reply: ModelReply | None = None
        failure: ProviderError | None = None
        fault: str | None = None
        stream: AsyncIterator[str | ModelReply] | None = None
        try:
            stream = chosen.provider.stream(request, chosen.ctx)
            room = request.max_output_tokens * MAX_CHARS_PER_TOKEN
            reply = await self._listen(turn, stream, watch, room=room)
        except ProviderError as error:
            failure = error
        except TimeoutError:
            failure = ProviderTimeout("no text in time")
        except (Exception, SystemExit) as error:
            log.exception("provider raised what is no ProviderError", provider=chosen.provider.id)
            fault = fault_of(error)
            failure = ProviderProtocolError(f"the plugin raised {type(error).__name__}", retryable=False)
        finally:
            # Also when the turn is stopped: what was said until then is booked.
            usage = self._book(turn, chosen, request, bound, reply, pieces, failure, began, watch)
            if turn.trial is not None:
                turn.trial.note(
                    turn.view,
                    chosen.provider.id,
                    request,
                    reply=reply,
                    failure=failure,
                    duration_ms=watch.elapsed_ms(),
                )
            if stream is not None:
                await _close(stream)
        # Said of the plugin; whether it is asked again is for the breaker.
        turn.view.health.judge(chosen.ctx, f"provider {chosen.provider.id}", fault, is_held=False)
        await self._tell(turn, chosen, usage, failure)
        if reply is not None:
            reach(FaultPoint.MODEL_REPLIED)
            return reply
        if pieces:
            turn.withdraw()
        raise failure or ProviderProtocolError("the stream ended without a reply")

    async def _listen(
        self, turn: RunningTurn, stream: AsyncIterator[str | ModelReply], watch: Stopwatch, *, room: int
    ) -> ModelReply:
        """Pass text on, at most `room` characters; a vendor may be silent for only so long."""
        loop = asyncio.get_running_loop()
        silence_s = self._settings.first_token_timeout_s
        async with asyncio.timeout(silence_s) as patience:
            async for item in stream:
                if not isinstance(item, str):
                    return item
                room -= len(item)
                if room < 0:
                    raise ProviderProtocolError("far more text than the output cap", retryable=False)
                watch.first_text()
                turn.saying.append(item)
                turn.stream.text(item)
                reach(FaultPoint.TEXT_BEGUN)
                patience.reschedule(loop.time() + silence_s)
        raise ProviderProtocolError("the stream ended without a reply")

    async def _reserve(
        self, turn: RunningTurn, chosen: ChosenProvider, request: ModelRequest, began: datetime
    ) -> Usage:
        """Set aside the most this attempt can cost. A token is at least a byte, so bytes bound the input.

        What earlier attempts set aside and did not use serves this one: only what is missing is added.
        """
        bound = Usage(input_bytes(request), request.max_output_tokens)
        turn.under_way = UnderWay(
            chosen.provider.id, request.model, bound.tokens_input, most_output=bound.tokens_output
        )
        await self.set_aside(turn, bound, chosen.provider, chosen.model, at=began)
        return bound

    async def set_aside(
        self, turn: RunningTurn, bound: Usage, provider: Provider, model: str, *, at: datetime
    ) -> None:
        """Reserve what a call of at most `bound` lacks, where the plan limits what models use."""
        limits = turn.view.limits
        if "tokens" in limits or "cost" in limits:
            cost = turn.view.prices.most(bound, provider=provider, model=model, at=at)
            most = {"tokens": bound.tokens_input + bound.tokens_output, "cost": cost}
            used = turn.used()
            missing = {
                metric: max(0, used[metric] + most[metric] - turn.reserved.get(metric, 0))
                for metric in most
                if metric in limits
            }
            if any(missing.values()):
                await self._add_reservation(turn, missing)

    async def _add_reservation(self, turn: RunningTurn, amounts: dict[str, int]) -> None:
        limits = turn.view.limits
        reserved = counter.total(turn.reserved, amounts)

        def check(results: list[Rows]) -> None:
            if not results[0]:
                raise FencedOut
            counter.check_granted(results[-1], amounts, limits)

        async def reserve() -> Rows:
            results = await self._database.transact(
                TurnRepository(turn.client_id).keep_reserved(turn.id, reserved, turn.note()),
                counter.reserve(turn.client_id, turn.period, amounts, limits),
                check=check,
            )
            return results[-1]

        async def look_and_reserve() -> Rows:
            return await reserve() if await self._reserved(turn) != reserved else []

        try:
            granted = await see_through(reserve())
        except OutcomeUnknown:
            turn.is_reserved_unsure = True
            granted = await see_through(look_and_reserve())
            turn.is_reserved_unsure = False
        turn.reserved.update(reserved)
        self._limits.near(turn.view, turn.period, granted)

    async def _reserved(self, turn: RunningTurn) -> dict[str, int]:
        """What is stored as set aside for the turn, once a transaction whose end nobody heard of is over."""
        step = TurnRepository(turn.client_id).reserved_finally(turn.id)
        ((_period, reserved),) = (await self._database.transact(step))[0]
        return dict(reserved)

    def _book(
        self,
        turn: RunningTurn,
        chosen: ChosenProvider,
        request: ModelRequest,
        bound: Usage,
        reply: ModelReply | None,
        pieces: Sequence[str],
        failure: ProviderError | None,
        began: datetime,
        watch: Stopwatch,
    ) -> Usage:
        """Note what the attempt used, for the ledger, at the price of its beginning."""
        turn.under_way = None
        usage = believable(reply.usage) if reply else None
        is_estimated = usage is None
        if usage is None:
            if failure is not None and not pieces and not may_be_billed(failure):
                return Usage()
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
        cost = turn.view.cost(chosen, usage, model=model, at=began)
        turn.model_calls.append(
            ModelCall(
                provider=chosen.provider.id,
                model=model,
                usage=usage,
                cost_micros=cost.micros,
                saved_micros=cost.saved_micros,
                price=cost.snapshot,
                is_estimated=is_estimated,
                at=self._clock.now(),
                duration_ms=watch.elapsed_ms(),
                first_text_ms=watch.first_text_ms,
            )
        )
        return usage

    async def _tell(
        self, turn: RunningTurn, chosen: ChosenProvider, usage: Usage, failure: ProviderError | None
    ) -> None:
        if "after_model_call" in turn.view.hooks:
            error = type(failure).__name__ if failure else None
            await turn.view.hooks.tell(
                "after_model_call",
                AfterModelCall(turn.ref, chosen.provider.id, chosen.model, usage, error),
            )


def may_be_billed(failure: ProviderError) -> bool:
    """Whether a vendor that sent no text may have worked all the same: it fell silent, or its answer broke
    off while the model thought or wrote a tool call. A refusal costs nothing, nor does a plugin's defect.
    """
    is_cut = isinstance(failure, ProviderTimeout | ProviderProtocolError)
    return is_cut and failure.retryable and failure.status is None


def believable(usage: Usage | None) -> Usage | None:
    """The vendor's report, or None where it cannot be true; it is then booked as an estimate."""
    if usage is None:
        return None
    counts = (usage.tokens_input, usage.tokens_output, usage.tokens_cache_read, usage.tokens_cache_write)
    # A plugin may hand on what its vendor wrote, whatever the annotations say.
    if all(type(count) is int and 0 <= count <= MAX_TOKENS for count in counts):
        return usage
    log.error("vendor reported what no call uses", tokens=str(counts)[:200])
    return None


def input_bytes(request: ModelRequest) -> int:
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
