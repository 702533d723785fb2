"""What an operator does on the dashboard, and what it does on the server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.e2e.dashboard import Dashboard, dashboard, findings, settled, signed_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = ["dashboard"]


@pytest_asyncio.fixture(loop_scope="module")
async def desk(browser: Browser, dashboard: Dashboard) -> AsyncIterator[Page]:
    """The owner's page."""
    async with signed_in(browser, dashboard, is_refused=True) as page:
        yield page


async def read(page: Page, dashboard: Dashboard, path: str) -> Any:
    answer = await page.context.request.get(dashboard.path(f"../admin/clients/{dashboard.client_id}/{path}"))
    assert answer.ok, await answer.text()
    return await answer.json()


async def test_a_plugin_is_switched_off_after_a_look_at_what_goes_and_on_again_by_undo(
    desk: Page, dashboard: Dashboard
) -> None:
    await desk.goto(dashboard.path("clients/CLIENT/plugins"))
    switch = desk.get_by_role("switch", name="demo_shop for this client")
    await expect(switch).to_be_checked()
    await switch.click()
    preview = desk.get_by_role("dialog", name="Switch demo_shop off?")
    await expect(preview).to_contain_text("Tools that go")
    await expect(preview).to_contain_text("get_order_status")
    assert await findings(desk) == []
    await preview.get_by_role("button", name="Switch off").click()
    await expect(switch).not_to_be_checked()
    # Under the pointer it stays, however long the rest takes.
    await desk.get_by_text("demo_shop is off").hover()
    assert (await read(desk, dashboard, "plugins/demo_shop"))["enabled"] is False
    assert await findings(desk) == []
    await desk.get_by_role("button", name="Undo").click()
    await desk.get_by_text("Undone").wait_for()
    await expect(switch).to_be_checked()
    assert (await read(desk, dashboard, "plugins/demo_shop"))["enabled"] is True


async def test_a_setting_that_does_not_fit_is_refused_beside_its_field(
    desk: Page, dashboard: Dashboard
) -> None:
    await desk.goto(dashboard.path("clients/CLIENT/plugins/n8n"))
    field = desk.get_by_label("Timeout in seconds")
    await field.fill("soon")
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.get_by_role("alert")).to_have_text("Write a number.")
    await field.fill("100000")
    await desk.get_by_role("button", name="Save").click()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(desk.get_by_role("alert")).to_contain_text("less than or equal to")
    assert await findings(desk) == []
    await field.fill("12")
    await desk.get_by_role("button", name="Save").click()
    await desk.get_by_text("Saved").wait_for()
    assert (await read(desk, dashboard, "plugins/n8n"))["settings"] == {"timeout_s": 12}


async def test_a_secret_is_written_kept_and_deleted_but_never_shown(desk: Page, dashboard: Dashboard) -> None:
    secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
    await desk.goto(dashboard.path("clients/CLIENT/plugins/n8n"))
    await desk.get_by_label("Signing secret").fill(secret)
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.get_by_text("A value is stored.")).to_be_visible()
    await desk.reload()
    await settled(desk)
    await expect(desk.get_by_label("Signing secret", exact=True)).to_have_value("")
    assert secret not in await desk.content()
    await desk.get_by_label("Delete the stored value").check()
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.get_by_text("It is stored encrypted")).to_be_visible()
    assert (await read(desk, dashboard, "plugins/n8n"))["fields"]["signing_secret"]["is_set"] is False


@pytest.mark.parametrize(
    ("language", "labels", "said"),
    [
        ("en", ("Save", "Delete the stored value"), "What is stored was written for another address."),
        ("he", ("שמירה", "מחיקת הערך השמור"), "מה ששמור נכתב עבור כתובת אחרת."),
    ],
)
async def test_a_secret_is_asked_for_again_where_its_address_changes(
    browser: Browser, dashboard: Dashboard, language: str, labels: tuple[str, str], said: str
) -> None:
    save, delete = labels
    async with signed_in(browser, dashboard, is_refused=True, locale=language) as page:
        await page.goto(dashboard.path("clients/CLIENT/plugins/openai"))
        key, address = page.get_by_label("API key", exact=True), page.get_by_label("Base URL")
        await key.fill("k-1")
        await page.get_by_role("button", name=save).click()
        await page.get_by_label(delete).wait_for()
        await address.fill("https://elsewhere.example/v1")
        await page.get_by_role("button", name=save).click()
        await expect(page.get_by_role("alert")).to_contain_text(said)
        await expect(key).to_have_attribute("aria-invalid", "true")
        await expect(key).to_be_focused()
        assert await findings(page) == []
        await page.get_by_label(delete).check()
        await page.get_by_role("button", name=save).click()
        await expect(page.get_by_label(delete)).to_have_count(0)
        kept = await read(page, dashboard, "plugins/openai")
        assert kept["settings"]["base_url"] == "https://elsewhere.example/v1"
        await address.fill("https://api.openai.com/v1")
        await page.get_by_role("button", name=save).click()
        await expect(page.get_by_role("alert")).to_have_count(0)


async def test_a_tool_is_tried_with_a_form_drawn_from_its_schema(desk: Page, dashboard: Dashboard) -> None:
    await desk.goto(dashboard.path("clients/CLIENT/tools"))
    await desk.get_by_role("link", name="get_order_status").click()
    await desk.get_by_role("button", name="Run").click()
    await expect(desk.get_by_role("alert")).to_have_text("This is needed.")
    await desk.get_by_label("Order Id").fill("ORD-1001")
    await desk.get_by_role("button", name="Run").click()
    await expect(desk.get_by_role("group", name="Answer")).to_contain_text("ORD-1001")
    assert await findings(desk) == []


async def test_the_assistant_is_tested_and_what_its_model_was_asked_is_shown(
    desk: Page, dashboard: Dashboard
) -> None:
    await desk.goto(dashboard.path("clients/CLIENT/test-chat"))
    await desk.get_by_role("button", name="Send").click()
    await expect(desk.get_by_role("alert")).to_have_text("Write something.")
    await desk.get_by_label("Message").fill("Where is my order ORD-1001?")
    await desk.get_by_role("button", name="Send").click()
    chat = desk.get_by_role("log", name="Chat")
    await expect(chat.get_by_text("Answered", exact=True)).to_be_visible()
    await expect(chat).to_contain_text("ORD-1001")
    await expect(desk.get_by_role("region", name="Tool calls")).to_contain_text("get_order_status")
    models = desk.get_by_role("region", name="Model calls")
    await models.locator("summary").first.click()
    request = models.get_by_role("group", name="Request").first
    await expect(request).to_contain_text("Where is my order ORD-1001?")
    assert await findings(desk) == []
    await desk.get_by_label("Message").fill("Thanks")
    await desk.get_by_label("Message").press("Control+Enter")
    await expect(models.get_by_role("heading", name="Turn 2")).to_be_visible()
    await desk.get_by_role("combobox", name="Model").fill("nowhere/model")
    await desk.get_by_label("Message").fill("Hello?")
    await desk.get_by_role("button", name="Send").click()
    await expect(chat).to_contain_text("The client cannot be answered by this model")
    await desk.get_by_role("button", name="New session").click()
    await expect(chat).to_contain_text("Nothing was said yet")
    listed = await desk.context.request.get(dashboard.path("../admin/conversations"))
    assert "test" not in {each["channel"] for each in (await listed.json())["conversations"]}


async def test_the_log_of_calls_shows_arguments_and_answer(desk: Page, dashboard: Dashboard) -> None:
    dashboard.say("Where is my order ORD-1001?")
    await desk.goto(dashboard.path("clients/CLIENT/tool-calls?tool=get_order_status&status=succeeded"))
    await desk.get_by_role("button", name="Show the call").first.click()
    shown = desk.get_by_role("dialog", name="get_order_status")
    await expect(shown.get_by_role("group", name="Arguments")).to_contain_text("ORD-1001")
    assert await findings(desk) == []


async def test_branding_is_seen_on_the_real_widget_before_it_is_saved(
    desk: Page, dashboard: Dashboard
) -> None:
    await desk.goto(dashboard.path("clients/CLIENT/branding"))
    widget = desk.frame_locator("iframe").locator("csai-widget")
    await expect(widget.get_by_role("dialog")).to_be_visible()
    await desk.get_by_label("Title").fill("Kettle & Cloth")
    await expect(widget.get_by_text("Kettle & Cloth").first).to_be_visible()
    await desk.get_by_label("Colour", exact=True).first.fill("blue")
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.get_by_role("alert")).to_contain_text("#23568f")
    await desk.get_by_label("Colour", exact=True).first.fill("#7a2048")
    await desk.get_by_role("button", name="Save").click()
    await desk.get_by_text("Saved").wait_for()
    stored = await read(desk, dashboard, "branding")
    assert (stored["title"], stored["primary_color"]) == ("Kettle & Cloth", "#7a2048")


async def test_an_integration_is_added_and_deleted(desk: Page, dashboard: Dashboard) -> None:
    await desk.goto(dashboard.path("clients/CLIENT/integrations"))
    await desk.get_by_role("button", name="Add an integration").click()
    dialog = desk.get_by_role("dialog", name="Add an integration")
    await dialog.get_by_label("Type").select_option("rest")
    await dialog.get_by_label("Name", exact=True).fill("Orders")
    await dialog.get_by_role("textbox", name="Address", exact=True).fill("https://orders.example/api")
    assert await findings(desk) == []
    await dialog.get_by_role("button", name="Add an integration").click()
    await expect(desk.get_by_role("heading", name="Orders", level=1)).to_be_visible()
    await settled(desk)
    assert await findings(desk) == []
    await desk.get_by_role("button", name="Add an endpoint").click()
    form = desk.get_by_role("dialog", name="Add an endpoint")
    await form.get_by_label("Name").first.fill("find_order")
    await form.get_by_label("Description").fill("Finds an order.")
    await form.get_by_label("Address").fill("/orders")
    assert await findings(desk) == []
    await form.get_by_role("button", name="Save").click()
    await expect(desk.get_by_role("row").filter(has_text="find_order")).to_be_visible()
    await desk.get_by_role("button", name="Delete the integration").click()
    await desk.get_by_role("dialog").get_by_role("button", name="Delete the integration").click()
    await expect(desk.get_by_text("No integration yet")).to_be_visible()


async def test_a_conversation_is_taken_answered_and_handed_back(desk: Page, dashboard: Dashboard) -> None:
    said = dashboard.say("I want a human, please")
    dashboard.ask_for_a_human(said)
    await desk.goto(dashboard.path("clients/CLIENT/desk"))
    await desk.get_by_role("link", name="Dana K.").first.click()
    await desk.get_by_label("Your name").fill("Ada")
    await desk.get_by_role("button", name="Take over").click()
    await desk.get_by_label("Your reply").fill("Hello, Ada here.")
    await desk.keyboard.press("Control+Enter")
    await expect(desk.get_by_role("log")).to_contain_text("Hello, Ada here.")
    assert await findings(desk) == []
    await desk.get_by_role("button", name="Hand back to the AI").click()
    await expect(desk.get_by_text("Take the conversation over to answer.")).to_be_visible()


async def test_a_change_made_meanwhile_is_not_overwritten(desk: Page, dashboard: Dashboard) -> None:
    await desk.goto(dashboard.path("clients/CLIENT/branding"))
    await settled(desk)
    url = dashboard.path(f"../admin/clients/{dashboard.client_id}/branding")
    other = {"title": "Somebody else's"}
    headers = {"If-Match": "*", "Origin": dashboard.url.removesuffix("/dashboard/")}
    assert (await desk.context.request.put(url, data=other, headers=headers)).ok
    await desk.get_by_label("Title").fill("Mine")
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.get_by_text("Somebody else has changed this")).to_be_visible()
    assert (await read(desk, dashboard, "branding"))["title"] == "Somebody else's"


async def test_a_client_is_made_its_keys_shown_once_and_shut_again(desk: Page, dashboard: Dashboard) -> None:
    await desk.goto(dashboard.path("clients"))
    await desk.get_by_role("button", name="Add a client").click()
    form = desk.get_by_role("dialog", name="Add a client")
    await form.get_by_role("button", name="Add a client").click()
    await expect(form.get_by_role("alert")).to_have_text("This is needed.")
    await form.get_by_label("Name").fill("Northwind")
    await form.get_by_label("Origins").fill("https://northwind.example")
    await form.get_by_role("button", name="Add a client").click()
    made = desk.get_by_role("dialog", name="Northwind is made")
    await expect(made.get_by_role("group", name="Secret key, for servers")).to_contain_text("sk_")
    assert await findings(desk) == []
    await made.get_by_role("link", name="To the client").click()
    await expect(desk.get_by_role("heading", name="Northwind", level=1)).to_be_visible()
    await desk.get_by_label("Tone").fill("warm")
    await desk.get_by_role("button", name="Save").click()
    await desk.get_by_text("Saved").wait_for()
    await desk.get_by_role("button", name="Renew: Publishable").click()
    renew = desk.get_by_role("dialog", name="Renew the key: Publishable")
    await renew.get_by_role("button", name="Renew").click()
    await expect(renew.get_by_role("group", name="The new key")).to_contain_text("pk_")
    await desk.keyboard.press("Escape")
    await desk.get_by_role("button", name="Deactivate").click()
    await desk.get_by_role("dialog").get_by_role("button", name="Deactivate").click()
    await desk.get_by_text("Northwind is inactive").wait_for()
    await desk.get_by_role("button", name="Undo").click()
    await desk.get_by_text("Northwind is active").wait_for()
    assert await findings(desk) == []


async def test_another_client_is_chosen_on_the_same_page(desk: Page, dashboard: Dashboard) -> None:
    await asyncio.to_thread(dashboard.make, "clients", name="Southwind")
    await desk.goto(dashboard.path("clients/CLIENT/plugins"))
    await desk.get_by_role("button", name="Choose a client:").click()
    await desk.get_by_role("combobox").fill("southw")
    await expect(desk.get_by_role("option", name="Southwind")).to_be_visible()
    assert await findings(desk) == []
    await desk.keyboard.press("Enter")
    await expect(desk.get_by_role("button", name="Choose a client: Southwind")).to_be_visible()
    await expect(desk.get_by_role("heading", name="Plugins")).to_be_visible()
    assert dashboard.client_id not in desk.url


@pytest.fixture(scope="module")
def others(dashboard: Dashboard) -> None:
    dashboard.add_admin("viewer@example.com", "viewer")
    dashboard.add_admin("teammate@example.com", "teammate")


@pytest.mark.usefixtures("others")
async def test_a_viewer_looks_and_changes_nothing(browser: Browser, dashboard: Dashboard) -> None:
    async with signed_in(browser, dashboard, email="viewer@example.com") as page:
        await page.goto(dashboard.path("clients/CLIENT/plugins"))
        await expect(page.get_by_role("switch").first).to_be_disabled()
        await page.goto(dashboard.path("clients/CLIENT/plugins/n8n"))
        await expect(page.get_by_label("Timeout in seconds")).to_be_disabled()
        await expect(page.get_by_role("button", name="Save")).to_have_count(0)
        assert await findings(page) == []


@pytest.mark.usefixtures("others")
async def test_a_teammate_finds_the_desk_and_little_else(browser: Browser, dashboard: Dashboard) -> None:
    async with signed_in(browser, dashboard, email="teammate@example.com") as page:
        await page.goto(dashboard.path("clients/CLIENT/desk"))
        await settled(page)
        menu = page.get_by_role("navigation", name="Main menu")
        await expect(menu.get_by_role("link", name="Desk")).to_be_visible()
        await expect(menu.get_by_role("link", name="Plugins")).to_have_count(0)


@pytest.mark.usefixtures("others")
async def test_a_teammate_makes_a_token_and_revokes_it(browser: Browser, dashboard: Dashboard) -> None:
    async with signed_in(browser, dashboard, email="teammate@example.com") as page:
        await page.goto(dashboard.path("clients/CLIENT/desk"))
        await page.get_by_role("link", name="API tokens").click()
        await page.get_by_role("button", name="Make a token").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Name").fill("hand-overs")
        await expect(dialog.get_by_label("Role").locator("option")).to_have_text(["Teammate", "Viewer"])
        assert await findings(page) == []
        await dialog.get_by_role("button", name="Make a token").click()
        await expect(dialog.get_by_role("group", name="Token")).to_contain_text("csai_")
        await dialog.get_by_text("Close", exact=True).click()
        row = page.get_by_role("row", name=re.compile("hand-overs"))
        await row.get_by_role("button", name="Revoke").click()
        await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        await expect(row).to_contain_text("Revoked")
