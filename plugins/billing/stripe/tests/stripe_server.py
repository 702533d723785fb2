"""Stripe, played on a loopback port: forms in, JSON out, idempotent requests, errors and signed webhooks.

Source: https://docs.stripe.com/api, its errors, idempotent requests and webhook signatures.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.test_utils import TestServer

API_KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
WEBHOOK_SECRET = "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH"
NOW = 1_795_694_400

Loss = Literal["drop", "hang up first", 500]
DECLINED = {"pm_declined": "insufficient_funds", "pm_lost": "lost_card"}


class Refused(Exception):
    """An error as Stripe's API answers it."""

    def __init__(self, status: int, kind: str, code: str = "", **more: Any) -> None:
        super().__init__(code)
        self.status = status
        self.error = {"type": kind, "code": code, "message": f"About {API_KEY}: {code}", **more}


@dataclass
class Stripe:
    """The account. `losses` are what happens to the next answers of a path's last word, after the work."""

    url: str = ""
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    disputes: list[dict[str, Any]] = field(default_factory=list)
    collected: list[str] = field(default_factory=list)
    refunded: list[int] = field(default_factory=list)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    losses: dict[str, list[Loss]] = field(default_factory=dict)
    refusals: dict[str, list[Refused]] = field(default_factory=dict)
    manual_capture: bool = False
    is_searchable: bool = True
    _answers: dict[str, tuple[str, int, Any]] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def event(self, kind: str, told: dict[str, Any], *, at: int = NOW, number: int | None = None) -> bytes:
        """An event's body, as a webhook delivers it."""
        made = {
            "id": f"evt_{number or next(self._numbers)}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": at,
            "type": kind,
            "livemode": False,
            "data": {"object": told},
        }
        return json.dumps(made, indent=2).encode()

    def pay(self, session_id: str) -> dict[str, Any]:
        """Somebody pays at the session's page."""
        session = self.sessions[session_id]
        metadata = session["_intent_metadata"]
        intent = self._new_intent(session["amount_total"], session["currency"], metadata)
        self._succeed(intent)
        session.update(status="complete", payment_status="paid", payment_intent=intent["id"], url=None)
        return session

    def dispute(self, intent_id: str, status: str = "needs_response") -> dict[str, Any]:
        """The cardholder objects; the dispute knows nothing of what was announced."""
        self.charge_of(intent_id)["disputed"] = True
        made = {"id": "dp_1", "object": "dispute", "payment_intent": intent_id, "status": status}
        self.disputes = [{**made, "amount": 4900, "currency": "usd", "metadata": {}}]
        return self.disputes[0]

    def charge_of(self, intent_id: str) -> dict[str, Any]:
        charge: dict[str, Any] = self.intents[intent_id]["latest_charge"]
        return charge

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = (await request.read()).decode()
        key = request.headers.get("idempotency-key", "")
        self.requests.append((request.method, request.path, key))
        word = request.path.rpartition("/")[2]
        losses = self.losses.get(word)
        loss = losses.pop(0) if losses else None
        if loss == "hang up first":
            return self._drop(request)
        status, answer = self._once(request, body, key)
        if loss == "drop":
            return self._drop(request)
        if loss == 500:
            status, answer = 500, {"error": {"type": "api_error", "message": "An unknown error occurred"}}
        headers = {"request-id": f"req_{next(self._numbers)}"}
        return web.json_response(answer, status=status, headers=headers)

    def _drop(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    def _once(self, request: web.Request, body: str, key: str) -> tuple[int, Any]:
        """The same key with the same parameters has the same answer; with others it is refused."""
        asked = f"{request.method} {request.path} {body}"
        known = self._answers.get(key) if key and request.method == "POST" else None
        if known is not None and known[0] != asked:
            error = Refused(400, "idempotency_error").error
            return 400, {
                "error": {**error, "message": "Keys for idempotent requests can only be used with ..."}
            }
        if known is not None:
            return known[1], known[2]
        try:
            status, answer = 200, self._work(request, dict(parse_qsl(body, keep_blank_values=True)))
        except Refused as refused:
            status, answer = refused.status, {"error": refused.error}
        if key and request.method == "POST" and status not in (401, 409, 429):
            # As it was then: later news do not change it.
            self._answers[key] = (asked, status, json.loads(json.dumps(answer)))
        return status, answer

    def _work(self, request: web.Request, form: dict[str, str]) -> Any:
        if request.headers.get("authorization") != f"Bearer {API_KEY}":
            raise Refused(401, "invalid_request_error")
        path, word = request.path, request.path.rpartition("/")[2]
        if self.refusals.get(word):
            raise self.refusals[word].pop(0)
        if request.method == "POST":
            assert request.content_type == "application/x-www-form-urlencoded"
            self.forms.append(form)
        match request.method, path.split("/")[2:]:
            case "POST", ["payment_intents"]:
                return self._create(form)
            case "GET", ["payment_intents", "search"]:
                return self._search(request.query["query"])
            case "GET", ["payment_intents", intent_id]:
                return self._find(self.intents, intent_id)
            case "POST", ["payment_intents", intent_id, _]:
                return self._move(self._find(self.intents, intent_id), word, form)
            case "GET", ["disputes"]:
                wanted = request.query["payment_intent"]
                return {"data": [each for each in self.disputes if each["payment_intent"] == wanted]}
            case "POST", ["refunds"]:
                return self._refund(form)
            case method, ["checkout", "sessions", *rest]:
                return self._session(method, rest, form, request.query)
            case "GET", ["customers", customer_id]:
                return self._find(self.customers, customer_id)
        raise Refused(404, "invalid_request_error", "url_invalid")

    def _move(self, intent: dict[str, Any], word: str, form: dict[str, str]) -> dict[str, Any]:
        match word:
            case "confirm":
                return self._confirm(intent, form)
            case "capture":
                return self._capture(intent)
            case "cancel":
                return self._cancel(intent)
        raise Refused(404, "invalid_request_error", "url_invalid")

    def _session(self, method: str, rest: list[str], form: dict[str, str], query: Any) -> dict[str, Any]:
        if method == "POST" and rest:
            session = self._find(self.sessions, rest[0])
            if session["status"] != "open":
                raise Refused(400, "invalid_request_error")
            session.update(status="expired", url=None)
            return session
        if method == "POST":
            return self._open_session(form)
        return self._shown_session(self._find(self.sessions, rest[0]), query)

    def _find(self, objects: dict[str, dict[str, Any]], wanted: str) -> dict[str, Any]:
        if wanted not in objects:
            raise Refused(404, "invalid_request_error", "resource_missing")
        return objects[wanted]

    def _new_intent(self, amount: int, currency: str, metadata: dict[str, str]) -> dict[str, Any]:
        intent: dict[str, Any] = {
            "id": f"pi_{next(self._numbers)}",
            "object": "payment_intent",
            "amount": amount,
            "currency": currency,
            "status": "requires_payment_method",
            "metadata": metadata,
            "latest_charge": None,
            "last_payment_error": None,
            "payment_method": None,
            "created": NOW,
        }
        self.intents[intent["id"]] = intent
        return intent

    def _create(self, form: dict[str, str]) -> dict[str, Any]:
        amount = int(form["amount"])
        if amount < 50 and form["currency"] != "jpy":
            raise Refused(400, "invalid_request_error", "amount_too_small", param="amount")
        intent = self._new_intent(amount, form["currency"], members(form, "metadata"))
        intent["payment_method"] = form.get("payment_method")
        if intent["payment_method"]:
            intent["status"] = "requires_confirmation"
        return intent

    def _confirm(self, intent: dict[str, Any], form: dict[str, str]) -> dict[str, Any]:
        assert form.get("off_session") in ("true", "True")
        if intent["status"] not in ("requires_confirmation", "requires_payment_method"):
            raise Refused(400, "invalid_request_error", "payment_intent_unexpected_state")
        if intent["payment_method"] in DECLINED:
            decline = DECLINED[intent["payment_method"]]
            error = {"type": "card_error", "code": "card_declined", "decline_code": decline}
            intent.update(status="requires_payment_method", last_payment_error=error, payment_method=None)
            raise Refused(402, "card_error", "card_declined", decline_code=decline, payment_intent=intent)
        if self.manual_capture:
            intent["status"] = "requires_capture"
            return intent
        return self._succeed(intent)

    def _capture(self, intent: dict[str, Any]) -> dict[str, Any]:
        if intent["status"] != "requires_capture":
            raise Refused(400, "invalid_request_error", "payment_intent_unexpected_state")
        return self._succeed(intent)

    def _cancel(self, intent: dict[str, Any]) -> dict[str, Any]:
        if intent["status"] in ("succeeded", "canceled", "processing"):
            raise Refused(400, "invalid_request_error", "payment_intent_unexpected_state")
        intent["status"] = "canceled"
        return intent

    def _succeed(self, intent: dict[str, Any]) -> dict[str, Any]:
        self.collected.append(intent["id"])
        intent["status"] = "succeeded"
        intent["latest_charge"] = {
            "id": f"ch_{next(self._numbers)}",
            "object": "charge",
            "amount": intent["amount"],
            "amount_refunded": 0,
            "refunded": False,
            "currency": intent["currency"],
            "metadata": intent["metadata"],
            "payment_intent": intent["id"],
            "payment_method_details": {"type": "card"},
        }
        return intent

    def _refund(self, form: dict[str, str]) -> dict[str, Any]:
        intent = self._find(self.intents, form["payment_intent"])
        charge = intent["latest_charge"]
        left = charge["amount"] - charge["amount_refunded"]
        amount = int(form.get("amount", left))
        if not left:
            raise Refused(400, "invalid_request_error", "charge_already_refunded")
        if amount > left:
            raise Refused(400, "invalid_request_error", "amount_too_large")
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount"] == charge["amount_refunded"]
        self.refunded.append(amount)
        return {
            "id": f"re_{next(self._numbers)}",
            "object": "refund",
            "status": "succeeded",
            "amount": amount,
        }

    def _open_session(self, form: dict[str, str]) -> dict[str, Any]:
        number = next(self._numbers)
        session = {
            "id": f"cs_test_{number}",
            "object": "checkout.session",
            "amount_total": int(form["line_items[0][price_data][unit_amount]"]),
            "currency": form["line_items[0][price_data][currency]"],
            "status": "open",
            "payment_status": "unpaid",
            "payment_intent": None,
            "url": f"https://checkout.stripe.com/c/pay/cs_test_{number}",
            "metadata": members(form, "metadata"),
            "_intent_metadata": members(form, "payment_intent_data[metadata]"),
        }
        assert form["success_url"]
        self.sessions[str(session["id"])] = session
        return session

    def _shown_session(self, session: dict[str, Any], query: Any) -> dict[str, Any]:
        is_expanded = "payment_intent.latest_charge" in query.values()
        intent = self.intents.get(session["payment_intent"]) if is_expanded else None
        return {**session, "payment_intent": intent} if intent else session

    def _search(self, query: str) -> dict[str, Any]:
        found = re.fullmatch(r"metadata\['csai_payment'\]:'(.*)'", query)
        assert found is not None, query
        data = [
            intent
            for intent in self.intents.values()
            if intent["metadata"].get("csai_payment") == found[1] and self.is_searchable
        ]
        return {"object": "search_result", "data": data[:1], "has_more": False}


def members(form: dict[str, str], name: str) -> dict[str, str]:
    """`metadata[a]=1` as `{"a": "1"}`."""
    start = f"{name}["
    return {key[len(start) : -1]: value for key, value in form.items() if key.startswith(start)}


def signed(body: bytes, *, secret: str = WEBHOOK_SECRET, at: int = NOW) -> dict[str, str]:
    """The headers of a delivery."""
    signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    header = f"t={at},v1={signature},v0={'6f' * 32}"
    return {"content-type": "application/json; charset=utf-8", "stripe-signature": header}


@asynccontextmanager
async def stripe_server() -> AsyncIterator[Stripe]:
    stripe = Stripe()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stripe.handle)
    async with TestServer(app) as running:
        stripe.url = str(running.make_url("")).rstrip("/")
        yield stripe
