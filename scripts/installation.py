"""A demo server as it may be after two months: a few clients, what they set up, and what visitors said.

What an operator does is done over the admin API; the past is written into the tables (`scripts/past.py`).
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from csai.database import Database
from csai.models import ChannelAccount, Client, Counter, Invoice, Plan
from sqlalchemy import insert, update

from scripts.past import Busy, write_past

EMAIL, PASSWORD = "ada@kettle.example", "a sentence of my own"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
OTHERS = {"Northwind Outdoor": 13.0, "Harbour Books": 7.0, "Lumen Dental": 3.0}
"""Conversations on a usual day."""
SHOP_A_DAY = 26.0
ORDER = "Where is my order ORD-1001?"
ENDPOINT = {
    "url": "/orders/{order_id}",
    "description": "An order with its status.",
    "parameters_schema": {
        "type": "object",
        "properties": {"order_id": {"type": "string", "description": "As it stands on the invoice."}},
        "required": ["order_id"],
    },
}
EXPERIMENT = {
    "name": "Shorter answers",
    "arms": [
        {"name": "as now", "weight": 1},
        {"name": "short", "weight": 1, "prompt": "Answer in one sentence where that is enough."},
    ],
}
TEAM = (
    ("ben@kettle.example", "admin", False),
    ("tess@kettle.example", "teammate", True),
    ("eli@audit.example", "viewer", False),
)
"""Whom the owner has invited, as what, and whether for the shop alone."""
TOKENS = (
    {"name": "nightly report", "expires_in_days": 30},
    {"name": "stock sync", "role": "admin", "scope": "write", "expires_in_days": 365},
)


@dataclass(frozen=True)
class Installation:
    """Where it runs, its shop, and objects of it by the names that pictures know them by."""

    url: str
    client_id: str
    token: str
    ids: dict[str, str] = field(default_factory=dict)

    def path(self, path: str) -> str:
        """The address of a page: names in capitals are ids."""
        for name, value in {"CLIENT": self.client_id, **self.ids}.items():
            path = path.replace(name, value)
        return f"{self.url}/dashboard/{path}"


@contextmanager
def demo() -> Iterator[tuple[dict[str, str], Path]]:
    """A demo with data of its own, and where that is."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            str(Path(sys.executable).parent / "csai"),
            "demo",
            "--port",
            "0",
            "--json",
            "--data-dir",
            folder,
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                yield json.loads(process.stdout.readline()), Path(folder)
            finally:
                process.terminate()


@contextmanager
def installation() -> Iterator[Installation]:
    with demo() as (told, folder):
        url = told["dashboard_url"].removesuffix("/dashboard/")
        with httpx.Client(base_url=url, timeout=60, headers={"User-Agent": BROWSER}) as http:
            welcome = {
                "token": told["admin_link"].partition("token=")[2],
                "email": EMAIL,
                "password": PASSWORD,
            }
            _ask(http, "POST", "/admin/auth/welcome", welcome)
            login = {"email": EMAIL, "password": PASSWORD}
            token = _ask(http, "POST", "/admin/auth/login", login)["token"]
            http.cookies.clear()  # with which a change would have to name its origin
            http.headers["Authorization"] = f"Bearer {token}"
            made = Installation(url, told["client_id"], token)
            others = {name: _ask(http, "POST", "/admin/clients", _client(name))["id"] for name in OTHERS}
            asyncio.run(_write(folder / "csai.sqlite", told["client_id"], others))
            _set_up(http, made, others)
            _speak(http, made, told["secret_key"])
            asyncio.run(_age(folder / "csai.sqlite", made))
        yield made


def _client(name: str) -> dict[str, Any]:
    return {"name": name, "origins": [f"https://{name.lower().replace(' ', '-')}.example"]}


async def _write(file: Path, shop: str, others: dict[str, str]) -> None:
    """Plans, of which one client has nearly used up what it may, and the past of them all."""
    now = datetime.now(UTC)
    database = Database(f"sqlite+aiosqlite:///{file}", pool_size=1)
    near = others["Northwind Outdoor"]
    async with database.write() as transaction:
        limits = {"conversations": 400, "cost": 50_000_000}
        plan = {"name": "growth", "title": "Growth", "limits": limits, "features": {}, "created_at": now}
        await transaction.execute(insert(Plan).values(plan))
        await transaction.execute(
            update(Client).values(plan_type="growth").where(Client.id.in_([shop, near]))
        )
        used = {
            "client_id": near,
            "metric": "conversations",
            "period": f"{now:%Y-%m}",
            "used": 371,
            "reserved": 0,
        }
        await transaction.execute(insert(Counter).values(used))
        await transaction.execute(update(Client).values(created_at=now - timedelta(days=70)))
    busy = [Busy(shop, SHOP_A_DAY), *(Busy(others[name], a_day) for name, a_day in OTHERS.items())]
    await write_past(database, busy, now)
    await database.close()


def _set_up(http: httpx.Client, made: Installation, others: dict[str, str]) -> None:
    shop, ids = f"/admin/clients/{made.client_id}", made.ids
    price = {"base": "49", "currency": "EUR", "usage_rate": "1.1"}
    _ask(http, "PUT", "/admin/plans/growth/price", price)
    month = datetime.now(UTC).replace(day=1) - timedelta(days=1)
    before = {"billing_period": f"{month.replace(day=1) - timedelta(days=1):%Y-%m}"}
    ids["OVERDUE"] = _ask(http, "POST", f"{shop}/invoices", before)["id"]
    for name, client_id in (("INVOICE", made.client_id), ("PAID", others["Northwind Outdoor"])):
        period = {"billing_period": f"{month:%Y-%m}"}
        ids[name] = _ask(http, "POST", f"/admin/clients/{client_id}/invoices", period)["id"]
    paid = {"method": "bank_transfer", "reference": "RF18 5390 0754"}
    _ask(http, "POST", f"/admin/billing/invoices/{ids['PAID']}/mark-paid", paid)
    for plugin in ("rest", "whatsapp"):
        _ask(http, "PATCH", f"{shop}/plugins/{plugin}", {"enabled": True})
    orders = {"type": "rest", "name": "Orders", "settings": {"base_url": "https://api.kettle.example"}}
    ids["INTEGRATION"] = _ask(http, "POST", f"{shop}/integrations", orders)["id"]
    _ask(
        http,
        "POST",
        f"{shop}/integrations/{ids['INTEGRATION']}/endpoints",
        {"name": "order_status", **ENDPOINT},
    )
    number = {
        "channel": "whatsapp",
        "name": "Orders line",
        "settings": {"phone_number_id": "106540352242922"},
    }
    ids["CHANNEL"] = _ask(http, "POST", f"{shop}/channels", number)["id"]
    ids["EXPERIMENT"] = _ask(http, "POST", f"{shop}/experiments", EXPERIMENT)["id"]
    _ask(http, "POST", f"{shop}/experiments/{ids['EXPERIMENT']}/start")
    for email, role, is_bound in TEAM:
        bound = [made.client_id] if is_bound else None
        invited = _ask(http, "POST", "/admin/admins", {"email": email, "role": role, "client_ids": bound})
        ids["ADMIN"] = invited["admin"]["id"]
    for token in TOKENS:
        _ask(http, "POST", "/admin/tokens", token)
    settings = {"tone": "Warm and brief. Kettles are she.", "message_days": 60}
    _ask(http, "PATCH", shop, {"settings": settings})


def _speak(http: httpx.Client, made: Installation, key: str) -> None:
    """What has been said just now, with the demo's own tools and answers."""
    order = _say(http, key, ORDER, "Dana K.")
    _say(http, key, "And is the blue kettle in stock?", "Dana K.", order)
    _tell(http, key, order, "/api/feedback", message_id=order["message"]["id"], thumb="up")
    short = _say(http, key, "What is your return policy?", "S. Whitfield")
    _tell(http, key, short, "/api/feedback", rating=2, comment="I wanted to know about gifts.")
    _say(http, key, "Where is my order ORD-9999?", "Jonas")
    for text, visitor in (
        ("My kettle arrived broken. I want a human, please", "Priya N."),
        ("אפשר לדבר עם נציג?", "נועה לוי"),
    ):
        waiting = _say(http, key, text, visitor)
        _tell(http, key, waiting, "/chat/handoff")
        made.ids.setdefault("WAITING", _conversation(http, waiting["session_id"]))
    made.ids["CONVERSATION"] = _longest(http, made.client_id)
    claim = {"teammate": "Tess", "is_takeover": False}
    waiting_path = f"/admin/clients/{made.client_id}/conversations/{made.ids['WAITING']}"
    _ask(http, "POST", f"{waiting_path}/claim", claim)
    reply = {
        "message": "I am sorry! A new one leaves our house today.",
        "message_id": "0198c5a0-0000-4000-8000-000000000001",
    }
    _ask(http, "POST", f"{waiting_path}/messages", reply)


def _say(
    http: httpx.Client, key: str, text: str, visitor: str, before: dict[str, Any] | None = None
) -> dict[str, Any]:
    asked = {"message": text, "user_identifier": visitor}
    headers = {"X-API-Key": key}
    if before:
        asked["session_id"] = before["session_id"]
        headers["X-Session-Token"] = before["session_token"]
    said: dict[str, Any] = _ask(http, "POST", "/chat/message", asked, headers)
    return said


def _tell(http: httpx.Client, key: str, said: dict[str, Any], path: str, **more: Any) -> None:
    headers = {"X-API-Key": key, "X-Session-Token": said["session_token"]}
    _ask(http, "POST", path, {"session_id": said["session_id"], **more}, headers)


def _conversation(http: httpx.Client, session_id: str) -> str:
    listed = _ask(http, "GET", "/admin/conversations")["conversations"]
    return next(str(each["id"]) for each in listed if each["session_id"] == session_id)


def _longest(http: httpx.Client, client_id: str) -> str:
    """Of the newest conversations of the past, that with most tool calls."""
    listed = _ask(http, "GET", f"/admin/conversations?client_id={client_id}&channel=widget&limit=50")
    return str(max(listed["conversations"], key=lambda each: int(each["tool_calls"]))["id"])


async def _age(file: Path, made: Installation) -> None:
    """What only time, or a vendor, would have brought about."""
    now = datetime.now(UTC)
    database = Database(f"sqlite+aiosqlite:///{file}", pool_size=1)
    async with database.write() as transaction:
        late = {"created_at": now - timedelta(days=56), "due_at": now - timedelta(days=42)}
        await transaction.execute(update(Invoice).values(late).where(Invoice.id == made.ids["OVERDUE"]))
        fault = "The access token has expired: make a new one in Meta's business settings."
        await transaction.execute(
            update(ChannelAccount).values(fault=fault).where(ChannelAccount.id == made.ids["CHANNEL"])
        )
    await database.close()


def _ask(
    http: httpx.Client, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> Any:
    answer = http.request(method, path, json=body, headers={"If-Match": "*", **(headers or {})})
    if answer.is_error:
        raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
    return answer.json()
