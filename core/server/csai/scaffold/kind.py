"""The kinds of plugin that there is a template for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a plugin is to bring."""

    provider = "provider"
    tool = "tool"
    tool_backend = "tool-backend"
    integration = "integration"
    gateway = "gateway"
    channel = "channel"
    locale = "locale"
    hooks = "hooks"
    web = "web"


@dataclass(frozen=True, slots=True)
class Template:
    """`layers` are folders of templates, later ones adding to the earlier; `prefix` begins the names."""

    prefix: str
    layers: tuple[str, ...]
    dependencies: tuple[str, ...] = ()
    is_switched: bool = True
    """Whether a client has to have it on for it to do anything."""


_PYDANTIC = "pydantic>=2.12"

TEMPLATES = {
    Kind.provider: Template("provider", ("vendor", "provider"), ("httpx>=0.28", _PYDANTIC)),
    Kind.tool: Template("tool", ("tool",)),
    Kind.tool_backend: Template("tool", ("tool-backend",)),
    Kind.integration: Template("integration", ("integration",)),
    Kind.gateway: Template("gateway", ("webhook", "gateway"), (_PYDANTIC,)),
    Kind.channel: Template("channel", ("webhook", "channel"), (_PYDANTIC,)),
    Kind.locale: Template("locale", ("locale",)),
    Kind.hooks: Template("hooks", ("hooks",), (_PYDANTIC,)),
    Kind.web: Template("web", ("web",), is_switched=False),
}
