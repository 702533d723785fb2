"""A secret goes where whoever gave it wanted it to go, whatever others change later."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import csai_channel_email
import csai_channel_messenger
import csai_channel_sms
import csai_channel_whatsapp
import csai_integration_rest
import csai_integration_shopify
import csai_integration_sql
import csai_integration_woocommerce
import csai_provider_claude
import csai_provider_ollama
import csai_provider_openai
import csai_tool_mcp
import httpx
import pytest
from csai.integrations.token import ConnectionTokens
from csai.models import ClientIntegration
from csai_sdk import PluginSettings, hookimpl
from csai_testkit.scripted import ScriptedProvider
from pydantic import BaseModel, Field, HttpUrl, SecretStr

from tests.support.operator import Operator, sign_in
from tests.support.server import ServerFactory
from tests.support.systems import Systems, connect

ELSEWHERE = "https://elsewhere.example"
PLUGINS = {
    "claude": csai_provider_claude,
    "email": csai_channel_email,
    "mcp": csai_tool_mcp,
    "messenger": csai_channel_messenger,
    "ollama": csai_provider_ollama,
    "openai": csai_provider_openai,
    "rest": csai_integration_rest,
    "shopify": csai_integration_shopify,
    "sms": csai_channel_sms,
    "sql": csai_integration_sql,
    "whatsapp": csai_channel_whatsapp,
    "woocommerce": csai_integration_woocommerce,
}


@pytest.fixture
async def operator(make_server: ServerFactory) -> Operator:
    """One who is bound to the client, and must never read its secrets."""
    server = await make_server(ScriptedProvider(), plugins=PLUGINS, public_url="https://csai.example")
    return await sign_in(server, client_ids=[server.client.id])


def of_client(operator: Operator, path: str) -> str:
    return f"/admin/clients/{operator.server.client.id}/{path}"


async def set_up(operator: Operator, path: str, **settings: Any) -> str:
    answer = await operator.change(of_client(operator, path), {"enabled": True, "settings": settings})
    assert answer.status_code == 200, answer.text
    return of_client(operator, path)


async def account(operator: Operator, channel: str, **settings: Any) -> str:
    made = await operator.ask(
        "POST",
        of_client(operator, "channels"),
        json={"channel": channel, "name": f"Our {channel}", "settings": settings},
    )
    assert made.status_code == 201, made.text
    return of_client(operator, f"channels/{made.json()['id']}")


def needed(answer: httpx.Response) -> list[str]:
    """The secrets that were asked for anew, as a form finds them."""
    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, "secrets_needed"), answer.text
    return [error["pointer"] for error in told["errors"]]


@pytest.mark.parametrize("provider", ["claude", "ollama", "openai"])
async def test_a_providers_key(operator: Operator, provider: str) -> None:
    path = await set_up(operator, f"plugins/{provider}", api_key="k-1")

    refused = await operator.change(path, {"settings": {"base_url": ELSEWHERE}})
    given = await operator.change(path, {"settings": {"base_url": ELSEWHERE, "api_key": "k-2"}})

    assert needed(refused) == ["/settings/api_key"]
    assert "base_url" in refused.json()["errors"][0]["detail"]
    assert given.status_code == 200, given.text
    assert needed(await operator.change(path, {"settings": {"base_url": None}})) == ["/settings/api_key"]


DATABASE = {"host": "db.example", "password": "p"}
SHOPIFY = {"shop": "a.myshopify.com", "access_token": "t"}
WOOCOMMERCE = {
    "base_url": "https://a.example",
    "consumer_key": "ck",
    "consumer_secret": "cs",
    "webhook_secret": "w",
}
REST = {"base_url": "https://a.example", "auth": "bearer", "token": "t"}
INTEGRATIONS: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("rest", REST, {"base_url": ELSEWHERE}, ["token"]),
    ("shopify", SHOPIFY, {"shop": "b.myshopify.com"}, ["access_token"]),
    ("shopify", SHOPIFY, {"base_url": ELSEWHERE}, ["access_token"]),
    ("woocommerce", WOOCOMMERCE, {"base_url": ELSEWHERE}, ["consumer_secret", "webhook_secret"]),
    ("sql", DATABASE, {"host": "elsewhere.example"}, ["password"]),
    ("sql", DATABASE, {"port": 5433}, ["password"]),
    ("sql", DATABASE, {"tls": "off"}, ["password"]),
    ("sql", DATABASE, {"ca_certificate": "-----BEGIN CERTIFICATE-----"}, ["password"]),
]


@pytest.mark.parametrize(("type_", "settings", "change", "secrets"), INTEGRATIONS)
async def test_a_connections_secrets(
    operator: Operator, type_: str, settings: dict[str, Any], change: dict[str, Any], secrets: list[str]
) -> None:
    made = await connect(operator, type_=type_, **settings)

    refused = await operator.change(made.path, {"settings": change})
    given = await operator.change(made.path, {"settings": {**change, **dict.fromkeys(secrets, "anew")}})

    assert needed(refused) == [f"/settings/{name}" for name in secrets]
    assert given.status_code == 200, given.text


@pytest.mark.parametrize(
    "change",
    [
        {"imap_host": "elsewhere.example"},
        {"smtp_port": 25},
        {"imap_security": "none"},
        {"smtp_security": "none"},
    ],
)
async def test_a_mailboxs_password(operator: Operator, change: dict[str, Any]) -> None:
    path = await account(operator, "email", imap_host="mail.example", smtp_host="mail.example", password="p")

    assert needed(await operator.change(path, {"settings": change})) == ["/settings/password"]
    kept = await operator.change(path, {"settings": {"imap_folder": "Support", "address": "a@shop.example"}})
    assert kept.status_code == 200, kept.text


SHOP = {"name": "shop", "url": "https://shop.example/mcp", "auth": "bearer"}
POST = {"name": "post", "url": "https://post.example/mcp", "auth": "none"}
TAKEN = {"name": "taken", "url": f"{ELSEWHERE}/mcp", "auth": "none"}
SIGNED_IN = {
    "name": "signed-in",
    "url": "https://a.example/mcp",
    "auth": "oauth",
    "oauth_client_id": "csai",
    "oauth_issuer": "https://login.example",
}


@pytest.mark.parametrize(
    "servers",
    [
        [SHOP | {"url": f"{ELSEWHERE}/mcp"}, POST, TAKEN, SIGNED_IN],
        [SHOP | {"url": "", "command": "files"}, POST, TAKEN, SIGNED_IN],
        [TAKEN | {"name": "shop", "auth": "bearer"}, POST, SHOP | {"name": "taken"}, SIGNED_IN],
        [SHOP, POST, TAKEN, SIGNED_IN | {"oauth_issuer": ELSEWHERE}],
        [SHOP, POST, TAKEN, SIGNED_IN | {"auth": "bearer"}],
    ],
    ids=["address", "command", "names-exchanged", "issuer", "not-to-the-issuer"],
)
async def test_the_secrets_of_mcp_servers(operator: Operator, servers: list[dict[str, Any]]) -> None:
    secrets = {"shop": "s", "signed-in": "o"}
    path = await set_up(operator, "plugins/mcp", servers=[SHOP, POST, TAKEN, SIGNED_IN], secrets=secrets)

    refused = await operator.change(path, {"settings": {"servers": servers}})
    given = await operator.change(path, {"settings": {"servers": servers, "secrets": secrets}})

    assert needed(refused) == ["/settings/secrets"]
    assert given.status_code == 200, given.text


async def test_what_says_nothing_of_an_mcp_servers_address_is_changed_freely(operator: Operator) -> None:
    secrets = {"shop": "s", "signed-in": "o"}
    path = await set_up(operator, "plugins/mcp", servers=[SHOP, POST, SIGNED_IN], secrets=secrets)

    for servers in (
        [POST, SHOP, SIGNED_IN | {"oauth_scope": "all"}],
        [SHOP | {"protocol": "2026-07-28"}],
        [],
    ):
        answer = await operator.change(path, {"settings": {"servers": servers, "timeout_s": 5}})
        assert answer.status_code == 200, answer.text
    back = await operator.change(path, {"settings": {"servers": [SHOP | {"url": f"{ELSEWHERE}/mcp"}]}})
    assert needed(back) == ["/settings/secrets"]


ACCOUNTS: list[tuple[str, dict[str, Any]]] = [
    ("whatsapp", {"phone_number_id": "1", "access_token": "t"}),
    ("messenger", {"page_id": "1", "page_token": "t"}),
    ("sms", {"sender": "+3545550100", "auth_token": "t"}),
]


@pytest.mark.parametrize(("channel", "settings"), ACCOUNTS)
async def test_the_secrets_of_accounts_when_the_plugins_address_changes(
    operator: Operator, channel: str, settings: dict[str, Any]
) -> None:
    """The plugin's settings have the address, the account's the secret."""
    path = await set_up(operator, f"plugins/{channel}", base_url="https://first.example")
    await set_up(operator, f"plugins/{channel}", base_url="https://second.example")
    one = await account(operator, channel, **settings)
    (secret,) = (await operator.get(one))["secrets"]

    refused = [
        await operator.change(path, {"settings": {"base_url": ELSEWHERE}}),
        await operator.change(path, {"settings": {"base_url": None}}),
        await operator.change(path, {"reset": True}),
        await operator.change(f"{path}/undo"),
    ]
    off = await operator.change(path, {"enabled": False})
    on = await operator.change(path, {"enabled": True, "settings": {"base_url": "https://second.example"}})

    assert [(each.status_code, each.json()["code"]) for each in refused] == [(409, "secrets_elsewhere")] * 4
    assert all(f"Our {channel}" in each.json()["detail"] for each in refused)
    assert (off.status_code, on.status_code) == (200, 200)
    assert (await operator.get(path))["settings"]["base_url"] == "https://second.example"

    await operator.change(one, {"settings": {secret: None}})
    assert (await operator.change(path, {"settings": {"base_url": ELSEWHERE}})).status_code == 200
    assert (await operator.change(one, {"settings": {secret: "anew"}})).status_code == 200


class Region(PluginSettings):
    region: HttpUrl | None = Field(None, title="Region", description="Where the systems are.")


@pytest.mark.parametrize("held", ["secret", "tokens"])
async def test_the_secrets_of_connections_when_the_plugins_address_changes(
    make_server: ServerFactory, held: str
) -> None:
    systems = Systems()
    server = await make_server(
        ScriptedProvider(),
        plugins={
            "systems": SimpleNamespace(
                register_settings=hookimpl(lambda: Region),
                register_integrations=hookimpl(lambda: [systems]),
            )
        },
    )
    operator = await sign_in(server)
    made = await connect(operator, **({"key": "k"} if held == "secret" else {"place": "here"}))
    if held == "tokens":
        (row,) = await server.rows(ClientIntegration)
        services, ids = server.services, {"client_id": server.client.id, "integration_id": row["id"]}
        tokens = ConnectionTokens(services.database, services.keyring, services.clock, **ids)

        async def give(_old: Any) -> dict[str, Any]:
            return {"access_token": "a"}

        await tokens.renew(None, give)
    path = of_client(operator, "plugins/systems")
    name = (await operator.get(made.path))["name"]

    refused = await operator.change(path, {"settings": {"region": ELSEWHERE}})
    await operator.ask("DELETE", made.path, headers={"If-Match": "*"})
    free = await operator.change(path, {"settings": {"region": ELSEWHERE}})

    assert (refused.status_code, refused.json()["code"]) == (409, "secrets_elsewhere")
    assert name in refused.json()["detail"]
    assert free.status_code == 200, free.text


class Place(BaseModel):
    name: str = ""
    url: HttpUrl | None = None
    color: str = ""


class Desk(PluginSettings):
    """Addresses of all kinds beside a secret."""

    token: SecretStr | None = Field(None, json_schema_extra={"env": "DESK_TOKEN"})
    hook: SecretStr | None = Field(None, json_schema_extra={"url": True})
    home: HttpUrl = HttpUrl("https://home.example")
    page: HttpUrl | None = Field(None, json_schema_extra={"address": False})
    branch_host: str = ""
    office: Place = Place()
    places: dict[str, list[Place]] = Field({})
    color: str = ""


@pytest.fixture
async def desk(make_server: ServerFactory) -> Operator:
    plugin = SimpleNamespace(register_settings=hookimpl(lambda: Desk))
    return await sign_in(await make_server(ScriptedProvider(), plugins={"desk": plugin}))


@pytest.mark.parametrize(
    ("change", "is_free"),
    [
        ({"hook": ELSEWHERE}, False),
        ({"home": ELSEWHERE}, False),
        ({"home": "https://home.example"}, True),
        ({"page": ELSEWHERE}, True),
        ({"branch_host": "elsewhere.example"}, False),
        ({"color": "red"}, True),
        ({"office": {"url": ELSEWHERE}}, False),
        ({"office": {"color": "red", "name": "ours"}}, True),
        ({"places": {"a": [{"url": "https://a.example"}, {"url": ELSEWHERE}]}}, False),
        ({"places": {"b": [{"url": "https://a.example"}]}}, False),
        ({"places": {"a": [{"url": "https://a.example", "color": "red"}]}}, True),
        ({"places": {}}, True),
    ],
)
async def test_addresses_are_known_by_mark_type_and_name_however_deep(
    desk: Operator, change: dict[str, Any], is_free: bool
) -> None:
    path = await set_up(
        desk,
        "plugins/desk",
        token="t",
        hook="https://hook.example",
        places={"a": [{"url": "https://a.example"}]},
    )

    answer = await desk.change(path, {"settings": change})

    if is_free:
        assert answer.status_code == 200, answer.text
    else:
        assert "/settings/token" in needed(answer)


async def test_the_operators_secret_is_not_in_force_where_the_client_chose_the_address(
    desk: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_TOKEN", "the-operators")
    path = await set_up(desk, "plugins/desk", color="red")
    before = (await desk.get(path))["fields"]["token"]

    changed = await desk.change(path, {"settings": {"home": ELSEWHERE}})

    assert (before["source"], before["is_set"]) == ("environment", True)
    assert changed.status_code == 200, changed.text
    token = changed.json()["fields"]["token"]
    assert (token["source"], token["is_set"], token["is_env_set"]) == ("default", False, True)
    services = desk.server.services
    client = desk.server.client.id
    async with services.database.read() as connection:
        view = await services.views.preview(connection, client, {"desk": True})
    assert view.contexts["desk"].settings_as(Desk).token is None
