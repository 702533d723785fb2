"""What the commands that read and change rows work with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from csai.cli.configuration import load_settings, start_logging
from csai.cli.migrate import ensure_migrated
from csai.database import Database
from csai.kit.clock import SystemClock
from csai.kit.crypto import Keyring
from csai.plugins.registry import PluginRegistry
from csai.plugins.vetting import load_registry
from csai.tools.repository import Catalog

if TYPE_CHECKING:
    from csai_sdk import Clock
    from sqlalchemy.ext.asyncio import AsyncConnection

    from csai.config import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class Installation:
    """The configured installation, within one transaction."""

    settings: Settings
    keyring: Keyring
    transaction: AsyncConnection
    clock: Clock

    @cached_property
    def registry(self) -> PluginRegistry:
        """The plugins. Loading them takes a second, which only those commands pay that ask for it."""
        return load_registry(self.settings)

    async def catalog(self) -> Catalog:
        """The shared catalog, with the tools of plugins as they are now."""
        catalog = Catalog(self.transaction)
        await catalog.sync_plugin_tools(list(self.registry.tools.values()), now=self.clock.now())
        return catalog


def in_transaction(work: Callable[[Installation], Awaitable[T]]) -> T:
    """Do the work on the configured database, wholly or not at all. Raises `ConfigError` and `Problem`."""
    settings = load_settings()
    start_logging(settings, level="warning")
    keyring = Keyring(settings.signing_keys())
    ensure_migrated(settings)
    return asyncio.run(_run(settings, keyring, work))


async def _run(settings: Settings, keyring: Keyring, work: Callable[[Installation], Awaitable[T]]) -> T:
    database = Database(settings.effective_database_url, pool_size=1)
    try:
        async with database.write() as transaction:
            return await work(Installation(settings, keyring, transaction, SystemClock()))
    finally:
        await database.close()
