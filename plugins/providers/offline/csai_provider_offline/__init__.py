"""csai provider: a deterministic provider that needs no model, no key and no network."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import Provider, hookimpl

from csai_provider_offline.provider import OfflineProvider

__all__ = ["OfflineProvider", "register_providers"]


@hookimpl
def register_providers() -> Sequence[Provider]:
    return (OfflineProvider(),)
