"""One client's view of the installation: what it may use, built once per version of its configuration."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import structlog
from csai_sdk import Clock, Locale, PluginContext, Provider, ToolBackend, ToolSpec, Usage
from csai_sdk.store import Store
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.clients.repository import ClientPluginRow, ClientRepository, ClientRow, ClientToolRow
from csai.config import Settings
from csai.database import Database
from csai.kit.crypto import DecryptError, Keyring
from csai.kit.outbound import Outbound
from csai.plugins.chain import model_chain, usable_providers
from csai.plugins.context import KeptResources, build_context
from csai.plugins.event import EventHooks
from csai.plugins.health import PluginHealth
from csai.plugins.left import LEFT_REMEDY
from csai.plugins.registry import Plugin, PluginRegistry
from csai.plugins.store import NoStore, PluginStore
from csai.plugins.stored import SettingsFault, StoredSettings, check_settings, own_settings
from csai.providers.choice import PlanProviders, own_model, wanted_chain
from csai.providers.repository import PriceRepository
from csai.tools.python import PythonBackend
from csai.tools.schema import ArgumentsValidator, InvalidSchema, compile_schema
from csai.usage.price_list import PriceList
from csai.usage.prices import Cost

log = structlog.get_logger(__name__)

MAX_VIEWS = 1_000


@dataclass(frozen=True, slots=True)
class EnabledTool:
    """A catalog tool as this client has it."""

    spec: ToolSpec
    backend: ToolBackend
    ctx: PluginContext
    validator: ArgumentsValidator
    config: Mapping[str, Any]
    is_idempotent: bool
    is_private: bool
    needs_confirmation: bool


@dataclass(frozen=True, slots=True)
class ChosenProvider:
    """A provider of the client's chain, with the model it is to use."""

    provider: Provider
    ctx: PluginContext
    model: str


@dataclass(slots=True)
class ClientView:
    """Everything a turn needs to know of its client. Shared by turns, changed by none."""

    client: ClientRow
    version: int
    origins: frozenset[str]
    limits: Mapping[str, int]
    limit_message: str
    identity_secret: str | None
    has_knowledge: bool
    providers: tuple[ChosenProvider, ...]
    tools: Mapping[str, EnabledTool]
    locales: tuple[Locale, ...]
    hooks: EventHooks
    resources: list[KeptResources]
    health: PluginHealth = field(default_factory=PluginHealth)
    prices: PriceList = field(default_factory=PriceList)
    plugins: frozenset[str] = frozenset()
    """Those that are on, with settings that can be used."""
    users: int = 0
    is_outdated: bool = False
    tool_specs: tuple[ToolSpec, ...] = field(init=False)
    tools_size_bytes: int = field(init=False)
    """About what the tools' declarations weigh in a request."""

    def __post_init__(self) -> None:
        self.tool_specs = tuple(tool.spec for tool in self.tools.values())
        self.tools_size_bytes = sum(len(json.dumps(asdict(spec)).encode()) for spec in self.tool_specs)

    def cost(self, chosen: ChosenProvider, usage: Usage, *, model: str = "", at: datetime) -> Cost:
        """What a call costs at a moment; `model` is what the vendor says that it was answered by."""
        return self.prices.cost(
            usage, provider=chosen.provider, model=model or chosen.model, asked=chosen.model, at=at
        )

    def may_pay(self, chosen: ChosenProvider, at: datetime) -> bool:
        """Whether the model can be called without passing a limit unseen.

        A limit of cost cannot be kept with a model whose price nobody knows.
        """
        return "cost" not in self.limits or self.prices.knows(chosen.provider, chosen.model, at)


class ClientViews:
    """Views by client. A change of `config_version` makes the next turn build a new one."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        registry: PluginRegistry,
        keyring: Keyring,
        outbound: Outbound,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._registry = registry
        self._keyring = keyring
        self._outbound = outbound
        self._clock = clock
        self._python = PythonBackend(registry.tools)
        self._views: dict[str, ClientView] = {}
        self._building: dict[str, asyncio.Lock] = {}

    async def get(self, client_id: str, version: int) -> ClientView:
        """The view of at least `version`. Pair with `release` when a turn keeps it."""
        view = self._views.get(client_id)
        if view is not None and view.version >= version:
            return view
        async with self._building.setdefault(client_id, asyncio.Lock()):
            view = self._views.get(client_id)
            if view is not None and view.version >= version:
                return view
            fresh = await self._build(client_id)
            self._views.pop(client_id, None)
            self._views[client_id] = fresh
            self._building.pop(client_id, None)
        outdated = [view] if view is not None else []
        if len(self._views) > MAX_VIEWS:
            outdated.append(self._views.pop(next(iter(self._views))))
        for old in outdated:
            old.is_outdated = True
            await self._close_unused(old)
        return fresh

    async def preview(
        self, connection: AsyncConnection, client_id: str, switched: Mapping[str, bool]
    ) -> ClientView:
        """What a turn would work with if these plugins were on or off. Nothing is changed or kept."""
        view = await self._build_from(connection, client_id, switched)
        for kept in view.resources:
            await kept.close()
        return view

    async def warm_up(self) -> None:
        """Have the providers that the operator configured load what their first call needs."""
        contexts = {
            plugin.id: context
            for plugin in self._registry.plugins.values()
            if plugin.providers
            and (context := self._context(plugin, None, None, KeptResources())) is not None
        }
        for name in usable_providers(self._registry, contexts):
            try:
                await self._registry.providers[name][1].warm_up()
            except (Exception, SystemExit):
                log.exception("provider did not warm up", provider=name)

    def hold(self, view: ClientView) -> None:
        view.users += 1

    async def release(self, view: ClientView) -> None:
        view.users -= 1
        await self._close_unused(view)

    async def close(self) -> None:
        for view in self._views.values():
            await self._close(view)
        self._views.clear()

    async def _close_unused(self, view: ClientView) -> None:
        if view.is_outdated and view.users == 0:
            await self._close(view)

    async def _close(self, view: ClientView) -> None:
        for kept in view.resources:
            if await kept.close():
                view.health.note(
                    kept.plugin,
                    "tasks",
                    "tasks that its calls started were still running when the client's configuration changed "
                    "or the server stopped",
                    LEFT_REMEDY,
                )

    async def _build(self, client_id: str) -> ClientView:
        async with self._database.read() as connection:
            return await self._build_from(connection, client_id, {})

    async def _build_from(
        self, connection: AsyncConnection, client_id: str, switched: Mapping[str, bool]
    ) -> ClientView:
        repository = ClientRepository(connection, client_id)
        client = await repository.get()
        plugin_rows = await repository.plugins()
        tool_rows = await repository.tools()
        origins = await repository.origins()
        has_knowledge = await repository.has_knowledge()
        prices = await PriceRepository(connection).price_list(self._settings.price_overrides)
        contexts: dict[str, PluginContext] = {}
        resources = []
        for plugin in self._registry.plugins.values():
            row = plugin_rows.get(plugin.id)
            is_on = row.enabled if row else plugin.id in self._settings.plugins_on_by_default
            if not switched.get(plugin.id, is_on):
                continue
            kept = KeptResources(plugin.id)
            context = self._context(plugin, client_id, row, kept)
            if context is not None:
                contexts[plugin.id] = context
                resources.append(kept)
        return ClientView(
            client=client,
            version=client.config_version,
            origins=frozenset(origins),
            limits=client.limits,
            limit_message=client.limit_message,
            identity_secret=self._decrypt(client.identity_secret, f"client:{client_id}/identity"),
            has_knowledge=has_knowledge,
            providers=self._providers(client, contexts),
            tools=self._tools(tool_rows, contexts),
            locales=tuple(locale for name in contexts for locale in self._registry.plugins[name].locales),
            hooks=self._hooks(contexts),
            plugins=frozenset(contexts),
            resources=resources,
            health=self._registry.health,
            prices=prices,
        )

    def _context(
        self, plugin: Plugin, client_id: str | None, row: ClientPluginRow | None, kept: KeptResources
    ) -> PluginContext | None:
        stored = StoredSettings(row.settings, row.secrets, row.settings_version) if row else None
        try:
            own = own_settings(plugin, stored, client_id=client_id, keyring=self._keyring) if stored else {}
            check_settings(plugin, own)
        except SettingsFault as fault:
            # Without its words, which may quote what was set: an admin reads those.
            log.error(
                "plugin is off: its settings cannot be used",
                plugin=plugin.id,
                client_id=client_id,
                code=fault.code,
                fields=fault.fields,
            )
            return None
        return build_context(
            plugin,
            client_id=client_id,
            own_settings=own,
            http=self._outbound.http,
            transports=self._outbound.transports,
            clock=self._clock,
            resources=kept,
            store=self._store(plugin.id, client_id),
        )

    def _store(self, plugin_id: str, client_id: str | None) -> Store:
        if client_id is None:
            return NoStore()
        return PluginStore(self._database, self._clock, plugin=plugin_id, client_id=client_id)

    def _decrypt(self, token: str | None, owner: str) -> str | None:
        if not token:
            return None
        try:
            return self._keyring.decrypt(token, owner)
        except DecryptError:
            log.error("a stored secret does not decrypt: check CSAI_SECRET_KEYS", owner=owner)
            return None

    def _providers(
        self, client: ClientRow, contexts: Mapping[str, PluginContext]
    ) -> tuple[ChosenProvider, ...]:
        plan = PlanProviders.of(client.features)
        wanted = wanted_chain(plan, client.settings, default_provider=self._settings.llm_provider)

        def model_of(provider_id: str) -> str:
            plugin_id, provider = self._registry.providers.get(provider_id, ("", None))
            if provider is None or plugin_id not in contexts:
                return ""
            own = own_model(plan, client.settings, provider_id)
            return str(own or getattr(contexts[plugin_id].settings, "model", None) or provider.default_model)

        chain = model_chain(
            usable_providers(self._registry, contexts),
            wanted=wanted.chain,
            model_of=model_of,
            allows=plan.allows,
        )
        asked_for = wanted.chain[:1]
        if asked_for and asked_for[0].provider not in {ref.provider for ref in chain}:
            log.error("the chosen provider cannot be used", client_id=client.id, model=str(asked_for[0]))
        chosen = []
        for ref in chain:
            plugin_id, provider = self._registry.providers[ref.provider]
            chosen.append(ChosenProvider(provider, contexts[plugin_id], ref.model))
        return tuple(chosen)

    def _tools(
        self, rows: list[ClientToolRow], contexts: Mapping[str, PluginContext]
    ) -> Mapping[str, EnabledTool]:
        enabled: dict[str, EnabledTool] = {}
        for row in rows:
            backend: ToolBackend
            if row.backend == PythonBackend.id:
                # By the registry, not the row: a plugin's new release may have left the tool out.
                plugin_id, backend = self._registry.tools.get(row.tool_name, ("", None))[0], self._python
            elif row.backend in self._registry.tool_backends:
                plugin_id, backend = self._registry.tool_backends[row.backend]
            else:
                continue
            if plugin_id not in contexts:
                continue
            try:
                validator = compile_schema(row.parameters_schema)
            except InvalidSchema as error:
                log.error("a tool's schema is no schema", tool=row.tool_name, error=str(error))
                continue
            enabled[row.tool_name] = EnabledTool(
                spec=ToolSpec(
                    row.tool_name,
                    row.description,
                    # Vendors want the type said even where a schema leaves it open.
                    {"type": "object", **row.parameters_schema},
                    row.read_only,
                ),
                backend=backend,
                ctx=contexts[plugin_id],
                validator=validator,
                config={
                    **row.custom_config,
                    **({"webhook_url": row.n8n_webhook_url} if row.n8n_webhook_url else {}),
                },
                is_idempotent=row.idempotent or row.read_only,
                is_private=row.private,
                needs_confirmation=row.confirm,
            )
        return enabled

    def _hooks(self, contexts: Mapping[str, PluginContext]) -> EventHooks:
        hooks: dict[str, list[Any]] = {}
        for plugin_id, context in contexts.items():
            for name, function in self._registry.plugins[plugin_id].event_hooks.items():
                hooks.setdefault(name, []).append((plugin_id, function, context))
        return EventHooks({name: tuple(items) for name, items in hooks.items()}, health=self._registry.health)
