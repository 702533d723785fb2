"""How the installation is, part by part, and what to do where it is not well."""

from __future__ import annotations

import asyncio
import platform
import shutil
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from csai import __version__
from csai.admins.service import READERS
from csai.analytics.service import failing
from csai.health import Readiness
from csai.jobs.repository import JobRunRepository, WorkerRow, workers
from csai.kit.openapi import ADMIN_PROBLEMS
from csai.kit.problem import Problem
from csai.services import Services

router = APIRouter(prefix="/admin", tags=["admin: health"], responses=ADMIN_PROBLEMS)

LATE_LOOP_MS = 100
SCARCE = 0.1
"""Of the disk, that is left."""
FULL = 0.02
RECENT = timedelta(hours=1)
GIGABYTE = 10**9

State = Literal["ok", "warning", "failed"]
Part = Literal["event loop", "database", "redis", "workers", "jobs", "plugins", "providers", "disk"]
REMEDIES = {
    "draining": "Nothing: this process is shutting down, and another one answers.",
    "database_unreachable": "See that the database runs and that CSAI_DATABASE_URL leads to it.",
    "schema_too_new": "A newer csai migrated the database: update this server.",
    "migrations_missing": "Run csai migrate.",
}


class HealthCheck(BaseModel):
    name: Part
    state: State = Field(description="A warning keeps nothing from working.")
    detail: str
    remedy: str | None = Field(description="What to do; null where nothing is to be done.")


class Versions(BaseModel):
    csai: str
    python: str
    plugins: dict[str, str] = Field(description="By id.")


class HealthReport(BaseModel):
    """As the process that answers sees it."""

    state: State = Field(description="The worst of all.")
    checks: list[HealthCheck]
    versions: Versions


@router.get("/health", summary="How every part is, and what to do about it", response_model=HealthReport)
async def health(request: Request) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    checks = [check async for check in _checks(services, request.app.state.readiness)]
    states: tuple[State, ...] = ("failed", "warning", "ok")
    return HealthReport(
        state=next(state for state in states if state in {check.state for check in checks}),
        checks=checks,
        versions=Versions(
            csai=__version__,
            python=platform.python_version(),
            plugins={plugin.id: plugin.version for plugin in services.registry.plugins.values()},
        ),
    )


async def _checks(services: Services, readiness: Readiness) -> AsyncIterator[HealthCheck]:
    # First: the others make the loop wait themselves.
    yield await _loop()
    yield await _database(services, readiness)
    yield await _redis(services)
    yield await _workers(services)
    yield await _runs(services)
    yield _plugins(services)
    yield _providers(services)
    yield await asyncio.to_thread(_disk, services)


async def _loop() -> HealthCheck:
    """How late the event loop comes to what is due: what everybody waits for beside their own work."""
    began = time.perf_counter()
    await asyncio.sleep(0)
    late_ms = (time.perf_counter() - began) * 1000
    detail = f"{late_ms:.1f} ms late"
    if late_ms > LATE_LOOP_MS:
        return _warning("event loop", detail, "See the log for what blocks it, and run more processes.")
    return _ok("event loop", detail)


async def _database(services: Services, readiness: Readiness) -> HealthCheck:
    began = time.perf_counter()
    try:
        await readiness.report()
    except Problem as problem:
        reason = str(problem.extra.get("reason", "not_ready"))
        return HealthCheck(name="database", state="failed", detail=reason, remedy=REMEDIES.get(reason))
    took_ms = (time.perf_counter() - began) * 1000
    is_sqlite = services.settings.effective_database_url.startswith("sqlite")
    detail = f"{'SQLite' if is_sqlite else 'PostgreSQL'}, migrated, answers in {took_ms:.0f} ms"
    if is_sqlite and services.settings.env == "production":
        return _warning("database", detail, "SQLite serves one machine only: set CSAI_DATABASE_URL.")
    return _ok("database", detail)


async def _redis(services: Services) -> HealthCheck:
    if not services.settings.redis_url:
        return _ok("redis", "not used: caches and limits are this process' own")
    if await services.limiter.reaches_redis():
        return _ok("redis", "answers")
    return _warning(
        "redis", "does not answer: slower, and each process counts for itself", "See that Redis runs."
    )


async def _workers(services: Services) -> HealthCheck:
    now = services.clock.now()
    async with services.database.read() as connection:
        living: list[WorkerRow] = [row for row in await workers(connection) if row.expires_at >= now]
    if living:
        return _ok("workers", f"{len(living)} at work")
    return _warning(
        "workers",
        "none is at work: nothing is delivered, rolled up or deleted",
        "Start csai worker, or leave CSAI_JOBS at in_process: a server begins within seconds.",
    )


async def _runs(services: Services) -> HealthCheck:
    since = services.clock.now() - RECENT
    async with services.database.read() as connection:
        failed = await JobRunRepository(connection).failed_since(since)
    if failed:
        return _warning(
            "jobs", f"{failed} runs of the last hour failed for a client", "See GET /admin/jobs for causes."
        )
    return _ok("jobs", "no run of the last hour failed")


def _plugins(services: Services) -> HealthCheck:
    ailing = failing(services.registry)
    if not ailing:
        return _ok("plugins", f"{len(services.registry.plugins)} loaded")
    named = ", ".join(f"{item.id} ({item.state})" for item in ailing)
    return _warning("plugins", named, "See GET /admin/plugins for cause and remedy of each.")


def _providers(services: Services) -> HealthCheck:
    held = services.breaker.held()
    if not held:
        return _ok("providers", "no circuit is open")
    named = ", ".join(name.partition(":")[2] for name in held[:10])
    return _warning(
        "providers",
        f"{len(held)} circuits open: {named}",
        "They are tried again by themselves; see the vendor's status page, and the key.",
    )


def _disk(services: Services) -> HealthCheck:
    try:
        usage = shutil.disk_usage(services.settings.data_dir)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return HealthCheck(name="disk", state="failed", detail=reason, remedy="Set CSAI_DATA_DIR.")
    part = usage.free / usage.total
    detail = f"{usage.free / GIGABYTE:.1f} GB free in the data folder, {part:.0%}"
    if part < FULL:
        return HealthCheck(name="disk", state="failed", detail=detail, remedy="Make room, or enlarge it.")
    return _warning("disk", detail, "Make room soon.") if part < SCARCE else _ok("disk", detail)


def _ok(name: Part, detail: str) -> HealthCheck:
    return HealthCheck(name=name, state="ok", detail=detail, remedy=None)


def _warning(name: Part, detail: str, remedy: str) -> HealthCheck:
    return HealthCheck(name=name, state="warning", detail=detail, remedy=remedy)
