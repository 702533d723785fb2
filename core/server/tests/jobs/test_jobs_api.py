"""Admins see what the server does by itself, push it along, and read how every part of it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from csai.jobs.repository import Failure, JobRunRepository, cause_of
from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.models import AuditEntry, Incident, JobRun, OutboxEvent, Worker

from tests.support.operator import Operator, sign_in
from tests.support.server import Server


@pytest.fixture
async def operator(echo_server: Server) -> Operator:
    return await sign_in(echo_server)


async def job(operator: Operator, name: str) -> dict[str, Any]:
    jobs: list[dict[str, Any]] = (await operator.get("/admin/jobs"))["jobs"]
    return next(each for each in jobs if each["name"] == name)


async def add_event(server: Server, **values: Any) -> str:
    now = server.services.clock.now()
    row = {
        "id": new_id(),
        "client_id": server.client.id,
        "event": "limit.reached",
        "payload": {"metric": "messages"},
        "dedupe_key": new_id(),
        "status": "failed",
        "attempts": 8,
        "attempts_before": 0,
        "created_at": now,
        "next_attempt_at": now,
    }
    await server.insert(OutboxEvent, **row | values)
    return str((row | values)["id"])


async def test_every_job_is_listed_with_when_it_falls_due(operator: Operator) -> None:
    found = await operator.get("/admin/jobs")
    assert {each["name"]: each["every_s"] for each in found["jobs"]} == {
        **dict.fromkeys(("usage", "retention", "embeddings", "tools", "payments"), 3600),
        "hours": 60,
    }
    assert all(each["runs"] == [] for each in found["jobs"])
    assert [each["name"] for each in found["queues"]] == ["deliveries", "channel_inbox", "channel_outbox"]


async def test_a_run_is_told_with_whom_it_failed_for_and_why(echo_server: Server, operator: Operator) -> None:
    work, client_id = echo_server.services.jobs._work, echo_server.client.id
    await work.note_begun("retention", "retention-1")
    assert (await job(operator, "retention"))["runs"][0]["status"] == "running"
    failure = Failure(client_id=client_id, cause=cause_of(ValueError("what a visitor wrote")))
    await work.note_ended("retention", "retention-1", 1, [failure])
    (run,) = (await job(operator, "retention"))["runs"]
    assert (run["status"], run["clients"], run["failures"]) == ("failed", 1, [failure])
    assert failure["cause"] == "ValueError; see the worker's log"


def test_an_expected_refusal_is_told_in_its_own_words() -> None:
    assert cause_of(Problem(409, "no", "Set a key first.")) == "Set a key first."


async def test_old_runs_are_forgotten(echo_server: Server) -> None:
    services = echo_server.services
    async with services.database.write() as transaction:
        then = services.clock.now() - timedelta(days=4)
        await JobRunRepository(transaction).begin("usage-1", "usage", now=then)
    await services.jobs._work.note_begun("usage", "usage-2")
    await services.jobs._work.note_ended("usage", "usage-2", 0, [])
    assert [row["id"] for row in await echo_server.rows(JobRun)] == ["usage-2"]


async def test_what_befell_anybody_is_forgotten_after_ninety_days(echo_server: Server) -> None:
    services = echo_server.services
    for client_id in (echo_server.client.id, None):
        for days in (89, 91):
            await echo_server.insert(
                Incident,
                key=f"{client_id}:{days}",
                client_id=client_id,
                kind="limit" if client_id else "plugin",
                subject="messages",
                created_at=services.clock.now() - timedelta(days=days),
            )
    await services.jobs._work.note_ended("retention", "retention-1", 0, [])
    kept = {row["key"] for row in await echo_server.rows(Incident)}
    assert kept == {f"{echo_server.client.id}:89", "None:89"}


async def test_a_job_is_asked_for_once_until_it_begins(echo_server: Server, operator: Operator) -> None:
    first, again = [await operator.ask("POST", "/admin/jobs/usage/run") for _ in range(2)]
    assert (first.status_code, first.json()["status"]) == (202, "asked")
    assert first.json()["id"] == again.json()["id"]
    work = echo_server.services.jobs._work
    assert await work.asked() == [("usage", first.json()["id"])]
    assert [row["object"] for row in await echo_server.rows(AuditEntry, action="job.asked")] == ["job:usage"]
    await work.note_begun("usage", first.json()["id"])
    assert await work.asked() == []


async def test_there_is_no_job_by_that_name(operator: Operator) -> None:
    answer = await operator.ask("POST", "/admin/jobs/nothing/run")
    assert (answer.status_code, answer.json()["code"]) == (404, "job_unknown")


async def test_deliveries_that_were_given_up_are_sent_again(echo_server: Server, operator: Operator) -> None:
    await add_event(echo_server)
    await add_event(echo_server, payload={})
    await add_event(echo_server, status="delivered")
    assert (await operator.get("/admin/jobs"))["queues"][0]["failed"] == 2
    answer = await operator.ask("POST", "/admin/jobs/deliveries/retry", json={})
    assert answer.json() == {"repeated": 1, "kept": 1}
    (queue, *_) = (await operator.get("/admin/jobs"))["queues"]
    assert (queue["waiting"], queue["due"], queue["failed"]) == (1, 1, 1)


async def test_only_one_clients_deliveries_are_sent_again(echo_server: Server, operator: Operator) -> None:
    other = await echo_server.add_client()
    own = await add_event(echo_server)
    await add_event(echo_server, client_id=other.id)
    path, body = "/admin/jobs/deliveries/retry", {"client_id": echo_server.client.id}
    assert (await operator.ask("POST", path, json=body)).json()["repeated"] == 1
    pending = await echo_server.rows(OutboxEvent, status="pending")
    assert [row["id"] for row in pending] == [own]
    assert (await operator.ask("POST", path, json={"client_id": new_id()})).status_code == 404


async def test_health_names_each_part_and_what_to_do(echo_server: Server, operator: Operator) -> None:
    found = await operator.get("/admin/health")
    states = {each["name"]: each["state"] for each in found["checks"]}
    assert {"event loop", "database", "redis", "workers", "jobs", "plugins", "providers", "disk"} == set(
        states
    )
    assert states["database"] == "ok"
    # Nobody does jobs in this test.
    assert states["workers"] == "warning"
    assert found["state"] != "ok"
    assert all(each["remedy"] for each in found["checks"] if each["state"] != "ok")
    assert found["versions"]["plugins"] == {"test": "0"}


async def test_health_is_well_about_jobs_once_a_worker_lives(echo_server: Server, operator: Operator) -> None:
    now = echo_server.services.clock.now()
    later = now + timedelta(seconds=30)
    await echo_server.insert(Worker, id=new_id(), kind="worker", started_at=now, expires_at=later)
    states = {each["name"]: each["state"] for each in (await operator.get("/admin/health"))["checks"]}
    assert states["workers"] == "ok"


async def test_health_tells_no_secret(echo_server: Server, operator: Operator) -> None:
    settings = echo_server.services.settings
    told = str(await operator.get("/admin/health"))
    assert settings.effective_database_url not in told
    assert str(settings.data_dir) not in told
    assert not [key for key in settings.signing_keys() if key in told]


async def test_what_is_the_installations_is_shut_to_who_is_bound(echo_server: Server) -> None:
    bound = await sign_in(echo_server, client_ids=[echo_server.client.id])
    for path in ("/admin/jobs", "/admin/health"):
        assert (await bound.ask("GET", path)).status_code == 403
