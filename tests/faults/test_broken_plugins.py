"""Whatever a plugin does, it is named with a cause and a remedy, and visitors are answered."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from csai.clients.repository import ClientRepository
from csai.clients.service import create_client
from csai.clients.switch import switch_tool
from csai.database import Database
from csai.kit.clock import SystemClock
from csai.kit.crypto import Keyring

from tests.faults.broken_plugins import AT_START, DEADLY, FAULTS, GOOD, IN_CALLS, MODEL, Fault, install
from tests.support.backend import SqliteMemory
from tests.support.program import Program, run, running
from tests.support.waiting import PATIENCE_S

SECRET = "0123456789abcdef0123456789abcdef"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "operators" / "broken-plugins.md"


class Installation:
    """A server's folder with broken plugins beside a model that answers, and one client that has them all."""

    def __init__(self, folder: Path, database_url: str, faults: Sequence[Fault], **variables: str) -> None:
        self._folder, self._database_url = folder, database_url
        site = folder / "site"
        install(site, "test_model", MODEL)
        for fault in faults:
            install(site, fault.id, fault.code, requires=fault.requires)
        plugins = ",".join(["test_model", *(fault.id for fault in faults)])
        self.variables = {
            "PYTHONPATH": str(site),
            "CSAI_DATABASE_URL": database_url,
            "CSAI_SECRET_KEYS": SECRET,
            "CSAI_PLUGINS": plugins,
            "CSAI_PLUGINS_ON_BY_DEFAULT": plugins,
            "CSAI_RESPONSE_CACHE_S": "0",
            "CSAI_LEASE_S": "2",
            "CSAI_JOBS": "off",
            **variables,
        }
        self.key = ""

    @contextmanager
    def serving(self) -> Iterator[tuple[Program, str]]:
        with running("serve", "--port", "0", cwd=self._folder, **self.variables) as program:
            url = json.loads(program.err.until('"serving"'))["url"]
            until_ready(url)
            yield program, url

    def add_client(self, tools: Sequence[str] = ()) -> None:
        asyncio.run(self._add_client(tools))

    async def _add_client(self, tools: Sequence[str]) -> None:
        database = Database(self._database_url, pool_size=1)
        clock = SystemClock()
        async with database.write() as transaction:
            client = await create_client(
                transaction,
                name="Shop",
                origins=[],
                plan_type="default",
                keyring=Keyring((SECRET,)),
                clock=clock,
            )
            for tool in tools:
                await switch_tool(transaction, client.id, tool, enabled=True, timeout_s=0.5, clock=clock)
            await ClientRepository(transaction, client.id).bump()
        await database.close()
        self.key = client.secret_key

    def say(self, url: str, text: str) -> dict[str, Any]:
        answer = httpx.post(
            f"{url}/chat/message", json={"message": text}, headers={"X-API-Key": self.key}, timeout=PATIENCE_S
        )
        return dict(answer.json())

    def doctor(self) -> tuple[subprocess.CompletedProcess[str], dict[str, dict[str, Any]]]:
        ended = run("plugins", "doctor", "--json", cwd=self._folder, **self.variables)
        return ended, {item["id"]: item for item in json.loads(ended.stdout)["plugins"]}


def until_ready(url: str) -> None:
    """The socket listens from the first moment; requests wait in it until the server answers them."""
    give_up = time.monotonic() + PATIENCE_S
    while httpx.get(f"{url}/health/ready", timeout=PATIENCE_S).status_code != 200:
        assert time.monotonic() < give_up


def test_whatever_is_broken_is_named_with_cause_and_remedy_and_visitors_are_answered(
    sqlite_memory: SqliteMemory, tmp_path: Path
) -> None:
    """All at once that one server survives: so none of them hides or harms another."""
    faults = (*AT_START, *IN_CALLS)
    with sqlite_memory.fresh(tmp_path) as backend:
        installation = Installation(
            tmp_path,
            backend.database_url,
            faults,
            CSAI_PLUGIN_PROBE_S="5",
            CSAI_PLUGIN_FAILURES="1",
            CSAI_PLUGIN_OPEN_S="600",
        )
        install(tmp_path / "site", "claimed_twice", GOOD, suffix="_again")
        tools = [fault.id for fault in IN_CALLS if fault.id.startswith("tool_")]
        with installation.serving() as (program, url):
            installation.add_client(tools)
            answers = [installation.say(url, text) for text in ("Hello", f"Use {' '.join(tools)}", "Again")]
            program.err.until("threads run its code")
            ended, reports = installation.doctor()
            program.stop(signal.SIGTERM)

    assert [(answer["status"], answer["message"]["content"]) for answer in answers] == [
        ("completed", "Hello!")
    ] * 3
    assert ended.returncode == 1
    assert {fault.id: problem for fault in faults if (problem := misnamed(fault, reports[fault.id]))} == {}
    assert reports["test_model"]["state"] == "loaded"


def misnamed(fault: Fault, report: dict[str, Any]) -> dict[str, Any] | None:
    """The report, where it does not say what it should."""
    is_named = report["state"] == fault.state and fault.says in (report["cause"] or "") and report["remedy"]
    return None if is_named else report


def test_a_plugin_that_holds_the_loop_or_crashes_the_server_is_kept_out_of_the_next(
    sqlite_memory: SqliteMemory, tmp_path: Path
) -> None:
    with sqlite_memory.fresh(tmp_path) as backend:
        installation = Installation(
            tmp_path,
            backend.database_url,
            DEADLY,
            CSAI_PLUGIN_BLOCK_S="1",
            CSAI_PLUGIN_RESTART_S="2",
            CSAI_PLUGINS="test_model,blocks",
        )
        installation.add_client()
        with installation.serving() as (program, url):
            with pytest.raises(httpx.TransportError):
                installation.say(url, "Anyone there?")
            program.err.until('"serving"')
            assert installation.say(url, "And now?")["status"] == "completed"
            assert program.process.poll() is None
        installation.variables["CSAI_PLUGINS"] += ",hook_crashes"
        with installation.serving() as (program, url):
            with pytest.raises(httpx.TransportError):
                installation.say(url, "Anyone there?")
            assert program.process.wait(PATIENCE_S) == -signal.SIGSEGV
        with installation.serving() as (_program, url):
            assert installation.say(url, "And now?")["status"] == "completed"
        _ended, reports = installation.doctor()
    assert {fault.id: problem for fault in DEADLY if (problem := misnamed(fault, reports[fault.id]))} == {}


def test_the_operators_table_says_what_the_doctor_says() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \| `(.+?)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(fault.title, fault.state, fault.says) for fault in FAULTS]
