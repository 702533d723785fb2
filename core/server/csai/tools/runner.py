"""Running the tool calls of one model round: checked first, intent kept, then all at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from csai_sdk import Clock, ToolCall, ToolInvocation
from csai_sdk.event import AfterToolCall, BeforeToolCall, TurnRef

from csai.chat.repository import TurnRepository
from csai.chat.running import FencedOut
from csai.chat.stream import TurnStream
from csai.database import Database, DatabaseUnavailable, OutcomeUnknown
from csai.kit.fault_point import FaultPoint, reach
from csai.kit.text import clean
from csai.kit.waiting import see_through
from csai.locales.form import Unreadable, in_form
from csai.plugins.view import ClientView, EnabledTool
from csai.statement import Rows
from csai.tools.confirmation import WAITING, DecidedCall, confirmation
from csai.tools.execution import UNKNOWN_OUTCOME, Execution
from csai.tools.execution_repository import ToolExecutionRepository
from csai.tools.invocation import invoke, timeout_s
from csai.usage import counter

log = structlog.get_logger(__name__)

MAX_CALLS_PER_ROUND = 16


@dataclass(frozen=True, slots=True)
class ToolTurn:
    """What the runner needs to know of the turn."""

    ref: TurnRef
    view: ClientView
    stream: TurnStream
    period: str
    visitor_id: str | None
    reserved: dict[str, int]
    executions: list[Execution]
    note: Mapping[str, Any]
    """What the turn's calls of models have used so far."""
    remaining_s: float


class ToolRunner:
    """Runs tools for turns. Never raises for a tool's fault: the model hears of it."""

    def __init__(self, database: Database, clock: Clock, *, confirmation_s: float) -> None:
        self._database = database
        self._clock = clock
        self._confirmation_s = confirmation_s

    async def run(self, turn: ToolTurn, calls: Sequence[ToolCall], round_number: int) -> list[Execution]:
        """Run the calls of a round in parallel; returns one execution for each, in their order."""
        executions = [
            Execution(f"{turn.ref.turn_id}.{round_number}.{index}", call, self._clock.now())
            for index, call in enumerate(calls)
        ]
        # At once, so that a turn stopped half-way knows what it began.
        turn.executions.extend(executions)
        ready, waiting = [], []
        for index, execution in enumerate(executions):
            refusal = (
                await self._refusal(turn, execution)
                if index < MAX_CALLS_PER_ROUND
                else f"At most {MAX_CALLS_PER_ROUND} calls at once; call again with the rest."
            )
            if refusal:
                execution.response = clean(refusal)
            elif turn.view.tools[execution.call.name].needs_confirmation:
                execution.expires_at = self._clock.now() + timedelta(seconds=self._confirmation_s)
                waiting.append(execution)
            else:
                ready.append(execution)
        reach(FaultPoint.TOOLS_CHOSEN)
        if (ready or waiting) and await self._intend(turn, ready, waiting):
            reach(FaultPoint.TOOLS_INTENDED)
            for execution in waiting:
                self._ask(turn, execution)
            await asyncio.gather(*(self._run_one(turn, execution) for execution in ready))
        return executions

    async def run_approved(self, turn: ToolTurn, decided: DecidedCall) -> Execution:
        """Run a call that the visitor approved, under the id that it was asked about with.

        It is checked once more: what the client has may have changed since.
        """
        execution = Execution(decided.call_id, decided.call, self._clock.now(), has_intent=True)
        turn.executions.append(execution)
        refusal = await self._refusal(turn, execution)
        if refusal:
            execution.response = clean(refusal)
        elif await self._intend(turn, [execution], []):
            await self._run_one(turn, execution)
        return execution

    def _ask(self, turn: ToolTurn, execution: Execution) -> None:
        """The row is there: ask the visitor."""
        execution.status, execution.has_intent = "waiting", True
        execution.response = WAITING
        turn.stream.add("confirm.requested", waiting_confirmation(turn.view, execution))

    async def _refusal(self, turn: ToolTurn, execution: Execution) -> str | None:
        """Why the call may not run, in words for the model; None when it may."""
        call = execution.call
        tool = turn.view.tools.get(call.name)
        if tool is None:
            names = ", ".join(turn.view.tools) or "none"
            return f"There is no tool named '{call.name[:64]}'. Available tools: {names}."
        if call.arguments is None:
            return (
                "The arguments were no JSON object that can be passed on. Call the tool again with another."
            )
        try:
            arguments = in_form(call.arguments, tool.spec.parameters_schema, turn.view.forms)
        except Unreadable as error:
            return f"The arguments do not fit the tool's schema: {error}"
        call = execution.call = replace(call, arguments=arguments)
        errors = tool.validator.errors(arguments)
        if errors:
            return "The arguments do not fit the tool's schema: " + "; ".join(errors)
        if tool.is_private and turn.visitor_id is None:
            return "This tool needs a visitor whose identity is verified, and this one's is not."
        if not turn.view.health.admits(tool.ctx.plugin, f"tool {call.name}", turn.ref.client_id):
            return "This tool failed again and again, so it is left alone for a while."
        return await turn.view.hooks.ask(
            "before_tool_call", BeforeToolCall(turn.ref, execution.call_id, call.name, arguments)
        )

    async def _intend(self, turn: ToolTurn, ready: Sequence[Execution], waiting: Sequence[Execution]) -> bool:
        """Reserve, and write down what is about to have a side effect and what the visitor is to be asked."""
        acting = [
            item
            for item in ready
            if not item.has_intent and not turn.view.tools[item.call.name].spec.is_read_only
        ]
        amounts = {"tool_calls": len(ready)}
        is_limited = bool(ready) and "tool_calls" in turn.view.limits
        if not acting and not waiting and not is_limited:
            return True
        executions = ToolExecutionRepository(turn.ref.client_id)
        try:
            reserved = counter.total(turn.reserved, amounts if is_limited else {})
            steps = [
                TurnRepository(turn.ref.client_id).keep_reserved(turn.ref.turn_id, reserved, turn.note),
                *executions.intend_all(turn.ref, acting),
                *executions.ask_all(turn.ref, waiting),
            ]
            if is_limited:
                steps.append(counter.reserve(turn.ref.client_id, turn.period, amounts, turn.view.limits))

            def check(results: list[Rows]) -> None:
                if not results[0]:
                    raise FencedOut
                if is_limited:
                    counter.check_granted(results[-1], amounts, turn.view.limits)

            await see_through(self._database.transact(*steps, check=check))
        except counter.LimitReached:
            for execution in (*ready, *waiting):
                execution.response = "No more tool calls are included in this month's plan."
            return False
        except OutcomeUnknown:
            # Nothing runs, and the turn settles what is set aside. Its log has to know what is there.
            with suppress(DatabaseUnavailable):
                await see_through(self._look_for_rows(turn, (*acting, *waiting)))
            raise
        turn.reserved.update(reserved)
        for execution in acting:
            execution.has_intent = True
        return True

    async def _look_for_rows(self, turn: ToolTurn, expected: Sequence[Execution]) -> None:
        client_id, turn_id = turn.ref.client_id, turn.ref.turn_id
        results = await self._database.transact(
            # Waits until a transaction whose end nobody heard of is over.
            TurnRepository(client_id).reserved_finally(turn_id),
            ToolExecutionRepository(client_id).stored(turn_id),
        )
        stored = {call_id for (call_id,) in results[1]}
        for execution in expected:
            execution.has_intent = execution.call_id in stored

    async def _run_one(self, turn: ToolTurn, execution: Execution) -> None:
        call, tool = execution.call, turn.view.tools[execution.call.name]
        turn.stream.add("tool.started", {"id": execution.call_id, "name": call.name})
        # A turn that is stopped half-way leaves it so.
        execution.status, execution.response = "unknown", UNKNOWN_OUTCOME
        began = time.monotonic()
        try:
            outcome = await invoke(tool, self._invocation(turn, tool, execution))
        finally:
            execution.duration_ms = round((time.monotonic() - began) * 1000)
        execution.status, execution.response = outcome.status, outcome.response
        turn.view.health.judge(tool.ctx, f"tool {call.name}", outcome.fault)
        turn.stream.add(
            "tool.finished",
            {
                "id": execution.call_id,
                "name": call.name,
                "success": execution.is_success,
                "duration_ms": execution.duration_ms,
            },
        )
        await turn.view.hooks.tell(
            "after_tool_call",
            AfterToolCall(
                turn.ref, execution.call_id, call.name, execution.is_success, execution.duration_ms
            ),
        )

    @staticmethod
    def _invocation(turn: ToolTurn, tool: EnabledTool, execution: Execution) -> ToolInvocation:
        return ToolInvocation(
            call_id=execution.call_id,
            tool=tool.spec,
            arguments=execution.call.arguments or {},
            conversation_id=turn.ref.conversation_id,
            config=tool.config,
            is_idempotent=tool.is_idempotent,
            timeout_s=min(timeout_s(tool.config), turn.remaining_s),
            visitor_id=turn.visitor_id,
        )


def waiting_confirmation(view: ClientView, execution: Execution) -> dict[str, Any]:
    """What the visitor is asked about a call that waits."""
    name, arguments = execution.call.name, execution.call.arguments or {}
    schema = view.tools[name].spec.parameters_schema
    return confirmation(execution.call_id, name, arguments, schema, execution.expires_at)
