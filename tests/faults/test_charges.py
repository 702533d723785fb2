"""kill -9 at every step of a charge and of a refund: Stripe collects and gives back once."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from csai.cli import app
from csai.database import Database
from csai.kit.fault_point import VARIABLE, FaultPoint
from csai.models import Payment, Refund
from sqlalchemy import update
from typer.testing import CliRunner

from plugins.billing.stripe.tests.stripe_server import API_KEY, Stripe, stripe_server
from tests.support.backend import Backend
from tests.support.history import all_rows
from tests.support.program import run

SECRET = "0123456789abcdef0123456789abcdef"


@dataclass
class Installation:
    """The commands, with a Stripe, and an invoice of 49 dollars."""

    stripe: Stripe
    backend: Backend
    folder: Path
    invoice: str = ""

    async def csai(self, *arguments: str, death: FaultPoint | None = None) -> Any:
        variables = {
            "CSAI_DATABASE_URL": self.backend.database_url,
            "CSAI_SECRET_KEYS": SECRET,
            "CSAI_PLUGINS": "stripe",
            "STRIPE_API_KEY": API_KEY,
            "STRIPE_API_BASE": self.stripe.url,
        }
        if death is not None:
            variables[VARIABLE] = death.value
            died = await asyncio.to_thread(run, *arguments, cwd=self.folder, **variables)
            assert died.returncode == -signal.SIGKILL, died.stderr
            return None
        # What does not die needs no process of its own, which takes a second to start.
        ended = await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=variables)
        assert ended.exit_code == 0, ended.output
        return json.loads(ended.stdout) if "--json" in arguments else ended.stdout

    async def act(self, what: str, *more: str, death: FaultPoint | None = None) -> Any:
        return await self.csai("billing", what, self.invoice, *more, "--json", death=death)

    async def rows(self, model: Any) -> list[Any]:
        database = Database(self.backend.database_url)
        try:
            return await all_rows(database, model)
        finally:
            await database.close()

    async def let_claims_pass(self, model: Any) -> None:
        """What time does to the claim of a process that died."""
        database = Database(self.backend.database_url)
        try:
            async with database.write() as transaction:
                await transaction.execute(
                    update(model).values(claimed_until=datetime(2026, 1, 1, tzinfo=UTC))
                )
        finally:
            await database.close()


@pytest.fixture
def logs_as_they_were() -> Iterator[None]:
    """Commands point the process' log at their own stderr."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.fixture
async def installation(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs_as_they_were: None
) -> AsyncIterator[Installation]:
    monkeypatch.setenv("CSAI_DATA_DIR", str(tmp_path / "data"))
    async with stripe_server() as stripe:
        made = Installation(stripe, backend, tmp_path)
        await made.csai("client", "create", "Shop")
        await made.csai("billing", "price", "default", "--base", "49")
        await made.csai(
            *("billing", "payer", "Shop", "--gateway", "stripe", "--customer", "cus_1", "--method", "pm_1")
        )
        made.invoice = (await made.csai("billing", "invoice", "Shop", "2026-01", "--json"))["id"]
        yield made


@pytest.mark.parametrize(
    ("death", "is_searchable", "intents", "collected"),
    [
        (FaultPoint.CHARGE_INTENDED, True, 0, 0),
        (FaultPoint.CHARGE_ANNOUNCED, True, 1, 0),
        (FaultPoint.CHARGE_ANNOUNCED, False, 1, 0),
        (FaultPoint.CHARGE_COLLECTED, True, 1, 1),
    ],
)
async def test_a_charge_that_is_killed_is_gone_on_with_and_collected_once(
    installation: Installation, death: FaultPoint, is_searchable: bool, intents: int, collected: int
) -> None:
    stripe = installation.stripe
    stripe.is_searchable = is_searchable

    await installation.act("charge", death=death)

    assert (len(stripe.intents), len(stripe.collected)) == (intents, collected)
    (row,) = await installation.rows(Payment)
    assert row["status"] in ("begun", "pending"), "the attempt is stored before Stripe hears of it"
    await installation.let_claims_pass(Payment)
    state = await installation.act("charge")
    assert (state["status"], state["amount_paid"], len(state["payments"])) == ("paid", "49.00", 1)
    assert (len(stripe.intents), len(stripe.collected)) == (1, 1)


async def test_a_refund_that_is_killed_is_gone_on_with_and_given_back_once(
    installation: Installation,
) -> None:
    await installation.act("charge")

    await installation.act("refund", "--amount", "10", death=FaultPoint.REFUND_ANSWERED)

    assert installation.stripe.refunded == [1000]
    (row,) = await installation.rows(Refund)
    assert row["status"] == "begun"
    await installation.let_claims_pass(Refund)
    state = await installation.act("refund", "--amount", "10")
    assert (state["amount_refunded"], len(state["refunds"])) == ("10.00", 1)
    assert installation.stripe.refunded == [1000]
