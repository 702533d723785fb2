"""Invoices as an admin sees, charges and refunds them, and what payment vendors tell of them."""

from __future__ import annotations

from typing import Annotated, Any

from csai_sdk import WebhookRequest
from fastapi import APIRouter, Query, Request, Response

from csai.admins.service import READERS
from csai.billing.by_hand import Received
from csai.billing.charging import Wish
from csai.billing.invoicing import make_invoice
from csai.billing.repository import InvoiceFilter, invoices_page
from csai.billing.schemas import (
    Charge,
    InvoicePage,
    InvoiceState,
    InvoiceStatus,
    MarkPaid,
    NewInvoice,
    RefundAsked,
    Void,
    WebhookTaken,
)
from csai.billing.view import invoice_state, summary
from csai.clients.repository import ClientRepository
from csai.kit.body import read_body, read_model
from csai.kit.identifier import check_id, is_id
from csai.kit.openapi import ADMIN_PROBLEMS, GATEWAY_PROBLEMS, body_of
from csai.kit.page import check_before, page_of
from csai.kit.precondition import IF_MATCH, named_tags, read_change, tagged
from csai.kit.problem import Problem
from csai.services import Services

router = APIRouter(prefix="/admin", tags=["admin: billing"], responses={**ADMIN_PROBLEMS, **GATEWAY_PROBLEMS})

MAX_PAGE = 200
_EXAMPLE = {"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_1"}}}
_DELIVERY = {
    "requestBody": {
        "required": True,
        "description": "As the vendor signs and sends it.",
        "content": {"application/json": {"schema": {"type": "object", "examples": [_EXAMPLE]}}},
    }
}
Period = Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}$", description="Only of this one: YYYY-MM.")]
Status = Annotated[InvoiceStatus | None, Query(description="Only those that stand so.")]
Before = Annotated[str | None, Query(description="`next` of the page before.")]
Count = Annotated[int, Query(ge=1, le=MAX_PAGE)]


@router.get(
    "/clients/{client_id}/invoices", summary="The client's invoices, newest first", response_model=InvoicePage
)
async def of_client(
    request: Request, client_id: str, status: Status = None, before: Before = None, count: Count = 50
) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    async with services.database.read() as connection:
        await ClientRepository(connection, client_id).get()
    return await _page(services, InvoiceFilter(client_id=client_id, status=status), before, count)


@router.post(
    "/clients/{client_id}/invoices",
    summary="Make the client's invoice of a period that is over",
    status_code=201,
    response_model=InvoiceState,
    openapi_extra=body_of(NewInvoice),
)
async def make(request: Request, response: Response, client_id: str) -> Any:
    """409 `invoice_exists` where there is one, `period_open` while the period lasts."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, NewInvoice, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        invoice = await make_invoice(
            transaction,
            client_id,
            asked.billing_period,
            due_days=services.settings.invoice_due_days,
            clock=services.clock,
            actor=admin.actor,
        )
    return await _state(services, response, invoice.id)


@router.get("/billing/invoices", summary="All invoices, newest first", response_model=InvoicePage)
async def invoices(
    request: Request,
    client_id: Annotated[str | None, Query(description="Only of this client.")] = None,
    period: Period = None,
    status: Status = None,
    before: Before = None,
    count: Count = 50,
) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    if client_id is not None and not is_id(client_id):
        raise Problem(422, "request_invalid", "The request does not fit: client_id is an id.")
    return await _page(
        services, InvoiceFilter(client_id=client_id, period=period, status=status), before, count
    )


@router.get(
    "/billing/invoices/{invoice_id}",
    summary="An invoice, and all that was tried to have it paid",
    response_model=InvoiceState,
)
async def invoice(request: Request, response: Response, invoice_id: str) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(invoice_id, "invoice")
    return await _state(services, response, invoice_id)


@router.post(
    "/billing/invoices/{invoice_id}/refresh",
    summary="Ask the vendors how an invoice's payments stand",
    response_model=InvoiceState,
)
async def refresh(request: Request, response: Response, invoice_id: str) -> Any:
    """Nothing is collected by it. 502 `gateway_failed` where a vendor does not answer."""
    services: Services = request.app.state.services
    await services.admins.enter(request)
    check_id(invoice_id, "invoice")
    await services.billing.asking.refresh(invoice_id)
    return await _state(services, response, invoice_id)


@router.post(
    "/billing/invoices/{invoice_id}/mark-paid",
    summary="Book a payment that came by other ways",
    response_model=InvoiceState,
    openapi_extra=body_of(MarkPaid),
)
async def mark(request: Request, response: Response, invoice_id: str) -> Any:
    """409 `payment_open` while a vendor may yet collect it. An `If-Match` is kept to."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, MarkPaid, max_bytes=services.settings.max_body_bytes)
    check_id(invoice_id, "invoice")
    if asked.paid_at is not None and asked.paid_at.tzinfo is None:
        raise Problem(422, "request_invalid", "The request does not fit: paid_at needs its zone.")
    await services.billing.by_hand.mark_paid(
        invoice_id,
        Received(asked.method, asked.reference, asked.paid_at, asked.gives_up_open),
        tags=_tags_if_any(request),
        actor=admin.actor,
    )
    return await _state(services, response, invoice_id)


@router.post(
    "/billing/invoices/{invoice_id}/void",
    summary="Take back an invoice that is not paid",
    response_model=InvoiceState,
    openapi_extra=body_of(Void),
)
async def void(request: Request, response: Response, invoice_id: str) -> Any:
    """What is open at a vendor is called off first; 409 `payment_open` where that fails.

    An `If-Match` is kept to. The client may then be invoiced anew for the period.
    """
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, Void, max_bytes=services.settings.max_body_bytes)
    check_id(invoice_id, "invoice")
    await services.billing.by_hand.void(
        invoice_id,
        asked.reason,
        gives_up_open=asked.gives_up_open,
        tags=_tags_if_any(request),
        actor=admin.actor,
    )
    return await _state(services, response, invoice_id)


@router.post(
    "/billing/invoices/{invoice_id}/charge",
    summary="Have an invoice paid through a gateway, or go on with the attempt that is open",
    response_model=InvoiceState,
    openapi_extra=body_of(Charge),
)
async def charge(request: Request, response: Response, invoice_id: str) -> Any:
    """Safe to repeat: an invoice is paid once. A declined card is no error, but a payment that `failed`.

    An `If-Match` is kept to. 502 `gateway_failed` and `outcome_unknown` where the vendor refuses or is lost.
    """
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, Charge, max_bytes=services.settings.max_body_bytes)
    check_id(invoice_id, "invoice")
    await services.billing.charges.charge(
        invoice_id,
        Wish(asked.gateway, asked.by_link, asked.gives_up_open),
        tags=_tags_if_any(request),
        actor=admin.actor,
    )
    return await _state(services, response, invoice_id)


@router.post(
    "/billing/invoices/{invoice_id}/refund",
    summary="Give back what was paid, wholly or in part",
    response_model=InvoiceState,
    openapi_extra={**body_of(RefundAsked), **IF_MATCH},
)
async def refund(request: Request, response: Response, invoice_id: str) -> Any:
    """`If-Match` keeps two clicks from being two refunds. 502 as in charging; then ask for the same again."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, tags = await read_change(request, RefundAsked, max_bytes=services.settings.max_body_bytes)
    check_id(invoice_id, "invoice")
    await services.billing.refunds.refund(invoice_id, asked.amount, tags=tags, actor=admin.actor)
    return await _state(services, response, invoice_id)


@router.post(
    "/billing/webhook/{gateway}",
    summary="What a payment vendor tells",
    response_model=WebhookTaken,
    openapi_extra=_DELIVERY,
)
async def webhook(request: Request, gateway: str) -> Any:
    """Signed by the vendor; 401 `webhook_forged` otherwise, also while no secret is set."""
    return await _take(request, gateway)


@router.post(
    "/billing/webhook",
    summary="What a payment vendor tells, its gateway named in the query",
    response_model=WebhookTaken,
    openapi_extra=_DELIVERY,
)
async def webhook_by_query(request: Request, gateway: Annotated[str, Query(examples=["stripe"])] = "") -> Any:
    return await _take(request, gateway)


async def _take(request: Request, gateway: str) -> dict[str, str]:
    services: Services = request.app.state.services
    body = await read_body(request, max_bytes=services.settings.max_body_bytes)
    delivery = WebhookRequest(
        request.method,
        str(request.url),
        {name.lower(): value for name, value in request.headers.items()},
        body,
    )
    return {"status": await services.billing.webhooks.take(gateway, delivery)}


def _tags_if_any(request: Request) -> list[str] | None:
    return named_tags(request) if "if-match" in request.headers else None


async def _page(services: Services, wanted: InvoiceFilter, before: str | None, count: int) -> dict[str, Any]:
    check_before(before)
    now = services.clock.now()
    async with services.database.read() as connection:
        rows = await invoices_page(connection, wanted, before=before, count=count + 1, now=now)
    page, earlier = page_of(rows, count, mark=lambda row: row.id)
    return {"invoices": [summary(row, now) for row in page], "next": earlier}


async def _state(services: Services, response: Response, invoice_id: str) -> InvoiceState:
    async with services.database.read() as connection:
        return tagged(response, *await invoice_state(connection, invoice_id, now=services.clock.now()))
