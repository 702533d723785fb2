"""The turn, top to bottom: replay, accept, converse, settle.

A turn runs in a task of its own, apart from the request that began it: a closed tab does not stop it. It has
exactly one outcome, stored before the visitor hears of it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from csai_sdk import AssistantMessage, Clock, ModelReply, Passage, ToolCall, ToolMessage, Usage
from csai_sdk.event import BeforeModelCall, LimitReached, MessageReceived, ReplySent, UsageRecorded

from csai.chat.accept import LIMIT_FOR_VISITORS, Acceptance
from csai.chat.model import ModelCaller, NoReply
from csai.chat.prompt import history_messages, system_prompt, with_question
from csai.chat.replay import Asked, Replays
from csai.chat.repository import HistoryRow, TurnRepository, renew_leases
from csai.chat.running import RunningTurn
from csai.chat.settle import Settlement
from csai.chat.stream import TurnStream
from csai.config import Settings
from csai.database import Conflict, Database
from csai.kit.text import clean
from csai.knowledge.repository import KnowledgeRepository
from csai.tools.call import sound
from csai.tools.runner import Execution, ToolRunner, ToolTurn
from csai.usage import counter

log = structlog.get_logger(__name__)

HEARTBEAT_S = 10.0
REMEMBERED_TURNS = 1_000

SORRY = "I'm sorry, something went wrong on our side and I could not answer. Please try again in a moment."
OUT_OF_TIME = "I'm sorry, this took longer than it may. Please try again."
NO_WORDS = "I'm sorry, I could not find an answer to that. Could you put it another way?"


class Turns:
    """All turns this process runs."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock,
        replays: Replays,
        acceptance: Acceptance,
        model: ModelCaller,
        tools: ToolRunner,
        settlement: Settlement,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._replays = replays
        self._acceptance = acceptance
        self._model = model
        self._tools = tools
        self._settlement = settlement
        self._running: dict[str, RunningTurn] = {}
        self._streams: dict[str, TurnStream] = {}
        self._finishing: set[asyncio.Task[None]] = set()
        self._heartbeat: asyncio.Task[None] | None = None

    async def submit(self, asked: Asked) -> tuple[TurnStream, bool]:
        """Replay, or accept and begin; also says which of them. Raises `Problem`: then nothing is stored."""
        replayed = await self._replays.replay(asked, self._streams)
        if replayed is not None:
            return replayed, True
        try:
            turn = await self._acceptance.accept(asked)
        except Conflict:
            # A repeat of the same request was quicker by a moment: it is this one's original.
            replayed = await self._replays.replay(asked, self._streams)
            if replayed is None:
                raise
            return replayed, True
        turn.stream.add(
            "turn.started",
            {"session_id": turn.session_id, "session_token": turn.session_token, "turn_id": turn.id},
        )
        self._running[turn.id] = turn
        self._remember(turn.stream)
        turn.task = asyncio.create_task(self._run(turn))
        if self._heartbeat is None or self._heartbeat.done():
            self._heartbeat = asyncio.create_task(self._keep_leases())
        return turn.stream, False

    def running(self, client_id: str, session_id: str) -> RunningTurn | None:
        for turn in self._running.values():
            if turn.client_id == client_id and turn.session_id == session_id:
                return turn
        return None

    def stream(self, turn_id: str) -> TurnStream | None:
        """The events of a turn that this process runs or remembers."""
        return self._streams.get(turn_id)

    async def stop(self, client_id: str, session_id: str) -> TurnStream | None:
        """Stop the session's turn; returns its stream, or None when none runs here."""
        turn = self.running(client_id, session_id)
        if turn is None or turn.task is None:
            return None
        turn.is_stop_requested = True
        turn.task.cancel()
        return turn.stream

    async def close(self) -> None:
        """Let what runs come to its end, for a while; then settle it as failed."""
        tasks = [turn.task for turn in self._running.values() if turn.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=10)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=10)
        if self._heartbeat is not None:
            self._heartbeat.cancel()

    # -- one turn ---------------------------------------------------------------------------------------

    async def _run(self, turn: RunningTurn) -> None:
        status, text = "failed", SORRY
        try:
            async with asyncio.timeout_at(turn.deadline):
                await self._converse(turn)
            status, text = ("completed", turn.answer()) if turn.answer() else ("failed", NO_WORDS)
        except counter.LimitReached as error:
            status, text = "blocked", turn.view.limit_message or LIMIT_FOR_VISITORS
            await turn.view.hooks.tell(
                "limit_reached",
                LimitReached(turn.client_id, error.metric, error.limit),  # type: ignore[arg-type]
            )
        except NoReply as error:
            log.error("no provider answered", client_id=turn.client_id, turn_id=turn.id, last=str(error))
        except TimeoutError:
            text = OUT_OF_TIME
        except asyncio.CancelledError:
            if turn.is_stop_requested:
                status, text = "stopped", turn.answer()
        except Exception:
            log.exception("turn failed", client_id=turn.client_id, turn_id=turn.id)
        # Shielded: a stop that comes now must not undo the one outcome.
        finishing = asyncio.create_task(self._finish(turn, status, text))
        self._finishing.add(finishing)
        finishing.add_done_callback(self._finishing.discard)
        await asyncio.shield(finishing)

    async def _converse(self, turn: RunningTurn) -> None:
        """Context, then rounds of model and tools, then a closing answer."""
        if "message_received" in turn.view.hooks:
            await turn.view.hooks.tell(
                "message_received", MessageReceived(turn.ref, turn.question, turn.visitor_id)
            )
        history, passages = await self._context(turn)
        fragments = await self._fragments(turn)
        system = system_prompt(turn.view, question=turn.question, fragments=fragments, passages=passages)
        turn.citations = _citations(passages)
        for round_number in range(self._settings.tool_rounds + 1):
            is_closing = round_number == self._settings.tool_rounds or not turn.view.tools
            reply = await self._model.reply(
                turn,
                system=system,
                messages=[*history, *turn.rounds],
                passages=passages,
                tool_choice="none" if is_closing else "auto",
            )
            calls = self._take(turn, reply, is_closing=is_closing)
            if not calls:
                return
            executions = await self._run_tools(turn, calls, round_number)
            turn.rounds.append(ToolMessage(tuple(execution.result() for execution in executions)))

    async def _context(self, turn: RunningTurn) -> tuple[list[Any], list[Passage]]:
        rows: list[HistoryRow] = []
        passages: list[Passage] = []
        if turn.seq > 1:
            step = TurnRepository(turn.client_id).history(
                turn.conversation_id, before=turn.seq, count=self._settings.history_messages
            )
            rows = [HistoryRow(*row) for row in (await self._database.fetch(step))[0]]
        if turn.view.has_knowledge:
            async with self._database.read() as connection:
                passages = await KnowledgeRepository(connection, turn.client_id).search(
                    turn.question, limit=5
                )
        history = history_messages(rows, token_budget=self._settings.history_tokens)
        return with_question(history, turn.question), passages

    async def _fragments(self, turn: RunningTurn) -> list[str]:
        if "before_model_call" not in turn.view.hooks or not turn.view.providers:
            return []
        chosen = turn.view.providers[0]
        answers = await turn.view.hooks.tell(
            "before_model_call",
            BeforeModelCall(turn.ref, chosen.provider.id, chosen.model, turn.question),
        )
        return [answer for answer in answers if isinstance(answer, str)]

    def _take(self, turn: RunningTurn, reply: ModelReply, *, is_closing: bool) -> tuple[ToolCall, ...]:
        """Add a reply to the answer and, where it calls tools, to what the model sees next; its calls."""
        turn.saying = []
        turn.texts.append(clean(reply.text))
        if is_closing or not reply.tool_calls:
            return ()
        if reply.text:
            turn.stream.text("\n\n")
        provider = turn.view.providers[turn.provider_index].provider.id
        calls = tuple(sound(call) for call in reply.tool_calls)
        turn.rounds.append(AssistantMessage(clean(reply.text), calls, reply.reasoning, provider))
        return calls

    async def _run_tools(
        self, turn: RunningTurn, calls: Sequence[ToolCall], round_number: int
    ) -> list[Execution]:
        tool_turn = ToolTurn(
            ref=turn.ref,
            view=turn.view,
            stream=turn.stream,
            period=turn.period,
            visitor_id=turn.visitor_id,
            reserved=turn.reserved,
            executions=turn.executions,
            remaining_s=turn.remaining_s(),
        )
        return await self._tools.run(tool_turn, calls, round_number)

    async def _finish(self, turn: RunningTurn, status: str, text: str) -> None:
        outcome = await self._settlement.settle(turn, status, text)
        turn.stream.finish(outcome)
        self._running.pop(turn.id, None)
        try:
            await self._tell_end(turn, outcome)
        finally:
            await self._acceptance.release(turn)

    async def _tell_end(self, turn: RunningTurn, outcome: Any) -> None:
        hooks = turn.view.hooks
        if "usage_recorded" in hooks:
            for call in turn.model_calls:
                usage = Usage(
                    call.tokens_input, call.tokens_output, call.tokens_cache_read, call.tokens_cache_write
                )
                await hooks.tell(
                    "usage_recorded",
                    UsageRecorded(
                        turn.ref, call.provider, call.model, usage, call.cost_usd, call.is_estimated
                    ),
                )
        if "reply_sent" in hooks:
            await hooks.tell(
                "reply_sent", ReplySent(turn.ref, outcome["status"], outcome["message"]["content"])
            )

    # -- housekeeping -----------------------------------------------------------------------------------

    def _remember(self, stream: TurnStream) -> None:
        self._streams[stream.turn_id] = stream
        while len(self._streams) > REMEMBERED_TURNS:
            oldest = next(iter(self._streams))
            if not self._streams[oldest].is_done:
                break
            del self._streams[oldest]

    async def _keep_leases(self) -> None:
        """Renew the leases of turns that run long, all in one statement; ends when none runs."""
        while self._running:
            await asyncio.sleep(HEARTBEAT_S)
            expires = self._clock.now() + timedelta(seconds=self._settings.lease_s)
            try:
                async with self._database.write() as transaction:
                    await renew_leases(transaction, list(self._running), expires=expires)
            except Exception:
                log.exception("leases not renewed")


def _citations(passages: list[Passage]) -> list[dict[str, str]]:
    """Where an answer may have come from: each source once, best first."""
    sources: dict[tuple[str, str], dict[str, str]] = {}
    for passage in passages:
        sources.setdefault((passage.title, passage.url), {"title": passage.title, "url": passage.url})
    return list(sources.values())[:3]


def as_json(outcome: Any) -> bytes:
    return json.dumps(outcome, ensure_ascii=False, separators=(",", ":")).encode()
