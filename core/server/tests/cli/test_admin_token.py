"""`csai admin token`: made, listed and revoked without a server."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

Csai = Callable[..., Result]
EMAIL = "ada@example.com"


@pytest.fixture
def owned(csai: Csai) -> Csai:
    """The commands, on an installation that has an owner, and an admin of Shop alone."""
    for arguments in ((EMAIL,), ("ben@example.com", "--client", "Shop", "--role", "admin")):
        assert csai("admin", "create", "--generate", "--email", *arguments).exit_code == 0
    return csai


def listed(csai: Csai) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(csai("admin", "token", "list", "--json").stdout)["tokens"]
    return found


def test_a_token_is_made_listed_and_revoked(owned: Csai) -> None:
    made = owned("admin", "token", "create", EMAIL, "nightly report", "--days", "7")
    assert made.stdout.startswith("csai_")
    (token,) = listed(owned)
    assert (token["name"], token["owner"], token["role"], token["scope"]) == (
        *("nightly report", EMAIL),
        *("viewer", "read"),
    )
    table = owned("admin", "token", "list").stdout
    assert "nightly" in table
    assert made.stdout.strip() not in table
    assert "no more" in owned("admin", "token", "revoke", token["id"]).stdout
    assert listed(owned)[0]["revoked_at"]


def test_a_token_may_be_for_one_client(owned: Csai) -> None:
    arguments = ("--client", "Shop", "--scope", "write", "--role", "admin", "--json")
    made = json.loads(owned("admin", "token", "create", EMAIL, "stock", *arguments).stdout)
    assert (len(made["client_ids"]), made["scope"], made["token"][:5]) == (1, "write", "csai_")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "eve@example.com", "x"), "no such admin"),
        (("create", "ben@example.com", "x", "--role", "owner"), "no more than its owner's role"),
        (("create", EMAIL, "x", "--client", "Nowhere"), "Nowhere"),
        (("create", EMAIL, " "), "name is 1 to 60"),
        (("revoke", "x"), "no such token"),
    ],
)
def test_what_cannot_be_is_refused(owned: Csai, arguments: tuple[str, ...], said: str) -> None:
    ended = owned("admin", "token", *arguments)
    assert (ended.exit_code, said in ended.stderr) == (2, True), ended.stderr
    assert listed(owned) == []
