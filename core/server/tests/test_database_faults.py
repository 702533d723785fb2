"""What `Database` makes of a PostgreSQL that ends connections, stays silent, has no room or is in the way."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from csai.database import Database, DatabaseUnavailable, OutcomeUnknown
from csai.statement import Prepared, Rows, Step
from sqlalchemy import Integer, bindparam, make_url, text

from tests.support.backend import Backend, PostgresRedis
from tests.support.proxy import Proxy, proxied

PATIENCE_S = 20
ADD = Prepared(text("INSERT INTO things VALUES (:id)").bindparams(bindparam("id", type_=Integer)))
COUNT = Step(Prepared(text("SELECT count(*) FROM things")), {})
PID = Step(Prepared(text("SELECT pg_backend_pid()")), {})


class Admin:
    """A second pair of hands at the same database."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.run = connection.execute

    def end_connections(self) -> None:
        self.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def count(self) -> int:
        row = self.run("SELECT count(*) FROM things").fetchone()
        return row[0] if row else -1


@pytest.fixture
def backend(postgres_redis: PostgresRedis, tmp_path: Path) -> Iterator[Backend]:
    with postgres_redis.fresh(tmp_path, is_migrated=False) as lent:
        yield lent


@pytest.fixture
def admin(backend: Backend) -> Iterator[Admin]:
    url = make_url(backend.database_url).set(drivername="postgresql").render_as_string()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY)")
        yield Admin(connection)


@pytest.fixture
async def database(backend: Backend, admin: Admin) -> AsyncIterator[Database]:
    database = Database(backend.database_url, pool_size=4)
    yield database
    await database.close()


@pytest.fixture
def wire(backend: Backend) -> Iterator[Proxy]:
    """A way to the database that can be cut."""
    sockets = str(make_url(backend.database_url).query["host"])
    # A unix socket's path holds about a hundred characters.
    with (
        tempfile.TemporaryDirectory(prefix="csai-wire-") as folder,
        proxied(f"{sockets}/.s.PGSQL.5432", folder=Path(folder)) as proxy,
    ):
        yield proxy


def through(wire: Proxy, backend: Backend, *, timeout_s: float) -> Database:
    url = make_url(backend.database_url).update_query_dict({"host": str(Path(str(wire.address)).parent)})
    return Database(url.render_as_string(hide_password=False), pool_size=1, timeout_s=timeout_s)


def add(number: int) -> Step:
    return Step(ADD, {"id": number})


async def fill_pool(database: Database) -> None:
    await asyncio.gather(
        *(database.fetch(Step(Prepared(text("SELECT pg_sleep(0.05)")), {})) for _ in range(4))
    )


async def read(database: Database) -> None:
    async with database.read() as connection:
        await connection.execute(text("SELECT count(*) FROM things"))


def nothing() -> None:
    pass


async def write(
    database: Database,
    before: Callable[[], None] = nothing,
    before_commit: Callable[[], None] = nothing,
) -> None:
    async with database.write() as connection:
        before()
        await connection.execute(text("INSERT INTO things VALUES (1)"))
        before_commit()


async def fetch(database: Database) -> None:
    await database.fetch(COUNT)


async def transact(database: Database) -> None:
    await database.transact(add(1))


Use = Callable[[Database], Awaitable[None]]
USES = [read, write, fetch, transact]


@pytest.mark.parametrize("use", USES)
async def test_kept_connections_that_the_server_ended_fail_nobody(
    database: Database, admin: Admin, use: Use
) -> None:
    await fill_pool(database)
    admin.end_connections()

    await use(database)


async def test_a_connection_lost_before_the_commit_repeats_the_transaction(
    database: Database, admin: Admin
) -> None:
    admin.run("CREATE SEQUENCE tries")
    end_first_try = Prepared(text("SELECT pg_terminate_backend(pg_backend_pid()) WHERE nextval('tries') = 1"))

    await database.transact(add(1), Step(end_first_try, {}))
    assert admin.count() == 1

    admin.run("ALTER SEQUENCE tries RESTART")
    await database.fetch(Step(end_first_try, {}))


async def test_a_lost_answer_to_the_commit_is_never_repeated(database: Database, admin: Admin) -> None:
    checks: list[list[Rows]] = []

    def end_connections(results: list[Rows]) -> None:
        checks.append(results)
        admin.end_connections()

    with pytest.raises(OutcomeUnknown):
        await database.transact(add(1), check=end_connections)
    assert len(checks) == 1

    with pytest.raises(OutcomeUnknown):
        await write(database, before_commit=admin.end_connections)


async def test_a_failure_before_the_commit_is_known_to_have_changed_nothing(
    database: Database, admin: Admin
) -> None:
    with pytest.raises(DatabaseUnavailable) as raised:
        await write(database, before=admin.end_connections)

    assert not isinstance(raised.value, OutcomeUnknown)
    assert admin.count() == 0


async def test_transactions_that_wait_for_each_other_both_come_through(
    database: Database, admin: Admin
) -> None:
    admin.run("INSERT INTO things VALUES (1), (2)")
    quickly = Step(Prepared(text("SELECT set_config('deadlock_timeout', '20ms', true)")), {})
    touch = Prepared(
        text("UPDATE things SET id = id WHERE id = :id").bindparams(bindparam("id", type_=Integer))
    )
    pause = Step(Prepared(text("SELECT pg_sleep(0.1)")), {})

    def both(first: int, second: int) -> list[Step]:
        return [quickly, Step(touch, {"id": first}), pause, Step(touch, {"id": second}), add(first + 10)]

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(database.transact(*both(1, 2)), database.transact(*both(2, 1)))

    assert admin.count() == 4


@pytest.mark.parametrize("state", ["53100", "53200"])
async def test_a_full_disk_is_told_and_costs_no_connection(
    database: Database, admin: Admin, state: str
) -> None:
    admin.run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE 'no room' USING ERRCODE = '{state}'; END $$"
    )
    admin.run("CREATE TRIGGER refuse BEFORE INSERT ON things EXECUTE FUNCTION refuse()")
    before = await database.fetch(PID)

    with pytest.raises(DatabaseUnavailable) as raised:
        await database.transact(add(1))

    assert not isinstance(raised.value, OutcomeUnknown)
    assert await database.fetch(PID) == before
    assert admin.count() == 0


async def test_a_server_without_a_free_place_is_asked_until_it_has_one(
    backend: Backend, admin: Admin
) -> None:
    url = make_url(backend.database_url)
    admin.run("CREATE ROLE guest LOGIN CONNECTION LIMIT 1")
    try:
        admin.run("GRANT ALL ON things TO guest")
        libpq = url.set(drivername="postgresql", username="guest").render_as_string()
        database = Database(url.set(username="guest").render_as_string())
        with psycopg.connect(libpq):
            with pytest.raises(DatabaseUnavailable):
                await database.fetch(COUNT)
            waiting = asyncio.create_task(transact(database))
            await asyncio.sleep(0.05)
        async with asyncio.timeout(PATIENCE_S):
            await waiting
        await database.close()
        assert admin.count() == 1
    finally:
        admin.run("DROP OWNED BY guest")
        admin.run("DROP ROLE guest")


@pytest.mark.parametrize("use", USES)
async def test_a_silent_server_is_given_up(backend: Backend, admin: Admin, wire: Proxy, use: Use) -> None:
    database = through(wire, backend, timeout_s=1.0)
    await use(database)
    admin.run("TRUNCATE things")
    wire.silence()

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(DatabaseUnavailable):
            await use(database)

    wire.cut()
    wire.resume()
    await use(database)
    await database.close()


async def test_a_statement_that_takes_too_long_is_ended_on_the_server(backend: Backend, admin: Admin) -> None:
    database = Database(backend.database_url, pool_size=1, timeout_s=0.1)

    with pytest.raises(DatabaseUnavailable):
        await database.fetch(Step(Prepared(text("SELECT pg_sleep(60)")), {}))

    running = admin.run(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    )
    assert running.fetchone() == (0,)
    await database.close()
