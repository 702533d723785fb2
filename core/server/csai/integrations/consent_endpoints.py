"""The admin's browser on its way to a client's system, for consent, and back."""

from __future__ import annotations

from html import escape
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from csai.integrations.consent import Consents
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS
from csai.kit.problem import Problem
from csai.services import Services

router = APIRouter(prefix="/admin", tags=["admin: integrations"], responses=ADMIN_PROBLEMS)

CALLBACK = "/admin/integrations/callback"
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class ConsentUrl(BaseModel):
    url: str = Field(description="Where the admin's browser is to go, within ten minutes.")


@router.post(
    "/clients/{client_id}/integrations/{integration_id}/consent",
    summary="Begin to let csai into the client's system",
    response_model=ConsentUrl,
)
async def begin(request: Request, client_id: str, integration_id: str) -> Any:
    """For connections that sign in by an admin's consent (OAuth 2's authorization code)."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    check_id(client_id, "client")
    check_id(integration_id, "integration")
    return {"url": await _consents(services).begin(client_id, integration_id, admin.actor)}


@router.get(
    "/integrations/callback",
    summary="Where the client's system sends the browser back to",
    response_class=HTMLResponse,
)
async def end(
    request: Request,
    state: Annotated[str, Query(max_length=1_000)] = "",
    code: Annotated[str, Query(max_length=4_000)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
    here: Annotated[bool, Query(description="Set by the page itself, on its second visit.")] = False,
) -> Response:
    """A browser that another site sends here carries no cookie of an admin: it is sent once more, by us."""
    services: Services = request.app.state.services
    if not here:
        again = urlencode({"state": state, "code": code, "error": error, "here": "1"})
        return _page(
            "One moment.", head=f'<meta http-equiv="refresh" content="0;url={escape(f"{CALLBACK}?{again}")}">'
        )
    admin = await services.admins.enter(request, is_scoped=True, is_personal=True)
    if error or not code:
        raise Problem(
            409, "consent_refused", "The system did not let csai in. Begin anew if that was a mistake."
        )
    row = await _consents(services).end(state, code, admin)
    return _page(f"{row.name} is connected. You can close this page.")


def _consents(services: Services) -> Consents:
    return Consents(
        services.database,
        services.views,
        services.registry,
        services.keyring,
        services.clock,
        services.settings.public_url.rstrip("/") + CALLBACK,
    )


def _page(words: str, *, head: str = "") -> Response:
    page = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>csai</title>{head}</head>'
    return Response(
        f"{page}<body><p>{escape(words)}</p></body></html>", media_type="text/html", headers=HEADERS
    )
