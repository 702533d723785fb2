"""csai integration: any JSON API."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import Integration, hookimpl

from csai_integration_rest.integration import RestIntegration


@hookimpl
def register_integrations() -> Sequence[Integration]:
    return [RestIntegration()]
