"""A server that is told to stop: nothing new comes in, what runs comes to its end, health tells the truth."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.backend import PostgresRedis
from tests.support.installation import Installation, Running
from tests.support.model_server import ModelServer, model_server
from tests.support.waiting import PATIENCE_S, until


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture
def installation(tmp_path: Path, postgres_redis: PostgresRedis, model: ModelServer) -> Iterator[Installation]:
    with postgres_redis.fresh(tmp_path) as backend:
        yield Installation(
            tmp_path,
            database_url=backend.database_url,
            redis_url=backend.redis_url or "",
            model_url=model.url,
        )


def say(server: Running, text: str, **headers: str) -> httpx.Response:
    """On a connection of its own."""
    return httpx.post(
        f"{server.url}/chat/message",
        json={"message": text},
        headers={**server.headers, **headers},
        timeout=PATIENCE_S,
    )


def test_an_open_turn_is_finished_while_new_messages_are_refused(
    installation: Installation, model: ModelServer
) -> None:
    model.hold()
    with installation.serving() as server, ThreadPoolExecutor() as pool:
        assert server.ready().json()["status"] == "ready"
        answer = pool.submit(say, server, "Hi")
        streamed = pool.submit(say, server, "Hi again", Accept="text/event-stream")
        model.asked(2)

        server.program.process.send_signal(signal.SIGTERM)
        server.program.err.until('"draining"')
        not_ready = server.ready()
        refused = server.say("Too late")
        assert server.http.get("/health").status_code == 200
        model.release()

        assert answer.result(PATIENCE_S).json()["status"] == "completed"
        assert "event: turn.completed" in streamed.result(PATIENCE_S).text
        server.program.process.wait(PATIENCE_S)
        assert (not_ready.status_code, not_ready.json()["reason"]) == (503, "draining")
        assert (refused.status_code, refused.json()["code"]) == (503, "shutting_down")
        assert refused.headers["retry-after"]
    assert installation.statuses() == {"completed": 2}
    assert installation.faults() == []


def test_what_the_deadline_finds_open_fails_visibly_and_its_queue_is_refused(
    installation: Installation, model: ModelServer
) -> None:
    with installation.serving(CSAI_DRAIN_S="0.5") as server, ThreadPoolExecutor() as pool:
        begun = server.say("Hi").json()
        model.hold()
        session = {"session_id": begun["session_id"]}
        first = pool.submit(server.say, "One", **session)
        model.asked(2)
        behind = pool.submit(server.say, "Two", **session)
        until(lambda: installation.query("SELECT count(*) FROM waiting_turns") == [(1,)])
        gone = pool.submit(say, server, "Elsewhere", Accept="text/event-stream")
        model.asked(3)

        server.program.process.send_signal(signal.SIGTERM)

        assert first.result(PATIENCE_S).json()["status"] == "failed"
        assert "event: turn.failed" in gone.result(PATIENCE_S).text
        assert behind.result(PATIENCE_S).json()["code"] == "shutting_down"
        server.program.process.wait(PATIENCE_S)
    assert installation.statuses() == {"completed": 1, "failed": 2}
    assert installation.faults() == []


def test_a_second_signal_ends_open_turns_at_once(installation: Installation, model: ModelServer) -> None:
    model.hold()
    with installation.serving(CSAI_DRAIN_S="600") as server, ThreadPoolExecutor() as pool:
        answer = pool.submit(say, server, "Hi")
        model.asked(1)
        server.program.process.send_signal(signal.SIGTERM)
        server.program.err.until('"draining"')

        server.program.process.send_signal(signal.SIGTERM)

        assert answer.result(PATIENCE_S).json()["status"] == "failed"
        server.program.process.wait(PATIENCE_S)
    assert installation.faults() == []


def test_a_turn_of_a_server_killed_while_it_drains_is_ended_by_another(
    installation: Installation, model: ModelServer
) -> None:
    model.hold()
    with installation.serving(CSAI_LEASE_S="2") as server, ThreadPoolExecutor() as pool:
        lost = pool.submit(say, server, "Hi", **{"Idempotency-Key": "0192f0c1-2345-7abc-8def-0123456789ab"})
        model.asked(1)
        server.program.process.send_signal(signal.SIGTERM)
        server.program.err.until('"draining"')
        server.program.process.kill()
        assert lost.exception(PATIENCE_S) is not None
    with installation.serving(CSAI_LEASE_S="2") as other:
        other.program.err.until("turn abandoned by its process")
        repeat = say(other, "Hi", **{"Idempotency-Key": "0192f0c1-2345-7abc-8def-0123456789ab"}).json()
    assert repeat["status"] == "failed"
    assert installation.statuses() == {"failed": 1}
    assert installation.faults() == []


def test_every_worker_drains_its_own_turns(installation: Installation, model: ModelServer) -> None:
    model.hold()
    with installation.serving("--workers", "2") as server, ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(say, server, f"Hi {number}") for number in range(8)]
        model.asked(8)
        server.program.process.send_signal(signal.SIGTERM)
        server.program.err.until('"draining"')
        model.release()

        assert [answer.result(PATIENCE_S).json()["status"] for answer in answers] == ["completed"] * 8
        server.program.process.wait(PATIENCE_S)
    assert installation.faults() == []


def test_readiness_names_what_is_missing(installation: Installation) -> None:
    with installation.serving() as server:
        assert server.ready().json() == {"status": "ready", "degraded": [], "plugins_quarantined": []}

        newer = "UPDATE alembic_version SET version_num = '9999'"
        installation.execute(newer)
        installation.execute("UPDATE schema_state SET revision = '9999', serves_from = '9998'")
        too_new = server.ready()
        installation.execute("UPDATE schema_state SET serves_from = '0001'")
        beside = server.ready()
        served = server.say("Hi")
        installation.execute("DELETE FROM alembic_version")
        missing = server.ready()

    assert (too_new.status_code, too_new.json()["reason"]) == (503, "schema_too_new")
    assert (beside.status_code, served.json()["status"]) == (200, "completed")
    assert (missing.status_code, missing.json()["reason"]) == (503, "migrations_missing")
