"""One client's view of the installation: what it may use, built once per version of its configuration."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import structlog
from csai_sdk import Channel, Clock, Locale, PluginContext, ToolBackend, ToolSpec, Usage
from csai_sdk.store import Store
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.clients.pause_repository import SpendingRepository
from csai.clients.repository import ClientPluginRow, ClientRepository, ClientRow, ClientToolRow
from csai.config import Settings
from csai.database import Database
from csai.experiments.arm import ArmInUse, RunningExperiment
from csai.experiments.repository import ExperimentRepository, RunningRow
from csai.integrations.backend import IntegrationBackend
from csai.integrations.offer import Offer, Opener, make_offers
from csai.integrations.repository import EndpointRepository
from csai.kit.cache import Cache
from csai.kit.crypto import DecryptError, Keyring
from csai.kit.outbound import Outbound
from csai.knowledge.embedder import Embedder, EmbeddingChoice
from csai.locales.form import Form, forms_of
from csai.plugins.answering import AnsweringModels, ChosenProvider
from csai.plugins.chain import usable_embedder, usable_providers
from csai.plugins.context import KeptResources, build_context
from csai.plugins.event import EventHooks
from csai.plugins.health import PluginHealth
from csai.plugins.left import LEFT_REMEDY
from csai.plugins.registry import Plugin, PluginRegistry
from csai.plugins.store import NoStore, PluginStore
from csai.plugins.stored import SettingsFault, StoredSettings, check_settings, own_settings, owner_of
from csai.providers.choice import DEFAULT_THRESHOLD, PlanProviders
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
class EnabledChannel:
    """A channel that the client may have accounts of."""

    channel: Channel
    ctx: PluginContext


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
    simple: tuple[ChosenProvider, ...] = ()
    """Who is asked first where a question is simple, which is below `threshold`; empty: nobody else."""
    threshold: int = DEFAULT_THRESHOLD
    usable: frozenset[str] = frozenset()
    """Providers that could be called, chosen or not."""
    models: AnsweringModels | None = None
    """What these were chosen from."""
    experiment: RunningExperiment | None = None
    """The one that conversations take part in from their beginning."""
    health: PluginHealth = field(default_factory=PluginHealth)
    prices: PriceList = field(default_factory=PriceList)
    channels: Mapping[str, EnabledChannel] = field(default_factory=dict)
    embedder: Embedder | None = None
    """What makes vectors of its knowledge and of questions to it; None: only words are searched."""
    plugins: frozenset[str] = frozenset()
    """Those that are on, with settings that can be used."""
    contexts: Mapping[str, PluginContext] = field(default_factory=dict)
    """Of these, by plugin."""
    backends: Mapping[str, tuple[ToolBackend, PluginContext]] = field(default_factory=dict)
    """The tool backends of these plugins, by their ids."""
    is_paused: bool = False
    """Whether no model is to be called: the client's AI is off, or all spending is."""
    users: int = 0
    is_outdated: bool = False
    forms: Mapping[str, Form] = field(init=False)
    """How the locales' countries write things, by the `format` of a tool's argument."""
    tool_specs: tuple[ToolSpec, ...] = field(init=False)
    tools_size_bytes: int = field(init=False)
    """About what the tools' declarations weigh in a request."""

    def __post_init__(self) -> None:
        self.forms = forms_of(self.locales)
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
        cache: Cache | None = None,
    ) -> None:
        """Without a `cache`, what tools read is read anew each time."""
        self._settings = settings
        self._database = database
        self._registry = registry
        self._keyring = keyring
        self._outbound = outbound
        self._clock = clock
        self._cache = cache
        self._python = PythonBackend(registry.tools)
        self.tools_changed: Callable[[str], None] = lambda _client_id: None
        """Hears of a client whose backends say that its tools are no longer the same."""
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

    async def trial(self, client_id: str, switched: Mapping[str, bool]) -> ClientView:
        """What one turn works with where these plugins are on or off, for nobody else: `hold` and `release`
        it, which closes it. What a plugin brings that the client never decided about comes with it.
        """
        async with self._database.read() as connection:
            view = await self._build_from(connection, client_id, switched, is_trial=True)
        view.is_outdated = True
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
        self,
        connection: AsyncConnection,
        client_id: str,
        switched: Mapping[str, bool],
        *,
        is_trial: bool = False,
    ) -> ClientView:
        repository = ClientRepository(connection, client_id)
        client = await repository.get()
        plugin_rows = await repository.plugins()
        tool_rows = await repository.tools()
        if is_trial:
            tool_rows += await repository.undecided_tools([name for name, is_on in switched.items() if is_on])
        offers: dict[str, Offer] = {}
        if any(row.backend == IntegrationBackend.id for row in tool_rows):
            offers = make_offers(
                await EndpointRepository(connection, client_id).offered(),
                Opener(client_id, self._database, self._keyring, self._clock),
                self._registry,
            )
        origins = await repository.origins()
        has_knowledge = await repository.has_knowledge()
        # After the client was read: who changes it raises the version that was read there.
        is_stopped = await SpendingRepository(connection).stopped_since() is not None
        prices = await PriceRepository(connection).price_list(self._settings.price_overrides)
        running = await ExperimentRepository(connection, client_id).running()
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
        models = AnsweringModels(
            client,
            registry=self._registry,
            contexts=contexts,
            default_provider=self._settings.llm_provider,
        )
        return ClientView(
            client=client,
            version=client.config_version,
            origins=frozenset(origins),
            limits=client.limits,
            limit_message=client.limit_message,
            identity_secret=self._decrypt(client.identity_secret, f"client:{client_id}/identity"),
            has_knowledge=has_knowledge,
            embedder=self._embedder(client, contexts),
            providers=models.chain(),
            simple=models.simple(),
            threshold=models.threshold,
            usable=models.usable,
            models=models,
            tools=self._tools(tool_rows, contexts, offers),
            locales=tuple(locale for name in contexts for locale in self._registry.plugins[name].locales),
            hooks=self._hooks(contexts),
            channels={
                name: EnabledChannel(channel, contexts[plugin_id])
                for name, (plugin_id, channel) in self._registry.channels.items()
                if plugin_id in contexts
            },
            plugins=frozenset(contexts),
            contexts=contexts,
            backends={
                name: (backend, contexts[plugin_id])
                for name, (plugin_id, backend) in self._registry.tool_backends.items()
                if plugin_id in contexts
            },
            resources=resources,
            health=self._registry.health,
            prices=prices,
            experiment=_experiment(running, models),
            is_paused=client.is_paused or is_stopped,
        )

    def _context(
        self, plugin: Plugin, client_id: str | None, row: ClientPluginRow | None, kept: KeptResources
    ) -> PluginContext | None:
        model, own = plugin.settings_model, dict[str, Any]()
        try:
            if row is not None:
                stored = StoredSettings(row.settings, row.secrets, row.settings_version)
                own = own_settings(model, stored, owner=owner_of(client_id, plugin.id), keyring=self._keyring)
            check_settings(model, own)
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
            tools_changed=lambda: self.tools_changed(client_id) if client_id else None,
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

    def _embedder(self, client: ClientRow, contexts: Mapping[str, PluginContext]) -> Embedder | None:
        wanted = EmbeddingChoice.of(client.settings, default=self._settings.embeddings)
        if wanted.ref is None:
            return None
        return usable_embedder(self._registry, contexts, wanted, PlanProviders.of(client.features))

    def _tools(
        self,
        rows: list[ClientToolRow],
        contexts: Mapping[str, PluginContext],
        offers: Mapping[str, Offer],
    ) -> Mapping[str, EnabledTool]:
        enabled: dict[str, EnabledTool] = {}
        reading = IntegrationBackend(offers, self._cache)
        for row in rows:
            backend: ToolBackend
            offer = None
            if row.backend == PythonBackend.id:
                # By the registry, not the row: a plugin's new release may have left the tool out.
                plugin_id, backend = self._registry.tools.get(row.tool_name, ("", None))[0], self._python
            elif row.backend == reading.id:
                if (offer := offers.get(row.tool_name)) is None:
                    continue
                plugin_id, backend = offer.plugin, reading
            elif row.backend in self._registry.tool_backends:
                plugin_id, backend = self._registry.tool_backends[row.backend]
            else:
                continue
            if plugin_id not in contexts:
                continue
            # Of a ready endpoint the plugin's word counts, not the one it was offered with.
            schema = row.parameters_schema if offer is None else offer.model_schema
            try:
                validator = compile_schema(schema)
            except InvalidSchema as error:
                log.error("a tool's schema is no schema", tool=row.tool_name, error=str(error))
                continue
            enabled[row.tool_name] = EnabledTool(
                spec=ToolSpec(
                    row.tool_name,
                    row.description if offer is None else offer.endpoint.description,
                    # Vendors want the type said even where a schema leaves it open.
                    {"type": "object", **schema},
                    row.read_only,
                ),
                backend=backend,
                ctx=contexts[plugin_id],
                validator=validator,
                config={
                    **row.custom_config,
                    **({"webhook_url": row.n8n_webhook_url} if row.n8n_webhook_url else {}),
                    **(row.target or {}),
                },
                is_idempotent=row.idempotent or row.read_only,
                is_private=row.private or (offer is not None and offer.endpoint.is_private),
                needs_confirmation=row.confirm,
            )
        return enabled

    def _hooks(self, contexts: Mapping[str, PluginContext]) -> EventHooks:
        hooks: dict[str, list[Any]] = {}
        for plugin_id, context in contexts.items():
            for name, function in self._registry.plugins[plugin_id].event_hooks.items():
                hooks.setdefault(name, []).append((plugin_id, function, context))
        return EventHooks({name: tuple(items) for name, items in hooks.items()}, health=self._registry.health)


def _experiment(running: RunningRow | None, models: AnsweringModels) -> RunningExperiment | None:
    if running is None:
        return None
    arms = [ArmInUse(arm, models.chain_of_arm(arm.chain)) for arm in running.arms]
    for each in arms:
        if not each.is_usable:
            log.error("nobody of an experiment's arm can be asked", experiment=running.id, arm=each.arm.name)
    return RunningExperiment(running.id, running.since, arms)
