"""Tests of what the other tests stand on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import redis.asyncio as redis
from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.backend import Backend
from tests.support.services import FOLDER_VARIABLE, ROOT

PROBE = "import sys; from tests.support.services import Supervision; s = Supervision(); s.urls(); "


async def tables(backend: Backend) -> list[str]:
    engine = create_async_engine(backend.database_url)
    async with engine.connect() as connection:
        names: list[str] = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    await engine.dispose()
    return names


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_gets_a_migrated_database_without_the_last_ones_rows(
    backend: Backend, turn: int
) -> None:
    assert "clients" in await tables(backend)
    engine = create_async_engine(backend.database_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE left_over (turn INTEGER)"))
    await engine.dispose()


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_gets_an_empty_redis(backend: Backend, turn: int) -> None:
    if backend.redis_url is None:
        return
    client = redis.Redis.from_url(backend.redis_url)
    assert await client.incr("left-over") == 1
    await client.aclose()


async def test_an_empty_backend_has_no_tables(empty_backend: Backend) -> None:
    assert await tables(empty_backend) == []


@pytest.mark.parametrize("ending", ["sys.exit()", "import os; os.kill(os.getpid(), 9)"])
def test_services_stop_and_leave_nothing_however_the_run_ends(tmp_path: Path, ending: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != FOLDER_VARIABLE}
    script = PROBE + f"print(__import__('os').environ['{FOLDER_VARIABLE}'], flush=True); {ending}"
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    folder = Path(run.stdout.strip())
    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.exists()
    assert str(folder) not in running_commands()


def running_commands() -> str:
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            commands.append(path.read_bytes())
    return b"\n".join(commands).replace(b"\0", b" ").decode(errors="replace")
