"""What the loaded plugins contribute, and which of them had to be kept out."""

from __future__ import annotations

import asyncio
import difflib
import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pluggy
import structlog
from csai_sdk import (
    Channel,
    Gateway,
    Integration,
    Locale,
    PluginSettings,
    Provider,
    Tool,
    ToolBackend,
    WebFiles,
    hookspecs,
)

from csai.kit.text import is_clean
from csai.plugins.discovery import Found, Quarantined, discover
from csai.plugins.health import PluginHealth
from csai.tools.name import MAX_CATEGORY_CHARS, TOOL_NAME
from csai.tools.schema import check_tool_schema

log = structlog.get_logger(__name__)
T = TypeVar("T")

EventHook = Callable[..., Any]

CLOSE_S = 10.0

# As long as their columns are wide.
_ID = re.compile(r"[a-z0-9_-]{1,50}")
_CHANNEL_ID = re.compile(r"[a-z0-9_-]{1,30}")


@dataclass(slots=True)
class Plugin:
    """A loaded plugin and everything it registered."""

    id: str
    distribution: str
    version: str
    settings_model: type[PluginSettings] = PluginSettings
    providers: tuple[Provider, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_backends: tuple[ToolBackend, ...] = ()
    integrations: tuple[Integration, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    channels: tuple[Channel, ...] = ()
    locales: tuple[Locale, ...] = ()
    web: tuple[WebFiles, ...] = ()
    event_hooks: Mapping[str, EventHook] = field(default_factory=dict)

    @property
    def kinds(self) -> list[str]:
        """What it is, by what it registered."""
        named = {
            "provider": self.providers,
            "tool": self.tools,
            "tool backend": self.tool_backends,
            "integration": self.integrations,
            "gateway": self.gateways,
            "channel": self.channels,
            "locale": self.locales,
            "web": self.web,
        }
        return [kind for kind, items in named.items() if items] or ["hooks"]

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """What it registers under names that are nobody else's, by kind."""
        return {
            "provider": tuple(item.id for item in self.providers),
            "tool backend": tuple(item.id for item in self.tool_backends),
            "tool": tuple(item.spec.name for item in self.tools),
            "channel": tuple(item.id for item in self.channels),
            "integration": tuple(item.id for item in self.integrations),
            "gateway": tuple(item.id for item in self.gateways),
        }


class RegistrationError(Exception):
    """A plugin registered something the server cannot take; the message says what."""


class PluginRegistry:
    """All plugins of the process. Loading never raises for a plugin's fault: it quarantines."""

    def __init__(self) -> None:
        self.plugins: dict[str, Plugin] = {}
        self.quarantined: dict[str, Quarantined] = {}
        self.providers: dict[str, tuple[str, Provider]] = {}
        self.tool_backends: dict[str, tuple[str, ToolBackend]] = {}
        self.tools: dict[str, tuple[str, Tool]] = {}
        self.channels: dict[str, tuple[str, Channel]] = {}
        self.integrations: dict[str, tuple[str, Integration]] = {}
        self.gateways: dict[str, tuple[str, Gateway]] = {}
        self.health = PluginHealth()
        self._manager = pluggy.PluginManager("csai")
        self._manager.add_hookspecs(hookspecs)

    @classmethod
    def load(
        cls,
        allowed: Collection[str] = (),
        *,
        kept_out: Mapping[str, Quarantined] | None = None,
        disabled: Collection[str] = (),
    ) -> PluginRegistry:
        """Find, import and register what is installed and allowed (all, when `allowed` is empty).

        What is `kept_out` or `disabled` is not imported.
        """
        registry = cls()
        found, quarantined = discover(allowed, kept_out=kept_out, disabled=disabled)
        for entry in quarantined:
            registry._quarantine(entry)
        for plugin in found:
            registry.register(plugin)
        return registry

    def register(self, found: Found) -> None:
        """Register one imported plugin, or quarantine it as a whole."""
        try:
            self._manager.register(found.module, name=found.id)
            plugin = self._collect(found)
            self._index(plugin)
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- any fault of a plugin keeps only it out
            if self._manager.get_plugin(found.id) is not None:
                self._manager.unregister(name=found.id)
            self._quarantine(
                Quarantined(
                    found.id,
                    found.distribution,
                    found.version,
                    cause=f"registering it raised {type(error).__name__}: {error}",
                    remedy="report this to its author; leave it out of CSAI_PLUGINS to run without it",
                )
            )

    async def close(self) -> None:
        parts: list[tuple[str, Provider | ToolBackend]] = [
            *self.providers.values(),
            *self.tool_backends.values(),
        ]
        for plugin, part in parts:
            try:
                async with asyncio.timeout(CLOSE_S):
                    await part.close()
            except (Exception, SystemExit):
                log.exception("plugin did not close", plugin=plugin)

    def _collect(self, found: Found) -> Plugin:
        callers = self._manager.get_hookcallers(self._manager.get_plugin(found.id)) or []
        own: dict[str, Callable[..., Any]] = {
            caller.name: impl.function
            for caller in callers
            for impl in caller.get_hookimpls()
            if impl.plugin_name == found.id
        }
        unknown = [caller.name for caller in callers if not caller.has_spec()]
        if unknown:
            raise RegistrationError(f"it implements hooks that do not exist: {_named(unknown)}")
        for name, function in own.items():
            if inspect.iscoroutinefunction(getattr(hookspecs, name)) != inspect.iscoroutinefunction(function):
                raise RegistrationError(f"its hook {name} must be {_flavour(name)}")

        def contributed(hook: str, kind: type[T]) -> tuple[T, ...]:
            items: tuple[Any, ...] = tuple(own[hook]()) if hook in own else ()
            for item in items:
                if not isinstance(item, kind):
                    raise RegistrationError(f"{hook} must return {kind.__name__} objects, not {item!r}")
            return items

        settings_model = own["register_settings"]() if "register_settings" in own else PluginSettings
        if not (isinstance(settings_model, type) and issubclass(settings_model, PluginSettings)):
            raise RegistrationError("register_settings must return a subclass of csai_sdk.PluginSettings")
        return Plugin(
            id=found.id,
            distribution=found.distribution,
            version=found.version,
            settings_model=settings_model,
            providers=contributed("register_providers", Provider),  # type: ignore[type-abstract]
            tools=contributed("register_tools", Tool),
            tool_backends=contributed("register_tool_backends", ToolBackend),  # type: ignore[type-abstract]
            integrations=contributed("register_integrations", Integration),  # type: ignore[type-abstract]
            gateways=contributed("register_gateways", Gateway),  # type: ignore[type-abstract]
            channels=contributed("register_channels", Channel),  # type: ignore[type-abstract]
            locales=contributed("register_locales", Locale),  # type: ignore[type-abstract]
            web=contributed("register_web", WebFiles),
            event_hooks={
                name: function for name, function in own.items() if not name.startswith("register_")
            },
        )

    def _index(self, plugin: Plugin) -> None:
        _check_parts(plugin)
        owners = {
            "provider": {name: owner for name, (owner, _) in self.providers.items()},
            "tool backend": {name: owner for name, (owner, _) in self.tool_backends.items()},
            "tool": {name: owner for name, (owner, _) in self.tools.items()},
            "channel": {name: owner for name, (owner, _) in self.channels.items()},
            "integration": {name: owner for name, (owner, _) in self.integrations.items()},
            "gateway": {name: owner for name, (owner, _) in self.gateways.items()},
        }
        for what, names in plugin.names.items():
            refuse_taken(owners[what], what, names)
        self.plugins[plugin.id] = plugin
        self.providers.update({item.id: (plugin.id, item) for item in plugin.providers})
        self.tool_backends.update({item.id: (plugin.id, item) for item in plugin.tool_backends})
        self.tools.update({item.spec.name: (plugin.id, item) for item in plugin.tools})
        self.channels.update({item.id: (plugin.id, item) for item in plugin.channels})
        self.integrations.update({item.id: (plugin.id, item) for item in plugin.integrations})
        self.gateways.update({item.id: (plugin.id, item) for item in plugin.gateways})

    def _quarantine(self, entry: Quarantined) -> None:
        self.quarantined[entry.id] = entry
        log.error("plugin quarantined", plugin=entry.id, cause=entry.cause, remedy=entry.remedy)


def _check_ids(plugin: Plugin) -> None:
    parts: list[Provider | ToolBackend | Integration | Gateway] = [
        *plugin.providers,
        *plugin.tool_backends,
        *plugin.integrations,
        *plugin.gateways,
    ]
    for name in [part.id for part in parts]:
        if not _ID.fullmatch(name):
            raise RegistrationError(f"the id {name!r} must be 1 to 50 of the characters a-z 0-9 _ -")
    for channel in plugin.channels:
        if not _CHANNEL_ID.fullmatch(channel.id):
            raise RegistrationError(
                f"the channel {channel.id!r} must be 1 to 30 of the characters a-z 0-9 _ -"
            )
        if not issubclass(channel.account_model, PluginSettings):
            raise RegistrationError(f"the account_model of '{channel.id}' must subclass PluginSettings")


def _check_parts(plugin: Plugin) -> None:
    """Refuse what would fail later, at every client's turn or in the shared catalog."""
    _check_ids(plugin)
    for provider in plugin.providers:
        if not isinstance(getattr(provider, "default_model", None), str):
            raise RegistrationError(f"the provider '{provider.id}' has no default_model")
    for tool in plugin.tools:
        if not TOOL_NAME.fullmatch(tool.spec.name):
            raise RegistrationError(
                f"the tool name {tool.spec.name!r} must be 1 to 64 of the characters A-Z a-z 0-9 _ -"
            )
        if len(tool.category) > MAX_CATEGORY_CHARS or not is_clean(tool.category + tool.spec.description):
            raise RegistrationError(
                f"the tool '{tool.spec.name}' needs a category of at most {MAX_CATEGORY_CHARS} characters, "
                "and text that can be stored"
            )
        check_tool_schema(tool.spec.parameters_schema)
    for integration in plugin.integrations:
        for endpoint in integration.endpoints():
            if not TOOL_NAME.fullmatch(endpoint.name) or not is_clean(endpoint.description):
                raise RegistrationError(
                    f"the endpoint name {endpoint.name!r} must be 1 to 64 of the characters A-Z a-z 0-9 _ -, "
                    "and its description text that can be stored"
                )
            check_tool_schema(endpoint.parameters_schema)


def refuse_taken(owners: Mapping[str, str], what: str, names: Iterable[str]) -> None:
    """Raises `RegistrationError` for a name that another plugin owns, or that comes twice."""
    seen: set[str] = set()
    for name in names:
        if name in owners:
            raise RegistrationError(f"the {what} '{name}' is already registered by plugin '{owners[name]}'")
        if name in seen:
            raise RegistrationError(f"it registers the {what} '{name}' twice")
        seen.add(name)


def _named(unknown: Iterable[str]) -> str:
    """The names, each with the hook that was probably meant."""
    known = [name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "csai_spec")]
    guesses = {name: difflib.get_close_matches(name, known, n=1) for name in sorted(unknown)}
    return ", ".join(
        f"{name} (did you mean {guess[0]}?)" if guess else name for name, guess in guesses.items()
    )


def _flavour(hook: str) -> str:
    return "async" if inspect.iscoroutinefunction(getattr(hookspecs, hook)) else "a plain function"
