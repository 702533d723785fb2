"""A fresh, migrated database for each test, on each of the two sets of services that csai runs on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import redis
from psycopg import sql
from sqlalchemy import make_url

from tests.support.services import ServiceUrls


@dataclass(frozen=True)
class Backend:
    """Where one test keeps its data."""

    name: str
    database_url: str
    redis_url: str | None
    """None: the in-process cache takes Redis' place."""


class SqliteMemory:
    """SQLite files, and no Redis."""

    name = "sqlite-memory"

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.sqlite"
        self._is_migrated = False

    @contextmanager
    def fresh(self, folder: Path, *, is_migrated: bool = True) -> Iterator[Backend]:
        file = folder / "csai.sqlite"
        if is_migrated:
            shutil.copyfile(self._migrated(), file)
        yield Backend(self.name, _sqlite_url(file), None)

    def _migrated(self) -> Path:
        if not self._is_migrated:
            _upgrade(_sqlite_url(self._template))
            self._is_migrated = True
        return self._template


class PostgresRedis:
    """Databases of one PostgreSQL server, and one numbered database of one Redis server."""

    name = "postgres-redis"

    def __init__(self, urls: ServiceUrls, worker: str) -> None:
        self._urls = urls
        self.redis_url = f"{urls.redis_url.rstrip('/')}/{_number(worker)}"
        self._prefix = f"csai_test_{uuid4().hex[:8]}"
        self._template = f"{self._prefix}_template"
        self._is_migrated = False
        self._made = 0
        self._admin = psycopg.connect(_libpq_url(urls.database_url), autocommit=True)
        self._redis = redis.Redis.from_url(self.redis_url)

    @contextmanager
    def fresh(self, folder: Path, *, is_migrated: bool = True) -> Iterator[Backend]:
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        self._create(name, template=self._migrated() if is_migrated else "template0")
        self._redis.flushdb()
        try:
            yield Backend(self.name, self._url(name), self.redis_url)
        finally:
            self._drop(name)

    def close(self) -> None:
        if self._is_migrated:
            self._drop(self._template)
        self._admin.close()
        self._redis.close()

    def _migrated(self) -> str:
        if not self._is_migrated:
            self._drop(self._template)
            self._create(self._template, template="template0")
            _upgrade(self._url(self._template))
            self._is_migrated = True
        return self._template

    def _create(self, name: str, *, template: str) -> None:
        # Copying the files is several times as fast as logging their pages, where fsync is off.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self._admin.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def _drop(self, name: str) -> None:
        self._admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _url(self, database: str) -> str:
        return make_url(self._urls.database_url).set(database=database).render_as_string(hide_password=False)


def _sqlite_url(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


def _libpq_url(url: str) -> str:
    plain = make_url(url).set(drivername="postgresql")
    return plain.render_as_string(hide_password=False)


def _number(worker: str) -> int:
    """Redis' database for an xdist worker: gw3 has the third, a run without workers the first."""
    return int(worker.removeprefix("gw")) if worker.startswith("gw") else 0


def _upgrade(url: str) -> None:
    from csai.migrations import upgrade  # here, for a plugin's tests need no server

    upgrade(url)
