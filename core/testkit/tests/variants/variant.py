"""A plugin made of what it is given: the sound one of each kind, and others with one thing wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from csai_sdk import (
    Channel,
    Gateway,
    Integration,
    Locale,
    PluginSettings,
    Provider,
    Tool,
    ToolBackend,
    hookimpl,
)
from csai_testkit.conformance import PluginSuite
from pydantic import Field, SecretStr

T = TypeVar("T")


class VendorSettings(PluginSettings):
    api_key: SecretStr | None = Field(
        default=None,
        title="API key",
        description="The vendor's key.",
        json_schema_extra={"env": "SOUND_API_KEY"},
    )
    base_url: str = Field(
        default="http://127.0.0.1:9",
        title="Base URL",
        description="The vendor's address.",
        json_schema_extra={"env": "SOUND_BASE_URL", "url": True},
    )


def key_of(settings: VendorSettings) -> str:
    return settings.api_key.get_secret_value() if settings.api_key else ""


class Plugin:
    """Registers what its parts' factories make."""

    def __init__(self, *parts: Callable[[], Any], settings: type[PluginSettings] = VendorSettings) -> None:
        self.parts = parts
        self.settings = settings

    def made(self, kind: type[Any]) -> list[Any]:
        return [part for part in (make() for make in self.parts) if isinstance(part, kind)]

    @hookimpl
    def register_settings(self) -> type[PluginSettings]:
        return self.settings

    @hookimpl
    def register_providers(self) -> Sequence[Provider]:
        return self.made(Provider)

    @hookimpl
    def register_tools(self) -> Sequence[Tool]:
        return self.made(Tool)

    @hookimpl
    def register_tool_backends(self) -> Sequence[ToolBackend]:
        return self.made(ToolBackend)

    @hookimpl
    def register_integrations(self) -> Sequence[Integration]:
        return self.made(Integration)

    @hookimpl
    def register_gateways(self) -> Sequence[Gateway]:
        return self.made(Gateway)

    @hookimpl
    def register_channels(self) -> Sequence[Channel]:
        return self.made(Channel)

    @hookimpl
    def register_locales(self) -> Sequence[Locale]:
        return self.made(Locale)


def breaks(check: str, suite: type[PluginSuite], **attributes: Any) -> Callable[[T], T]:
    """Put the suite over a variant of the sound plugin; the named check is the one that has to fail.

    A variant is a part, or a whole plugin. `attributes` are the suite's, where it needs others.
    """

    def put(variant: T) -> T:
        name, home = getattr(variant, "__name__", ""), sys._getframe(1).f_globals
        name = name or variant.function.__name__.title().replace("_", "")  # type: ignore[attr-defined]
        home[f"plugin_{name}"] = _plugin_of(variant)
        own = {"plugin": f"{home['__name__']}:plugin_{name}", "breaks": check, **attributes}
        home[f"Test{name}"] = type(f"Test{name}", (suite,), {"__module__": home["__name__"], **own})
        return variant

    return put


def _plugin_of(variant: Any) -> Any:
    if isinstance(variant, type):
        return variant() if issubclass(variant, Plugin) else Plugin(variant)
    return Plugin(lambda: variant)
