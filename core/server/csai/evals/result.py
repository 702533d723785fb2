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
class StepResult:
    """One turn. `faults` are the expectations that it does not meet, in words."""

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
    faults: tuple[str, ...]

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
        """Expectations that were met before."""
        return tuple(fault for fault in self.after.faults if fault not in self.before.faults)


def compare(before: Result, after: Result) -> list[Difference]:
    return [Difference(*pair) for pair in zip(before.steps, after.steps, strict=True)]


def faults_of(
    expected: Expectation, *, status: str, text: str, tools: Sequence[str], asks: Sequence[str]
) -> tuple[str, ...]:
    """The expectations that are not met."""
    return tuple(_faults(expected, status=status, text=text.casefold(), tools=list(tools), asks=list(asks)))


def _faults(
    expected: Expectation, *, status: str, text: str, tools: list[str], asks: list[str]
) -> Iterator[str]:
    if status != expected.status:
        yield f"status is {status}, expected {expected.status}"
    if expected.tools is not None and tools != expected.tools:
        yield f"tools called: {', '.join(tools) or 'none'}; expected {', '.join(expected.tools) or 'none'}"
    if expected.asks is not None and asks != expected.asks:
        wanted = ", ".join(expected.asks) or "nothing"
        yield f"asks to confirm: {', '.join(asks) or 'nothing'}; expected {wanted}"
    yield from (f"does not say '{words}'" for words in expected.contains if words.casefold() not in text)
    yield from (f"says '{words}'" for words in expected.lacks if words.casefold() in text)
