"""docs/operators/admin-routes.md from the routes themselves: `python scripts/admin_routes.py` writes it,
`--check` ends with 1 where it is stale. `make check` asks for the latter.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from csai.admins import service
from csai.app import ROUTERS
from fastapi.routing import APIRoute

PAGE = Path(__file__).resolve().parent.parent / "docs" / "operators" / "admin-routes.md"
OPEN = {
    "GET /admin/auth/methods": "says how to sign in",
    "GET /admin/auth/oidc/callback": "comes back from the identity provider",
    "GET /admin/auth/session": "says whether somebody is signed in",
    "POST /admin/auth/link": "asks with a one-time link",
    "POST /admin/auth/login": "signs in",
    "POST /admin/auth/oidc": "begins to sign in",
    "POST /admin/auth/oidc/finish": "signs in",
    "POST /admin/auth/welcome": "comes with a one-time link",
    "POST /admin/billing/webhook": "a payment vendor's, who signs what it delivers",
    "POST /admin/billing/webhook/{gateway}": "the same",
}
"""Routes that nobody is signed in at, and why."""
HEAD = """# Who may call which admin route

<!-- Written by scripts/admin_routes.py from the routes: change those. -->

The lowest role that may call it: a viewer reads, a teammate answers conversations too, an admin changes
everything but admins, an owner changes those. *Scope* says what an admin who is bound to clients meets:

- `client`: the path names a client; another client than theirs is answered like one that there is not.
- `filtered`: they see and change what is of their clients.
- `installation`: for admins of the whole installation; others are refused (`installation_only`).

| route | role | scope |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """How an endpoint lets admins in."""

    roles: frozenset[str]
    is_scoped: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    text = page()
    if not parser.parse_args().check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE.name} is stale: run .venv/bin/python scripts/admin_routes.py")


def page() -> str:
    rows = [f"| `{name}` | {_described(name, route)} |\n" for name, route in sorted(admin_routes())]
    return HEAD + "".join(rows)


def admin_routes() -> Iterator[tuple[str, APIRoute]]:
    """Method and path of each, and the route."""
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.path.startswith("/admin"):
                yield from ((f"{method} {route.path}", route) for method in sorted(route.methods or ()))


def entries(endpoint: Callable[..., Any]) -> list[Entry]:
    """The `enter` calls of an endpoint and of the functions of its module that it calls."""
    module, waiting, seen, found = inspect.getmodule(endpoint), [endpoint], set[str](), list[Entry]()
    while waiting:
        tree = ast.parse(textwrap.dedent(inspect.getsource(waiting.pop())))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Attribute) and ast.unparse(call.func).endswith("admins.enter"):
                found.append(_entry(call, module))
            elif isinstance(call.func, ast.Name) and call.func.id not in seen:
                seen.add(call.func.id)
                called = getattr(module, call.func.id, None)
                if inspect.isfunction(called) and called.__module__ == endpoint.__module__:
                    waiting.append(called)
    return found


def _entry(call: ast.Call, module: Any) -> Entry:
    given = {each.arg: each.value for each in call.keywords}
    roles = getattr(module, ast.unparse(given["roles"])) if "roles" in given else service.CHANGERS
    scoped = given.get("is_scoped")
    return Entry(frozenset(roles), isinstance(scoped, ast.Constant) and scoped.value is True)


def _described(name: str, route: APIRoute) -> str:
    if name in OPEN:
        return f"none: {OPEN[name]} | "
    (entry,) = entries(route.endpoint)
    lowest = next(role for role in reversed(service.ROLES) if role in entry.roles)
    unscoped = "filtered" if entry.is_scoped else "installation"
    return f"{lowest} | {'client' if '{client_id}' in route.path else unscoped}"


if __name__ == "__main__":
    main()
