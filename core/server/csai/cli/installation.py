"""What the commands that read and change rows work with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from csai.cli.configuration import load_settings, start_logging
from csai.cli.migrate import ensure_migrated
from csai.database import Database
from csai.kit.clock import SystemClock
from csai.kit.crypto import Keyring

if TYPE_CHECKING:
    from csai_sdk import Clock
    from sqlalchemy.ext.asyncio import AsyncConnection

    from csai.billing.service import Billing
    from csai.config import Settings
    from csai.plugins.registry import PluginRegistry
    from csai.plugins.view import ClientViews
    from csai.tools.repository import Catalog

T = TypeVar("T")


@dataclass(frozen=True)
class Installation:
    """The configured installation, within one transaction (and after it, for what follows a commit)."""

    settings: Settings
    keyring: Keyring
    database: Database
    transaction: AsyncConnection
    clock: Clock

    @cached_property
    def registry(self) -> PluginRegistry:
        """The plugins. Loading them takes a second, which only those commands pay that ask for it."""
        from csai.plugins.vetting import load_registry

        return load_registry(self.settings)

    async def catalog(self) -> Catalog:
        """The shared catalog, with the tools of plugins as they are now."""
        from csai.tools.repository import Catalog

        catalog = Catalog(self.transaction)
        await catalog.sync_plugin_tools(list(self.registry.tools.values()), now=self.clock.now())
        return catalog

    @asynccontextmanager
    async def views(self) -> AsyncIterator[ClientViews]:
        """What turns of a client work with, for looking at it and for telling its plugins."""
        from csai.kit.egress import EgressPolicy
        from csai.kit.outbound import Outbound
        from csai.plugins.view import ClientViews

        outbound = Outbound(EgressPolicy(self.settings.egress_allow))
        views = ClientViews(
            settings=self.settings,
            database=self.database,
            registry=self.registry,
            keyring=self.keyring,
            outbound=outbound,
            clock=self.clock,
        )
        try:
            yield views
        finally:
            await views.close()
            await self.registry.close()
            await outbound.aclose()


def in_transaction(
    work: Callable[[Installation], Awaitable[T]],
    *,
    afterwards: Callable[[Installation, T], Awaitable[None]] | None = None,
) -> T:
    """Do the work on the configured database, wholly or not at all. Raises `ConfigError` and `Problem`.

    `afterwards` is called when it is committed.
    """
    settings = load_settings()
    start_logging(settings, level="warning")
    keyring = Keyring(settings.signing_keys())
    ensure_migrated(settings)
    return asyncio.run(_run(settings, keyring, work, afterwards))


def with_billing(work: Callable[[Billing, Database], Awaitable[T]]) -> T:
    """Do work that calls payment vendors, in transactions of its own. Raises `ConfigError` and `Problem`."""
    settings = load_settings()
    start_logging(settings, level="warning")
    ensure_migrated(settings)
    return asyncio.run(_run_billing(settings, work))


async def _run_billing(settings: Settings, work: Callable[[Billing, Database], Awaitable[T]]) -> T:
    from csai.billing.service import build_billing
    from csai.kit.alert import Alerts
    from csai.kit.egress import EgressPolicy
    from csai.kit.outbound import Outbound
    from csai.plugins.vetting import load_registry

    clock = SystemClock()
    database = Database(settings.effective_database_url, pool_size=2)
    outbound = Outbound(EgressPolicy(settings.egress_allow))
    registry = load_registry(settings)
    alerts = Alerts(url=settings.alert_url.get_secret_value(), http=outbound.operator_http, clock=clock)
    billing = build_billing(
        settings=settings,
        database=database,
        registry=registry,
        outbound=outbound,
        alerts=alerts,
        clock=clock,
    )
    try:
        return await work(billing, database)
    finally:
        await billing.gateways.aclose()
        await registry.close()
        await alerts.aclose()
        await outbound.aclose()
        await database.close()


async def _run(
    settings: Settings,
    keyring: Keyring,
    work: Callable[[Installation], Awaitable[T]],
    afterwards: Callable[[Installation, T], Awaitable[None]] | None,
) -> T:
    database = Database(settings.effective_database_url, pool_size=1)
    try:
        async with database.write() as transaction:
            installation = Installation(settings, keyring, database, transaction, SystemClock())
            done = await work(installation)
        if afterwards is not None:
            await afterwards(installation, done)
        return done
    finally:
        await database.close()
