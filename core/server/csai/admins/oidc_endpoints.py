"""Signing in by the identity provider, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import RedirectResponse

from csai.admins.endpoints import MAX_LOGIN_BYTES, answer_of, cookie_options
from csai.admins.oidc_sign_in import LIFETIME
from csai.admins.schemas import OidcBegin, OidcFinish, OidcUrl, SignedInAnswer, SignInMethods
from csai.admins.service import COOKIE
from csai.admins.token import LIFETIME as SESSION_LIFETIME
from csai.kit.body import read_model
from csai.kit.openapi import ADMIN_PROBLEMS, OIDC_PROBLEMS, body_of
from csai.kit.problem import Problem
from csai.services import Services

router = APIRouter(prefix="/admin/auth", tags=["admin"], responses=ADMIN_PROBLEMS)

TICKET = "csai_oidc"


@router.get("/methods", summary="By what one can sign in", response_model=SignInMethods)
async def methods(request: Request) -> Any:
    services: Services = request.app.state.services
    label = services.oidc_sign_ins.label
    return {"oidc": None if label is None else {"label": label}}


@router.post(
    "/oidc",
    summary="Begin to sign in by the identity provider",
    response_model=OidcUrl,
    responses=OIDC_PROBLEMS,
    openapi_extra=body_of(OidcBegin),
)
async def begin(request: Request, response: Response) -> Any:
    """Where to go, and a cookie that ties what comes back to this browser. 404 where none is set."""
    services: Services = request.app.state.services
    asked = await read_model(request, OidcBegin, max_bytes=MAX_LOGIN_BYTES)
    url, ticket = await services.oidc_sign_ins.begin(request, is_another=asked.another)
    response.set_cookie(TICKET, ticket, max_age=int(LIFETIME.total_seconds()), **_ticket_options(request))
    return {"url": url}


@router.get(
    "/oidc/callback",
    summary="Where the identity provider sends the browser back to",
    status_code=303,
    response_class=RedirectResponse,
)
async def callback(
    request: Request,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4_000)] = "",
    iss: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """On to the sign-in page, which finishes, or says what is wrong: in a fragment, which no server logs."""
    services: Services = request.app.state.services
    outcome = "done"
    try:
        await services.oidc_sign_ins.answer(
            request.cookies.get(TICKET, ""), state=state, code=code, issuer=iss
        )
    except Problem as problem:
        if problem.status == 404:
            raise
        outcome = problem.code
    page = f"{services.settings.public_url}/dashboard/login#oidc={outcome}"
    return RedirectResponse(page, status_code=303, headers={"Referrer-Policy": "no-referrer"})


@router.post(
    "/oidc/finish",
    summary="Come in after the identity provider has sent the browser back",
    response_model=SignedInAnswer,
    openapi_extra=body_of(OidcFinish),
)
async def finish(request: Request, response: Response) -> Any:
    """401 `second_factor_needed` where a `code` is asked for as well; 401 `oidc_over` where it took too long.

    The token comes as a cookie alone: scripts have API tokens.
    """
    services: Services = request.app.state.services
    asked = await read_model(request, OidcFinish, max_bytes=MAX_LOGIN_BYTES)
    admin, token = await services.oidc_sign_ins.finish(
        request, request.cookies.get(TICKET, ""), asked.code.get_secret_value() if asked.code else None
    )
    response.delete_cookie(TICKET, **_ticket_options(request))
    max_age_s = int(SESSION_LIFETIME.total_seconds())
    response.set_cookie(COOKIE, token, max_age=max_age_s, **cookie_options(request))
    return answer_of(admin)


def _ticket_options(request: Request) -> dict[str, Any]:
    # Lax: the browser comes back from another site, and has to bring it.
    return {**cookie_options(request), "path": "/admin/auth/oidc", "samesite": "lax"}
