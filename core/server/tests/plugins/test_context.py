"""What a plugin is handed."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from csai.plugins.context import KeptResources, build_context
from csai.plugins.registry import Plugin


def test_a_plugins_log_keeps_its_fields_and_says_whose_they_are(caplog: pytest.LogCaptureFixture) -> None:
    unused: Any = SimpleNamespace()
    ctx = build_context(
        Plugin("shop", "test", "0"),
        client_id="client-1",
        own_settings={},
        http=unused,
        transports=unused,
        clock=unused,
        resources=KeptResources(),
        store=unused,
    )

    with caplog.at_level(logging.WARNING):
        ctx.log.warning("no answer", extra={"cause": "refused", "client_id": "another"})

    (record,) = caplog.records
    fields = vars(record)
    assert (fields["cause"], fields["plugin"], fields["client_id"]) == ("refused", "shop", "client-1")
