"""The running summary: what drops out of the window is told in short, between turns.

Nothing of it is in a turn's path. Without a summary (no room in the plan, no model that could write one, a
vendor that fails) older turns are simply left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

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
from csai_sdk.event import TurnRef, UsageRecorded

from csai.chat.attempt import MAX_CHARS_PER_TOKEN, believable, input_bytes, may_be_billed
from csai.chat.breaker import Breaker, circuit_of
from csai.chat.prompt import CHARS_PER_TOKEN, estimate_tokens
from csai.chat.repository import ExpiredFold, FoldRow, TurnRepository, expired_folds
from csai.chat.running import RunningTurn
from csai.chat.spending import BookedRow, ModelCall, UnderWay, beyond, booking, recovered, spent
from csai.chat.summary_request import (
    MAX_OUTPUT_TOKENS,
    TIMEOUT_S,
    cheapest,
    older,
    request_of,
    summary_of,
)
from csai.clients.repository import ClientRepository
from csai.config import Settings
from csai.database import Conflict, Database, DatabaseUnavailable, OutcomeUnknown
from csai.kit.identifier import new_id
from csai.kit.text import clean
from csai.kit.waiting import end, see_through
from csai.plugins.answering import ChosenProvider
from csai.plugins.view import ClientView, ClientViews
from csai.providers.repository import PriceRepository
from csai.statement import Rows
from csai.usage import counter

log = structlog.get_logger(__name__)

# For storing the end of a fold over a database that is away.
PATIENCE_S = 20.0
WAIT_S = 1.0
EXPIRES = timedelta(seconds=3 * TIMEOUT_S)
MAX_MESSAGES = 200
MAX_FOLDS = 32


@dataclass(slots=True)
class Fold:
    """One folding, claimed: what it folds, who is asked, and what came of it."""

    id: str
    client_id: str
    conversation_id: str
    period: str
    reserved: dict[str, int]
    folded: Sequence[FoldRow]
    chosen: ChosenProvider
    request: ModelRequest
    bound: Usage
    began: datetime
    pieces: list[str] = field(default_factory=list)
    reply: ModelReply | None = None

    @property
    def up_to(self) -> FoldRow:
        return self.folded[-1]


class Summaries:
    """Folds older messages into summaries, in tasks of its own; `fold` serves a durable job as well."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock,
        views: ClientViews,
        breaker: Breaker,
        providers: Mapping[str, tuple[str, Provider]],
    ) -> None:
        """`providers` are all that are installed, each with its plugin's id."""
        self._settings = settings
        self._database = database
        self._clock = clock
        self._views = views
        self._breaker = breaker
        self._providers = providers
        self._tasks: set[asyncio.Task[None]] = set()

    def schedule(self, turn: RunningTurn) -> None:
        """A turn has been settled: fold in the background what the next one would not be shown."""
        last_seq = turn.seq + 1
        is_due = turn.is_history_cut or last_seq - turn.summary_seq > self._settings.history_messages
        if is_due and len(self._tasks) < MAX_FOLDS:
            task = asyncio.create_task(self._try(turn.client_id, turn.conversation_id, last_seq))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def fold(self, client_id: str, conversation_id: str, last_seq: int) -> bool:
        """Fold what is too much up to message `last_seq`; whether a summary was stored.

        Doing so again, or twice at once, changes nothing: what was folded is not folded again, and a
        conversation is folded by one at a time. Raises `ProviderError`, or `LimitReached` when the plan has
        no room.
        """
        async with self._database.read() as connection:
            # As it is now: the turn before may have begun when the AI was not switched off yet.
            client = await ClientRepository(connection, client_id).get()
        view = await self._views.get(client_id, client.config_version)
        if view.is_paused:
            return False
        self._views.hold(view)
        try:
            fold = await self._begin(view, conversation_id, last_seq)
            return fold is not None and await self._run(view, fold)
        finally:
            await self._views.release(view)

    async def idle(self) -> None:
        """Wait until nothing is being folded."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Give up what is being folded; what it set aside is given back."""
        await end(self._tasks)

    async def watch(self, every_s: float) -> None:
        """Now and ever after, give back what folds of processes that died had set aside."""
        while True:
            try:
                await self.sweep()
            except Exception:
                log.exception("expired summaries not looked for")
            await asyncio.sleep(every_s)

    async def sweep(self) -> None:
        for left in await expired_folds(self._database, now=self._clock.now()):
            try:
                await self._bury(left)
            except (FoldTaken, Conflict):
                continue  # Somebody was quicker, also in giving back: less than nothing cannot be set aside.

    async def _bury(self, left: ExpiredFold) -> None:
        """End the fold of a process that died: its vendor may have worked, so an estimate is booked."""
        turns = TurnRepository(left.client_id)
        note = {"under_way": asdict(UnderWay(left.provider, left.model, left.bytes_input, MAX_OUTPUT_TOKENS))}
        async with self._database.read() as connection:
            prices = await PriceRepository(connection).price_list(self._settings.price_overrides)
        calls = recovered(note, providers=self._providers, prices=prices, now=self._clock.now())
        await self._database.transact(
            turns.end_fold(left.id),
            *booking(turns, left.id, left.period, calls),
            *counter.settle(left.client_id, left.period, used=spent(calls), released=left.reserved),
            check=_check_first,
        )

    async def _try(self, client_id: str, conversation_id: str, last_seq: int) -> None:
        try:
            await self.fold(client_id, conversation_id, last_seq)
        except counter.LimitReached:
            log.info("no room for a summary in the plan", client_id=client_id)
        except ProviderError as error:
            log.warning("no summary", client_id=client_id, error=type(error).__name__, status=error.status)
        except Exception:
            log.exception("no summary", client_id=client_id, conversation_id=conversation_id)

    # -- choosing and claiming --------------------------------------------------------------------------

    async def _begin(self, view: ClientView, conversation_id: str, last_seq: int) -> Fold | None:
        chosen = cheapest(view, at=self._clock.now())
        if chosen is None:
            return None
        turns = TurnRepository(view.client.id)
        (rows,) = await self._database.fetch(
            turns.to_fold(conversation_id, last=last_seq, count=MAX_MESSAGES)
        )
        folded = older([FoldRow(*row) for row in rows], self._settings)
        if not folded:
            return None
        request = request_of(folded, chosen, budget=self._settings.context_tokens)
        bound = Usage(input_bytes(request), request.max_output_tokens)
        now = self._clock.now()
        fold = Fold(
            id=new_id(),
            client_id=view.client.id,
            conversation_id=conversation_id,
            period=counter.period_of(now, view.client.timezone),
            reserved=self._amounts(view, chosen, bound, at=now),
            began=now,
            folded=folded,
            chosen=chosen,
            request=request,
            bound=bound,
        )
        return fold if await self._claim(view, fold, now) else None

    def _amounts(
        self, view: ClientView, chosen: ChosenProvider, bound: Usage, *, at: datetime
    ) -> dict[str, int]:
        most = {
            "tokens": bound.tokens_input + bound.tokens_output,
            "cost": view.prices.most(bound, provider=chosen.provider, model=chosen.model, at=at),
        }
        return {metric: amount for metric, amount in most.items() if metric in view.limits and amount}

    async def _claim(self, view: ClientView, fold: Fold, now: datetime) -> bool:
        steps = [
            TurnRepository(fold.client_id).begin_fold(
                id=fold.id,
                conversation_id=fold.conversation_id,
                up_to_seq=fold.up_to.seq,
                provider=fold.chosen.provider.id,
                model=fold.request.model[:200],
                bytes_input=fold.bound.tokens_input,
                period=fold.period,
                reserved=fold.reserved,
                expires_at=now + EXPIRES,
            )
        ]
        if fold.reserved:
            steps.append(counter.reserve(fold.client_id, fold.period, fold.reserved, view.limits))

        def check(results: list[Rows]) -> None:
            if fold.reserved:
                counter.check_granted(results[-1], fold.reserved, view.limits)

        try:
            await see_through(self._database.transact(*steps, check=check))
        except Conflict:
            return False  # Another is at it.
        except OutcomeUnknown:
            # It may be claimed. Without this it would keep what is set aside until it expires.
            await see_through(self._end(fold, None))
            return False
        return True

    # -- asking and booking -----------------------------------------------------------------------------

    async def _run(self, view: ClientView, fold: Fold) -> bool:
        failure: ProviderError | None = None
        try:
            await self._ask(fold)
        except ProviderError as error:
            failure = error
            raise
        finally:
            # Also when the process stops: what was said until then is booked, what was set aside given back.
            call = self._call(view, fold, failure)
            is_kept = await see_through(self._end(fold, call))
            await self._tell(view, fold, call)
        return is_kept

    async def _ask(self, fold: Fold) -> None:
        circuit = circuit_of(fold.chosen)
        admission = await self._breaker.admit(circuit)
        if admission is None:
            raise ProviderError("its circuit is open")
        try:
            fold.reply = await self._listen(fold)
        except ProviderError as error:
            await self._breaker.failed(circuit, admission, error, turn_id=fold.id)
            raise
        await self._breaker.answered(circuit, admission)

    async def _listen(self, fold: Fold) -> ModelReply:
        stream = fold.chosen.provider.stream(fold.request, fold.chosen.ctx)
        room = fold.request.max_output_tokens * MAX_CHARS_PER_TOKEN
        try:
            async with asyncio.timeout(TIMEOUT_S):
                async for item in stream:
                    if not isinstance(item, str):
                        return item
                    fold.pieces.append(item)
                    room -= len(item)
                    if room < 0:
                        break
        except TimeoutError:
            raise ProviderTimeout("no summary in time") from None
        except ProviderError:
            raise
        except (Exception, SystemExit) as error:
            log.exception("provider raised what is no ProviderError", provider=fold.chosen.provider.id)
            raise ProviderProtocolError(
                f"the plugin raised {type(error).__name__}", retryable=False
            ) from None
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
        raise ProviderProtocolError("no reply, or far more text than the output cap", retryable=False)

    def _call(self, view: ClientView, fold: Fold, failure: ProviderError | None) -> ModelCall | None:
        """What the ledger books; None where the vendor bills nothing."""
        usage = believable(fold.reply.usage) if fold.reply else None
        is_estimated = usage is None
        if usage is None:
            if fold.reply is None and not fold.pieces and not (failure and may_be_billed(failure)):
                return None
            text = fold.reply.text if fold.reply else "".join(fold.pieces)
            usage = Usage(
                fold.bound.tokens_input // CHARS_PER_TOKEN + 1,
                min(estimate_tokens(text), fold.bound.tokens_output),
            )
        model = clean(fold.reply.model if fold.reply else "") or fold.chosen.model
        cost = view.cost(fold.chosen, usage, model=model, at=fold.began)
        return ModelCall(
            provider=fold.chosen.provider.id,
            model=model,
            usage=usage,
            cost_micros=cost.micros,
            saved_micros=cost.saved_micros,
            price=cost.snapshot,
            is_estimated=is_estimated,
            at=self._clock.now(),
        )

    async def _end(self, fold: Fold, call: ModelCall | None) -> bool:
        """Book, give back and keep the summary; whether it was kept. Waits for a database that is away."""
        give_up = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                return await self._try_to_end(fold, call)
            except DatabaseUnavailable:
                if asyncio.get_running_loop().time() > give_up:
                    raise
            await asyncio.sleep(WAIT_S)

    async def _try_to_end(self, fold: Fold, call: ModelCall | None) -> bool:
        """In one transaction, which an earlier try may have stored without hearing of it."""
        turns = TurnRepository(fold.client_id)
        calls = [call] if call else []
        used = spent(calls)
        summary = summary_of(fold.reply)
        keep = [
            turns.keep_summary(
                fold.conversation_id,
                folded_before=fold.folded[0].summary_seq,
                up_to=fold.up_to.seq,
                new_summary=summary,
                since=fold.folded[0].timestamp,
                tokens=used["tokens"],
                cost=used["cost"],
            )
        ]
        try:
            results = await self._database.transact(
                turns.end_fold(fold.id),
                *(keep if summary else ()),
                *booking(turns, fold.id, fold.period, calls),
                *counter.settle(fold.client_id, fold.period, used=used, released=fold.reserved),
                check=_check_first,
            )
        except (FoldTaken, Conflict):
            # It took too long and was given up by another process, which gave back what was set aside and
            # booked an estimate; or an earlier try was stored, and its ledger row stands in the way.
            (rows,) = await self._database.fetch(turns.booked(fold.id))
            missing, difference = beyond(calls, [BookedRow(*row) for row in rows])
            await self._database.transact(
                *booking(turns, fold.id, fold.period, missing, first=len(rows) + 1),
                *counter.correct(fold.client_id, fold.period, difference),
            )
            return False
        return bool(summary and results[1])

    async def _tell(self, view: ClientView, fold: Fold, call: ModelCall | None) -> None:
        if call is not None and "usage_recorded" in view.hooks:
            ref = TurnRef(fold.client_id, fold.conversation_id, fold.up_to.turn_id)
            await view.hooks.tell(
                "usage_recorded",
                UsageRecorded(ref, call.provider, call.model, call.usage, call.cost_usd, call.is_estimated),
            )


class FoldTaken(Exception):
    """Somebody else ended this fold; rolls back."""


def _check_first(results: list[Rows]) -> None:
    if not results[0]:
        raise FoldTaken
