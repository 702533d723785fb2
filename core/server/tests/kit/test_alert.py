"""Alerts reach the operator as well as may be, and harm nothing where they do not."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from csai.kit.alert import Alerts
from csai.kit.clock import SystemClock
from csai.kit.egress import EgressPolicy
from csai.kit.outbound import Outbound
from csai_testkit.replay import Exchange, ReplayServer
from structlog.testing import capture_logs


async def raise_one(url: str) -> list[Any]:
    """Raise an alert and wait until it is delivered or given up; what was logged."""
    outbound = Outbound(EgressPolicy())
    alerts = Alerts(url=url, http=outbound.operator_http, clock=SystemClock())
    with capture_logs() as logged:
        alerts.raise_alert("vendor.down", provider="openai", client_id=None, status=500)
        await alerts.aclose()
    await outbound.aclose()
    return list(logged)


async def test_an_alert_is_logged_and_posted_to_an_address_inside() -> None:
    async with ReplayServer([Exchange.of_json("/hook", {})]) as hook:
        logged = await raise_one(f"{hook.url}/hook")

    assert [(entry["log_level"], entry["alert"]) for entry in logged] == [("error", "vendor.down")]
    (request,) = hook.requests
    assert request.headers["content-type"] == "application/json"
    assert request.json.pop("at")
    assert request.json == {"alert": "vendor.down", "provider": "openai", "client_id": None, "status": 500}


@pytest.mark.parametrize(
    "answer", [Exchange.of_json("/my-secret", {}, status=404), Exchange.of_json("/other", {})]
)
async def test_an_alert_that_is_refused_is_a_warning_that_does_not_name_the_address(answer: Exchange) -> None:
    async with ReplayServer([answer]) as hook:
        logged = await raise_one(f"{hook.url}/my-secret")

    assert [entry["log_level"] for entry in logged] == ["error", "warning"]
    assert "my-secret" not in json.dumps(logged)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/my-secret", "http://user:my-secret@127.0.0.1/"])
async def test_an_alert_that_reaches_nobody_is_a_warning(url: str) -> None:
    async with asyncio.timeout(10):
        logged = await raise_one(url)

    assert [entry["log_level"] for entry in logged] == ["error", "warning"]
    assert "my-secret" not in json.dumps(logged)


async def test_without_an_address_an_alert_is_a_line_in_the_log() -> None:
    assert [entry["alert"] for entry in await raise_one("")] == ["vendor.down"]
