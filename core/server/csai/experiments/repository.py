"""A client's experiments, and the turns that took part in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.experiments.arm import Arm
from csai.kit.problem import not_found
from csai.models import Experiment, Feedback, LedgerEntry, Turn


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    id: str
    name: str
    status: str
    arms: Sequence[Arm]
    created_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None

    def state(self) -> dict[str, Any]:
        """What a change may be of."""
        return {"name": self.name, "status": self.status, "arms": [arm.stored() for arm in self.arms]}


@dataclass(frozen=True, slots=True)
class RunningRow:
    id: str
    since: datetime
    arms: Sequence[Arm]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a visitor thought of an answer (`kind` is `answer`) of the experiment, or of a conversation."""

    conversation_id: str
    kind: str
    value: int


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A turn of an experiment that has ended."""

    conversation_id: str
    arm: str
    status: str
    duration_ms: int
    tokens_input: int
    tokens_output: int
    cost_micros: int


COLUMNS = (
    *(Experiment.id, Experiment.name, Experiment.status, Experiment.arms),
    *(Experiment.created_at, Experiment.started_at, Experiment.stopped_at),
)


class ExperimentRepository:
    """One client's."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def all(self) -> list[ExperimentRow]:
        """Newest first."""
        statement = select(*COLUMNS).where(Experiment.client_id == self._client_id)
        rows = await self._connection.execute(statement.order_by(Experiment.id.desc()))
        return [_row(row) for row in rows]

    async def running(self) -> RunningRow | None:
        """The one that runs."""
        statement = select(Experiment.id, Experiment.started_at, Experiment.arms).where(
            Experiment.client_id == self._client_id, Experiment.status == "running"
        )
        row = (await self._connection.execute(statement)).first()
        if row is None or row.started_at is None:
            return None
        return RunningRow(row.id, row.started_at, [Arm.of(each) for each in row.arms])

    async def get(self, experiment_id: str) -> ExperimentRow:
        """Raises 404."""
        statement = select(*COLUMNS).where(
            Experiment.client_id == self._client_id, Experiment.id == experiment_id
        )
        row = (await self._connection.execute(statement)).first()
        if row is None:
            raise not_found("experiment")
        return _row(row)

    async def add(self, experiment_id: str, *, name: str, arms: Sequence[Arm], at: datetime) -> None:
        await self._connection.execute(
            insert(Experiment).values(
                id=experiment_id,
                client_id=self._client_id,
                name=name,
                status="draft",
                arms=[arm.stored() for arm in arms],
                created_at=at,
            )
        )

    async def change(self, experiment_id: str, **values: Any) -> None:
        await self._connection.execute(
            update(Experiment)
            .where(Experiment.client_id == self._client_id, Experiment.id == experiment_id)
            .values(**values)
        )

    async def turns(self, experiment: ExperimentRow, *, most: int) -> list[TurnRow]:
        """Its newest turns that have ended, with what they cost."""
        if experiment.started_at is None:
            return []
        spent = (
            select(
                LedgerEntry.turn_id,
                func.sum(LedgerEntry.tokens_input).label("tokens_input"),
                func.sum(LedgerEntry.tokens_output).label("tokens_output"),
                func.sum(LedgerEntry.cost_micros).label("cost_micros"),
            )
            .where(
                LedgerEntry.client_id == self._client_id,
                LedgerEntry.day >= experiment.started_at.astimezone(UTC).date(),
            )
            .group_by(LedgerEntry.turn_id)
            .subquery()
        )
        statement = (
            select(
                Turn.conversation_id,
                Turn.arm,
                Turn.status,
                Turn.accepted_at,
                Turn.finished_at,
                spent.c.tokens_input,
                spent.c.tokens_output,
                spent.c.cost_micros,
            )
            .join_from(Turn, spent, spent.c.turn_id == Turn.id, isouter=True)
            .where(
                Turn.client_id == self._client_id,
                Turn.experiment_id == experiment.id,
                Turn.finished_at.is_not(None),
            )
            .order_by(Turn.id.desc())
            .limit(most)
        )
        return [
            TurnRow(
                row.conversation_id,
                row.arm,
                row.status,
                duration_ms=round((row.finished_at - row.accepted_at).total_seconds() * 1000),
                tokens_input=int(row.tokens_input or 0),
                tokens_output=int(row.tokens_output or 0),
                cost_micros=int(row.cost_micros or 0),
            )
            for row in await self._connection.execute(statement)
        ]

    async def opinions(self, experiment: ExperimentRow, *, most: int) -> list[Opinion]:
        """What visitors thought, the newest first; of teammates' answers nothing."""
        own = (Turn.client_id == self._client_id, Turn.experiment_id == experiment.id)
        statement = (
            select(Feedback.conversation_id, Feedback.kind, Feedback.value)
            .where(
                Feedback.client_id == self._client_id,
                Feedback.conversation_id.in_(select(Turn.conversation_id).where(*own)),
                or_(Feedback.kind == "conversation", Feedback.turn_id.in_(select(Turn.id).where(*own))),
            )
            .order_by(Feedback.updated_at.desc())
            .limit(most)
        )
        return [Opinion(*row) for row in await self._connection.execute(statement)]


def _row(row: Any) -> ExperimentRow:
    return ExperimentRow(row[0], row[1], row[2], [Arm.of(each) for each in row[3]], *row[4:])
