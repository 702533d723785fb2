"""What an operator sets up on the dashboard: tokens, the catalog of tools, plans and who pays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Response, Route, expect

from tests.e2e.dashboard import Dashboard, dashboard, findings, settled, signed_in
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = ["dashboard"]

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"parcel": {"type": "string", "title": "Parcel"}, "fast": {"type": "boolean"}},
    "required": ["parcel"],
}


@pytest_asyncio.fixture(loop_scope="module")
async def desk(browser: Browser, dashboard: Dashboard) -> AsyncIterator[Page]:
    """The owner's page."""
    async with signed_in(browser, dashboard, is_refused=True) as page:
        yield page


async def read(page: Page, dashboard: Dashboard, path: str) -> Any:
    answer = await page.context.request.get(dashboard.path(f"../admin/{path}"))
    assert answer.ok, await answer.text()
    return await answer.json()


async def save(page: Page, where: Locator | None = None) -> None:
    """Press the button, and wait for the server to have kept it."""
    async with page.expect_response(lambda answer: answer.request.method == "PUT") as answered:
        await (where or page).get_by_role("button", name="Save").click()
    assert (await answered.value).ok


def is_read_of(path: str) -> Callable[[Response], bool]:
    return lambda answer: answer.request.method == "GET" and answer.url.endswith(f"/admin/{path}")


async def status_with(dashboard: Dashboard, token: str) -> int:
    """What a script with the token is answered."""
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        answer = await http.get(
            dashboard.path("../admin/clients"), headers={"Authorization": f"Bearer {token}"}
        )
    return answer.status_code


async def test_a_token_is_shown_once_works_and_is_revoked(desk: Page, dashboard: Dashboard) -> None:
    await desk.goto(dashboard.path("tokens"))
    await expect(desk.get_by_text("There are no tokens")).to_be_visible()
    await desk.get_by_role("button", name="Make a token").click()
    form = desk.get_by_role("dialog", name="Make a token")
    await form.get_by_label("Days that it works").fill("400")
    await form.get_by_role("button", name="Make a token").click()
    await expect(form.get_by_role("alert")).to_have_text(["This is needed.", "Write a number from 1 to 366."])
    await form.get_by_label("Name").fill("nightly report")
    await form.get_by_label("Days that it works").fill("7")
    await form.get_by_label("May operate").select_option("some")
    await form.get_by_role("button", name="Make a token").click()
    await expect(form.get_by_role("alert")).to_have_text("Choose a client.")
    await form.get_by_role("checkbox").first.check()
    assert await findings(desk) == []
    await form.get_by_role("button", name="Make a token").click()
    made = desk.get_by_role("dialog", name="The token nightly report")
    token = (await made.get_by_role("group", name="Token").inner_text()).strip()
    assert await findings(desk) == []
    await made.get_by_role("button", name="Close").last.click()

    assert await status_with(dashboard, token) == 200
    assert token not in await desk.content()
    row = desk.get_by_role("row").filter(has_text="nightly report")
    await expect(row).to_contain_text("Reads")
    await expect(row).to_contain_text("1 client")
    await row.get_by_role("button", name="Revoke").click()
    await (
        desk.get_by_role("dialog", name="Revoke nightly report?").get_by_role("button", name="Revoke").click()
    )
    await expect(row).to_contain_text("Revoked")
    await expect(row.get_by_role("button")).to_have_count(0)
    assert await status_with(dashboard, token) == 401


async def test_a_schema_is_judged_while_it_is_written(desk: Page, dashboard: Dashboard) -> None:
    await desk.goto(dashboard.path("add-tool"))
    text = desk.get_by_label("Schema", exact=True)
    verdict = desk.get_by_role("region", name="Check")
    await expect(verdict).to_contain_text("A tool may have this schema")
    await text.fill('{"type": "object",\n "properties": }')
    await expect(verdict).to_contain_text("from line 2, column 16 on")
    await text.fill('{"type": "object", "properties": {"count": {"type": "numbr"}}}')
    await expect(verdict).to_contain_text("/properties/count/type")
    await desk.get_by_role("button", name="Add a tool").click()
    await expect(desk.get_by_text("Nothing was saved")).to_be_visible()
    assert await findings(desk) == []
    await text.fill(json.dumps(SCHEMA))
    preview = desk.get_by_role("region", name="Preview")
    await preview.get_by_label("Parcel").fill("P-1")
    await preview.get_by_role("button", name="Show the arguments").click()
    await expect(preview.get_by_role("group", name="Arguments")).to_contain_text('"parcel": "P-1"')
    assert await findings(desk) == []


async def test_a_tool_is_made_changed_and_deleted(desk: Page, dashboard: Dashboard) -> None:
    await desk.goto(dashboard.path("tools"))
    await desk.get_by_role("link", name="Add a tool").click()
    await desk.get_by_role("textbox", name="Name", exact=True).fill("track parcel")
    await desk.get_by_label("What it does").fill("Says where a parcel is.")
    await desk.get_by_label("Runs through").select_option("n8n")
    await desk.get_by_label("Schema", exact=True).fill(json.dumps(SCHEMA))
    await expect(desk.get_by_text("A tool may have this schema")).to_be_visible()
    await desk.get_by_role("button", name="Add a tool").click()
    await expect(desk.get_by_role("alert")).to_contain_text("Use 1 to 64 of the characters")
    await desk.get_by_role("textbox", name="Name", exact=True).fill("track_parcel")
    await desk.get_by_role("button", name="Add a tool").click()
    await expect(desk.get_by_role("heading", name="track_parcel", level=1)).to_be_visible()
    await expect(desk.get_by_text("Switched on for nobody")).to_be_visible()
    await settled(desk)
    assert await findings(desk) == []

    await desk.get_by_role("link", name="Edit").click()
    await expect(desk.get_by_label("Runs through")).to_have_value("n8n")
    await desk.get_by_label("What it does").fill("Says where it is.")
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.get_by_role("heading", name="track_parcel", level=1, exact=True)).to_be_visible()
    kept = await read(desk, dashboard, "tools/track_parcel")
    assert (kept["description"], kept["parameters_schema"]) == ("Says where it is.", SCHEMA)
    history = desk.get_by_role("region", name="What was changed")
    await history.get_by_role("row").filter(has_text="Tool changed").get_by_role("button").click()
    change = desk.get_by_role("dialog", name="Tool changed")
    await expect(change.get_by_role("group", name="After")).to_contain_text("Says where it is.")
    assert await findings(desk) == []
    await desk.keyboard.press("Escape")

    await desk.get_by_role("button", name="Delete").click()
    await desk.get_by_role("dialog", name="Delete track_parcel?").get_by_role("button", name="Delete").click()
    await expect(desk.get_by_role("heading", name="Tool catalog", level=1)).to_be_visible()
    await expect(desk.get_by_role("link", name="track_parcel")).to_have_count(0)


async def test_who_saves_before_the_schema_is_checked_waits_and_loses_nothing(
    desk: Page, dashboard: Dashboard
) -> None:
    origin = dashboard.url.removesuffix("/dashboard/")
    made = {"tool_name": "hasty", "description": "Slow.", "parameters_schema": SCHEMA, "backend": "n8n"}
    post = await desk.context.request.post(
        dashboard.path("../admin/tools"), data=made, headers={"Origin": origin}
    )
    assert post.ok, await post.text()
    is_saved = asyncio.Event()

    async def late(route: Route) -> None:
        await is_saved.wait()
        await route.continue_()

    await desk.route("**/admin/tools/schema", late)
    await desk.goto(dashboard.path("tools/hasty/edit"))
    await desk.get_by_label("What it does").fill("Quick.")
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.get_by_role("button", name="Save")).to_be_disabled()
    is_saved.set()
    await desk.wait_for_url("**/tools/hasty")
    assert (await read(desk, dashboard, "tools/hasty"))["description"] == "Quick."


async def test_a_change_of_a_tool_made_meanwhile_is_not_overwritten(desk: Page, dashboard: Dashboard) -> None:
    origin = dashboard.url.removesuffix("/dashboard/")
    made = {"tool_name": "shared", "description": "Ours.", "parameters_schema": SCHEMA, "backend": "n8n"}
    path = dashboard.path("../admin/tools")
    post = await desk.context.request.post(path, data=made, headers={"Origin": origin})
    assert post.ok, await post.text()
    await desk.goto(dashboard.path("tools/shared/edit"))
    await desk.get_by_label("What it does").fill("Mine.")
    theirs = {name: value for name, value in made.items() if name != "tool_name"} | {"description": "Theirs."}
    put = await desk.context.request.put(
        f"{path}/shared", data=theirs, headers={"Origin": origin, "If-Match": "*"}
    )
    assert put.ok, await put.text()
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.get_by_role("alert")).to_contain_text("Somebody else has changed this")
    assert (await read(desk, dashboard, "tools/shared"))["description"] == "Theirs."


async def test_a_plugins_own_function_is_only_looked_at(desk: Page, dashboard: Dashboard) -> None:
    dashboard.say("Where is my order ORD-1001?")
    await desk.goto(dashboard.path("tools"))
    await desk.get_by_role("link", name="get_order_status").click()
    await expect(desk.get_by_text("A function of the plugin demo_shop")).to_be_visible()
    await expect(desk.get_by_role("link", name="Edit")).to_have_count(0)
    await expect(desk.get_by_role("button", name="Delete")).to_have_count(0)
    await desk.goto(dashboard.path("tools/get_order_status/edit"))
    await expect(desk.get_by_text("A function of the plugin demo_shop")).to_be_visible()
    await expect(desk.get_by_role("textbox")).to_have_count(0)


async def test_a_plans_price_and_models_are_set(desk: Page, dashboard: Dashboard) -> None:
    await desk.goto(dashboard.path("plans"))
    await desk.get_by_role("link", name="default").click()
    price = desk.get_by_role("region", name="Price")
    await price.get_by_label("Price of a month").fill("forty")
    await price.get_by_role("button", name="Save").click()
    await expect(price.get_by_role("alert")).to_have_text("Write an amount such as 49 or 1.10.")
    await price.get_by_label("Price of a month").fill("49.005")
    await price.get_by_label("Currency").fill("eur")
    await price.get_by_label("For a dollar of usage").fill("1.10")
    await price.get_by_role("button", name="Save").click()
    await expect(price.get_by_role("alert")).to_contain_text("cannot be paid to its last digit")
    assert await findings(desk) == []
    await price.get_by_label("Price of a month").fill("49")
    await save(desk, price)
    (plan,) = (await read(desk, dashboard, "plans"))["plans"]
    assert (plan["base"], plan["currency"], plan["usage_rate"]) == ("49.00", "EUR", "1.10")

    models = desk.get_by_role("region", name="Models")
    await models.get_by_label("Models that may be used").fill("offline/*")
    await save(desk, models)
    assert (await read(desk, dashboard, "plans/default/providers"))["models"] == ["offline/*"]


async def test_who_pays_for_a_client_is_said_and_taken_back(desk: Page, dashboard: Dashboard) -> None:
    payer = f"clients/{dashboard.client_id}/payer"
    await desk.goto(dashboard.path("clients/CLIENT/invoices"))
    await desk.get_by_role("link", name="Who pays").click()
    await desk.get_by_label("Gateway").select_option("stripe")
    await desk.get_by_label("Its id of a saved way of paying").fill("pm_1")
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.get_by_role("alert")).to_have_text("Write the customer too.")
    await desk.get_by_label("The vendor's id of the customer").fill("cus_1")
    assert await findings(desk) == []
    await save(desk)
    kept = await read(desk, dashboard, payer)
    assert (kept["gateway"], kept["customer"], kept["method"]) == ("stripe", "cus_1", "pm_1")
    await desk.get_by_label("Gateway").select_option("")
    await save(desk)
    kept = await read(desk, dashboard, payer)
    assert (kept["gateway"], kept["customer"], kept["method"]) == ("", "", "")


async def test_what_is_typed_while_a_form_is_saved_stays(desk: Page, dashboard: Dashboard) -> None:
    answered = asyncio.Event()

    async def hold(route: Route) -> None:
        if route.request.method == "PUT":
            await answered.wait()
        await route.continue_()

    await desk.goto(dashboard.path("plans/default"))
    await desk.route("**/admin/plans/default/price", hold)
    price = desk.get_by_role("region", name="Price")
    base, rate = price.get_by_label("Price of a month"), price.get_by_label("For a dollar of usage")
    await base.fill("60.00")
    await price.get_by_label("Currency").fill("usd")
    await price.get_by_role("button", name="Save").click()
    await rate.select_text()
    await rate.press_sequentially("1.25")
    async with desk.expect_response(is_read_of("plans/default/price")) as back:
        answered.set()
    await (await back.value).finished()
    await expect(price.get_by_label("Currency")).to_have_value("USD")
    await expect(rate).to_have_value("1.25")
    await expect(rate).to_be_focused()

    await save(desk, price)
    kept = await read(desk, dashboard, "plans/default/price")
    assert (kept["currency"], kept["usage_rate"]) == ("USD", "1.25")
    await desk.unroute("**/admin/plans/default/price")


async def test_a_list_within_a_group_follows_what_is_stored(desk: Page, dashboard: Dashboard) -> None:
    """A plugin that keeps fewer words than it is given."""
    words = {"type": "array", "title": "Words", "items": {"type": "string"}}
    rules = {"type": "object", "title": "Rules", "properties": {"words": words}}
    stored = ["one", "two"]
    plugin = await read(desk, dashboard, f"clients/{dashboard.client_id}/plugins/n8n")
    plugin |= {"settings_schema": {"type": "object", "properties": {"rules": rules}}, "fields": {}}
    plugin["groups"] = [{"title": "", "fields": ["rules"]}]

    async def keep_a_word(route: Route) -> None:
        if route.request.method == "PATCH":
            stored[:] = ["three"]
        kept = plugin | {"settings": {"rules": {"words": stored}}}
        await route.fulfill(json=kept, headers={"ETag": f'"{len(stored)}"'})

    await desk.route("**/admin/clients/*/plugins/n8n", keep_a_word)
    await desk.goto(dashboard.path("clients/CLIENT/plugins/n8n"))
    rows = desk.get_by_role("group", name="Words").get_by_role("textbox")
    await expect(rows).to_have_count(2)
    await rows.first.fill("another")
    await desk.get_by_role("button", name="Save").click()
    await expect(rows).to_have_count(1)
    await expect(rows).to_have_value("three")
    await desk.unroute("**/admin/clients/*/plugins/n8n")


async def test_what_is_typed_stays_while_figures_beside_it_are_asked_for_again(
    desk: Page, dashboard: Dashboard
) -> None:
    asked: list[str] = []
    answered = asyncio.Event()

    async def fail_once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            await route.fulfill(status=404, json={"code": "not_found", "detail": "Gone."})
            return
        await answered.wait()
        await route.continue_()

    await desk.route("**/statistics?*", fail_once)
    await desk.goto(dashboard.path("clients/CLIENT"))
    prompt = desk.get_by_role("main").locator("form textarea").first
    await prompt.fill("Be brief.")
    async with desk.expect_request("**/statistics?*"):
        await desk.get_by_role("button", name="Try again").click()
    await expect(prompt).to_have_value("Be brief.")
    answered.set()
    await expect(desk.get_by_role("button", name="Try again")).to_have_count(0)
    await expect(prompt).to_have_value("Be brief.")
    await desk.unroute("**/statistics?*")


@pytest.fixture(scope="module")
def viewer(dashboard: Dashboard) -> str:
    dashboard.add_admin("viewer@example.com", "viewer")
    made = {"tool_name": "looked_at", "description": "Ours.", "parameters_schema": SCHEMA, "backend": "n8n"}
    dashboard.make("tools", **made)
    return "viewer@example.com"


async def test_a_viewer_sees_how_it_is_set_up_and_changes_nothing(
    browser: Browser, dashboard: Dashboard, viewer: str
) -> None:
    async with signed_in(browser, dashboard, email=viewer) as page:
        for path in ("tools", "tools/looked_at", "plans/default", "clients/CLIENT/payer"):
            await page.goto(dashboard.path(path))
            await settled(page)
            for name in ("Save", "Delete", "Add a tool"):
                await expect(page.get_by_role("button", name=name)).to_have_count(0)
        await expect(page.get_by_label("Gateway")).to_be_disabled()
        await page.goto(dashboard.path("tokens"))
        await page.get_by_role("button", name="Make a token").click()
        form = page.get_by_role("dialog", name="Make a token")
        await expect(form.get_by_label("Role").locator("option")).to_have_text(["Viewer"])
        assert await findings(page) == []
