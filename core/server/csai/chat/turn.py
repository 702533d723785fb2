"""The turn, top to bottom: replay, accept, converse, settle.

A turn runs in a task of its own, apart from the request that began it: a closed tab does not stop it. It has
exactly one outcome, stored before the visitor hears of it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import structlog
from csai_sdk import AssistantMessage, ModelReply, Passage, ToolCall, ToolMessage, ToolResult
from csai_sdk.event import BeforeModelCall, MessageReceived, ReplySent, UsageRecorded

from csai.chat import compress, route
from csai.chat.accept import LIMIT_FOR_VISITORS, Acceptance
from csai.chat.context_cache import Contexts
from csai.chat.doors import Doors
from csai.chat.live import LiveTurns
from csai.chat.model import ModelCaller, NoReply
from csai.chat.pause import Paused, Pauses
from csai.chat.prompt import CHARS_PER_TOKEN, SystemPrompt, instructions, passages_heading
from csai.chat.replay import Asked, Replays
from csai.chat.reply_cache import ReplyCache
from csai.chat.repository import HistoryRow
from csai.chat.retrieval import Retrieval
from csai.chat.running import FencedOut, RunningTurn
from csai.chat.settle import Settlement
from csai.chat.stream import TurnStream
from csai.chat.summary import Summaries
from csai.chat.window import ROUND_TOKENS, Material, Window, fit, weigh
from csai.clients.rate_limit import RateLimited
from csai.config import Settings
from csai.database import Conflict
from csai.kit.fault_point import FaultPoint, reach
from csai.kit.text import clean
from csai.outbox.limit import LimitNews
from csai.tools.call import sound
from csai.tools.confirmation import DECLINED, DecidedCall
from csai.tools.execution import Execution
from csai.tools.runner import ToolRunner, ToolTurn
from csai.usage import counter

log = structlog.get_logger(__name__)

CANCEL_S = 5.0
MAX_CALLS = 128

SORRY = "I'm sorry, something went wrong on our side and I could not answer. Please try again in a moment."
OUT_OF_TIME = "I'm sorry, this took longer than it may. Please try again."
NO_WORDS = "I'm sorry, I could not find an answer to that. Could you put it another way?"


class Turns:
    """Runs turns."""

    def __init__(
        self,
        *,
        settings: Settings,
        live: LiveTurns,
        replays: Replays,
        acceptance: Acceptance,
        model: ModelCaller,
        tools: ToolRunner,
        settlement: Settlement,
        replies: ReplyCache,
        retrieval: Retrieval,
        contexts: Contexts,
        doors: Doors,
        summaries: Summaries,
        limits: LimitNews,
        pauses: Pauses,
    ) -> None:
        self._settings = settings
        self._replays = replays
        self._acceptance = acceptance
        self._model = model
        self._tools = tools
        self._settlement = settlement
        self._replies = replies
        self._retrieval = retrieval
        self._contexts = contexts
        self._summaries = summaries
        self._limits = limits
        self._pauses = pauses
        self._live = live
        self._doors = doors

    async def submit(self, asked: Asked) -> tuple[TurnStream, bool]:
        """Replay, or accept and begin; also says which of them. Raises `Problem`: then nothing is stored."""
        replayed = await self._replays.replay(asked, self._live.streams)
        if replayed is not None:
            return replayed, True
        refusal: Exception = Conflict()
        async with self._replays.alone(asked) as has_waited:
            if not has_waited or await self._replays.find_original(asked) is None:
                reach(FaultPoint.ASKED)
                try:
                    with self._doors.passing():
                        return self._begin(await self._acceptance.accept(asked)), False
                except (Conflict, RateLimited) as error:
                    refusal = error
        # A repeat of the same request was quicker by a moment: it is this one's original.
        replayed = await self._replays.replay(asked, self._live.streams)
        if replayed is None:
            raise refusal
        return replayed, True

    def _begin(self, turn: RunningTurn) -> TurnStream:
        reach(FaultPoint.ACCEPTED)
        turn.stream.add(
            "turn.started",
            {"session_id": turn.session_id, "session_token": turn.session_token, "turn_id": turn.id},
        )
        self._live.add(turn, asyncio.create_task(self._run(turn)))
        return turn.stream

    async def _run(self, turn: RunningTurn) -> None:
        """Supervise the conversation. Nothing cancels this: whatever becomes of the work, it is settled."""
        turn.task = asyncio.create_task(self._converse(turn))
        if turn.is_stop_requested:
            turn.task.cancel()
        done, _ = await asyncio.wait((turn.task,), timeout=turn.remaining_s())
        if not done:
            turn.task.cancel()
            await asyncio.wait((turn.task,), timeout=CANCEL_S)
        reach(FaultPoint.ENDED)
        status, text = self._judge(turn, is_late=not done)
        try:
            if status == "paused":
                status, text = await self._pauses.judge(turn)
            outcome = await self._settle(turn, status, text)
            self._summaries.schedule(turn)
            await self._replies.keep(turn, outcome)
            await self._contexts.keep(turn, outcome)
            await self._tell_end(turn, outcome)
        finally:
            # After the hooks, which work with what plugins keep open for the client.
            await self._acceptance.release(turn)

    async def _settle(self, turn: RunningTurn, status: str, text: str) -> Any:
        try:
            outcome = await self._settlement.settle(turn, status, text)
            reach(FaultPoint.SETTLED)
            if outcome["status"] == "handed_off":
                turn.stream.hand_over(turn.handed_to or "teammate")
            turn.stream.finish(outcome)
            if not turn.is_settled:
                await self._settlement.catch_up(turn, outcome)
            return outcome
        finally:
            self._live.remove(turn)
            self._acceptance.free(turn)

    def _judge(self, turn: RunningTurn, *, is_late: bool) -> tuple[str, str]:
        """The turn's status, and what the visitor is told; `paused` is left to be judged."""
        task = turn.task
        turn.is_reserved_unsure = turn.is_reserved_unsure or turn.may_have_reserved()
        if turn.handed_to is not None:
            return "handed_off", ""
        if is_late:
            return "failed", OUT_OF_TIME
        if task is None or task.cancelled():
            return ("stopped", turn.answer()) if turn.is_stop_requested else ("failed", SORRY)
        error = task.exception()
        if error is None:
            return ("completed", turn.answer()) if turn.answer() else ("failed", NO_WORDS)
        if isinstance(error, counter.LimitReached):
            turn.limit_reached = error
            return "blocked", turn.view.limit_message or LIMIT_FOR_VISITORS
        if isinstance(error, Paused):
            return "paused", ""
        if isinstance(error, FencedOut):
            return "failed", SORRY
        if isinstance(error, NoReply):
            log.error("no provider answered", client_id=turn.client_id, turn_id=turn.id, last=str(error))
        else:
            log.error("turn failed", client_id=turn.client_id, turn_id=turn.id, exc_info=error)
        return "failed", SORRY

    async def _converse(self, turn: RunningTurn) -> None:
        """Context, rounds of model and tools, a closing answer; nothing where a teammate answers."""
        if "message_received" in turn.view.hooks:
            await turn.view.hooks.tell(
                "message_received", MessageReceived(turn.ref, turn.question, turn.visitor_id)
            )
        if turn.handed_to is not None:
            return
        if turn.view.is_paused:
            # What was said before tells the language in which the visitor hears of it.
            turn.history = await self._contexts.recent(turn)
            raise Paused
        if await self._replies.answer(turn):
            return
        if turn.decided is not None:
            await self._carry_out(turn, turn.decided)
        turn.history = await self._contexts.recent(turn)
        passages = await self._retrieval.passages(turn)
        if compress.is_on(turn.view):
            passages = compress.compressed_passages(passages)
        route.decide(turn)
        fragments = await self._fragments(turn)
        told = instructions(
            turn.view,
            said=turn.said(),
            fragments=fragments,
            suffix=turn.arm.arm.prompt if turn.arm is not None else "",
        )
        material = _material(turn, told, turn.history, passages)
        for round_number in range(self._settings.tool_rounds + 1):
            is_closing = round_number == self._settings.tool_rounds or not turn.view.tools
            window = self._window(turn, material)
            reply = await self._ask(turn, told, window, is_closing=is_closing)
            calls = self._take(turn, reply, is_closing=is_closing)
            if not calls:
                return
            await self._run_tools(turn, calls, round_number)

    async def _ask(
        self, turn: RunningTurn, told: SystemPrompt, window: Window, *, is_closing: bool
    ) -> ModelReply:
        """The model's reply; that of the chain where a model for simple questions has none that does."""
        system = told.with_passages(turn.view, window.passages)

        async def ask() -> ModelReply:
            return await self._model.reply(
                turn,
                system=system,
                messages=window.messages,
                passages=window.passages,
                tool_choice="none" if is_closing else "auto",
            )

        reply = await ask()
        if route.is_to_be_asked_again(turn, reply, is_closing=is_closing):
            if turn.saying:
                turn.withdraw()
            reply = await ask()
        return reply

    def _window(self, turn: RunningTurn, material: Material) -> Window:
        least = material.fixed_tokens + weigh(material.question) + ROUND_TOKENS
        window = fit(
            material,
            turn.rounds,
            budget=max(self._settings.context_tokens, least),
            history_budget=self._settings.history_tokens,
        )
        turn.passages, turn.is_history_cut = window.passages, window.is_history_cut
        return window

    async def _fragments(self, turn: RunningTurn) -> list[str]:
        if "before_model_call" not in turn.view.hooks or not turn.chain:
            return []
        chosen = turn.chain[0]
        answers = await turn.view.hooks.tell(
            "before_model_call",
            BeforeModelCall(turn.ref, chosen.provider.id, chosen.model, turn.question),
        )
        return [answer for answer in answers if isinstance(answer, str)]

    def _take(self, turn: RunningTurn, reply: ModelReply, *, is_closing: bool) -> tuple[ToolCall, ...]:
        """Add a reply to the answer and, where it calls tools, to what the model sees next; its calls."""
        turn.saying = []
        turn.stop_reason = reply.stop_reason
        turn.texts.append(clean(reply.text))
        if is_closing or not reply.tool_calls:
            return ()
        if reply.text:
            turn.stream.text("\n\n")
        asked, calls = turn.provider_index, tuple(sound(call) for call in reply.tool_calls[:MAX_CALLS])
        route.go_on_with_chain(turn)
        # Another model of the same vendor has not thought these thoughts.
        reasoning = reply.reasoning if turn.provider_index == asked else ()
        provider = turn.chain[asked].provider.id
        turn.rounds.append(AssistantMessage(clean(reply.text), calls, reasoning, provider))
        return calls

    async def _carry_out(self, turn: RunningTurn, decided: DecidedCall) -> None:
        """What the model asked for before, and the visitor's word made of it, as a first round."""
        call = decided.call
        turn.rounds.append(AssistantMessage("", (call,)))
        result = ToolResult(call.id, call.name, DECLINED, is_error=True)
        try:
            if decided.is_approved:
                await self._tools.run_approved(_tool_turn(turn), decided)
        finally:
            done = _results(turn, turn.executions)
            turn.rounds.append(ToolMessage((done[0] if done else result,)))

    async def _run_tools(self, turn: RunningTurn, calls: Sequence[ToolCall], round_number: int) -> None:
        before = len(turn.executions)
        try:
            await self._tools.run(_tool_turn(turn), calls, round_number)
        finally:
            # Also when it is cut short: what is stored of the turn has a result for every call.
            turn.rounds.append(ToolMessage(tuple(_results(turn, turn.executions[before:]))))

    async def _tell_end(self, turn: RunningTurn, outcome: Any) -> None:
        hooks = turn.view.hooks
        if turn.limit_reached is not None:
            await self._limits.reached(turn.view, turn.limit_reached)
        if "usage_recorded" in hooks:
            for call in turn.model_calls:
                await hooks.tell(
                    "usage_recorded",
                    UsageRecorded(
                        turn.ref, call.provider, call.model, call.usage, call.cost_usd, call.is_estimated
                    ),
                )
        if "reply_sent" in hooks:
            await hooks.tell(
                "reply_sent", ReplySent(turn.ref, outcome["status"], outcome["message"]["content"])
            )


def _results(turn: RunningTurn, executions: Sequence[Execution]) -> list[ToolResult]:
    """What came of calls, as the model is to read it now and later."""
    results = [execution.result() for execution in executions]
    return [compress.compressed_result(each) for each in results] if compress.is_on(turn.view) else results


def _tool_turn(turn: RunningTurn) -> ToolTurn:
    return ToolTurn(
        ref=turn.ref,
        view=turn.view,
        stream=turn.stream,
        period=turn.period,
        visitor_id=turn.visitor_id,
        reserved=turn.reserved,
        executions=turn.executions,
        note=turn.note(),
        remaining_s=turn.remaining_s(),
    )


def _material(
    turn: RunningTurn, told: SystemPrompt, history: Sequence[HistoryRow], passages: Sequence[Passage]
) -> Material:
    fixed_tokens = weigh(told.text) + turn.view.tools_size_bytes // CHARS_PER_TOKEN
    if passages:
        fixed_tokens += weigh(passages_heading(turn.view))
    return Material(
        question=turn.question,
        history=history,
        summary=turn.summary,
        passages=passages,
        fixed_tokens=fixed_tokens,
    )


def as_json(outcome: Any) -> bytes:
    return json.dumps(outcome, ensure_ascii=False, separators=(",", ":")).encode()
