"""Delivering events: what is due is claimed, sent, and what came of it is stored; each in its own time.

An attempt is a durable run of its own, so that another worker goes on with it when this one dies: then the
receiver may hear of an event twice, under the same id. A run that is lost all the same is due again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from csai_sdk import Clock, HttpClient, HttpError

from csai.config import Settings
from csai.database import Database
from csai.kit.alert import Alerts
from csai.kit.crypto import DecryptError, Keyring
from csai.kit.fault_point import FaultPoint, reach
from csai.outbox.repository import Attempt, OutboxRepository, Outgoing, WebhookRepository, due_attempts
from csai.outbox.service import signing_secrets
from csai.outbox.signature import signature_headers

log = structlog.get_logger(__name__)

AT_ONCE = 20
AT_ONCE_PER_CLIENT = 4
MAX_ANSWER_BYTES = 10_000
GONE = 410
JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said: its status, or why there is none."""

    status: int | None
    error: str | None

    @property
    def is_success(self) -> bool:
        return self.error is None


class Deliveries:
    """Delivers what is in the outbox."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock,
        keyring: Keyring,
        http: HttpClient,
        alerts: Alerts,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._keyring = keyring
        self._http = http
        self._alerts = alerts
        # A dead worker's run is taken over within this, as its place among the workers runs out.
        self._patience = timedelta(seconds=2 * settings.lease_s + settings.webhook_timeout_s + 5)
        self._under_way: dict[Attempt, datetime] = {}

    async def claim(self) -> list[Attempt]:
        """Attempts that are due, this process' to begin: few of a client, lest a slow one fill the room."""
        now = self._clock.now()
        self._under_way = {attempt: until for attempt, until in self._under_way.items() if until > now}
        busy = {attempt.client_id for attempt in self._under_way}
        async with self._database.read() as connection:
            due = await due_attempts(
                connection,
                now=now,
                count=AT_ONCE - len(self._under_way),
                per_client=AT_ONCE_PER_CLIENT,
                busy=busy,
            )
        if not due:
            return []
        until = now + self._patience
        async with self._database.write() as transaction:
            claimed = [
                attempt
                for attempt in due
                if await OutboxRepository(transaction, attempt.client_id).claim(attempt, now=now, until=until)
            ]
        self._under_way |= dict.fromkeys(claimed, until)
        reach(FaultPoint.DELIVERY_CLAIMED)
        return claimed

    async def attempt(self, client_id: str, event_id: str, number: int) -> str:
        """Make an attempt; the event's status afterwards. Safe to repeat: it may only be heard of again."""
        attempt = Attempt(client_id, event_id, number)
        try:
            async with self._database.read() as connection:
                outgoing = await OutboxRepository(connection, client_id).outgoing(attempt)
            if outgoing is None:
                return "overtaken"
            answer = await self._send(attempt, outgoing)
            reach(FaultPoint.DELIVERY_SENT)
            return await self._record(attempt, outgoing, answer)
        finally:
            self._under_way.pop(attempt, None)

    async def _send(self, attempt: Attempt, outgoing: Outgoing) -> Answer:
        now = self._clock.now()
        try:
            secrets = signing_secrets(outgoing.webhook, attempt.client_id, self._keyring, now=now)
        except DecryptError:
            return Answer(None, "the signing secret cannot be decrypted: make a new one")
        return await post(
            self._http,
            outgoing.webhook.url,
            secrets,
            message_id=attempt.event_id,
            at=now,
            body=event_body(outgoing.event, outgoing.created_at, outgoing.payload),
            timeout_s=self._settings.webhook_timeout_s,
        )

    async def _record(self, attempt: Attempt, outgoing: Outgoing, answer: Answer) -> str:
        now = self._clock.now()
        wait_s = self._wait_s(attempt.number - outgoing.attempts_before)
        is_gone = answer.status == GONE
        is_over = is_gone or wait_s is None
        status = "delivered" if answer.is_success else "failed" if is_over else "pending"
        async with self._database.write() as transaction:
            is_latest = await OutboxRepository(transaction, attempt.client_id).record(
                attempt,
                status=status,
                next_attempt_at=now + timedelta(seconds=wait_s or 0),
                delivered_at=now if answer.is_success else None,
                last_status=answer.status,
                last_error=answer.error,
            )
            if is_gone:
                webhook = WebhookRepository(transaction, attempt.client_id)
                await webhook.switch_off(outgoing.webhook.url, now=now)
        self._tell(attempt, outgoing, answer, status if is_latest else "overtaken")
        return status if is_latest else "overtaken"

    def _wait_s(self, attempts: int) -> float | None:
        """Until the next attempt; None after the last."""
        waits = self._settings.webhook_waits_s
        # Not for secrecy: events that failed together should not come again together.
        jitter = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        return waits[attempts - 1] * jitter if attempts <= len(waits) else None

    def _tell(self, attempt: Attempt, outgoing: Outgoing, answer: Answer, status: str) -> None:
        fields: dict[str, str | float | None] = {
            "client_id": attempt.client_id,
            "event_id": attempt.event_id,
            "event_name": outgoing.event,
            "attempt": attempt.number,
            "status": answer.status,
            "reason": answer.error,
        }
        if answer.status == GONE:
            self._alerts.raise_alert("webhook.gone", client_id=attempt.client_id)
        elif status == "failed":
            self._alerts.raise_alert("webhook.failed", **fields)
        elif status == "delivered":
            log.info("event delivered", **fields)
        else:
            log.warning("event not delivered", outcome=status, **fields)


def event_body(event: str, at: datetime, payload: Mapping[str, Any]) -> bytes:
    return json.dumps({"type": event, "timestamp": at.isoformat(), "data": dict(payload)}).encode()


async def post(
    http: HttpClient,
    url: str,
    secrets: Sequence[str],
    *,
    message_id: str,
    at: datetime,
    body: bytes,
    timeout_s: float,
) -> Answer:
    """Send one signed request. Nothing of the answer is kept but its status: it could be anybody's words."""
    headers = signature_headers(secrets, message_id=message_id, at=at, body=body)
    try:
        answer = await http.request(
            "POST",
            url,
            headers=headers | {"content-type": "application/json"},
            content=body,
            timeout_s=timeout_s,
            max_bytes=MAX_ANSWER_BYTES,
        )
    except HttpError as error:
        return Answer(None, str(error))
    if 200 <= answer.status < 300:
        return Answer(answer.status, None)
    if 300 <= answer.status < 400:
        return Answer(answer.status, f"HTTP {answer.status}: redirects are not followed")
    return Answer(answer.status, f"HTTP {answer.status}")
