"""What gateways' webhooks tell, taken in once: verified first, then done and noted in one transaction."""

from __future__ import annotations

import structlog
from csai_sdk import Clock, GatewayError, PaymentEvent, WebhookForged, WebhookRequest
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.billing.book import Book
from csai.billing.gateway import Gateways
from csai.billing.repository import find_payment_told_of, has_unnamed_payments
from csai.billing.state import News
from csai.database import Database
from csai.kit.identifier import is_id
from csai.kit.problem import Problem
from csai.kit.text import clean

log = structlog.get_logger(__name__)


class Webhooks:
    """Takes in what payment vendors deliver."""

    def __init__(self, *, database: Database, gateways: Gateways, book: Book, clock: Clock) -> None:
        self._database = database
        self._gateways = gateways
        self._book = book
        self._clock = clock

    async def take(self, gateway_id: str, request: WebhookRequest) -> str:
        """What was done with it: `applied`, `repeated`, `ignored`. Raises `Problem`, storing nothing.

        A gateway that there is not refuses like a wrong signature: a stranger learns not which there are.
        """
        try:
            event = await self._gateways.desk(gateway_id).read_webhook(request)
        except (WebhookForged, Problem) as error:
            reason = error.code if isinstance(error, Problem) else str(error)
            log.warning("webhook refused", gateway=clean(gateway_id[:50]), reason=reason)
            raise Problem(401, "webhook_forged", "The signature is missing, wrong or too old.") from None
        except GatewayError as error:
            log.error("webhook not read", gateway=gateway_id, reason=str(error))
            raise Problem(422, "webhook_unreadable", "The webhook could not be read.") from None
        if event is None:
            return "ignored"
        async with self._database.write() as transaction:
            return await self._apply(transaction, gateway_id, event)

    async def _apply(self, transaction: AsyncConnection, gateway_id: str, event: PaymentEvent) -> str:
        now = self._clock.now()
        payment = await find_payment_told_of(
            transaction,
            gateway_id,
            vendor_id=event.payment_id,
            reference=event.reference if is_id(event.reference) else None,
        )
        if payment is None:
            return await self._unknown(transaction, gateway_id, event)
        page = await self._book.open(transaction, payment.invoice_id, client_id=payment.client_id)
        if await page.billing.has_news(gateway_id, event.id):
            return "repeated"
        news = News.of_event(event, at=now)
        await page.billing.add_news(
            gateway=gateway_id,
            event_id=event.id,
            payment_id=payment.id,
            status=event.status,
            told_at=news.at,
            received_at=now,
        )
        await self._book.tell(transaction, page, page.payment(payment.id), news)
        return "applied"

    async def _unknown(self, transaction: AsyncConnection, gateway_id: str, event: PaymentEvent) -> str:
        """Nothing of ours, such as what else the operator sells with the same account: so be it.

        Unless the event names no reference, and a payment's own id is not stored yet: it may be that one.
        """
        if not event.reference and await has_unnamed_payments(transaction, gateway_id):
            raise Problem(
                409,
                "payment_not_known_yet",
                "The payment may be one that is being made. Deliver this again.",
                headers={"Retry-After": "60"},
            )
        log.info("webhook of a payment that is none of ours", gateway=gateway_id)
        return "ignored"
