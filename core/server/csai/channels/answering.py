"""Answering what came in on a channel: a turn as anywhere else, and its outcome on the way back.

An attempt may be made twice, by whoever takes over from a process that died: the turn is known by the stored
message's id, and the answer is put on its way in the transaction that ends the attempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from csai_sdk import Clock, InboundMessage
from csai_sdk.channel import Consent
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.channels import outbox
from csai.channels.attachment import with_attachments
from csai.channels.consent import CONSENT_BATCH, consent_in, decision_in
from csai.channels.heard_repository import Heard, HeardRepository
from csai.channels.line import Line, LineClosed, Lines
from csai.channels.task import Task
from csai.channels.wording import Said, question, words
from csai.chat.replay import Asked
from csai.chat.schemas import ChatMessage
from csai.chat.turn import Turns
from csai.clients.access import Access
from csai.config import Settings
from csai.database import Database
from csai.kit.fault_point import FaultPoint, reach
from csai.kit.problem import Problem
from csai.tools.confirmation import Decision

log = structlog.get_logger(__name__)

MAX_LABEL_CHARS = 200
# Before another try of what may be over by then.
AGAIN_S = (2, 10, 30, 120, 600)
PASSING = frozenset({"conversation_busy", "turn_in_flight", "shutting_down"})
BEGIN_ANEW = frozenset({"conversation_ended", "not_found", "visitor_mismatch"})
UNDECIDABLE = frozenset(
    {"confirmation_expired", "confirmation_replaced", "confirmation_decided", "teammate_answers", "not_found"}
)
TOO_MUCH = frozenset({"rate_limited", "limit_reached"})
# Who is told that a limit is reached is not told again before.
NOTICE_AGAIN = timedelta(hours=24)
NO_WORDS = "…"
SEEN_S = 5.0
# What fails so often fails always: it must not hold up those behind it for ever.
MAX_ATTEMPTS = 8


class Answering:
    """Runs the turns of messages from channels."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock,
        lines: Lines,
        turns: Turns,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._lines = lines
        self._turns = turns

    async def answer(self, task: Task) -> str:
        """Make an attempt; what came of it. Safe to repeat."""
        async with self._database.read() as connection:
            heard = await HeardRepository(connection, task.client_id).get(task)
        if heard is None:
            return "overtaken"
        if task.number > MAX_ATTEMPTS:
            log.error("a channel's message is given up", client_id=task.client_id, message_id=heard.id)
            return await self._end(task, "refused")
        try:
            async with self._lines.open(heard.account, heard.config_version) as line:
                consent = heard.told_consent or consent_in(heard.text)
                if consent is not None and (consent != "start" or heard.opted_out_at is not None):
                    return await self._heed(task, heard, line, consent)
                if heard.opted_out_at is not None:
                    return await self._end(task, "ignored")
                return await self._converse(task, heard, line)
        except LineClosed:
            return await self._end(task, "ignored")

    async def _heed(self, task: Task, heard: Heard, line: Line, consent: Consent) -> str:
        """A wish to hear no more, to hear again, or to know who this is."""
        now = self._clock.now()
        async with self._database.write() as transaction:
            repository = HeardRepository(transaction, task.client_id)
            if not await repository.end(task, "done"):
                return "overtaken"
            if consent != "help":
                opted_out_at = (heard.opted_out_at or now) if consent == "stop" else None
                await repository.set_contact(heard.contact_id, opted_out_at=opted_out_at)
            if consent == "stop":
                await repository.drop_pending(heard.contact_id, now=now)
            is_news = consent != "stop" or heard.opted_out_at is None
            is_answered = line.channel.answers_consent and heard.told_consent is not None
            if is_news and not is_answered:
                text = await self._words(consent, repository, heard, line)
                await self._put(transaction, task, heard, line, text, batch=CONSENT_BATCH, author="system")
        return "done"

    async def _converse(self, task: Task, heard: Heard, line: Line) -> str:
        if await self._is_machine(task, heard, line):
            log.warning("a channel's address writes like a machine", client_id=task.client_id)
            return await self._end(task, "refused")
        await self._show_seen(heard, line)
        decision = self._decision(heard)
        session_id = heard.session_id if decision else await self._session(task.client_id, heard)
        text = await with_attachments(
            heard.text, list(heard.media), line, max_chars=self._settings.max_message_chars
        )
        while True:
            try:
                outcome = await self._ask(heard, line, text or NO_WORDS, session_id, decision)
            except Problem as problem:
                if decision is not None and problem.code in UNDECIDABLE:
                    return await self._undecidable(task, heard, line)
                if problem.code in BEGIN_ANEW and session_id is not None:
                    session_id = None
                    continue
                return await self._refused(task, heard, line, problem)
            reach(FaultPoint.CHANNEL_ANSWERED)
            return await self._reply(task, heard, line, outcome, decision)

    async def _is_machine(self, task: Task, heard: Heard, line: Line) -> bool:
        """Whether the address has had so many answers lately that two machines may be writing."""
        most = line.channel.answers_per_hour
        if most is None:
            return False
        since = self._clock.now() - timedelta(hours=1)
        async with self._database.read() as connection:
            repository = HeardRepository(connection, task.client_id)
            return await repository.answered_since(heard.contact_id, since) >= most

    def _decision(self, heard: Heard) -> Decision | None:
        """The visitor's word on what was asked last, where the message is nothing but that."""
        word = decision_in(heard.text) if heard.confirmations and heard.session_id else None
        return Decision(str(heard.confirmations[0]["id"]), word) if word else None

    async def _session(self, client_id: str, heard: Heard) -> str | None:
        """The session that the message goes on with; None where it begins one."""
        if heard.session_id is None:
            return None
        # A thread of mail is one conversation, however slow; elsewhere a long silence ends one.
        idle_s = None if heard.thread else self._settings.channel_idle_s
        since = self._clock.now() - timedelta(seconds=idle_s) if idle_s else None
        async with self._database.read() as connection:
            goes_on = await HeardRepository(connection, client_id).goes_on(heard.session_id, since=since)
        return heard.session_id if goes_on else None

    async def _ask(
        self, heard: Heard, line: Line, text: str, session_id: str | None, decision: Decision | None
    ) -> Mapping[str, Any]:
        """Run the turn, or find what came of it. Raises `Problem`."""
        who = f"{heard.account.channel}:{heard.address}"[:MAX_LABEL_CHARS]
        is_verified = line.channel.is_address_verified
        message = ChatMessage(
            message=text,
            session_id=session_id,
            user_identifier=None if is_verified else who,
            metadata={"account": heard.account.id, "name": heard.name},
        )
        asked = Asked(
            access=Access(heard.account.client_id, "secret", line.view),
            message=message,
            key=decision.key if decision else heard.id,
            visitor=who if is_verified else None,
            address="",
            decision=decision,
            channel=heard.account.channel,
        )
        stream, _is_replay = await self._turns.submit(asked)
        outcome: Mapping[str, Any] = await stream.wait()
        return outcome

    async def _reply(
        self,
        task: Task,
        heard: Heard,
        line: Line,
        outcome: Mapping[str, Any],
        decision: Decision | None,
    ) -> str:
        waiting: Sequence[Any] = [
            *(heard.confirmations[1:] if decision else ()),
            *outcome["confirmations"],
        ]
        said = str(outcome["message"]["content"])
        async with self._database.write() as transaction:
            repository = HeardRepository(transaction, task.client_id)
            if not await repository.end(task, "done"):
                return "overtaken"
            await repository.set_thread(
                heard.thread_id, session_id=outcome["session_id"], confirmations=list(waiting)
            )
            asked = ""
            if waiting:
                asked = question(waiting[0], await self._words("confirm", repository, heard, line))
            text = "\n\n".join(each for each in (said, asked) if each.strip())
            await self._put(transaction, task, heard, line, text, batch="reply:")
        return "done"

    async def _undecidable(self, task: Task, heard: Heard, line: Line) -> str:
        async with self._database.write() as transaction:
            repository = HeardRepository(transaction, task.client_id)
            if not await repository.end(task, "done"):
                return "overtaken"
            await repository.set_thread(heard.thread_id, confirmations=list(heard.confirmations[1:]))
            text = await self._words("expired", repository, heard, line)
            await self._put(transaction, task, heard, line, text, batch="notice:", author="system")
        return "done"

    async def _refused(self, task: Task, heard: Heard, line: Line, problem: Problem) -> str:
        now = self._clock.now()
        if problem.code in PASSING and task.number <= len(AGAIN_S):
            again_at = now + timedelta(seconds=AGAIN_S[task.number - 1])
            return await self._end(task, "waiting", next_attempt_at=again_at)
        if problem.code not in TOO_MUCH:
            log.error("a channel's message was refused", client_id=task.client_id, code=problem.code)
        is_told = heard.noticed_at is not None and now - heard.noticed_at < NOTICE_AGAIN
        async with self._database.write() as transaction:
            repository = HeardRepository(transaction, task.client_id)
            if not await repository.end(task, "refused") or is_told:
                return "refused"
            await repository.set_contact(heard.contact_id, noticed_at=now)
            text = line.view.limit_message or await self._words("limit", repository, heard, line)
            await self._put(transaction, task, heard, line, text, batch="notice:", author="system")
        return "refused"

    async def _end(self, task: Task, status: str, **values: Any) -> str:
        async with self._database.write() as transaction:
            await HeardRepository(transaction, task.client_id).end(task, status, **values)
        return status

    async def _words(self, said: Said, repository: HeardRepository, heard: Heard, line: Line) -> str:
        texts = await repository.latest_texts(heard.thread_id)
        return words(said, texts, line.view.locales, name=line.view.client.name)

    async def _put(
        self,
        transaction: AsyncConnection,
        task: Task,
        heard: Heard,
        line: Line,
        text: str,
        *,
        batch: str,
        author: outbox.Author = "ai",
    ) -> None:
        await outbox.put(
            transaction,
            task.client_id,
            account_id=heard.account.id,
            thread_id=heard.thread_id,
            channel=line.channel,
            batch=f"{batch}{heard.id}",
            text=text,
            author=author,
            in_reply_to=heard.vendor_id,
            now=self._clock.now(),
        )

    async def _show_seen(self, heard: Heard, line: Line) -> None:
        message = InboundMessage(heard.vendor_id, heard.address, "", thread=heard.thread)
        try:
            async with asyncio.timeout(SEEN_S):
                await line.channel.seen(message, line.account, line.ctx)
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- a courtesy; the answer comes all the same
            log.info("channel could not show a message as seen", error=type(error).__name__)
