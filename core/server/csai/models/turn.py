from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, BigInt, Id, within_client


class Turn(Base):
    """One visitor message on its way to exactly one outcome.

    `status` is `running` until the turn is settled as completed, handed_off, stopped, blocked or failed.
    `outcome` is the JSON answer as a secret key would see it; a replay gives it again. `reserved` holds
    what is still set aside in the counters, by metric; `attempts` what its calls of models have used and
    which is under way, for whoever finds the turn abandoned; `period` is fixed at acceptance. `saved_tokens`
    and `saved_micros` are what its answer had cost before, where it came from the response cache.
    `experiment_id` and `arm` are what it took part in; `routing` is how hard the question was judged, and
    who was asked because of that, without a word of the visitor.
    """

    __tablename__ = "turns"
    __table_args__ = (
        UniqueConstraint("client_id", "idempotency_key"),
        within_client("conversation_id", "conversations"),
        within_client("experiment_id", "experiments", ondelete=None),
        Index("ix_turns_status_deadline_at", "status", "deadline_at"),
        Index("ix_turns_client_id_accepted_at", "client_id", "accepted_at"),
        Index("ix_turns_conversation_id", "conversation_id"),
        Index(
            "ix_turns_client_id_experiment_id",
            "client_id",
            "experiment_id",
            sqlite_where=text("experiment_id IS NOT NULL"),
            postgresql_where=text("experiment_id IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    client_id: Mapped[str] = mapped_column(Id)
    conversation_id: Mapped[str] = mapped_column(Id)
    status: Mapped[str] = mapped_column(String(12))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    body_hash: Mapped[str] = mapped_column(String(64))
    fence: Mapped[int]
    period: Mapped[str] = mapped_column(String(7))
    reserved: Mapped[dict[str, Any]]
    attempts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    is_stop_requested: Mapped[bool] = mapped_column(default=False)
    saved_tokens: Mapped[int] = mapped_column(default=0)
    saved_micros: Mapped[int] = mapped_column(BigInt, default=0)
    # As it was written: JSONB would put its members into another order, and a replay gives the same bytes.
    outcome: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    accepted_at: Mapped[datetime]
    deadline_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    experiment_id: Mapped[str | None] = mapped_column(Id)
    arm: Mapped[str | None] = mapped_column(String(50))
    routing: Mapped[dict[str, Any] | None]


class WaitingTurn(Base):
    """A message that waits while an earlier one of its conversation is answered, older ids first.

    Its process keeps it alive; one whose process has died expires, so that it holds nobody up.
    """

    __tablename__ = "waiting_turns"
    __table_args__ = (
        within_client("conversation_id", "conversations"),
        Index("ix_waiting_turns_conversation_id", "conversation_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    client_id: Mapped[str] = mapped_column(Id)
    conversation_id: Mapped[str] = mapped_column(Id)
    expires_at: Mapped[datetime]
