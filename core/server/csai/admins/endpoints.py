"""Signing in and out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response

from csai.admins.schemas import (
    Changed,
    LinkOwner,
    LinkToken,
    LoggedOut,
    Login,
    LoginAnswer,
    MaybeSignedIn,
    PasswordChange,
    SessionList,
    SignedInAnswer,
    Welcome,
)
from csai.admins.service import COOKIE, READERS, SignedIn
from csai.admins.token import LIFETIME
from csai.kit.body import read_model
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
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
    """Gives a token of 24 hours, and the same as a cookie that no script can read.

    401 `second_factor_needed` where a `code` is asked for as well.
    """
    services: Services = request.app.state.services
    asked = await read_model(request, Login, max_bytes=MAX_LOGIN_BYTES)
    admin, token = await services.sign_ins.login(
        request,
        email=asked.email,
        password=asked.password.get_secret_value(),
        code=asked.code.get_secret_value() if asked.code else None,
    )
    response.set_cookie(COOKIE, token, max_age=int(LIFETIME.total_seconds()), **cookie_options(request))
    return {**answer_of(admin), "token": token}


@router.post(
    "/auth/link",
    summary="Whose one-time link that is",
    response_model=LinkOwner,
    openapi_extra=body_of(LinkToken),
)
async def link(request: Request) -> Any:
    """401 `link_invalid` for one that was used or is over."""
    services: Services = request.app.state.services
    asked = await read_model(request, LinkToken, max_bytes=MAX_LOGIN_BYTES)
    return {"email": await services.sign_ins.check_link(request, asked.token.get_secret_value())}


@router.post(
    "/auth/welcome",
    summary="Choose a password by a one-time link",
    response_model=LinkOwner,
    openapi_extra=body_of(Welcome),
)
async def welcome(request: Request) -> Any:
    """Sign in with it afterwards. The link of an installation without admins makes its first owner."""
    services: Services = request.app.state.services
    asked = await read_model(request, Welcome, max_bytes=MAX_LOGIN_BYTES)
    email = await services.sign_ins.welcome(
        request,
        token=asked.token.get_secret_value(),
        email=asked.email,
        password=asked.password.get_secret_value(),
    )
    return {"email": email}


@router.post("/auth/refresh", summary="Stay signed in for another day", response_model=LoginAnswer)
async def refresh(request: Request, response: Response) -> Any:
    """For 30 days from signing in on; then 401 `session_over`. Tokens given before stay good."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=READERS, is_scoped=True, is_personal=True)
    expires_at, token = await services.sign_ins.refresh(admin)
    response.set_cookie(COOKIE, token, max_age=int(LIFETIME.total_seconds()), **cookie_options(request))
    return {**answer_of(admin), "expires_at": expires_at, "token": token}


@router.post("/auth/logout", summary="End this session and its tokens", response_model=LoggedOut)
async def logout(request: Request, response: Response) -> Any:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=READERS, is_scoped=True, is_personal=True)
    await services.sign_ins.end(admin, admin.session_id)
    response.delete_cookie(COOKIE, **cookie_options(request))
    return {"signed_out": True}


@router.get("/auth/sessions", summary="Where the admin is signed in", response_model=SessionList)
async def sessions(request: Request) -> Any:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=READERS, is_scoped=True, is_personal=True)
    rows = await services.sign_ins.sessions(admin)
    return {"sessions": [{**asdict(row), "is_this": row.id == admin.session_id} for row in rows]}


@router.delete("/auth/sessions", summary="Sign out everywhere", response_model=LoggedOut)
async def end_sessions(request: Request, response: Response) -> Any:
    services: Services = request.app.state.services
    await services.sign_ins.end_all(
        await services.admins.enter(request, roles=READERS, is_scoped=True, is_personal=True)
    )
    response.delete_cookie(COOKIE, **cookie_options(request))
    return {"signed_out": True}


@router.delete("/auth/sessions/{session_id}", summary="End one of the own sessions", response_model=LoggedOut)
async def end_session(request: Request, session_id: str) -> Any:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=READERS, is_scoped=True, is_personal=True)
    await services.sign_ins.end(admin, session_id)
    return {"signed_out": True}


@router.post(
    "/auth/password",
    summary="Change the own password",
    response_model=Changed,
    openapi_extra=body_of(PasswordChange),
)
async def change_password(request: Request) -> Any:
    """Ends the other sessions. 409 `password_wrong` where the current one is another."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=READERS, is_scoped=True, is_personal=True)
    asked = await read_model(request, PasswordChange, max_bytes=MAX_LOGIN_BYTES)
    await services.sign_ins.change_password(
        admin, current=asked.current.get_secret_value(), new=asked.new.get_secret_value()
    )
    return {"changed": True}


@router.get("/auth/verify", summary="Who is signed in", response_model=SignedInAnswer)
async def verify(request: Request) -> Any:
    services: Services = request.app.state.services
    return answer_of(await services.admins.enter(request, roles=READERS, is_scoped=True))


@router.get("/auth/session", summary="Whether somebody is signed in", response_model=MaybeSignedIn)
async def session(request: Request) -> Any:
    """As `verify`, for a page that may be nobody's yet: browsers note a refusal as an error."""
    services: Services = request.app.state.services
    admin = await services.admins.find(request)
    return {"signed_in": None if admin is None else answer_of(admin)}


def answer_of(admin: SignedIn) -> dict[str, Any]:
    return {
        "admin": {
            "id": admin.id,
            "email": admin.email,
            "role": admin.role,
            "client_ids": None if admin.client_ids is None else sorted(admin.client_ids),
            "has_second_factor": admin.has_second_factor,
            "has_password": admin.has_password,
        },
        "expires_at": admin.expires_at,
    }


def cookie_options(request: Request) -> dict[str, Any]:
    services: Services = request.app.state.services
    is_https = request.url.scheme == "https" or services.settings.public_url.startswith("https://")
    return {"path": "/admin", "httponly": True, "samesite": "strict", "secure": is_https}
