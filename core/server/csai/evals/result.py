"""What a run of a suite came to, and what sets two of them apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from csai.evals.suite import Expectation


@dataclass(frozen=True, slots=True)
class ToolUse:
    name: str
    arguments: dict[str, Any]
    success: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """An expectation that is not met, and in words what is instead."""

    expectation: str
    words: str


@dataclass(frozen=True, slots=True)
class StepResult:
    """One turn."""

    case: str
    said: str
    status: str
    text: str
    tools: tuple[ToolUse, ...]
    asks: tuple[str, ...]
    tokens_input: int
    tokens_output: int
    cost_usd: float
    latency_ms: int
    faults: tuple[Fault, ...]

    def fixed(self) -> dict[str, Any]:
        """All of it that does not depend on how busy the machine was."""
        return {name: value for name, value in asdict(self).items() if name != "latency_ms"}


@dataclass(frozen=True, slots=True)
class Result:
    """A run of the whole suite."""

    steps: tuple[StepResult, ...]

    @property
    def faults(self) -> int:
        return sum(len(step.faults) for step in self.steps)

    @property
    def cost_usd(self) -> float:
        return sum(step.cost_usd for step in self.steps)

    @property
    def latency_ms(self) -> int:
        return sum(step.latency_ms for step in self.steps)

    @property
    def hash(self) -> str:
        """Equal for runs in which the same was said, called and spent."""
        told = json.dumps([step.fixed() for step in self.steps], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Difference:
    """One turn in two runs."""

    before: StepResult
    after: StepResult

    @property
    def changed(self) -> tuple[str, ...]:
        """Which of status, text, tools and asks are not the same."""
        names = ("status", "text", "tools", "asks")
        return tuple(name for name in names if getattr(self.before, name) != getattr(self.after, name))

    @property
    def regressions(self) -> tuple[str, ...]:
        """What is the matter with expectations that were met before."""
        unmet = {fault.expectation for fault in self.before.faults}
        return tuple(fault.words for fault in self.after.faults if fault.expectation not in unmet)


def compare(before: Result, after: Result) -> list[Difference]:
    return [Difference(*pair) for pair in zip(before.steps, after.steps, strict=True)]


def faults_of(
    expected: Expectation, *, status: str, text: str, tools: Sequence[str], asks: Sequence[str]
) -> tuple[Fault, ...]:
    """The expectations that are not met."""
    return tuple(_faults(expected, status=status, text=text.casefold(), tools=list(tools), asks=list(asks)))


def _faults(
    expected: Expectation, *, status: str, text: str, tools: list[str], asks: list[str]
) -> Iterator[Fault]:
    if status != expected.status:
        yield Fault("status", f"status is {status}, expected {expected.status}")
    if expected.tools is not None and tools != expected.tools:
        wanted = ", ".join(expected.tools) or "none"
        yield Fault("tools", f"tools called: {', '.join(tools) or 'none'}; expected {wanted}")
    if expected.asks is not None and asks != expected.asks:
        wanted = ", ".join(expected.asks) or "nothing"
        yield Fault("asks", f"asks to confirm: {', '.join(asks) or 'nothing'}; expected {wanted}")
    for words in expected.contains:
        if words.casefold() not in text:
            yield Fault(f"contains {words}", f"does not say '{words}'")
    for words in expected.lacks:
        if words.casefold() in text:
            yield Fault(f"lacks {words}", f"says '{words}'")
