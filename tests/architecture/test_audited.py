"""Whatever is changed over the admin API stands in the audit log.

Prevents a change that nobody can be asked about: a new route whose service forgot `record`. A route is
followed through the code to `record`; that it is called in every case, the tests of the services say.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from csai.admins import audit
from csai.admins.audit import record
from csai.services import Services
from fastapi.routing import APIRoute

from scripts.admin_routes import admin_routes
from tests.architecture.call_graph import reaches

WRITES = {"DELETE", "PATCH", "POST", "PUT"}
ROUTES = {name: route for name, route in admin_routes() if name.partition(" ")[0] in WRITES}
UNRECORDED = {
    "POST /admin/auth/link": "only tells whose a link is",
    "POST /admin/auth/oidc": "sends a browser away, and lets nobody in before it has come back",
    "POST /admin/auth/refresh": "goes on with a session whose beginning is recorded",
    "POST /admin/auth/second-factor": "gives a secret that counts for nothing until it is confirmed",
    "POST /admin/tools/schema": "only says what is wrong with a schema",
    "POST /admin/clients/{client_id}/channels/{account_id}/test": "asks the vendor whether an account works",
    "POST /admin/clients/{client_id}/conversations/{conversation_id}/messages": "stands in the conversation",
}
"""Routes that change nothing an admin set, and why."""


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_a_change_over_the_admin_api_is_recorded(name: str) -> None:
    route: APIRoute = ROUTES[name]
    assert reaches(route.endpoint, record) is (name not in UNRECORDED), (
        "record the change in its transaction (csai.admins.audit.record)"
    )


def test_the_exceptions_are_there() -> None:
    assert set(UNRECORDED) <= set(ROUTES)


async def _recorded(transaction: Any) -> None:
    await audit.record(transaction, audit.CLI, "tool.tried", object="x", at=transaction.now)


async def _by_a_service(request: Any) -> None:
    services: Services = request.app.state.services
    await services.sign_ins.end_all(request)


async def _forgetful(request: Any) -> None:
    services: Services = request.app.state.services
    await services.sign_ins.sessions(request)


async def _of_the_same_name(request: Any) -> None:
    await SimpleNamespace(record=request).record(request)


def test_a_route_that_forgets_to_record_would_be_found() -> None:
    assert reaches(_by_a_service, record)
    assert reaches(_recorded, record)
    assert not reaches(_forgetful, record)
    assert not reaches(_of_the_same_name, record)
