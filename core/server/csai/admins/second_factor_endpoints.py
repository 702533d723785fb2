"""An admin's own second factor over HTTP, and taking that of another away."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import APIRouter, Request

from csai.admins.account import find_account
from csai.admins.schemas import Changed, CodeGiven, Enrolment, PasswordGiven, RecoveryCodes
from csai.admins.second_factor import reset_second_factor
from csai.admins.service import OWNERS, READERS, SignedIn
from csai.kit.body import read_model
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.services import Services

router = APIRouter(prefix="/admin", tags=["admin"], responses=ADMIN_PROBLEMS)

MAX_BYTES = 4_000

B = TypeVar("B", PasswordGiven, CodeGiven)


@router.post(
    "/auth/second-factor",
    summary="Begin to use an authenticator app",
    response_model=Enrolment,
    openapi_extra=body_of(PasswordGiven),
)
async def begin(request: Request) -> Any:
    """Nothing is asked for until a code has confirmed it. 409 `second_factor_set` where there is one.

    Who has no password sends an empty one, within ten minutes of signing in: 409 `session_old` later.
    """
    services: Services = request.app.state.services
    admin, asked = await _asked(request, PasswordGiven)
    await services.sign_ins.check_presence(admin, asked.password.get_secret_value())
    secret, uri = await services.second_factors.begin(admin)
    return {"secret": secret, "uri": uri}


@router.post(
    "/auth/second-factor/confirm",
    summary="Show that the app works: codes are asked for from now on",
    response_model=RecoveryCodes,
    openapi_extra=body_of(CodeGiven),
)
async def confirm(request: Request) -> Any:
    """Ends the other sessions. 409 `second_factor_invalid` for another code."""
    services: Services = request.app.state.services
    admin, code = await _guessed(request)
    return {"codes": await services.second_factors.confirm(admin, code)}


@router.post(
    "/auth/second-factor/off",
    summary="Ask for no codes any more",
    response_model=Changed,
    openapi_extra=body_of(CodeGiven),
)
async def take_off(request: Request) -> Any:
    services: Services = request.app.state.services
    admin, code = await _guessed(request)
    await services.second_factors.take_off(admin, code)
    return {"changed": True}


@router.delete(
    "/admins/{admin_id}/second-factor", summary="Take another's second factor away", response_model=Changed
)
async def reset(request: Request, admin_id: str) -> Any:
    """For who has lost it. Ends their sessions."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=OWNERS, is_scoped=True)
    check_id(admin_id, "admin")
    async with services.database.write() as transaction:
        account = await find_account(transaction, admin_id, scope=admin.client_ids)
        await reset_second_factor(transaction, account, actor=admin.actor, at=services.clock.now())
    return {"changed": True}


async def _asked(request: Request, model: type[B]) -> tuple[SignedIn, B]:
    """Who asks for what of their own second factor."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=READERS, is_scoped=True, is_personal=True)
    return admin, await read_model(request, model, max_bytes=MAX_BYTES)


async def _guessed(request: Request) -> tuple[SignedIn, str]:
    """Who shows which code; it counts as a guess."""
    services: Services = request.app.state.services
    admin, asked = await _asked(request, CodeGiven)
    await services.sign_ins.check_guess(admin)
    return admin, asked.code.get_secret_value()
