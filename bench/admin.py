"""How long the operator's list and the dashboard take among many conversations: `python bench/admin.py`.

It fills a PostgreSQL of its own with 100,000 conversations of 50 clients, of very different sizes, with four
messages each, and with what 90 days of them came to, and asks over HTTP in one process: signing in, queries
and JSON included.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import httpx  # noqa: E402
import psycopg  # noqa: E402
import structlog  # noqa: E402
from csai.admins.account import create_admin  # noqa: E402
from csai.admins.audit import CLI  # noqa: E402
from csai.app import create_app  # noqa: E402
from csai.config import Settings  # noqa: E402
from csai.conversations.list_repository import ORDER  # noqa: E402
from csai.kit.cursor import Place  # noqa: E402
from csai.kit.identifier import new_id  # noqa: E402
from csai.migrations import upgrade  # noqa: E402
from csai.services import build_services  # noqa: E402

from tests.support import supervisor  # noqa: E402

EMAIL, PASSWORD = "bench@example.com", "a sentence of my own"
LIST = "/admin/conversations"
DAYS = 30
NOW = datetime(2026, 5, 31, tzinfo=UTC)
# Of words, the first stands in seven of ten messages, the last in one of thousands.
FILL = (
    """
    INSERT INTO clients (id, name, domain, plan_type, status, config_version, settings, branding, billing,
        timezone, is_paused, created_at)
    SELECT gen_random_uuid(), 'Shop ' || n, 'shop' || n || '.example', 'default', 'active', 1, '{}', '{}',
        '{}', 'UTC', false, %(now)s FROM generate_series(1, 50) AS n
    """,
    """
    INSERT INTO conversations (id, client_id, session_id, user_identifier, channel, is_test, details,
        started_at, last_message_at, ended_at, message_count, tokens_total, tool_call_count,
        failed_tool_count, cost_micros, thumbs_down_count, rating, next_seq, fence, summary_seq,
        state, state_since)
    SELECT gen_random_uuid(), owner.id, gen_random_uuid(),
        CASE WHEN n %% 5 = 0 THEN 'visitor ' || n %% 5000 END,
        CASE WHEN n %% 100 = 0 THEN 'email' ELSE 'widget' END, false, '{}', at, at,
        CASE WHEN n %% 3 = 0 THEN at END, 4, 900, n %% 3, CASE WHEN n %% 50 = 0 THEN 1 ELSE 0 END, 1200,
        CASE WHEN n %% 80 = 0 THEN 1 ELSE 0 END, CASE WHEN n %% 60 = 0 THEN 1 + n %% 5 END, 5, 1, 0,
        CASE WHEN n %% 400 = 1 THEN 'queued' WHEN n %% 300 = 1 THEN 'teammate' ELSE 'ai' END,
        CASE WHEN n %% 100 = 1 THEN at END
    FROM (
        SELECT n, %(now)s - random() * interval '30 days' AS at, floor(power(random(), 3) * 50) AS whose
        FROM generate_series(1, %(count)s) AS n
    ) AS drawn
    JOIN (SELECT id, row_number() OVER (ORDER BY name) - 1 AS number FROM clients) AS owner
        ON owner.number = drawn.whose
    """,
    """
    INSERT INTO messages (id, client_id, conversation_id, seq, role, author, content, tokens_used, timestamp)
    SELECT gen_random_uuid(), client_id, id, seq, CASE WHEN seq %% 2 = 1 THEN 'user' ELSE 'assistant' END,
        CASE WHEN seq %% 2 = 1 THEN 'visitor' ELSE 'ai' END,
        (SELECT string_agg('w' || floor(power(random(), 3) * 5000), ' ')
            FROM generate_series(1, 20) WHERE seq > 0 AND id IS NOT NULL),
        200, last_message_at
    FROM conversations CROSS JOIN generate_series(1, 4) AS seq
    """,
)

# What the server draws together of a day or an hour; of busier clients more, as of their conversations.
ROLL_UPS = (
    """
    INSERT INTO api_usage (client_id, date, conversation_count, message_count, tokens_input, tokens_output,
        tool_calls_count, cost_micros, response_cache_count, response_cache_tokens, response_cache_micros,
        prompt_cache_tokens, prompt_cache_micros, routing_count, routing_micros)
    SELECT id, %(today)s::date - ago, 40, 80, 90000, 9000, 30, 120000, 3, 2000, 400, 40000, 9000, 20, 3000
    FROM clients CROSS JOIN generate_series(0, 89) AS ago
    """,
    """
    INSERT INTO usage_hours (client_id, hour, conversation_count, message_count, tool_calls_count,
        tokens_input, tokens_output, cost_micros)
    SELECT id, date_trunc('hour', now()) - ago * interval '1 hour', 2, 4, 2, 4000, 400, 5000
    FROM clients CROSS JOIN generate_series(0, 191) AS ago
    """,
    """
    INSERT INTO outcome_days (client_id, date, status, message_count)
    SELECT id, %(today)s::date - ago, outcome, 20 FROM clients CROSS JOIN generate_series(0, 89) AS ago
    CROSS JOIN unnest(ARRAY['completed', 'handed_off', 'stopped', 'blocked', 'failed']) AS outcome
    """,
    """
    INSERT INTO model_days (client_id, date, provider, model, calls, tokens_input, tokens_output, cost_micros)
    SELECT id, %(today)s::date - ago, 'claude', 'model ' || n, 30, 30000, 3000, 40000
    FROM clients CROSS JOIN generate_series(0, 89) AS ago CROSS JOIN generate_series(1, 4) AS n
    """,
    """
    INSERT INTO tool_days (client_id, date, tool_name, calls, succeeded, failed, refused, unknown, ms_50,
        ms_100, ms_250, ms_500, ms_1000, ms_2500, ms_5000, ms_10000, ms_30000, ms_more)
    SELECT id, %(today)s::date - ago, 'tool_' || n, 30 - n, 29 - n, 1, 0, 0, 0, 4, 10, 8, 5, 2, 1, 0, 0, 0
    FROM clients CROSS JOIN generate_series(0, 89) AS ago CROSS JOIN generate_series(1, 12) AS n
    """,
    """
    INSERT INTO audit_log (id, actor, actor_name, action, object, client_id, created_at)
    SELECT gen_random_uuid(), 'admin', 'ada@example.com', 'tool.switched', 'tool:tool_' || n, id,
        now() - n * interval '1 hour'
    FROM clients CROSS JOIN generate_series(1, 200) AS n
    """,
)


def fill(url: str, count: int) -> list[str]:
    """The clients, the one with most conversations first."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP INDEX ix_messages_words")
        values = {"now": NOW, "count": count, "today": datetime.now(UTC).date()}
        for statement in (*FILL, *ROLL_UPS):
            connection.execute(statement, values)
        connection.execute("CREATE INDEX ix_messages_words ON messages USING gin (words)")
        connection.execute("VACUUM ANALYZE")
        rows = connection.execute("SELECT client_id FROM conversations GROUP BY 1 ORDER BY count(*) DESC")
        return [str(row[0]) for row in rows]


def kinds(clients: list[str]) -> dict[str, dict[str, Any]]:
    """What is asked for, by a name."""
    large, small = clients[0], clients[-1]
    week = (NOW - timedelta(days=7)).isoformat()
    return {
        "all": {},
        "the largest client": {"client_id": large},
        "the smallest client": {"client_id": small},
        "queued": {"state": "queued"},
        "closed": {"state": "closed"},
        "channel email": {"channel": "email"},
        "with tools": {"has_tools": "true"},
        "a tool failed": {"failed_tool": "true"},
        "a tool failed, smallest client": {"failed_tool": "true", "client_id": small},
        "thumbs down": {"thumbs_down": "true"},
        "rated 1": {"rating": 1},
        "one visitor": {"visitor": "visitor 1000"},
        "older than a week, closed": {"until": week, "state": "closed"},
        "word in most": {"q": "w0"},
        "word in a hundredth": {"q": "w700"},
        "rare word": {"q": "w4999"},
        "no such word": {"q": "nowhere"},
        "two common words": {"q": "w0 w1"},
        "beginning of 1,100 words": {"q": "w1"},
        "word in most, smallest client": {"q": "w0", "client_id": small},
        "word in a hundredth, largest client": {"q": "w700", "client_id": large},
        "word in most, a tool failed": {"q": "w0", "failed_tool": "true"},
        "word in a hundredth, a tool failed": {"q": "w700", "failed_tool": "true"},
        "rare word, rated 1": {"q": "w4999", "rating": 1},
    }


def screens(clients: list[str]) -> dict[str, str]:
    """What the dashboard's pages of figures ask for, by a name."""
    large, small = f"/admin/clients/{clients[0]}", f"/admin/clients/{clients[-1]}"
    return {
        "the installation, 7 days": "/admin/dashboard?days=7",
        "the installation, 30 days": "/admin/dashboard?days=30",
        "the installation, 90 days": "/admin/dashboard?days=90",
        "the largest client, 30 days": f"{large}/dashboard?days=30",
        "the smallest client, 30 days": f"{small}/dashboard?days=30",
        "the largest client's statistics": f"{large}/statistics",
        "the list of clients": "/admin/clients",
    }


def places(draw: random.Random, count: int) -> Iterator[str]:
    """Cursors anywhere in the list."""
    for _ in range(count):
        yield str(Place.at(ORDER, NOW - timedelta(days=DAYS * draw.random()), new_id()))


async def ask(url: str, clients: list[str], times: int) -> None:
    services = build_services(Settings(database_url=url, jobs="off", data_dir=Path(tempfile.gettempdir())))
    async with services.database.write() as transaction:
        await create_admin(
            transaction, email=EMAIL, password=PASSWORD, role="owner", actor=CLI, clock=services.clock
        )
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://csai.test", timeout=60) as http:
        login = await http.post("/admin/auth/login", json={"email": EMAIL, "password": PASSWORD})
        http.headers["Authorization"] = f"Bearer {login.json()['token']}"
        print("| pages of 20 | first page, ms p50 / p95 | any page, ms p50 / p95 |\n|---|---|---|")
        for name, query in kinds(clients).items():
            first = await timed(http, LIST, [query] * times)
            draw = random.Random(7)
            deep = await timed(http, LIST, [{**query, "cursor": place} for place in places(draw, times)])
            print(f"| {name} | {first} | {deep} |", flush=True)
        print("\n| figures | ms p50 / p95 |\n|---|---|")
        for name, path in screens(clients).items():
            print(f"| {name} | {await timed(http, path, [{}] * times)} |", flush=True)
    await services.close()


async def timed(http: httpx.AsyncClient, path: str, queries: list[dict[str, Any]]) -> str:
    await http.get(path, params=queries[0] or None)
    spent = []
    for query in queries:
        began = time.perf_counter()
        answer = await http.get(path, params=query or None)
        spent.append((time.perf_counter() - began) * 1_000)
        assert answer.status_code == 200, answer.text
    return f"{statistics.median(spent):.1f} / {statistics.quantiles(spent, n=20)[-1]:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=100, help="requests for each figure")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="csai-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "services").mkdir(mode=0o755)
        services = supervisor.Services(folder / "services")
        try:
            url = services.start()["database_url"]
            upgrade(url)
            began = time.perf_counter()
            clients = fill(url, options.conversations)
            print(f"filled in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
            asyncio.run(ask(url, clients, options.times))
        finally:
            services.stop()


if __name__ == "__main__":
    main()
