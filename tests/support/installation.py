"""An installation of real processes: a migrated database, a client, servers started by their command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
from csai.clients.repository import ClientRepository
from csai.database import Database
from csai.kit.crypto import key_hash, new_key
from csai.kit.identifier import new_id
from csai.tools.repository import ToolRepository
from sqlalchemy import make_url

from tests.support.program import Program, running
from tests.support.waiting import PATIENCE_S

SECRET = "0123456789abcdef0123456789abcdef"


class Installation:
    """What the processes share: where they store, whom they ask, and one client with its key."""

    def __init__(self, folder: Path, *, database_url: str, redis_url: str, model_url: str) -> None:
        self._folder = folder
        self.libpq_url = make_url(database_url).set(drivername="postgresql").render_as_string(False)
        self.variables = {
            "CSAI_ENV": "production",
            "CSAI_SECRET_KEYS": SECRET,
            "CSAI_DATABASE_URL": database_url,
            "CSAI_REDIS_URL": redis_url,
            # A machine that is busy with other tests is no Redis that does not answer.
            "CSAI_REDIS_TIMEOUT_S": "10",
            "CSAI_RATE_LIMIT_CLIENT": "0",
            "CSAI_RATE_LIMIT_VISITOR": "0",
            "OPENAI_API_KEY": "sk-scripted",
            "OPENAI_BASE_URL": model_url,
            "CSAI_LLM_PROVIDER": "openai",
        }
        self.client_id, self.key = self.create_client()

    def create_client(
        self, limits: Mapping[str, int] | None = None, *, tools: Mapping[str, str] | None = None
    ) -> tuple[str, str]:
        """A client's id and key, without the seconds that the command takes to start.

        `tools` maps names of the catalog to the plugins they come from.
        """
        client_id, key = new_id(), new_key("sk")
        plan = "default"
        if limits is not None:
            plan = client_id
            self.execute(
                "INSERT INTO plans (name, title, limits, features, limit_message, created_at) "
                "VALUES (%s, 'Limited', %s, '{}', '', now())",
                plan,
                json.dumps(limits),
            )
        asyncio.run(self._add_client(client_id, key, plan, tools or {}))
        return client_id, key

    async def _add_client(self, client_id: str, key: str, plan: str, tools: Mapping[str, str]) -> None:
        database = Database(self.variables["CSAI_DATABASE_URL"], pool_size=1)
        now = datetime.now(UTC)
        async with database.write() as transaction:
            repository = ClientRepository(transaction, client_id)
            await repository.add(name="Shop", plan_type=plan, settings={}, created_at=now)
            await repository.add_key(kind="secret", key_hash=key_hash(key), hint="abcd", now=now)
            for tool, plugin in tools.items():
                await repository.set_plugin(plugin, enabled=True, settings={}, secrets=None, now=now)
                await ToolRepository(transaction, client_id).enable(tool)
        await database.close()

    @contextmanager
    def serving(self, *arguments: str, **variables: str) -> Iterator[Running]:
        """A server process, up and listening."""
        environment = {**self.variables, **variables}
        with running("serve", "--port", "0", *arguments, cwd=self._folder, **environment) as program:
            url = json.loads(program.err.until('"serving"'))["url"]
            # No connection is kept, which the server may close in the moment that the next request is sent.
            unkept = httpx.Limits(max_keepalive_connections=0)
            with httpx.Client(base_url=url, timeout=PATIENCE_S, limits=unkept) as http:
                yield Running(program, url, http, {"X-API-Key": self.key})

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.libpq_url, autocommit=True) as connection:
            return connection.execute(sql, parameters or None).fetchall()

    def execute(self, sql: str, *parameters: Any) -> None:
        with psycopg.connect(self.libpq_url, autocommit=True) as connection:
            connection.execute(sql, parameters or None)

    def statuses(self) -> dict[str, int]:
        """How many turns there are of each status."""
        return {row[0]: row[1] for row in self.query("SELECT status, count(*) FROM turns GROUP BY status")}

    def counters(self, client_id: str) -> dict[str, tuple[int, int]]:
        """What a client used and has reserved, by metric."""
        sql = "SELECT metric, used, reserved FROM counters WHERE client_id = %s"
        return {row[0]: (row[1], row[2]) for row in self.query(sql, client_id)}

    def faults(self) -> list[str]:
        """What must not be when nothing runs any more; empty when all is well."""
        checks = {
            "a turn without its question": "SELECT id FROM turns t WHERE NOT EXISTS "
            "(SELECT FROM messages WHERE turn_id = t.id AND role = 'user')",
            "a message without its turn": "SELECT id FROM messages m WHERE NOT EXISTS "
            "(SELECT FROM turns WHERE id = m.turn_id) AND m.author <> 'teammate'",
            "a turn without an end": "SELECT id FROM turns WHERE status = 'running' OR outcome IS NULL",
            "a question without one answer": "SELECT t.id FROM turns t JOIN messages m ON m.turn_id = t.id "
            "GROUP BY t.id HAVING count(*) FILTER (WHERE m.role = 'user') <> 1 "
            "OR count(*) FILTER (WHERE m.role = 'assistant') <> (t.status <> 'handed_off')::int",
            "a reservation left": "SELECT metric FROM counters WHERE reserved <> 0",
            "a turn that still holds a reservation": "SELECT id FROM turns WHERE reserved <> '{}'",
            "a conversation still taken": "SELECT id FROM conversations WHERE lease_turn_id IS NOT NULL",
            "tokens counted otherwise than booked": "SELECT used FROM counters c WHERE metric = 'tokens' "
            "AND used <> (SELECT coalesce(sum(tokens_input + tokens_output), 0) FROM ledger "
            "WHERE client_id = c.client_id)",
        }
        return [name for name, sql in checks.items() if self.query(sql)]


class Running:
    """A server process and a way to talk to it."""

    def __init__(self, program: Program, url: str, http: httpx.Client, headers: Mapping[str, str]) -> None:
        self.program = program
        self.url = url
        self.http = http
        self.headers = dict(headers)

    def say(self, text: str, **body: Any) -> httpx.Response:
        return self.http.post("/chat/message", json={"message": text, **body}, headers=self.headers)

    def ready(self) -> httpx.Response:
        return self.http.get("/health/ready")
