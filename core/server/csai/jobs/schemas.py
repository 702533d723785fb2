"""What the admin's routes for jobs take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class JobFailure(BaseModel):
    client_id: str
    cause: str


class JobRunState(BaseModel):
    id: str
    status: Literal["asked", "running", "succeeded", "failed"]
    clients: int = Field(description="That it was done for.")
    failures: list[JobFailure] = Field(description="At most 20. The others' part is done all the same.")
    began_at: datetime
    ended_at: datetime | None


class JobState(BaseModel):
    name: str = Field(examples=["retention"])
    every_s: int
    next_at: datetime = Field(description="When it next falls due; a worker looks every few seconds.")
    is_for_busy: bool = Field(description="Done only for clients that were written to a short while ago.")
    runs: list[JobRunState] = Field(description="The last ones, newest first.")


class JobWorker(BaseModel):
    id: str
    kind: Literal["in_process", "worker"] = Field(description="A server, or a process of `csai worker`.")
    started_at: datetime
    is_alive: bool


class JobQueue(BaseModel):
    name: Literal["deliveries", "channel_inbox", "channel_outbox"]
    waiting: int
    due: int = Field(description="Of those that wait.")
    failed: int = Field(description="Given up, or nobody can tell what came of them.")
    oldest_due_at: datetime | None


class Jobs(BaseModel):
    jobs: list[JobState]
    workers: list[JobWorker]
    queues: list[JobQueue]


class DeliveryRetry(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"client_id": None}]},
    )

    client_id: str | None = Field(None, description="Only this client's; of all where it is left out.")


class RetriedDeliveries(BaseModel):
    repeated: int = Field(description="Sent again, at most 1,000 at once.")
    kept: int = Field(description="Whose content is no longer kept: they cannot be sent.")
