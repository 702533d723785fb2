"""What the tests of billing share: an office with a till, a client with usage, invoices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from csai.kit.identifier import new_id
from csai.models import LedgerEntry
from csai_testkit.context import FakeClock
from sqlalchemy import insert, update

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory
from tests.support.till import TillPlugin, Vendor

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
PERIOD = "2026-10"
LEASE_S = 30.0


@dataclass
class Office:
    """An operator at a server with a till, and a client on a plan of 49 dollars."""

    operator: Operator
    server: Server
    vendor: Vendor
    clock: FakeClock

    @property
    def client_path(self) -> str:
        return f"/admin/clients/{self.server.client.id}"

    async def use(self, micros: int, *, period: str = PERIOD, client_id: str = "") -> None:
        """Book a model call."""
        call = {
            "client_id": client_id or self.server.client.id,
            "turn_id": new_id(),
            "attempt": 1,
            "provider": "scripted",
            "model": "m",
            **dict.fromkeys(("tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write"), 1),
            "cost_micros": micros,
            "is_estimated": False,
            "is_embedding": False,
            "period": period,
            "day": date.fromisoformat(f"{period}-03"),
            "created_at": NOW,
        }
        async with self.server.services.database.write() as transaction:
            await transaction.execute(insert(LedgerEntry), call)

    async def price(self, **price: str) -> None:
        body = {"base": "49", "currency": "USD", **price}
        answer = await self.operator.ask(
            "PUT", "/admin/plans/default/price", json=body, headers={"If-Match": "*"}
        )
        assert answer.status_code == 200, answer.text

    async def pays_with(self, **payer: str) -> None:
        answer = await self.operator.ask(
            "PUT", f"{self.client_path}/payer", json=payer, headers={"If-Match": "*"}
        )
        assert answer.status_code == 200, answer.text

    async def invoice(self, period: str = PERIOD) -> str:
        answer = await self.operator.ask(
            "POST", f"{self.client_path}/invoices", json={"billing_period": period}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def act(self, invoice_id: str, action: str, **body: Any) -> httpx.Response:
        path = f"/admin/billing/invoices/{invoice_id}/{action}"
        headers = {"If-Match": body.pop("if_match", "*")} if action == "refund" else {}
        return await self.operator.ask("POST", path, json=body, headers=headers)

    async def charge(self, invoice_id: str, **body: Any) -> Any:
        answer = await self.act(invoice_id, "charge", **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def look(self, invoice_id: str) -> Any:
        return await self.operator.get(f"/admin/billing/invoices/{invoice_id}")

    async def refresh(self, invoice_id: str) -> Any:
        answer = await self.act(invoice_id, "refresh")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def deliver(self, gateway: str = "till", **request: Any) -> httpx.Response:
        return await self.server.http.post(f"/admin/billing/webhook/{gateway}", **request)


async def claimed(office: Office, model: Any) -> None:
    """As a process leaves it that dies over it."""
    until = office.clock.now() + timedelta(seconds=LEASE_S)
    async with office.server.services.database.write() as transaction:
        await transaction.execute(update(model).values(claimed_by=new_id(), claimed_until=until))


OfficeFactory = Callable[..., Awaitable[Office]]


@pytest.fixture
async def make_office(make_server: ServerFactory) -> OfficeFactory:
    async def make(**more: Any) -> Office:
        vendor = Vendor()
        clock = FakeClock(NOW)
        plugins = {"till": TillPlugin(vendor), **more.pop("plugins", {})}
        server = await make_server(plugins=plugins, clock=clock, **more)
        office = Office(await sign_in(server), server, vendor, clock)
        await office.price()
        return office

    return make


@pytest.fixture
async def office(make_office: OfficeFactory) -> Office:
    """Its client has saved a card at the till."""
    office = await make_office()
    await office.pays_with(gateway="till", customer="cus_1", method="pm_1")
    return office
