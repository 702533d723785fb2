"""The parts of billing, wired: one for the server, one for a command."""

from __future__ import annotations

from dataclasses import dataclass

from csai_sdk import Clock

from csai.billing.asking import Asking
from csai.billing.book import Book
from csai.billing.by_hand import ByHand
from csai.billing.calling_off import CallingOff
from csai.billing.charging import Charges
from csai.billing.claim import Claims
from csai.billing.gateway import Gateways
from csai.billing.refunding import Refunds
from csai.billing.webhook import Webhooks
from csai.config import Settings
from csai.database import Database
from csai.kit.alert import Alerts
from csai.kit.outbound import Outbound
from csai.plugins.registry import PluginRegistry


@dataclass(frozen=True, slots=True)
class Billing:
    """What changes invoices."""

    gateways: Gateways
    charges: Charges
    refunds: Refunds
    by_hand: ByHand
    asking: Asking
    webhooks: Webhooks


def build_billing(
    *,
    settings: Settings,
    database: Database,
    registry: PluginRegistry,
    outbound: Outbound,
    alerts: Alerts,
    clock: Clock,
) -> Billing:
    gateways = Gateways(registry=registry, outbound=outbound, clock=clock)
    book = Book(database=database, clock=clock, alerts=alerts)
    claims = Claims(database=database, clock=clock, lease_s=settings.lease_s, beat_s=settings.heartbeat_s)
    calling_off = CallingOff(database=database, gateways=gateways, book=book, claims=claims, clock=clock)
    return Billing(
        gateways=gateways,
        charges=Charges(
            database=database,
            gateways=gateways,
            book=book,
            claims=claims,
            calling_off=calling_off,
            clock=clock,
        ),
        refunds=Refunds(database=database, gateways=gateways, book=book, claims=claims, clock=clock),
        by_hand=ByHand(database=database, book=book, calling_off=calling_off, clock=clock),
        asking=Asking(database=database, gateways=gateways, book=book, alerts=alerts, clock=clock),
        webhooks=Webhooks(database=database, gateways=gateways, book=book, clock=clock),
    )
