"""No admin route is open by accident: each lets in whom docs/operators/admin-routes.md says.

Prevents a route that forgot to ask who calls it, and one that shows a business the data of another.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from csai.admins.service import CHANGERS, OWNERS, READERS, ROLES, SPEAKERS
from fastapi.routing import APIRoute

from scripts.admin_routes import OPEN, PAGE, Entry, admin_routes, entries, page

ROUTES = dict(admin_routes())
LADDER = {frozenset(each) for each in (OWNERS, CHANGERS, SPEAKERS, READERS)}


def is_shut(route: APIRoute) -> bool:
    return len(entries(route.endpoint)) == 1


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_each_admin_route_asks_once_who_calls_it(name: str) -> None:
    assert is_shut(ROUTES[name]) is (name not in OPEN), "call services.admins.enter(request, ...) first"


@pytest.mark.parametrize("name", sorted(set(ROUTES) - set(OPEN)))
def test_who_may_do_something_may_do_all_that_lower_roles_may(name: str) -> None:
    (entry,) = entries(ROUTES[name].endpoint)
    assert entry.roles in LADDER


def test_the_page_is_as_the_routes_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run .venv/bin/python scripts/admin_routes.py"


def test_the_open_routes_are_there() -> None:
    assert set(OPEN) <= set(ROUTES)


async def _forgetful(request: Any) -> str:
    return str(request)


async def _asking(request: Any) -> None:
    await SimpleNamespace(admins=request).admins.enter(request, roles=ROLES, is_scoped=True)


async def _by_another(request: Any) -> None:
    await _asking(request)


def test_a_route_that_forgets_to_ask_would_be_found() -> None:
    assert entries(_forgetful) == []
    assert entries(_by_another) == [Entry(frozenset(ROLES), is_scoped=True)]
