"""What the server does without being asked, as admins watch it and push it along."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import record
from csai.admins.service import READERS
from csai.clients.repository import ClientRepository
from csai.jobs.repository import JobRunRepository, RunRow, queues, workers
from csai.jobs.schemas import DeliveryRetry, JobRunState, Jobs, RetriedDeliveries
from csai.jobs.work import Job
from csai.kit.body import read_model
from csai.kit.identifier import check_id, new_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.problem import Problem
from csai.outbox.repository import OutboxRepository, failed_events
from csai.services import Services

router = APIRouter(prefix="/admin/jobs", tags=["admin: jobs"], responses=ADMIN_PROBLEMS)

RUNS_SHOWN = 10
MAX_RETRIED = 1_000


@router.get("", summary="Schedules, their last runs, who does them, and what waits", response_model=Jobs)
async def jobs(request: Request) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    now = services.clock.now()
    async with services.database.read() as connection:
        return {
            "jobs": [await _state(connection, job, now) for job in services.jobs.schedule.values()],
            "workers": [
                {
                    "id": row.id,
                    "kind": row.kind,
                    "started_at": row.started_at,
                    "is_alive": row.expires_at >= now,
                }
                for row in await workers(connection)
            ],
            "queues": [asdict(row) for row in await queues(connection, now=now)],
        }


@router.post("/{job}/run", status_code=202, summary="Run a job now", response_model=JobRunState)
async def run_now(request: Request, job: str) -> Any:
    """A worker begins it within seconds. Asked for again before that, it is the same run."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    if job not in services.jobs.schedule:
        there = ", ".join(services.jobs.schedule)
        raise Problem(404, "job_unknown", f"There is no such job. There are: {there}.")
    now = services.clock.now()
    async with services.database.write() as transaction:
        runs = JobRunRepository(transaction)
        asked = next((run for run in await runs.asked() if run.job == job), None)
        if asked is None:
            run_id = f"{job}-asked-{new_id()}"
            await runs.ask(run_id, job, now=now)
            await record(transaction, admin.actor, "job.asked", object=f"job:{job}", at=now)
            asked = RunRow(run_id, job, "asked", 0, [], now, None)
    services.jobs.wake()
    return asdict(asked)


@router.post(
    "/deliveries/retry",
    summary="Send deliveries again that were given up",
    response_model=RetriedDeliveries,
    openapi_extra=body_of(DeliveryRetry),
)
async def retry_deliveries(request: Request) -> Any:
    """Each gets all its attempts once more."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, DeliveryRetry, max_bytes=services.settings.max_body_bytes)
    if asked.client_id is not None:
        check_id(asked.client_id, "client")
    now = services.clock.now()
    async with services.database.write() as transaction:
        if asked.client_id is not None:
            await ClientRepository(transaction, asked.client_id).get()
        found = await failed_events(transaction, client_id=asked.client_id, count=MAX_RETRIED)
        repeated = [
            await OutboxRepository(transaction, client_id).repeat(event_id, now=now) is not None
            for client_id, event_id in found
        ]
        outcome = {"repeated": repeated.count(True), "kept": repeated.count(False)}
        await record(
            transaction,
            admin.actor,
            "deliveries.repeated",
            object="deliveries",
            client_id=asked.client_id,
            after=outcome,
            at=now,
        )
    services.jobs.wake()
    return outcome


async def _state(connection: AsyncConnection, job: Job, now: datetime) -> dict[str, Any]:
    runs = await JobRunRepository(connection).newest(job.name, count=RUNS_SHOWN)
    return {
        "name": job.name,
        "every_s": int(job.every.total_seconds()),
        "next_at": job.next_at(now),
        "is_for_busy": job.is_for_busy,
        "runs": [asdict(run) for run in runs],
    }
