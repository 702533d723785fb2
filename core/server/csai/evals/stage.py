"""A stage: the whole server on a throw-away database, with one client as it is, or as it would be."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from csai_sdk import Clock
from pydantic import SecretStr

from csai import migrations
from csai.config import Settings
from csai.database import Database
from csai.evals.mock import PLUGIN, MockBackend, MockPlugin
from csai.evals.repository import Source, StageRepository
from csai.kit.clock import SystemClock
from csai.kit.problem import Problem
from csai.plugins.discovery import Found
from csai.plugins.registry import PluginRegistry
from csai.providers.choice import ModelRef
from csai.services import Services, build_services


@dataclass(frozen=True, slots=True)
class Variant:
    """What is other than with the client as it is."""

    plugins: Mapping[str, bool] = field(default_factory=dict)
    """Switched on or off."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of `csai client set`: prompt, tone, provider, model."""

    @property
    def is_none(self) -> bool:
        return not self.plugins and not self.settings


@dataclass(frozen=True, slots=True)
class FixedClock:
    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class Stage:
    services: Services
    client_id: str
    mocks: MockBackend


@asynccontextmanager
async def stage(
    client_id: str,
    variant: Variant,
    *,
    settings: Settings,
    database: Database,
    load: Callable[[], PluginRegistry],
    at: datetime,
) -> AsyncIterator[Stage]:
    """The client in front of a server of its own. `database` is only read. Raises `Problem`."""
    registry = load()
    _check(variant, registry)
    async with database.read() as connection:
        configuration = await Source(connection, client_id).configuration(now=SystemClock().now())
    mocks = MockBackend()
    registry.register(Found(PLUGIN, MockPlugin(mocks), "csai", "0"))
    with tempfile.TemporaryDirectory(prefix="csai-eval-", ignore_cleanup_errors=True) as folder:
        own = _settings(settings, Path(folder))
        await asyncio.to_thread(migrations.upgrade, own.effective_database_url)
        clock: Clock = FixedClock(at)
        services = build_services(own, registry=registry, clock=clock)
        try:
            # As turns of the installation would see them, so that a tool whose plugin is off is not there.
            async with database.read() as connection:
                view = await services.views.preview(connection, client_id, variant.plugins)
            async with services.database.write() as transaction:
                await StageRepository(transaction, client_id).furnish(
                    configuration,
                    settings=_client_settings(configuration.client.settings, variant, registry, own),
                    switched=variant.plugins,
                    tools=view.tools.values(),
                    at=at,
                )
            await services.start()
            yield Stage(services, client_id, mocks)
        finally:
            await services.close()


def _settings(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(
        update={
            "data_dir": folder,
            "database_url": f"sqlite+aiosqlite:///{folder / 'stage.sqlite'}",
            "redis_url": "",
            # Made in the data folder where none are given: the plugins' secrets are the installation's.
            "secret_keys": tuple(SecretStr(key) for key in settings.signing_keys()),
            "rate_limit_client": 0,
            "rate_limit_visitor": 0,
            # A second run must not be answered by the first.
            "response_cache_s": 0,
        }
    )


def _client_settings(
    stored: Mapping[str, Any], variant: Variant, registry: PluginRegistry, settings: Settings
) -> dict[str, Any]:
    wanted = {**stored, **{name: value for name, value in variant.settings.items() if name != "model"}}
    model = variant.settings.get("model")
    if "provider" in variant.settings or model:
        # A chain and models for simple questions say more than a provider does, and would be taken before it.
        chain = wanted.pop("chain", ())
        wanted.pop("routing", None)
        named = ModelRef.parse(chain[0]).provider if chain else ""
        wanted.setdefault("provider", named or settings.llm_provider or next(iter(registry.providers), ""))
    if model:
        wanted["models"] = {**wanted.get("models", {}), wanted["provider"]: model}
    return wanted


def _check(variant: Variant, registry: PluginRegistry) -> None:
    unknown = sorted(variant.plugins.keys() - registry.plugins.keys())
    if unknown:
        there = ", ".join(sorted(registry.plugins))
        raise Problem(404, "plugin_unknown", f"There is no plugin '{unknown[0][:64]}'. Loaded: {there}.")
    provider = variant.settings.get("provider")
    if provider and provider not in registry.providers:
        there = ", ".join(sorted(registry.providers))
        raise Problem(404, "provider_unknown", f"There is no provider '{provider[:64]}'. Loaded: {there}.")
