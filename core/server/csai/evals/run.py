"""Running a suite on a stage: each case a conversation, each step a turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from csai.chat.replay import Asked
from csai.chat.schemas import ChatMessage
from csai.clients.access import Access
from csai.evals.result import Fault, Result, StepResult, ToolUse, faults_of
from csai.evals.stage import Stage
from csai.evals.suite import Case, Step, Suite
from csai.tools.confirmation import Decision

NOTHING_TO_DECIDE = Fault("decide", "the turn before asks nothing to be decided")

Progress = Callable[[str], None]


async def run(suite: Suite, stage: Stage, *, progress: Progress = lambda case: None) -> Result:
    """Run the cases one after another, so that each meets the same server. Told of each before it begins."""
    steps: list[StepResult] = []
    for case in suite.cases:
        progress(case.name)
        stage.mocks.begin(case, suite)
        steps += await _Conversation(stage, case).take_place()
    return Result(tuple(steps))


class _Conversation:
    def __init__(self, stage: Stage, case: Case) -> None:
        self._stage = stage
        self._case = case
        self._session_id: str | None = None
        self._asked: Sequence[Mapping[str, Any]] = ()

    async def take_place(self) -> list[StepResult]:
        return [await self._take(step) for step in self._case.steps]

    async def _take(self, step: Step) -> StepResult:
        if step.decide is not None and not self._asked:
            return self._result(step, {}, latency_ms=0, faults=(NOTHING_TO_DECIDE,))
        began = time.monotonic()
        stream, _ = await self._stage.services.turns.submit(await self._request(step))
        outcome = await stream.wait()
        latency_ms = round((time.monotonic() - began) * 1000)
        self._session_id = outcome["session_id"]
        self._asked = outcome["confirmations"]
        unmocked, self._stage.mocks.unmocked = self._stage.mocks.unmocked, []
        faults = (
            *faults_of(
                step.expect,
                status=outcome["status"],
                text=outcome["message"]["content"],
                tools=[call["name"] for call in outcome["tool_calls"]],
                asks=[asked["tool"] for asked in self._asked],
            ),
            *(Fault(f"answer {call}", f"no answer in the suite for {call}") for call in unmocked),
        )
        return self._result(step, outcome, latency_ms=latency_ms, faults=faults)

    async def _request(self, step: Step) -> Asked:
        client_id = self._stage.client_id
        view = await self._stage.services.views.get(client_id, version=0)
        decision = None
        if step.decide is not None:
            decision = Decision(self._asked[0]["id"], step.decide)
        message = ChatMessage(message=step.say or str(step.decide), session_id=self._session_id)
        key = decision.key if decision else None
        return Asked(Access(client_id, "secret", view), message, key, self._case.visitor, "eval", decision)

    def _result(
        self, step: Step, outcome: Mapping[str, Any], *, latency_ms: int, faults: tuple[Fault, ...]
    ) -> StepResult:
        usage = outcome.get("usage", {})
        return StepResult(
            case=self._case.name,
            said=step.say or f"({step.decide})",
            status=outcome.get("status", ""),
            text=outcome.get("message", {}).get("content", ""),
            tools=tuple(
                ToolUse(call["name"], call["arguments"], call["success"])
                for call in outcome.get("tool_calls", ())
            ),
            asks=tuple(asked["tool"] for asked in outcome.get("confirmations", ())),
            tokens_input=usage.get("tokens_input", 0),
            tokens_output=usage.get("tokens_output", 0),
            cost_usd=usage.get("cost", 0.0),
            latency_ms=latency_ms,
            faults=faults,
        )
