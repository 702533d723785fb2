"""Sending what is on its way: a piece at a time, in order, and never twice where that can be known.

That a piece is being sent is stored before the vendor is asked. Whoever finds it so afterwards knows that
nobody can tell what became of it, and leaves it alone unless the vendor itself recognises a repeat.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import structlog
from csai_sdk import ChannelError, Clock
from csai_sdk.channel import SendingMode

from csai.channels.consent import CONSENT_BATCH
from csai.channels.heard_repository import HeardRepository
from csai.channels.line import Line, LineClosed, Lines
from csai.channels.outcome import vendor_key
from csai.channels.piece_repository import Piece, PieceRepository, Sent
from csai.channels.repository import AccountRepository
from csai.channels.task import Task
from csai.database import Database
from csai.kit.alert import Alerts
from csai.kit.fault_point import FaultPoint, reach

log = structlog.get_logger(__name__)

# Before another attempt at what the vendor was too busy for.
WAITS_S = (5, 30, 120, 600, 3_600)
MAX_WAIT_S = 86_400.0


class Sending:
    """Sends pieces."""

    def __init__(self, *, database: Database, clock: Clock, lines: Lines, alerts: Alerts) -> None:
        self._database = database
        self._clock = clock
        self._lines = lines
        self._alerts = alerts

    async def send(self, task: Task) -> str:
        """Make an attempt; the piece's status afterwards."""
        async with self._database.read() as connection:
            piece = await PieceRepository(connection, task.client_id).get(task)
        if piece is None:
            return "overtaken"
        sent = await self._try(task, piece)
        reach(FaultPoint.PIECE_SENT)
        await self._record(task, piece, sent)
        return sent.status

    async def _record(self, task: Task, piece: Piece, sent: Sent) -> None:
        now = self._clock.now()
        async with self._database.write() as transaction:
            await PieceRepository(transaction, task.client_id).record(task, sent, now=now)
            if sent.is_opted_out:
                contacts = HeardRepository(transaction, task.client_id)
                await contacts.set_contact(piece.contact_id, opted_out_at=now)
            if sent.is_account_at_fault:
                accounts = AccountRepository(transaction, task.client_id)
                await accounts.note_fault(piece.account.id, f"{sent.code}: {sent.detail}")
        if sent.is_account_at_fault:
            self._alerts.raise_alert(
                "channel.account_refused",
                client_id=task.client_id,
                channel=piece.account.channel,
                account=piece.account.id,
                code=sent.code,
            )
        if sent.status in {"failed", "unknown"}:
            log.warning(
                "a piece was not sent",
                client_id=task.client_id,
                channel=piece.account.channel,
                outcome=sent.status,
                code=sent.code,
            )

    async def _try(self, task: Task, piece: Piece) -> Sent:
        # A wish to hear no more is confirmed, and then kept.
        if piece.opted_out_at is not None and not piece.batch.startswith(CONSENT_BATCH):
            return Sent("failed", code="opted_out", detail="This address wants no messages.")
        try:
            async with self._lines.open(piece.account, piece.config_version) as line:
                mode = self._mode(piece, line)
                if mode == "never":
                    return Sent("failed", code="window_closed", detail="Nothing may be sent there now.")
                is_lost = piece.status == "sending" or not await self._begin(task)
                if is_lost and not line.channel.is_idempotent:
                    return Sent("unknown", code="interrupted", detail="Sending was interrupted.")
                return await self._ask(task, piece, line, mode)
        except LineClosed as closed:
            return Sent("failed", code=closed.code, detail=str(closed))

    def _mode(self, piece: Piece, line: Line) -> SendingMode:
        silent_for = max(self._clock.now() - piece.heard_at, timedelta(0))
        return line.channel.sending_mode(piece.message.author, silent_for, line.account)

    async def _begin(self, task: Task) -> bool:
        async with self._database.write() as transaction:
            return await PieceRepository(transaction, task.client_id).begin(task)

    async def _ask(self, task: Task, piece: Piece, line: Line, mode: SendingMode) -> Sent:
        text = piece.message.text
        if mode == "template":
            async with self._database.read() as connection:
                text = await PieceRepository(connection, task.client_id).rest(piece.batch, piece.part)
        message = replace(piece.message, text=line.channel.format(text), mode=mode)
        reach(FaultPoint.PIECE_BEGUN)
        try:
            vendor_id = await line.channel.send(message, line.account, line.ctx)
        except ChannelError as error:
            return self._failed(task, error, is_idempotent=line.channel.is_idempotent)
        except (Exception, SystemExit) as error:
            log.exception("a channel failed to send", channel=piece.account.channel)
            return Sent("unknown", code="plugin_failed", detail=type(error).__name__)
        return Sent("sent", vendor_key=vendor_key(vendor_id), is_whole=mode == "template")

    def _failed(self, task: Task, error: ChannelError, *, is_idempotent: bool) -> Sent:
        code, detail = error.code or error.fault, str(error)
        may_repeat = (error.fault == "busy" and error.is_outcome_known) or (
            not error.is_outcome_known and is_idempotent
        )
        if may_repeat and task.number <= len(WAITS_S):
            wait_s = min(max(error.retry_after_s or 0, WAITS_S[task.number - 1]), MAX_WAIT_S)
            return Sent("pending", code=code, detail=detail, wait_s=wait_s)
        return Sent(
            "failed" if error.is_outcome_known else "unknown",
            code=code,
            detail=detail,
            is_opted_out=error.fault == "opted_out",
            is_account_at_fault=error.fault == "account",
        )
