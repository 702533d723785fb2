"""Server processes over one database and one Redis, started as an operator starts them."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from csai.clients.repository import ClientRepository
from csai.clients.service import NewClient, create_client
from csai.clients.switch import switch_tool
from csai.kit.clock import SystemClock
from csai.kit.crypto import Keyring
from csai.models import Plan
from csai.tools.repository import Catalog
from sqlalchemy import insert, select

from tests.support.backend import Backend
from tests.support.program import Program, running
from tests.support.server import sse_events
from tests.support.tables import Tables
from tests.support.upstream import TOOLS, Upstream
from tests.support.waiting import PATIENCE_S

SECRET = "0123456789abcdef0123456789abcdef"
LEASE_S = 2.0
LIMITED, UNLIMITED = "limited", "default"
SLOT = {"type": "object", "properties": {"slot": {"type": "string"}}, "required": ["slot"]}
PLENTY = dict.fromkeys(("conversations", "messages", "tokens", "cost", "tool_calls"), 1_000_000_000)


@dataclass
class Replica:
    """One server process."""

    program: Program
    url: str

    @property
    def process(self) -> subprocess.Popen[str]:
        return self.program.process

    async def died(self) -> int:
        """Wait for its end; the number of the signal, negative."""
        return await asyncio.to_thread(self.process.wait, PATIENCE_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)

    async def paused(self) -> None:
        """Wait until it has been stopped."""
        await asyncio.to_thread(self._until_stopped)

    def _until_stopped(self) -> None:
        status = Path(f"/proc/{self.process.pid}/stat")
        give_up = time.monotonic() + PATIENCE_S
        while status.read_text().rpartition(")")[2].split()[0] != "T":
            assert time.monotonic() < give_up, "the process does not stop"
            time.sleep(0.02)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)


class Fleet(Tables):
    """An installation: its processes, and what its database holds."""

    def __init__(self, backend: Backend, upstream: Upstream, folder: Path, processes: ExitStack) -> None:
        super().__init__(backend)
        self.upstream = upstream
        self._folder, self._processes = folder, processes

    async def start(self, **variables: str) -> Replica:
        """One more server process, ready to be talked to."""
        return await asyncio.to_thread(self.start_now, **variables)

    def start_now(self, **variables: str) -> Replica:
        program = self._processes.enter_context(
            running("serve", "--port", "0", cwd=self._folder, **self._environment() | variables)
        )
        # Its socket is open; requests wait in it until the server is ready.
        return Replica(program, json.loads(program.err.until('"serving"'))["url"])

    async def add_client(self, plan: str = LIMITED) -> NewClient:
        """A business whose tools are answered by the webhook."""
        clock = SystemClock()
        async with self.database() as database, database.write() as transaction:
            known = (await transaction.execute(select(Plan.name))).scalars().all()
            if plan not in known:
                await transaction.execute(
                    insert(Plan).values(
                        name=plan,
                        title=plan,
                        limits=PLENTY,
                        features={},
                        limit_message="",
                        created_at=clock.now(),
                    )
                )
            catalog = Catalog(transaction)
            there = {row.tool_name for row in await catalog.rows()}
            for name, marks in TOOLS.items():
                if name not in there:
                    await catalog.add(
                        name,
                        backend="n8n",
                        now=clock.now(),
                        description=f"To {name} a slot.",
                        parameters_schema=SLOT,
                        category="general",
                        **marks,
                    )
            client = await create_client(
                transaction, name="Shop", origins=[], plan_type=plan, keyring=Keyring((SECRET,)), clock=clock
            )
            repository = ClientRepository(transaction, client.id)
            await repository.set_plugin("n8n", enabled=True, settings={}, secrets=None, now=clock.now())
            for name in TOOLS:
                await switch_tool(
                    transaction,
                    client.id,
                    name,
                    enabled=True,
                    webhook_url=f"{self.upstream.url}/webhook",
                    clock=clock,
                )
        return client

    def _environment(self) -> dict[str, str]:
        redis = {"CSAI_REDIS_URL": self._backend.redis_url} if self._backend.redis_url else {}
        return {
            "CSAI_DATABASE_URL": self._backend.database_url,
            "CSAI_SECRET_KEYS": SECRET,
            "CSAI_PLUGINS": "openai,n8n",
            "CSAI_LLM_PROVIDER": "openai",
            "OPENAI_API_KEY": "test",
            "OPENAI_BASE_URL": f"{self.upstream.url}/v1",
            "CSAI_EGRESS_ALLOW": "127.0.0.0/8",
            "CSAI_LEASE_S": str(LEASE_S),
            "CSAI_RATE_LIMIT_CLIENT": "0",
            "CSAI_RATE_LIMIT_VISITOR": "0",
            **redis,
        }


@contextmanager
def fleet_over(backend: Backend, upstream: Upstream, folder: Path) -> Iterator[Fleet]:
    """An installation whose processes are killed at the end."""
    with ExitStack() as processes:
        yield Fleet(backend, upstream, folder, processes)


class Visitor:
    """Somebody who writes to a business, through whichever process."""

    def __init__(self, client: NewClient) -> None:
        self.client = client
        self.session_id: str | None = None

    def request(
        self, replica: Replica, text: str, key: str | None = None, *, is_stream: bool = False
    ) -> dict[str, Any]:
        headers = {"X-API-Key": self.client.secret_key}
        if key is not None:
            headers["Idempotency-Key"] = key
        if is_stream:
            headers["Accept"] = "text/event-stream"
        body = {"message": text} | ({"session_id": self.session_id} if self.session_id else {})
        return {"url": f"{replica.url}/chat/message", "headers": headers, "json": body, "timeout": PATIENCE_S}

    async def say(self, replica: Replica, text: str, key: str | None = None) -> httpx.Response:
        async with httpx.AsyncClient() as http:
            return await http.post(**self.request(replica, text, key))

    async def hear(self, replica: Replica, text: str, key: str | None = None) -> list[tuple[str, Any]]:
        """The events of the turn, to its end."""
        async with httpx.AsyncClient() as http:
            response = await http.post(**self.request(replica, text, key, is_stream=True))
            assert response.status_code == 200, response.text
            return sse_events(response.text)
