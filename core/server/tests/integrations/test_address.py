"""Secrets and tokens go to the address that they were written for, whoever changes it."""

from __future__ import annotations

from typing import Any

import csai_integration_rest
import pytest
from csai.integrations.token import ConnectionTokens
from csai.models import ClientIntegration
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory
from tests.support.systems import Connected, connect

HERE = "https://api.shop.example/v1"
OAUTH: dict[str, Any] = {"auth": "client_credentials", "client_id": "csai", "client_secret": "s-secret"}
CONSENT: dict[str, Any] = {
    "auth": "consent",
    "client_id": "csai",
    "token_url": "https://login.shop.example/token",
    "authorize_url": "https://login.shop.example/authorize",
}


async def connected(make_server: ServerFactory, **settings: Any) -> tuple[Server, Operator, Connected]:
    server = await make_server(
        ScriptedProvider(), plugins={"rest": csai_integration_rest}, public_url="https://csai.example"
    )
    operator = await sign_in(server)
    given = {"base_url": HERE, "auth": "bearer", "token": "t-secret", **settings}
    return server, operator, await connect(operator, type_="rest", **given)


@pytest.mark.parametrize(
    "address",
    ["https://elsewhere.example", "http://api.shop.example/v1", f"{HERE}/other", None],
)
async def test_a_secret_is_not_sent_to_an_address_that_is_new(
    make_server: ServerFactory, address: str | None
) -> None:
    _, operator, made = await connected(make_server)

    refused = await operator.change(made.path, {"settings": {"base_url": address, "check_path": "/me"}})
    still = await operator.get(made.path)
    given = await operator.change(made.path, {"settings": {"base_url": address, "token": "t-new"}})

    assert (refused.status_code, refused.json()["code"]) == (422, "secrets_needed")
    assert "base_url" in refused.json()["detail"]
    assert "token" in refused.json()["detail"]
    assert still["settings"]["base_url"] == HERE
    assert given.status_code == 200, given.text


async def test_every_secret_is_given_anew_or_taken_back(make_server: ServerFactory) -> None:
    _, operator, made = await connected(make_server, **OAUTH, token_url="https://login.shop.example")
    new = {"token_url": "https://elsewhere.example"}

    one = await operator.change(made.path, {"settings": {**new, "token": "t-new"}})
    both = await operator.change(made.path, {"settings": {**new, "client_secret": "s-new", "token": None}})

    assert (one.status_code, one.json()["code"]) == (422, "secrets_needed")
    assert one.json()["detail"].endswith("client_secret.")
    assert both.status_code == 200, both.text


async def test_the_same_address_and_other_settings_keep_the_secrets(make_server: ServerFactory) -> None:
    _, operator, made = await connected(make_server)

    answer = await operator.change(made.path, {"settings": {"base_url": HERE, "timeout_s": 5}})

    assert answer.status_code == 200, answer.text
    assert answer.json()["fields"]["token"]["is_set"] is True


@pytest.mark.parametrize(
    ("settings", "is_kept"), [({"timeout_s": 5}, True), ({"base_url": "https://elsewhere.example"}, False)]
)
async def test_tokens_stay_behind_where_the_address_is_another(
    make_server: ServerFactory, settings: dict[str, Any], is_kept: bool
) -> None:
    """Those of a consent: there is no secret that would have to be given anew."""
    server, operator, made = await connected(make_server, token=None, **CONSENT)
    services, (row,) = server.services, await server.rows(ClientIntegration)
    tokens = ConnectionTokens(
        services.database,
        services.keyring,
        services.clock,
        client_id=server.client.id,
        integration_id=row["id"],
    )

    async def give(_old: Any) -> dict[str, Any]:
        return {"access_token": "a"}

    await tokens.renew(None, give)

    answer = await operator.change(made.path, {"settings": settings})

    assert answer.status_code == 200, answer.text
    assert (await tokens.read() is not None) is is_kept


async def test_a_consent_under_way_ends_when_the_settings_change(make_server: ServerFactory) -> None:
    server, operator, made = await connected(make_server, **CONSENT)
    begun = await operator.ask("POST", f"{made.path}/consent")
    assert begun.status_code == 200, begun.text

    await operator.change(made.path, {"settings": {"scope": "all"}})

    (row,) = await server.rows(ClientIntegration)
    assert row["consent_nonce"] is None
