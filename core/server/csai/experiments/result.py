"""What became of the arms of an experiment. Conversations are what was drawn, so they are what is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from csai.experiments import statistic
from csai.experiments.arm import Arm
from csai.experiments.repository import Opinion, TurnRow
from csai.experiments.schemas import ArmResult, Comparison, Estimate
from csai.usage.prices import MICROS_PER_USD

MIN_CONVERSATIONS = 30
"""In each arm: with fewer, nothing is said of differences."""
SHARES = ("completed", "failed", "handed_off")


@dataclass
class _Conversation:
    statuses: Counter[str] = field(default_factory=Counter)
    cost_micros: int = 0


@dataclass
class ArmTally:
    """What is counted of an arm."""

    arm: Arm
    conversations: dict[str, _Conversation] = field(default_factory=dict)
    latencies_ms: list[int] = field(default_factory=list)
    tokens_input: int = 0
    tokens_output: int = 0
    thumbs: Counter[int] = field(default_factory=Counter)
    ratings: list[int] = field(default_factory=list)

    def add(self, turn: TurnRow) -> None:
        conversation = self.conversations.setdefault(turn.conversation_id, _Conversation())
        conversation.statuses[turn.status] += 1
        conversation.cost_micros += turn.cost_micros
        self.tokens_input += turn.tokens_input
        self.tokens_output += turn.tokens_output
        if turn.status == "completed":
            self.latencies_ms.append(turn.duration_ms)

    def hear(self, opinion: Opinion) -> None:
        if opinion.kind == "answer":
            self.thumbs[opinion.value] += 1
        else:
            self.ratings.append(opinion.value)

    @property
    def size(self) -> int:
        return len(self.conversations)

    def having(self, measure: str) -> int:
        """How many conversations were completed throughout, or failed or were handed off at some time."""
        found = (each.statuses for each in self.conversations.values())
        if measure == "completed":
            return sum(set(statuses) == {"completed"} for statuses in found)
        return sum(measure in statuses for statuses in found)

    def costs_usd(self) -> list[float]:
        return [each.cost_micros / MICROS_PER_USD for each in self.conversations.values()]


def tallied(
    arms: Iterable[Arm], turns: Iterable[TurnRow], opinions: Iterable[Opinion] = ()
) -> list[ArmTally]:
    tallies = {arm.name: ArmTally(arm) for arm in arms}
    arm_of: dict[str, str] = {}
    for turn in turns:
        tallies[turn.arm].add(turn)
        arm_of[turn.conversation_id] = turn.arm
    for opinion in opinions:
        # Of conversations that are counted alone: where only the newest are, the others' are left out too.
        if opinion.conversation_id in arm_of:
            tallies[arm_of[opinion.conversation_id]].hear(opinion)
    return list(tallies.values())


def arm_result(tally: ArmTally) -> ArmResult:
    statuses: Counter[str] = Counter()
    for each in tally.conversations.values():
        statuses.update(each.statuses)
    shares = {measure: statistic.share(tally.having(measure), tally.size) for measure in SHARES}
    return ArmResult(
        name=tally.arm.name,
        weight=tally.arm.weight,
        conversations=tally.size,
        turns=statuses.total(),
        turns_by_status=dict(statuses),
        **shares,
        tokens_input=tally.tokens_input,
        tokens_output=tally.tokens_output,
        cost=Decimal(sum(each.cost_micros for each in tally.conversations.values())) / MICROS_PER_USD,
        cost_per_conversation=statistic.mean(tally.costs_usd()),
        latency_p50_ms=statistic.percentile(tally.latencies_ms, 50),
        latency_p95_ms=statistic.percentile(tally.latencies_ms, 95),
        thumbs_up=tally.thumbs[1],
        thumbs_down=tally.thumbs[-1],
        rated=len(tally.ratings),
        rating=statistic.mean(tally.ratings),
    )


def comparisons(tallies: Sequence[ArmTally]) -> Iterator[Comparison]:
    """Each arm with the first."""
    first, *others = tallies
    for other in others:
        is_enough = min(first.size, other.size) >= MIN_CONVERSATIONS
        for measure in SHARES:
            difference = statistic.share_difference(
                other.having(measure), other.size, first.having(measure), first.size
            )
            yield _comparison(other, measure, difference, is_enough=is_enough)
        cost = statistic.mean_difference(other.costs_usd(), first.costs_usd())
        yield _comparison(other, "cost_per_conversation", cost, is_enough=is_enough)
        rating = statistic.mean_difference(other.ratings, first.ratings)
        is_enough = min(len(first.ratings), len(other.ratings)) >= MIN_CONVERSATIONS
        yield _comparison(other, "rating", rating, is_enough=is_enough)


def statement(tallies: Sequence[ArmTally], compared: Sequence[Comparison]) -> str:
    fewest = min(tallies, key=lambda tally: tally.size)
    if fewest.size < MIN_CONVERSATIONS:
        return (
            f"Too few conversations to tell: {fewest.arm.name} has {fewest.size}, "
            f"and {MIN_CONVERSATIONS} are needed in each arm."
        )
    shown = [each for each in compared if each.verdict in {"lower", "higher"}]
    if not shown:
        return "No difference is shown; there may be one that only more conversations would show."
    first = tallies[0].arm.name
    told = [f"{each.measure} is {each.verdict} in {each.arm} than in {first}" for each in shown]
    return f"{'; '.join(told)}. One in twenty such differences is chance."


def _comparison(tally: ArmTally, measure: str, difference: Estimate, *, is_enough: bool) -> Comparison:
    verdict = "no_difference_shown"
    if not is_enough or difference.low is None or difference.high is None:
        verdict = "too_few"
    elif difference.low > 0:
        verdict = "higher"
    elif difference.high < 0:
        verdict = "lower"
    return Comparison.model_validate(
        {"arm": tally.arm.name, "measure": measure, "difference": difference, "verdict": verdict}
    )
