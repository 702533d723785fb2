"""Signing in and out, and what admins changed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from csai.admins.repository import AuditRepository
from csai.admins.schemas import AuditPage, LoggedOut, Login, LoginAnswer, SignedInAnswer
from csai.admins.service import COOKIE, READERS, ROLES, SignedIn
from csai.admins.token import LIFETIME
from csai.kit.body import read_model
from csai.kit.identifier import is_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.problem import Problem
from csai.kit.text import is_clean
from csai.services import Services

router = APIRouter(prefix="/admin", tags=["admin"], responses=ADMIN_PROBLEMS)

MAX_LOGIN_BYTES = 4_000


@router.post(
    "/auth/login",
    summary="Sign in with e-mail address and password",
    response_model=LoginAnswer,
    openapi_extra=body_of(Login),
)
async def login(request: Request, response: Response) -> Any:
    """Gives a token of 24 hours, and the same as a cookie that no script can read."""
    services: Services = request.app.state.services
    asked = await read_model(request, Login, max_bytes=MAX_LOGIN_BYTES)
    admin, token = await services.admins.login(
        request, email=asked.email, password=asked.password.get_secret_value()
    )
    response.set_cookie(COOKIE, token, max_age=int(LIFETIME.total_seconds()), **_cookie(request))
    return {**_answer(admin), "token": token}


@router.post("/auth/logout", summary="End all tokens of the signed-in admin", response_model=LoggedOut)
async def logout(request: Request, response: Response) -> Any:
    services: Services = request.app.state.services
    await services.admins.logout(await services.admins.enter(request, roles=ROLES))
    response.delete_cookie(COOKIE, **_cookie(request))
    return {"signed_out": True}


@router.get("/auth/verify", summary="Who is signed in", response_model=SignedInAnswer)
async def verify(request: Request) -> Any:
    services: Services = request.app.state.services
    return _answer(await services.admins.enter(request, roles=ROLES))


@router.get("/audit", summary="What was changed, by whom; the newest first", response_model=AuditPage)
async def audit(
    request: Request,
    client_id: Annotated[str | None, Query(description="Only of this client.")] = None,
    object: Annotated[  # noqa: A002 -- the parameter's name
        str | None, Query(description="Only of this object.", examples=["plugin:n8n"])
    ] = None,
    before: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    for name, value in (("client_id", client_id), ("before", before)):
        if value is not None and not is_id(value):
            raise Problem(422, "request_invalid", f"The request does not fit: {name} is an id.")
    if object is not None and not is_clean(object):
        raise Problem(422, "request_invalid", "The request does not fit: object holds no such characters.")
    async with services.database.read() as connection:
        rows = await AuditRepository(connection).newest(
            client_id=client_id, object=object, before_id=before, count=limit + 1
        )
    page = rows[:limit]
    return {
        "entries": [asdict(row) for row in page],
        "next": page[-1].id if len(rows) > limit else None,
    }


def _answer(admin: SignedIn) -> dict[str, Any]:
    return {
        "admin": {"id": admin.id, "email": admin.email, "role": admin.role},
        "expires_at": admin.expires_at,
    }


def _cookie(request: Request) -> dict[str, Any]:
    services: Services = request.app.state.services
    is_https = request.url.scheme == "https" or services.settings.public_url.startswith("https://")
    return {"path": "/admin", "httponly": True, "samesite": "strict", "secure": is_https}
