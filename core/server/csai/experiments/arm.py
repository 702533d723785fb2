"""The arms of an experiment, and which of them a conversation has."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from csai.plugins.answering import ChosenProvider
from csai.providers.choice import ModelRef

SHARES = 2**64


@dataclass(frozen=True, slots=True)
class Arm:
    """What is other than with the client as it is; an arm without a difference is that."""

    name: str
    weight: int = 1
    chain: tuple[ModelRef, ...] = ()
    prompt: str = ""
    """Added to the client's own."""
    temperature: float | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Arm:
        return cls(
            name=stored["name"],
            weight=stored["weight"],
            chain=tuple(map(ModelRef.parse, stored["chain"])),
            prompt=stored["prompt"],
            temperature=stored["temperature"],
        )

    def stored(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "weight": self.weight,
            "chain": [str(ref) for ref in self.chain],
            "prompt": self.prompt,
            "temperature": self.temperature,
        }


@dataclass(frozen=True, slots=True)
class ArmInUse:
    """An arm as turns see it. Without a chain the client's own answers."""

    arm: Arm
    chain: tuple[ChosenProvider, ...]

    @property
    def is_usable(self) -> bool:
        """Whether anybody whom it names can be asked."""
        return not self.arm.chain or bool(self.chain)


@dataclass(frozen=True, slots=True)
class RunningExperiment:
    """The experiment that a client's conversations take part in from their beginning."""

    id: str
    since: datetime
    arms: Sequence[ArmInUse]

    def arm_of(self, session_id: str) -> ArmInUse | None:
        """The conversation's arm: the same at every turn and in every process, with nothing written down.

        None where nobody of it can be asked (a key was taken away): who answers then is no part of it.
        """
        arm = self.arms[drawn(self.id, session_id, [each.arm.weight for each in self.arms])]
        return arm if arm.is_usable else None


def drawn(experiment_id: str, session_id: str, weights: Sequence[int]) -> int:
    """Which of the arms a conversation has: evenly spread over conversations, and anew in each experiment."""
    digest = hashlib.sha256(f"{experiment_id}:{session_id}".encode()).digest()
    place = int.from_bytes(digest[:8]) * sum(weights) // SHARES
    for index, weight in enumerate(weights):
        place -= weight
        if place < 0:
            return index
    raise ValueError("an experiment without weights")
