"""csai integration: a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import Integration, hookimpl

from csai_integration_sql.integration import SqlIntegration


@hookimpl
def register_integrations() -> Sequence[Integration]:
    return [SqlIntegration()]
