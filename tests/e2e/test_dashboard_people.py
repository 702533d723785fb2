"""Who may enter the dashboard: links, invitations, the own account, and what those see who are bound."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from csai.admins.totp import STEP_S, code_at
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.e2e.dashboard import (
    EMAIL,
    PASSWORD,
    PHONE,
    Dashboard,
    dashboard,
    findings,
    settled,
    signed_in,
    visiting,
)
from tests.support.program import running
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = ["dashboard"]

CHOSEN = "another sentence of mine"


@pytest.fixture(scope="module")
def first_link(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a demo that has no admin yet."""
    folder = tmp_path_factory.mktemp("first")
    with running("demo", "--port", "0", "--json", "--data-dir", str(folder / "data"), cwd=folder) as program:
        yield json.loads(program.out.next())["admin_link"]


@pytest_asyncio.fixture(loop_scope="module")
async def owner(browser: Browser, dashboard: Dashboard) -> AsyncIterator[Page]:
    async with signed_in(browser, dashboard, is_refused=True) as page:
        yield page


async def come_in(page: Page, link: str, *, email: str = "") -> None:
    await page.goto(link)
    await expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    if email:
        await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password", exact=True).fill(CHOSEN)
    await page.get_by_label("The same again").fill(CHOSEN)
    await page.get_by_role("button", name="Come in").click()
    await expect(page.get_by_role("navigation", name="Main menu")).to_be_visible()


async def invite(owner: Page, dashboard: Dashboard, email: str, role: str, client: str = "") -> str:
    """The link that the owner is shown."""
    await owner.goto(dashboard.path("admins"))
    await owner.get_by_role("button", name="Invite an admin").click()
    form = owner.get_by_role("dialog", name="Invite an admin")
    await form.get_by_label("E-mail address").fill(email)
    await form.get_by_label("Role", exact=True).select_option(role)
    if client:
        await form.get_by_label("May operate").select_option("Only some clients")
        await form.get_by_role("button", name="Invite an admin").click()
        await expect(form.get_by_role("alert")).to_have_text("Choose a client.")
        await form.get_by_label(client).check()
    assert await findings(owner) == []
    await form.get_by_role("button", name="Invite an admin").click()
    return await shown_link(owner, f"{email} is invited")


async def shown_link(owner: Page, title: str) -> str:
    dialog = owner.get_by_role("dialog", name=title)
    link = await dialog.get_by_role("group", name="One-time link").text_content()
    assert link is not None
    assert await findings(owner) == []
    await dialog.get_by_role("button", name="Close").click()
    return link


def menu_of(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Main menu").get_by_role("link")


async def test_the_demos_link_makes_the_first_owner_and_works_once(browser: Browser, first_link: str) -> None:
    async with visiting(browser, first_link) as page:
        await page.goto(first_link)
        await expect(page.get_by_text("You make the first admin")).to_be_visible()
        assert await findings(page) == []
        await page.get_by_label("E-mail address").fill("first@example.com")
        await page.get_by_label("Password", exact=True).fill("too short")
        await page.get_by_label("The same again").fill("too long")
        await page.get_by_role("button", name="Come in").click()
        await expect(page.get_by_role("alert")).to_have_text("The two are not the same.")
        await page.get_by_label("The same again").fill("too short")
        await page.get_by_role("button", name="Come in").click()
        await expect(page.get_by_role("alert")).to_contain_text("12 to 256 characters")
        await come_in(page, first_link + "&again", email="first@example.com")
        await settled(page)
        await expect(menu_of(page).filter(has_text="Admins")).to_be_visible()
        await page.goto(first_link)
        await page.reload()
        await expect(page.get_by_role("heading", name="This link does not work")).to_be_visible()
        await expect(page.get_by_text("ask an owner for a new link")).to_be_visible()
        assert await findings(page) == []
        await page.get_by_role("link", name="To signing in").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_a_broken_link_says_what_to_do_in_hebrew_too(browser: Browser, dashboard: Dashboard) -> None:
    async with visiting(browser, dashboard.url, locale="he-IL") as page:
        await page.goto(dashboard.path("welcome#token=cut-off"))
        await expect(page.get_by_role("heading", name="הקישור אינו פועל")).to_be_visible()
        await expect(page.get_by_text("csai admin link")).to_be_visible()
        assert await findings(page) == []


async def test_a_teammate_bound_to_a_client_sees_that_and_works_at_its_desk(
    browser: Browser, dashboard: Dashboard, owner: Page
) -> None:
    asked = await asyncio.to_thread(dashboard.say, "I want a human, please")
    await asyncio.to_thread(dashboard.ask_for_a_human, asked)
    link = await invite(owner, dashboard, "tess@example.com", "Teammate", "Kettle & Cloth")
    async with visiting(browser, dashboard.url) as page:
        await come_in(page, link)
        await expect(page.get_by_role("heading", name="Desk")).to_be_visible()
        await settled(page)
        await expect(menu_of(page)).to_have_text(["API tokens", "Desk", "Conversations"])
        switcher = page.get_by_role("button", name="Choose a client: Kettle & Cloth")
        await expect(switcher).to_be_disabled()
        assert await findings(page) == []
        await page.get_by_role("link", name="Dana K.").first.click()
        await page.get_by_label("Your name").fill("Tess")
        await page.get_by_role("button", name="Take over").click()
        await page.get_by_label("Your reply").fill("Hello, Tess here.")
        await page.keyboard.press("Control+Enter")
        await expect(page.get_by_role("log")).to_contain_text("Hello, Tess here.")
        await page.goto(dashboard.path("jobs"))
        await expect(page.get_by_text("This is for admins of the whole installation.")).to_be_visible()


async def test_an_admin_bound_to_a_client_starts_there_and_is_offered_nothing_of_the_installation(
    browser: Browser, dashboard: Dashboard, owner: Page
) -> None:
    link = await invite(owner, dashboard, "bea@example.com", "Admin", "Kettle & Cloth")
    async with visiting(browser, dashboard.url) as page:
        await come_in(page, link)
        await expect(page.get_by_role("heading", name="Kettle & Cloth", level=1)).to_be_visible()
        await settled(page)
        await expect(menu_of(page).filter(has_text="Audit log")).to_be_visible()
        menu = set(await menu_of(page).all_inner_texts())
        assert menu >= {"Overview", "Desk", "Plugins", "Audit log"}
        assert menu & {"Clients", "Dashboard", "Jobs", "System health", "Admins"} == set()
        await expect(page.get_by_role("button", name="Pause the AI")).to_be_visible()
        for path in (
            "clients/CLIENT/invoices",
            "clients/CLIENT/models",
            "clients/CLIENT/usage",
            "audit",
            "tools",
        ):
            await page.goto(dashboard.path(path))
            await settled(page)
            await expect(page.get_by_role("alert")).to_have_count(0)
            assert await findings(page) == [], path


async def test_an_admins_rights_are_changed_and_they_are_shut_out_and_let_in_again(
    browser: Browser, dashboard: Dashboard, owner: Page
) -> None:
    await invite(owner, dashboard, "vic@example.com", "Viewer")
    await owner.get_by_role("link", name="vic@example.com").click()
    await expect(owner.get_by_text("Has no password yet")).to_be_visible()
    await owner.get_by_label("Role", exact=True).select_option("Admin")
    await owner.get_by_role("button", name="Save").click()
    await owner.get_by_text("Saved").wait_for()
    await expect(owner.get_by_label("Role", exact=True)).to_have_value("admin")
    assert await findings(owner) == []
    await owner.get_by_role("button", name="New link").click()
    await owner.get_by_role("dialog").get_by_role("button", name="New link").click()
    link = await shown_link(owner, "One-time link")
    await owner.get_by_role("button", name="Deactivate").click()
    await owner.get_by_role("dialog").get_by_role("button", name="Deactivate").click()
    await expect(owner.get_by_text("Deactivated", exact=True)).to_be_visible()
    async with visiting(browser, dashboard.url) as page:
        await page.goto(link)
        await expect(page.get_by_role("heading", name="This link does not work")).to_be_visible()
    await owner.get_by_role("button", name="Activate").click()
    await expect(owner.get_by_role("button", name="Deactivate")).to_be_visible()


async def test_the_last_owner_stays_one(owner: Page, dashboard: Dashboard) -> None:
    await owner.goto(dashboard.path("admins"))
    await owner.get_by_role("link", name=EMAIL).click()
    await owner.get_by_label("Role", exact=True).select_option("Viewer")
    await owner.get_by_role("button", name="Save").click()
    await expect(owner.get_by_role("alert")).to_contain_text("The installation needs an active owner.")
    assert await findings(owner) == []
    await owner.get_by_role("button", name="Deactivate").click()
    await owner.get_by_role("dialog").get_by_role("button", name="Deactivate").click()
    await expect(owner.get_by_role("status")).to_contain_text("The installation needs an active owner.")


async def test_the_own_password_is_changed_and_other_sessions_end(
    browser: Browser, dashboard: Dashboard
) -> None:
    await asyncio.to_thread(dashboard.add_admin, "mia@example.com", "viewer")
    async with signed_in(browser, dashboard, email="mia@example.com", is_refused=True) as page:
        other = await asyncio.to_thread(sign_in, dashboard, "mia@example.com")
        await page.goto(dashboard.path(""))
        await page.get_by_role("button", name="Account and settings").click()
        await page.get_by_role("menuitem", name="My account").click()
        await expect(page.get_by_role("row")).to_have_count(3)
        await page.get_by_role("button", name="End", exact=True).click()
        await expect(page.get_by_role("row")).to_have_count(2)
        assert await asyncio.to_thread(is_in, dashboard, other) is False
        await page.get_by_label("Current password").fill("not my password")
        await page.get_by_label("New password").fill(CHOSEN)
        await page.get_by_label("The same again").fill(CHOSEN)
        await page.get_by_role("button", name="Change the password").click()
        await expect(page.get_by_role("alert")).to_have_text("The current password is another one.")
        assert await findings(page) == []
        await page.get_by_label("Current password").fill(PASSWORD)
        await page.get_by_role("button", name="Change the password").click()
        await page.get_by_text("The password is changed").wait_for()
        await page.get_by_role("button", name="Sign out everywhere").click()
        await page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert await asyncio.to_thread(is_in, dashboard, dashboard.tokens["mia@example.com"]) is False


async def test_a_second_factor_is_switched_on_asked_for_and_taken_away_by_an_owner(
    browser: Browser, dashboard: Dashboard, owner: Page
) -> None:
    await asyncio.to_thread(dashboard.add_admin, "sue@example.com", "viewer")
    async with signed_in(browser, dashboard, email="sue@example.com", is_refused=True) as page:
        await page.goto(dashboard.path("account"))
        await page.get_by_role("button", name="Switch the second factor on").click()
        dialog = page.get_by_role("dialog", name="Switch the second factor on")
        await dialog.get_by_label("Current password").fill(PASSWORD)
        await dialog.get_by_role("button", name="Go on").click()
        secret = await dialog.get_by_role("group", name="Secret").text_content()
        assert secret is not None
        await dialog.get_by_label("Code", exact=True).fill(code_at(secret, int(time.time()) // STEP_S))
        assert await findings(page) == []
        await dialog.get_by_role("button", name="Switch the second factor on").click()
        codes = await dialog.get_by_role("group", name="Recovery codes").text_content()
        assert codes is not None
        assert await findings(page) == []
        await dialog.get_by_role("button", name="I have kept them").click()
        await expect(page.get_by_role("button", name="Switch the second factor off")).to_be_visible()
        await page.goto(dashboard.path("login"))
        await page.get_by_label("E-mail address").fill("sue@example.com")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_contain_text("the code of your authenticator app")
        assert await findings(page) == []
        await page.get_by_label("Code").fill(codes.split()[0])
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("navigation", name="Main menu")).to_be_visible()
    await owner.goto(dashboard.path("admins"))
    await owner.get_by_role("link", name="sue@example.com").click()
    await owner.get_by_role("button", name="Take the second factor away").click()
    await owner.get_by_role("dialog").get_by_role("button", name="Take the second factor away").click()
    await expect(owner.get_by_role("button", name="Take the second factor away")).to_have_count(0)


async def test_who_was_signed_out_elsewhere_is_led_to_sign_in(browser: Browser, dashboard: Dashboard) -> None:
    await asyncio.to_thread(dashboard.add_admin, "out@example.com", "viewer")
    async with signed_in(browser, dashboard, email="out@example.com", is_refused=True) as page:
        await page.goto(dashboard.path("clients"))
        await settled(page)
        await asyncio.to_thread(sign_out, dashboard, dashboard.tokens["out@example.com"])
        await page.get_by_role("link", name="Audit log").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_admins_are_read_a_page_at_a_time(owner: Page, dashboard: Dashboard) -> None:
    async def of_two(route: Route) -> None:
        url = route.request.url
        await route.continue_(url=f"{url}{'&' if '?' in url else '?'}limit=2")

    for email in ("aaron@example.com", "aaliyah@example.com", "abel@example.com"):
        await asyncio.to_thread(dashboard.add_admin, email, "viewer")
    await owner.route(re.compile(r"/admin/admins(\?|$)"), of_two)
    await owner.goto(dashboard.path("admins"))
    rows = owner.locator("tbody tr")
    await expect(rows).to_have_count(2)
    await expect(rows.nth(0)).to_contain_text("aaliyah@example.com")
    await owner.get_by_role("button", name="Next page").click()
    await expect(rows.nth(0)).to_contain_text("abel@example.com")
    assert await findings(owner) == []
    await owner.reload()
    await expect(rows.nth(0)).to_contain_text("abel@example.com")
    await owner.get_by_role("button", name="First page").click()
    await expect(rows.nth(0)).to_contain_text("aaliyah@example.com")


async def test_a_clients_ai_is_paused_and_goes_on(owner: Page, dashboard: Dashboard) -> None:
    await owner.goto(dashboard.path("clients/CLIENT"))
    await owner.get_by_role("button", name="Pause the AI").click()
    assert await findings(owner) == []
    await owner.get_by_role("dialog").get_by_role("button", name="Pause the AI").click()
    banner = owner.get_by_role("main").get_by_text("The AI of this client is off")
    await expect(banner).to_be_visible()
    await expect(owner.get_by_role("button", name="Pause the AI")).to_have_count(0)
    await owner.goto(dashboard.path("clients/CLIENT/plugins"))
    await expect(banner).to_be_visible()
    assert await findings(owner) == []
    await owner.get_by_role("button", name="Let the AI answer again").click()
    await owner.get_by_role("dialog").get_by_role("button", name="Let the AI answer again").click()
    await expect(banner).to_have_count(0)


async def test_all_spending_is_stopped_and_goes_on(
    browser: Browser, owner: Page, dashboard: Dashboard
) -> None:
    await asyncio.to_thread(dashboard.add_admin, "onlooker@example.com", "viewer")
    await owner.goto(dashboard.path(""))
    await owner.get_by_role("button", name="Stop all spending").click()
    await owner.get_by_role("dialog").get_by_role("button", name="Stop all spending").click()
    await expect(owner.get_by_text("All spending on models is stopped")).to_be_visible()
    await expect(owner.get_by_role("button", name="Stop all spending")).to_have_count(0)
    async with signed_in(browser, dashboard, email="onlooker@example.com") as page:
        await page.goto(dashboard.path("clients/CLIENT"))
        await expect(page.get_by_text("All spending on models is stopped")).to_be_visible()
        await settled(page)
        await expect(page.get_by_role("button", name="Call models again")).to_have_count(0)
        await expect(page.get_by_role("button", name="Pause the AI")).to_have_count(0)
        assert await findings(page) == []
    await owner.get_by_role("button", name="Call models again").click()
    await owner.get_by_role("dialog").get_by_role("button", name="Call models again").click()
    await expect(owner.get_by_text("All spending on models is stopped")).to_have_count(0)
    await expect(owner.get_by_role("button", name="Stop all spending")).to_be_visible()


async def test_who_was_invited_fits_on_a_phone(browser: Browser, dashboard: Dashboard) -> None:
    """A long name of a fact leaves room for what is known."""
    async with signed_in(browser, dashboard, viewport=PHONE, has_touch=True) as page:
        await page.goto(dashboard.path("admins"))
        await invite(page, dashboard, "a.long.address.indeed@example.com", "Viewer")
        await page.get_by_text("a.long.address.indeed@example.com").first.click()
        await expect(page.get_by_role("region", name="Role and clients")).to_be_visible()
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")


def sign_in(dashboard: Dashboard, email: str) -> str:
    """Another session than that of `signed_in`."""
    asked = {"email": email, "password": PASSWORD}
    token: str = (
        httpx.post(dashboard.path("../admin/auth/login"), json=asked, timeout=PATIENCE_S)
        .raise_for_status()
        .json()["token"]
    )
    return token


def is_in(dashboard: Dashboard, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.get(dashboard.path("../admin/auth/verify"), headers=headers, timeout=PATIENCE_S)
    return answer.status_code == 200


def sign_out(dashboard: Dashboard, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    url = dashboard.path("../admin/auth/sessions")
    httpx.delete(url, headers=headers, timeout=PATIENCE_S).raise_for_status()
