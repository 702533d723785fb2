"""An admin says how the widget looks and what it offers, and the widget is told."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from csai.kit.identifier import new_id
from csai.models import AuditEntry, Client
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory

FULL: dict[str, Any] = {
    "title": "Kettle & Co",
    "greeting": "Hello!\nשלום 👩‍🔧",
    "primary_color": "#0A7",
    "position": "top-left",
    "theme": "dark",
    "logo_url": "https://shop.example/logo.svg",
    "quick_replies": ["Where is my order?"],
    "link_hosts": ["shop.example", "*.Shop.example", "cdn.example:8443"],
    "image_hosts": ["img.example"],
    "ai_notice_text": "A machine answers.",
    "privacy_text": "We keep this for 30 days.",
    "privacy_url": "https://shop.example/privacy?lang=en#chat",
    "consent": "required",
    "handoff": False,
    "rating": False,
}


@pytest.fixture
async def server(make_server: ServerFactory) -> Server:
    return await make_server(ScriptedProvider(["Hello!"], is_endless=True))


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)


def path_of(server: Server) -> str:
    return f"/admin/clients/{server.client.id}/branding"


async def put(operator: Operator, body: Any, if_match: str = "*") -> httpx.Response:
    return await operator.ask("PUT", path_of(operator.server), json=body, headers={"If-Match": if_match})


async def config(server: Server, **headers: Any) -> httpx.Response:
    return await server.http.get("/api/config", headers=server.as_page(**headers))


async def test_without_branding_everything_is_offered_and_left_to_the_widget(server: Server) -> None:
    told = (await config(server)).json()

    speech = told.pop("locale")
    assert (speech["language"], speech["direction"]) == ("en", "ltr")
    assert speech["labels"]["send"] == "Send message"
    assert speech["labels"]["tool:get"] == speech["labels"]["tool:check"]
    assert told == {
        "client": {"name": "Shop"},
        "branding": {},
        "features": {
            "streaming": True,
            "stop": True,
            "handoff": True,
            "email_follow_up": True,
            "feedback": True,
            "rating": True,
            "transcript": True,
        },
        "notices": {
            "ai": {"is_shown": True, "text": None},
            "privacy": {"text": None, "url": None},
            "is_consent_required": False,
        },
        "quick_replies": [],
    }


async def test_the_configuration_travels_compressed_where_that_is_understood(server: Server) -> None:
    plain = await config(server, **{"Accept-Encoding": "identity"})
    small = await config(server, **{"Accept-Encoding": "gzip"})

    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert small.json() == plain.json()
    assert small.headers["etag"] == plain.headers["etag"]
    assert int(small.headers["content-length"]) * 2 < int(plain.headers["content-length"])


async def test_what_is_set_is_told_to_the_widget_at_once(server: Server, operator: Operator) -> None:
    before = await config(server)

    changed = await put(operator, FULL)

    assert changed.status_code == 200, changed.text
    told = (await config(server, **{"If-None-Match": before.headers["etag"]})).json()
    assert told["branding"] == {
        "title": "Kettle & Co",
        "greeting": "Hello!\nשלום 👩‍🔧",
        "primary_color": "#0A7",
        "position": "top-left",
        "theme": "dark",
        "logo_url": "https://shop.example/logo.svg",
        "link_hosts": ["shop.example", "*.shop.example", "cdn.example:8443"],
        "image_hosts": ["img.example"],
    }
    assert (told["features"]["handoff"], told["features"]["rating"], told["features"]["feedback"]) == (
        False,
        False,
        True,
    )
    assert told["notices"] == {
        "ai": {"is_shown": True, "text": "A machine answers."},
        "privacy": {"text": "We keep this for 30 days.", "url": FULL["privacy_url"]},
        "is_consent_required": True,
    }
    assert told["quick_replies"] == ["Where is my order?"]
    entries = [row for row in await server.rows(AuditEntry) if row["action"] == "branding.set"]
    assert [(row["before"], row["after"]["title"]) for row in entries] == [({}, "Kettle & Co")]


async def test_what_has_not_changed_is_not_sent_again(server: Server) -> None:
    first = await config(server)

    again = await config(server, **{"If-None-Match": f'"x", W/{first.headers["etag"]}'})
    other = await config(server, **{"If-None-Match": '"x"'})

    assert first.headers["cache-control"] == "private, max-age=60"
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (other.status_code, other.json()) == (200, first.json())


async def test_a_change_names_what_it_was_made_on(server: Server, operator: Operator) -> None:
    read = await operator.ask("GET", path_of(server))
    first = await put(operator, {"title": "One"}, read.headers["etag"])
    late = await put(operator, {"title": "Two"}, read.headers["etag"])
    missing = await operator.ask("PUT", path_of(server), json={"title": "Two"})

    assert read.json()["ai_notice"] == "shown"
    assert first.headers["etag"] != read.headers["etag"]
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")
    assert late.headers["etag"] == first.headers["etag"]
    assert (missing.status_code, missing.json()["code"]) == (428, "if_match_missing")
    assert (await operator.get(path_of(server)))["title"] == "One"


@pytest.mark.parametrize(
    "body",
    [
        {"color": "#fff"},
        {"primary_color": "red"},
        {"primary_color": "#12345"},
        {"primary_color": "#fff;background:url(//evil.example)"},
        {"primary_color": "#fff\n"},
        {"position": "middle"},
        {"theme": "pink"},
        {"title": "x" * 101},
        {"title": "two\nlines"},
        {"title": " "},
        {"greeting": "x" * 1_001},
        {"greeting": "a\u0000b"},
        {"greeting": "\u202eevil"},
        {"greeting": "\x1b[31m"},
        {"logo_url": "http://shop.example/logo.svg"},
        {"logo_url": "https://evil.example/logo.svg"},
        {"logo_url": "https://shop.example@evil.example/logo.svg"},
        {"logo_url": "https://shop.example.evil.example/logo.svg"},
        {"logo_url": "https://shop.example:8443/logo.svg"},
        {"logo_url": "javascript:alert(1)"},
        {"logo_url": 'https://shop.example/"onerror=alert(1)'},
        {"logo_url": "https://127.0.0.1/x"},
        {"logo_url": "https://[::1]/x"},
        {"logo_url": "https://shop.example/" + "x" * 1_000},
        {"privacy_url": "data:text/html,x"},
        {"privacy_url": "https://shop.example\\@evil.example"},
        {"quick_replies": ["x"] * 7},
        {"quick_replies": ["x" * 121]},
        {"quick_replies": [""]},
        {"quick_replies": "Hi"},
        {"link_hosts": ["https://shop.example"]},
        {"link_hosts": ["*"]},
        {"link_hosts": ["*.example"[1:]]},
        {"link_hosts": ["a.example"] * 51},
        {"image_hosts": ["shop.example/path"]},
        {"consent": True},
        {"handoff": "no"},
    ],
)
async def test_what_could_harm_or_not_be_shown_is_refused(
    server: Server, operator: Operator, body: dict[str, Any]
) -> None:
    refused = await put(operator, body)

    assert refused.status_code == 422, refused.text
    assert (await config(server)).json()["branding"] == {}


async def test_a_logo_may_lie_on_a_host_for_pictures(operator: Operator) -> None:
    for url in (
        "https://a.cdn.example/l.png",
        "https://img.example:8443/l.png",
        "https://shop.example:443/l",
    ):
        body = {"logo_url": url, "image_hosts": ["*.cdn.example", "img.example:8443"]}
        assert (await put(operator, body)).status_code == 200, url


async def test_what_was_stored_otherwise_does_no_harm(server: Server) -> None:
    async with server.services.database.write() as transaction:
        await transaction.execute(
            update(Client)
            .where(Client.id == server.client.id)
            .values(
                branding={"title": "Fits", "primary_color": "url(x)", "unknown": 1, "quick_replies": 7},
                config_version=Client.config_version + 1,
            )
        )

    told = (await config(server)).json()

    assert (told["branding"], told["quick_replies"]) == ({"title": "Fits"}, [])


async def test_it_is_each_client_s_own(server: Server, operator: Operator) -> None:
    other = await server.add_client(name="Second")
    await put(operator, {"title": "Mine"})

    theirs = await server.http.get("/api/config", headers={"X-API-Key": other.secret_key})
    unknown = f"/admin/clients/{new_id()}/branding"

    assert (theirs.json()["client"], theirs.json()["branding"]) == ({"name": "Second"}, {})
    for method, body in (("GET", None), ("PUT", {})):
        refused = await operator.ask(method, unknown, json=body, headers={"If-Match": "*"})
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


async def test_a_viewer_looks_and_changes_nothing(server: Server, operator: Operator) -> None:
    viewer = await sign_in(server, email="viewer@example.com", role="viewer")

    assert (await viewer.ask("GET", path_of(server))).status_code == 200
    assert (await put(viewer, {})).status_code == 403
