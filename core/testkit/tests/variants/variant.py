"""A plugin made of what it is given: the sound one of each kind, and others with one thing wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Broken:
    """A variant, and the check that it has to fail."""

    check: str
    sound: str
    """The name of the sound plugin that it differs from."""
    attributes: Mapping[str, Any]


def breaks(check: str, *, of: str = "sound", **attributes: Any) -> Callable[[T], T]:
    """Make a variant of the sound plugin `of` a plugin of its module; it has to fail the named check.

    A variant is a part, or a whole plugin. `attributes` are the suite's, where it needs others.
    """

    def put(variant: T) -> T:
        home = sys._getframe(1).f_globals
        name = getattr(variant, "__name__", "") or variant.function.__name__  # type: ignore[attr-defined]
        home[f"plugin_{name}"] = _plugin_of(variant)
        home.setdefault("BROKEN", {})[f"plugin_{name}"] = Broken(check, of, attributes)
        return variant

    return put


def _plugin_of(variant: Any) -> Any:
    if isinstance(variant, type):
        return variant() if issubclass(variant, Plugin) else Plugin(variant)
    return Plugin(lambda: variant)
