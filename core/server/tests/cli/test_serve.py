"""`csai serve` as an operator runs it: a process that is started, used and told to stop."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import httpx

from tests.support.backend import Backend
from tests.support.program import Program, run, running

SECRET = "0123456789abcdef0123456789abcdef"


def address(program: Program) -> str:
    url: str = json.loads(program.err.until('"serving"'))["url"]
    return url


def variables(backend: Backend) -> dict[str, str]:
    redis = {"CSAI_REDIS_URL": backend.redis_url} if backend.redis_url else {}
    return {"CSAI_DATABASE_URL": backend.database_url, "CSAI_SECRET_KEYS": SECRET, **redis}


def test_a_created_client_is_served_and_a_signal_ends_it_in_order(here: Path, backend: Backend) -> None:
    workers = 1 if backend.name == "sqlite-memory" else 2
    production = {**variables(backend), "CSAI_ENV": "production"}
    made = run("client", "create", "Shop", "--json", cwd=here, **production)
    key = json.loads(made.stdout)["secret_key"]
    with running("serve", "--port", "0", "--workers", str(workers), cwd=here, **production) as program:
        base = address(program)
        assert httpx.get(f"{base}/health/ready", timeout=60).json()["status"] == "ready"
        answer = httpx.post(
            f"{base}/chat/message", headers={"X-API-Key": key}, json={"message": "Hello"}, timeout=60
        )
        assert answer.json()["status"] == "completed"
        assert answer.headers.get("server") is None
        assert program.stop() == 0
        logged = program.err.rest()
    assert all(json.loads(line)["level"] == "info" for line in logged), logged
    assert not any("/chat/message" in line for line in logged)
    # Nothing but what is known of plugins: a key or a database there would be another one on each machine.
    assert [path.name for path in (here / "data").iterdir()] == ["plugins"]
    assert list((here / "data").glob("plugins/crash.*")) == []


def test_a_development_file_is_migrated_by_itself(here: Path) -> None:
    with running("serve", "--port", "0", cwd=here) as program:
        assert httpx.get(f"{address(program)}/health/ready", timeout=60).status_code == 200
        program.stop(signal.SIGTERM)
    assert (here / "data" / "csai.sqlite").exists()


def test_a_database_without_tables_is_refused_with_what_to_run(here: Path, empty_backend: Backend) -> None:
    production = {**variables(empty_backend), "CSAI_ENV": "production"}
    refused = run("serve", "--port", "0", cwd=here, **production)
    assert refused.returncode == 2
    assert "run csai migrate" in refused.stderr


def test_a_taken_port_is_named_together_with_a_free_one(here: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = run("serve", "--port", str(taken.getsockname()[1]), cwd=here)
    assert refused.returncode == 2
    assert "is in use; try another: --port " in refused.stderr


def test_an_address_of_another_machine_is_refused(here: Path) -> None:
    refused = run("serve", "--host", "192.0.2.1", cwd=here)
    assert refused.returncode == 2
    assert "cannot listen on 192.0.2.1" in refused.stderr
