"""Keeps csai busy while its processes are killed, then audits what is left: make soak MINUTES=5

Two server processes and a worker on one PostgreSQL and one Redis; a model and a webhook that fail at times;
visitors, and teammates who take conversations over. Every few seconds one of the processes is killed, or told
to end, and started again. It ends with the seven invariants of docs and the count of their violations, which
is the exit code's reason.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import psycopg

from tests.soak.audit import INVARIANTS, collect
from tests.soak.machines import Machine, is_ready, wait_until
from tests.soak.model import Model, Webhook, serve
from tests.soak.visitors import Tenant, Visitors
from tests.support import program
from tests.support.port import free_port
from tests.support.stores import Stores

VISITORS = 6
LEASE_S = 4
CHAOS_EVERY_S = 6.0
LIMITS = {"messages": 150, "tool_calls": 40, "tokens": 2_000_000}
BOOK = {
    "tool_name": "book",
    "description": "Books a slot.",
    "parameters_schema": {"type": "object", "properties": {"slot": {"type": "string"}}, "required": ["slot"]},
    "backend": "n8n",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"soak: {options.minutes:g} minutes, --seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="csai-soak-") as folder:
        Path(folder).chmod(0o755)
        stores = Stores(Path(folder))
        try:
            violations = asyncio.run(_soak(Path(folder), stores, options.minutes * 60, options.seed))
        finally:
            stores.stop()
    sys.exit(1 if violations else 0)


async def _soak(folder: Path, stores: Stores, seconds: float, seed: int) -> int:
    model, webhook = Model(seed), Webhook(seed)
    runner, address = await serve(model, webhook)
    urls = await asyncio.to_thread(stores.start)
    variables = {
        "CSAI_DATA_DIR": str(folder),
        "CSAI_DATABASE_URL": urls["database_url"],
        "CSAI_REDIS_URL": urls["redis_url"],
        "CSAI_SECRET_KEYS": "soak" * 10,
        "CSAI_EGRESS_ALLOW": "127.0.0.0/8",
        "CSAI_LEASE_S": str(LEASE_S),
        "CSAI_RATE_LIMIT_CLIENT": "0",
        "CSAI_RATE_LIMIT_VISITOR": "0",
        "OPENAI_BASE_URL": f"{address}/v1",
        "OPENAI_API_KEY": "none",
    }
    libpq = urls["database_url"].replace("+psycopg", "")
    tenants = await asyncio.to_thread(_set_up, folder, variables, libpq, address)
    ports = [free_port() for _ in range(2)]
    servers = [Machine(["serve", "--port", str(port)], folder, variables) for port in ports]
    addresses = [f"http://127.0.0.1:{port}" for port in ports]
    worker = Machine(["worker"], folder, variables)
    for server, url in zip(servers, addresses, strict=True):
        await asyncio.to_thread(_start, server, url)
    worker.start()
    try:
        visitors = Visitors(addresses, seed)
        chaos = _Chaos(servers, addresses, worker, stores, seed)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=40)) as session:
            asking = [
                asyncio.create_task(visitors.visit(session, tenant, number))
                for tenant in tenants
                for number in range(VISITORS)
            ]
            await chaos.run(seconds, visitors)
            visitors.is_over = True
            await asyncio.gather(*asking)
        await asyncio.to_thread(wait_until, lambda: _running_turns(libpq) == 0)
    finally:
        for machine in (*servers, worker):
            if not machine.has_ended:
                await asyncio.to_thread(machine.stop, signal.SIGTERM)
        await runner.cleanup()
    print(f"chaos: {dict(chaos.done)}")
    return _report(visitors, model, webhook, libpq)


class _Chaos:
    """Kills and restarts, one thing after the other."""

    def __init__(
        self,
        servers: Sequence[Machine],
        addresses: Sequence[str],
        worker: Machine,
        stores: Stores,
        seed: int,
    ) -> None:
        self._servers = list(zip(servers, addresses, strict=True))
        self._worker = worker
        self._stores = stores
        self._random = random.Random(seed)
        self.done: Counter[str] = Counter()

    async def run(self, seconds: float, visitors: Visitors) -> None:
        deadline = time.monotonic() + seconds
        deeds = itertools.cycle(("kill", "term", "worker", "kill", "redis", "term", "postgres"))
        while time.monotonic() < deadline:
            await asyncio.sleep(min(CHAOS_EVERY_S, max(0.0, deadline - time.monotonic())))
            if time.monotonic() >= deadline:
                return
            deed = next(deeds)
            await asyncio.to_thread(self._do, deed)
            self.done[deed] += 1
            print(f"  {deed}: {len(visitors.asked)} messages so far", flush=True)

    def _do(self, deed: str) -> None:
        if deed in {"redis", "postgres"}:
            self._stores.restart(deed)
            return
        if deed == "worker":
            self._worker.stop(self._random.choice((signal.SIGKILL, signal.SIGTERM)))
            self._worker.start()
            return
        server, url = self._random.choice(self._servers)
        server.stop(signal.SIGKILL if deed == "kill" else signal.SIGTERM)
        _start(server, url)


def _set_up(folder: Path, variables: dict[str, str], libpq: str, address: str) -> list[Tenant]:
    """Three clients with the tool; the last has a plan that runs out."""
    (folder / "book.json").write_text(json.dumps(BOOK))
    _csai(folder, variables, "migrate")
    with psycopg.connect(libpq) as connection:
        connection.execute(
            "INSERT INTO plans (name, title, limits, features, limit_message, created_at) "
            "VALUES ('small', 'Small', %s, '{}', '', now())",
            [json.dumps(LIMITS)],
        )
    _csai(folder, variables, "tools", "add", "book.json")
    tenants = []
    for name, plan in (("alpha", "default"), ("beta", "default"), ("gamma", "small")):
        made = json.loads(_csai(folder, variables, "client", "create", name, "--plan", plan, "--json"))
        _csai(folder, variables, "client", "set", name, "provider", "openai")
        _csai(folder, variables, "client", "plugin", name, "n8n", "--on")
        _csai(folder, variables, "client", "tool", name, "book", "--on", "--webhook", f"{address}/book")
        tenants.append(Tenant(name, made["client_id"], made["secret_key"]))
    return tenants


def _csai(folder: Path, variables: dict[str, str], *arguments: str) -> str:
    done = program.run(*arguments, cwd=folder, **variables)
    if done.returncode:
        raise RuntimeError(f"csai {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def _start(server: Machine, url: str) -> None:
    server.start()
    wait_until(lambda: server.has_ended or is_ready(url))
    if server.has_ended:
        raise RuntimeError(f"csai {server.name} ended at its start")


def _running_turns(libpq: str) -> int:
    with psycopg.connect(libpq) as connection:
        row = connection.execute("SELECT count(*) FROM turns WHERE status = 'running'").fetchone()
    return int(row[0]) if row else 0


def _report(visitors: Visitors, model: Model, webhook: Webhook, libpq: str) -> int:
    found = collect(libpq, visitors.asked, visitors.takeovers, model, webhook)
    statuses = dict(Counter(turn["status"] for turn in found.turns))
    print(f"{len(visitors.asked)} messages, turns: {statuses}, {len(model.served)} model calls, ", end="")
    print(f"{sum(webhook.calls.values())} bookings, {len(visitors.takeovers)} takeovers, ", end="")
    print(f"{sum(r['is_estimated'] for r in found.ledger)} estimated")
    total = 0
    for name, promise, check in INVARIANTS:
        violations = list(check(found))
        total += len(violations)
        print(f"{name}  {promise:32} {len(violations):4}")
        for violation in violations[:5]:
            print(f"      {violation}")
    return total


if __name__ == "__main__":
    main()
