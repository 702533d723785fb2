"""Accepting a message: the conversation taken, the message stored, the plan's limits kept, all or nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from csai_sdk import Clock

from csai.chat.abandon import Abandonment
from csai.chat.doors import Doors
from csai.chat.order import Order, busy
from csai.chat.replay import POLL_S, Asked, decided
from csai.chat.repository import LeaseRow, StateRow, TurnRepository
from csai.chat.running import RunningTurn
from csai.chat.spending import expected
from csai.chat.stream import TurnStream
from csai.clients.access import Access
from csai.clients.rate_limit import RateLimiter
from csai.config import Settings
from csai.conversations.repository import VisitorRepository
from csai.database import Conflict, Database
from csai.experiments.arm import ArmInUse
from csai.kit.crypto import Keyring
from csai.kit.identifier import new_id
from csai.kit.problem import Problem, not_found
from csai.outbox.limit import LimitNews
from csai.plugins.answering import ChosenProvider
from csai.plugins.view import ClientViews
from csai.statement import Rows, Step
from csai.tools.confirmation import DecidedCall, WaitingCall
from csai.tools.execution_repository import ToolExecutionRepository
from csai.usage import counter

log = structlog.get_logger(__name__)

LIMIT_FOR_OPERATORS = "This month's allowance of the plan is used up. Give the client a larger plan."
LIMIT_FOR_VISITORS = "The assistant is not available at the moment. Please contact us another way."


class ConversationTaken(Exception):
    """Another turn holds the conversation, or it has ended; rolls the transaction back."""


class NotWaiting(Exception):
    """The call that the visitor decides waits for no decision; rolls the transaction back."""


class Acceptance:
    """Accepts messages as turns."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock,
        keyring: Keyring,
        views: ClientViews,
        limiter: RateLimiter,
        abandonment: Abandonment,
        doors: Doors,
        limits: LimitNews,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._keyring = keyring
        self._views = views
        self._limiter = limiter
        self._abandonment = abandonment
        self._doors = doors
        self._limits = limits
        self._order = Order(settings=settings, database=database, clock=clock)

    async def accept(self, asked: Asked) -> RunningTurn:
        """Accept, in the order in which the conversation's messages came.

        Raises `Problem`, or `Conflict` when a repeat of this request was quicker.
        """
        access, message = asked.access, asked.message
        await self._limiter.check(access.client_id, _rated_visitor(asked), access.view.client.settings)
        turn_id = new_id()
        self._views.hold(access.view)
        try:
            if message.session_id is not None:
                await self._order.wait(turn_id, access.client_id, message.session_id)
            return await self._take_conversation(asked, turn_id)
        except BaseException as error:
            try:
                await self._order.leave(turn_id)
            finally:
                await self._views.release(access.view)
            if isinstance(error, counter.LimitReached):
                raise await self._limit_problem(access, error) from error
            raise

    def free(self, turn: RunningTurn) -> None:
        """The turn is settled: let the next message of the conversation come."""
        self._order.free(turn.id)

    async def release(self, turn: RunningTurn) -> None:
        """Nothing works for the turn any more: let go of the client's view."""
        await self._views.release(turn.view)

    async def _take_conversation(self, asked: Asked, turn_id: str) -> RunningTurn:
        access, message = asked.access, asked.message
        session_id = message.session_id or str(uuid.uuid4())
        amounts = _amounts(asked)
        visitor_id = await self._visitor(asked)
        give_up = asyncio.get_running_loop().time() + self._settings.turn_deadline_s
        while True:
            # After each wait: those ahead may have been the last.
            self._doors.check()
            now = self._clock.now()
            period = counter.period_of(now, access.view.client.timezone)
            steps = self._steps(asked, turn_id, session_id, visitor_id, period, amounts, now)

            def check(results: list[Rows]) -> None:
                if not results[0]:
                    raise ConversationTaken
                _check_visitor(LeaseRow(*results[0][0]), visitor_id)
                if asked.decision is not None and not results[1]:
                    raise NotWaiting
                if amounts:
                    counter.check_granted(results[-1], amounts, access.view.limits)

            try:
                results = await self._database.transact(*steps, check=check)
            except ConversationTaken:
                await self._when_free(asked, turn_id, session_id, give_up)
                continue
            except NotWaiting:
                raise await self._why_not_waiting(asked, session_id) from None
            self._order.has_come(turn_id)
            if amounts:
                self._limits.near(access.view, period, results[-1])
            running = self._running(
                asked, turn_id, session_id, LeaseRow(*results[0][0]), period, amounts, now
            )
            if asked.decision is not None:
                call_id, tool_name, parameters = results[1][0]
                running.decided = DecidedCall(call_id, tool_name, parameters, asked.decision.is_approval)
            return running

    def _steps(
        self,
        asked: Asked,
        turn_id: str,
        session_id: str,
        visitor_id: str | None,
        period: str,
        amounts: Mapping[str, int],
        now: datetime,
    ) -> list[Step]:
        access, message = asked.access, asked.message
        turns = TurnRepository(access.client_id)
        experiment, arm = access.view.experiment, _arm(asked, session_id)
        expires = now + timedelta(seconds=self._settings.lease_s)
        first = (
            turns.take(session_id, turn_id=turn_id, visitor_id=visitor_id, expires=expires, now=now)
            if message.session_id
            else turns.begin_conversation(
                id=new_id(),
                session_id=session_id,
                visitor_id=visitor_id,
                user_identifier=message.user_identifier,
                channel=_channel(asked),
                is_test=asked.trial is not None,
                details=message.metadata,
                now=now,
                turn_id=turn_id,
                expires=expires,
            )
        )
        return [
            first,
            *self._deciding(asked, turn_id, now),
            turns.begin_turn(
                session_id,
                turn=turn_id,
                key=asked.key,
                body_hash=asked.body_hash if asked.key else "",
                period=period,
                reserved=amounts,
                attempts=expected(
                    access.view,
                    _chain(asked, arm),
                    message.message,
                    is_decision=asked.decision is not None,
                    most_output=self._settings.max_output_tokens,
                ),
                experiment=experiment.id if experiment and arm else None,
                since=experiment.since if experiment and arm else None,
                arm=arm.arm.name if arm else None,
                now=now,
                deadline=now + timedelta(seconds=self._settings.turn_deadline_s),
            ),
            turns.ask(session_id, message=new_id(), turn=turn_id, content=message.message, now=now),
            *self._order.leaving(turn_id),
            # Last, since every turn of the client meets in these rows.
            *([counter.reserve(access.client_id, period, amounts, access.view.limits)] if amounts else ()),
        ]

    def _running(
        self,
        asked: Asked,
        turn_id: str,
        session_id: str,
        lease: LeaseRow,
        period: str,
        amounts: Mapping[str, int],
        now: datetime,
    ) -> RunningTurn:
        view = asked.access.view
        experiment = view.experiment
        takes_part = experiment is not None and lease.started_at >= experiment.since
        arm = _arm(asked, session_id) if takes_part else None
        trial = asked.trial
        return RunningTurn(
            id=turn_id,
            client_id=asked.access.client_id,
            view=view,
            session_id=session_id,
            session_token=self._keyring.session_token(session_id),
            conversation_id=lease.conversation_id,
            fence=lease.fence,
            seq=lease.seq,
            period=period,
            question=asked.message.message,
            visitor_id=asked.visitor,
            is_anonymous=asked.visitor is None and asked.message.user_identifier is None,
            accepted_at=now,
            deadline=asyncio.get_running_loop().time() + self._settings.turn_deadline_s,
            stream=TurnStream(turn_id),
            reserved=dict(amounts),
            chain=_chain(asked, arm),
            trial=trial.log.open(asked.access.client_id, session_id, turn_id) if trial else None,
            is_model_given=trial is not None and bool(trial.chain),
            arm=arm,
            handed_to=lease.state if lease.state != "ai" else None,
            summary=lease.summary or "",
            summary_seq=lease.summary_seq,
        )

    async def _visitor(self, asked: Asked) -> str | None:
        if asked.visitor is None:
            return None
        async with self._database.write() as transaction:
            visitors = VisitorRepository(transaction, asked.access.client_id)
            return await visitors.ensure(asked.visitor, now=self._clock.now())

    def _deciding(self, asked: Asked, turn_id: str, now: datetime) -> list[Step]:
        if asked.decision is None or asked.message.session_id is None:
            return []
        executions = ToolExecutionRepository(asked.access.client_id)
        return [executions.decide(asked.message.session_id, asked.decision, turn_id=turn_id, now=now)]

    async def _why_not_waiting(self, asked: Asked, session_id: str) -> Problem:
        client_id = asked.access.client_id
        call_id = asked.decision.confirmation_id if asked.decision else ""
        found, states = await self._database.fetch(
            ToolExecutionRepository(client_id).asked(session_id, call_id),
            TurnRepository(client_id).state(session_id),
        )
        if not found or not states:
            return not_found("confirmation")
        call = WaitingCall(*found[0])
        if call.status == "waiting" and StateRow(*states[0]).state != "ai":
            return Problem(
                409,
                "teammate_answers",
                "A teammate has taken this conversation over. Ask there for what is to be done.",
            )
        if call.status == "waiting":
            return Problem(
                409,
                "confirmation_expired",
                "The time to confirm this is over. Ask for it again in a message.",
            )
        if call.status == "replaced":
            return Problem(
                409, "confirmation_replaced", "A newer question took this one's place. Decide that one."
            )
        return decided() if call.expires_at is not None else not_found("confirmation")

    # -- waiting for the conversation -------------------------------------------------------------------

    async def _when_free(self, asked: Asked, turn_id: str, session_id: str, give_up: float) -> None:
        """Return when another try may succeed; raise when none can."""
        client_id = asked.access.client_id
        turns = TurnRepository(client_id)
        rows, originals = await self._database.fetch(turns.state(session_id), turns.by_key(asked.key or ""))
        if originals:
            raise Conflict
        if not rows:
            raise not_found("conversation")
        state = StateRow(*rows[0])
        if state.ended_at is not None:
            raise Problem(
                409,
                "conversation_ended",
                "This conversation has ended. Begin a new one by leaving out session_id.",
            )
        is_expired = state.lease_expires_at is not None and state.lease_expires_at < self._clock.now()
        if is_expired and await self._abandonment.end(client_id, state):
            return
        if asyncio.get_running_loop().time() > give_up:
            raise busy()
        await self._order.queue_up(turn_id)
        await asyncio.sleep(POLL_S)

    async def _limit_problem(self, access: Access, error: counter.LimitReached) -> Problem:
        await self._limits.reached(access.view, error)
        return Problem(
            429,
            "limit_reached",
            access.view.limit_message or (LIMIT_FOR_OPERATORS if access.is_secret else LIMIT_FOR_VISITORS),
            metric=error.metric,
        )


def _amounts(asked: Asked) -> dict[str, int]:
    """What the message counts for in the plan; a test counts for what its models use, and no more."""
    if asked.trial is not None:
        return {}
    return {"messages": 1} if asked.message.session_id else {"conversations": 1, "messages": 1}


def _channel(asked: Asked) -> str:
    if asked.trial is not None:
        return "test"
    return asked.channel or ("api" if asked.access.is_secret else "widget")


def _arm(asked: Asked, session_id: str) -> ArmInUse | None:
    experiment = asked.access.view.experiment
    return experiment.arm_of(session_id) if experiment is not None and asked.trial is None else None


def _chain(asked: Asked, arm: ArmInUse | None) -> Sequence[ChosenProvider]:
    """Who is asked, one after the other."""
    given = asked.trial.chain if asked.trial is not None else ()
    return given or (arm.chain if arm is not None else ()) or asked.access.view.providers


def _rated_visitor(asked: Asked) -> str | None:
    """Whose messages are counted together; None where nobody can tell.

    A server with a secret key speaks for many visitors from one address, and names them or their sessions.
    """
    session = asked.message.session_id
    if asked.channel:
        return asked.visitor or asked.message.user_identifier
    if asked.access.is_secret:
        return session or asked.visitor or asked.message.user_identifier
    return session or f"address:{asked.address}"


def _check_visitor(lease: LeaseRow, visitor_id: str | None) -> None:
    if visitor_id is not None and lease.visitor_id not in {None, visitor_id}:
        raise Problem(
            403,
            "visitor_mismatch",
            "This conversation belongs to another visitor. Begin a new one without session_id.",
        )
