"""Signing in, finding one's way, and what stands around the dashboard's pages."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.dashboard import (
    EMAIL,
    PASSWORD,
    PHONE,
    Dashboard,
    dashboard,
    findings,
    settled,
    signed_in,
)
from tests.support.waiting import BROWSER_PATIENCE_MS

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = ["dashboard"]


async def fill(page: Page, password: str) -> None:
    await page.get_by_label("E-mail address").fill(EMAIL)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()


async def test_who_is_not_signed_in_signs_in_and_comes_where_they_wanted(
    page: Page, dashboard: Dashboard
) -> None:
    await page.goto(dashboard.path("plugins?q=n8n"))
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert await findings(page) == []
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("Write your password.")).to_be_visible()
    await fill(page, "not the password at all")
    await expect(page.get_by_role("alert")).to_contain_text("e-mail address or the password is wrong")
    await fill(page, PASSWORD)
    await expect(page.get_by_role("heading", name="Plugins")).to_be_visible()
    await expect(page).to_have_url(dashboard.path("plugins?q=n8n"))
    await expect(page.get_by_role("searchbox")).to_have_value("n8n")


@pytest.mark.parametrize("wanted", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
async def test_a_link_to_the_sign_in_page_leads_nowhere_else(
    page: Page, dashboard: Dashboard, wanted: str
) -> None:
    await page.goto(dashboard.path(f"login?next={wanted}"))
    await fill(page, PASSWORD)
    await expect(page.get_by_role("navigation", name="Main menu")).to_be_visible()
    assert page.url.startswith(dashboard.url.rstrip("/"))


async def test_signing_out_ends_the_session(browser: Browser, dashboard: Dashboard) -> None:
    await asyncio.to_thread(dashboard.add_admin, "leaver@example.com", "owner")
    async with signed_in(browser, dashboard, email="leaver@example.com") as page:
        await page.goto(dashboard.path("plugins"))
        await settled(page)
        await page.get_by_role("button", name="Account and settings").click()
        await page.get_by_role("menuitem", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        answer = await page.context.request.get(dashboard.path("../admin/auth/verify"))
        assert answer.status == 401


async def test_the_palette_finds_a_page_by_a_few_letters(browser: Browser, dashboard: Dashboard) -> None:
    async with signed_in(browser, dashboard) as page:
        await page.goto(dashboard.path("plugins"))
        await settled(page)
        await page.keyboard.press("Control+k")
        field = page.get_by_role("combobox")
        await expect(field).to_be_focused()
        assert await findings(page) == []
        await field.fill("audi")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Audit log")).to_be_focused()
        await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_keys_lead_to_pages_and_can_be_turned_off(browser: Browser, dashboard: Dashboard) -> None:
    async with signed_in(browser, dashboard) as page:
        await page.goto(dashboard.path("plugins"))
        await settled(page)
        await page.keyboard.press("g")
        await page.keyboard.press("a")
        await expect(page.get_by_role("heading", name="Audit log")).to_be_focused()
        await page.keyboard.press("?")
        shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
        await shortcuts.get_by_label("Shortcuts of single keys are on").uncheck()
        assert await findings(page) == []
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        await expect(shortcuts).to_have_count(0)


async def test_the_menu_of_the_account_goes_by_keys(browser: Browser, dashboard: Dashboard) -> None:
    async with signed_in(browser, dashboard) as page:
        await page.goto(dashboard.path("plugins"))
        await settled(page)
        button = page.get_by_role("button", name="Account and settings")
        await button.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("menuitemradio").first).to_be_focused()
        await page.keyboard.press("ArrowUp")
        await expect(page.get_by_role("menuitem", name="Sign out")).to_be_focused()
        await page.keyboard.press("m")
        await expect(page.get_by_role("menuitem", name="My account")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("menu")).to_have_count(0)
        await expect(button).to_be_focused()


async def test_an_open_menu_leaves_the_browser_its_keys_and_gives_way(
    browser: Browser, dashboard: Dashboard
) -> None:
    async with signed_in(browser, dashboard) as page:
        await page.goto(dashboard.path("plugins"))
        await settled(page)
        await page.evaluate(
            "addEventListener('keydown', (event) => { window.kept = event.defaultPrevented; })"
        )
        await page.get_by_role("button", name="Account and settings").click()
        await page.get_by_role("menu").locator("p").first.click()
        await page.keyboard.press("ArrowDown")
        await expect(page.get_by_role("menuitemradio").first).to_be_focused()
        await page.keyboard.press("Control+f")
        assert await page.evaluate("window.kept") is False
        await page.keyboard.press("Control+k")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await expect(page.get_by_role("menu")).to_have_count(0)


async def test_a_dialog_whose_file_is_gone_leaves_the_page_and_is_tried_anew(
    browser: Browser, dashboard: Dashboard
) -> None:
    async with signed_in(browser, dashboard, broken="/dashboard/assets/") as page:
        await page.route("**/dashboard/assets/dialog-window-*.js", lambda route: route.abort())
        await page.goto(dashboard.path("plugins"))
        await settled(page)
        await page.keyboard.press("?")
        await expect(page.get_by_text("The dashboard was renewed on the server")).to_be_visible()
        await expect(page.get_by_role("heading", name="Plugins")).to_be_visible()
        await page.unroute("**/dashboard/assets/dialog-window-*.js")
        shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
        async with asyncio.timeout(BROWSER_PATIENCE_MS / 1_000):
            while not await shortcuts.count():
                await page.keyboard.press("?")
                await page.wait_for_timeout(100)


async def test_a_page_whose_file_is_gone_says_so_and_the_others_go_on(
    browser: Browser, dashboard: Dashboard
) -> None:
    async with signed_in(browser, dashboard, broken="/dashboard/assets/") as page:
        await page.route("**/dashboard/assets/audit-*.js", lambda route: route.abort())
        await page.goto(dashboard.path("plugins"))
        await settled(page)
        menu = page.get_by_role("navigation", name="Main menu")
        await menu.get_by_role("link", name="Audit log").click()
        await expect(page.get_by_text("The dashboard was renewed on the server")).to_be_visible()
        await menu.get_by_role("link", name="System health").click()
        await expect(page.get_by_role("heading", name="System health")).to_be_visible()


async def test_theme_and_language_are_kept(browser: Browser, dashboard: Dashboard) -> None:
    async with signed_in(browser, dashboard, color_scheme="light") as page:
        await page.goto(dashboard.path("plugins"))
        await page.get_by_role("button", name="Account and settings").click()
        assert await findings(page) == []
        await page.get_by_role("menuitemradio", name="Dark").click()
        await page.get_by_role("button", name="Account and settings").click()
        await page.get_by_role("menuitemradio", name="עברית").click()
        await expect(page.get_by_role("heading", name="תוספים")).to_be_visible()
        await page.reload()
        await expect(page.get_by_role("heading", name="תוספים")).to_be_visible()
        assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
        ground = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert ground == "rgb(14, 17, 22)"


async def test_on_a_phone_the_menu_is_a_drawer_and_tables_are_cards(
    browser: Browser, dashboard: Dashboard
) -> None:
    async with signed_in(browser, dashboard, viewport=PHONE) as page:
        await page.goto(dashboard.path("plugins"))
        await settled(page)
        await expect(page.get_by_role("columnheader", name="Version")).not_to_be_in_viewport()
        await expect(page.get_by_role("row").nth(1)).to_have_css("display", "grid")
        await page.get_by_role("button", name="Open the menu").click()
        assert await findings(page) == []
        await page.get_by_role("dialog").get_by_role("link", name="Audit log").click()
        await expect(page.get_by_role("heading", name="Audit log")).to_be_visible()
        await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_sorting_is_in_the_address(browser: Browser, dashboard: Dashboard) -> None:
    async with signed_in(browser, dashboard) as page:
        await page.goto(dashboard.path("plugins"))
        name = page.get_by_role("columnheader", name="Name")
        await name.get_by_role("button").click()
        await expect(name).to_have_attribute("aria-sort", "ascending")
        await name.get_by_role("button").click()
        await expect(page).to_have_url(dashboard.path("plugins?sort=-id"))
        await page.reload()
        await expect(page.get_by_role("row").nth(1)).to_contain_text("woocommerce")


async def test_an_unknown_address_says_so(browser: Browser, dashboard: Dashboard) -> None:
    async with signed_in(browser, dashboard) as page:
        await page.goto(dashboard.path("nowhere/at/all"))
        await expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
        assert await findings(page) == []


async def test_the_pages_are_served_under_a_policy_that_lets_nothing_in(
    browser: Browser, dashboard: Dashboard
) -> None:
    async with signed_in(browser, dashboard) as page:
        answer = await page.goto(dashboard.path("plugins"))
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(
            policy.split("; ")
        )
        assert answer.headers["cache-control"] == "no-cache"
        await settled(page)
        scripts = await page.evaluate("[...document.scripts].map((script) => script.src)")
        built = await page.context.request.get(next(src for src in scripts if "/assets/" in src))
        assert built.headers["cache-control"] == "public, max-age=31536000, immutable"
