"""The sign-in page: by an identity provider, and quiet. And the picture that sets a second factor up."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio
import zxingcpp
from csai.admins.totp import STEP_S, code_at
from playwright.async_api import Browser, Locator, Page, expect

from tests.e2e.dashboard import (
    DESK,
    EMAIL,
    PASSWORD,
    PHONE,
    Dashboard,
    findings,
    settled,
)
from tests.support.identity_provider import IdentityProvider, identity_provider
from tests.support.port import free_port
from tests.support.program import running
from tests.support.waiting import BROWSER_PATIENCE_MS, PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Acme:
    """A demo whose admins may come in by an identity provider."""

    dashboard: Dashboard
    provider: IdentityProvider


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acme(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Acme]:
    folder, port = tmp_path_factory.mktemp("acme"), free_port()
    async with identity_provider(f"http://127.0.0.1:{port}/admin/auth/oidc/callback") as provider:
        provider.is_page_shown = True
        named = {f"CSAI_{name.upper()}": value for name, value in provider.settings().items()}
        options = ("--port", str(port), "--json", "--data-dir", str(folder / "data"))
        with running("demo", *options, cwd=folder, **named) as program:
            told = json.loads(await asyncio.to_thread(program.out.next))
            database_url = f"sqlite+aiosqlite:///{folder / 'data' / 'csai.sqlite'}"
            dashboard = Dashboard(told["dashboard_url"], told["client_id"], told["secret_key"], database_url)
            await asyncio.to_thread(dashboard.add_admin, EMAIL, "owner")
            yield Acme(dashboard, provider)


@pytest.fixture(autouse=True)
def person(acme: Acme) -> None:
    acme.provider.person = {"sub": "1001", "email": EMAIL, "email_verified": True}
    acme.provider.answer = {}


@asynccontextmanager
async def a_page(browser: Browser, *, locale: str = "en-US", is_phone: bool = False) -> AsyncIterator[Page]:
    """A browser's page, in which no error may have been said at its end."""
    size: Any = PHONE if is_phone else DESK
    context = await browser.new_context(
        viewport=size, locale=locale, reduced_motion="reduce", color_scheme="dark"
    )
    context.set_default_timeout(BROWSER_PATIENCE_MS)
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        yield page
        assert [each for each in said if "with a status of 4" not in each] == []
    finally:
        await context.close()


async def go_there_and_back(page: Page) -> None:
    await page.get_by_role("button", name="Sign in with Acme").click()
    await page.get_by_role("link", name="Go on as Ada").click()


@pytest.mark.parametrize("path", ["", "login", "clients", "account?x=1"])
async def test_nothing_is_said_in_the_console_of_who_is_not_signed_in(
    browser: Browser, acme: Acme, path: str
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(request.url))
    await page.goto(acme.dashboard.path(path))
    await expect(page.get_by_role("button", name="Sign in with Acme")).to_be_visible()
    await page.wait_for_load_state("networkidle")
    assert said == []
    await context.close()


async def test_an_admin_comes_in_by_the_provider_and_where_they_wanted(browser: Browser, acme: Acme) -> None:
    async with a_page(browser) as page:
        await page.goto(acme.dashboard.path("plugins?q=n8n"))
        await expect(page.get_by_role("button", name="Sign in with Acme")).to_be_visible()
        assert await findings(page) == []
        await go_there_and_back(page)
        await expect(page.get_by_role("heading", name="Plugins")).to_be_visible()
        await expect(page).to_have_url(acme.dashboard.path("plugins?q=n8n"))
        await page.reload()
        await settled(page)
        cookies = {
            each["name"]: each for each in await page.context.cookies(acme.dashboard.path("../admin/"))
        }
        assert cookies["csai_admin"]["httpOnly"]
        assert "csai_oidc" not in cookies


@pytest.mark.parametrize(
    ("person", "answer", "words"),
    [
        ({"email": "nobody@example.com", "sub": "9"}, {}, "Nobody with the e-mail address of that account"),
        ({"email_verified": False, "sub": "9"}, {}, "does not say for certain"),
        ({}, {"code": "", "error": "access_denied"}, "did not let you in"),
        ({}, {"state": "another"}, "This sign-in is over"),
    ],
    ids=["unknown", "unverified", "refused", "state"],
)
async def test_who_does_not_come_in_is_told_why(
    browser: Browser, acme: Acme, person: dict[str, object], answer: dict[str, str], words: str
) -> None:
    acme.provider.person |= person
    acme.provider.answer = answer
    async with a_page(browser, is_phone=True) as page:
        await page.goto(acme.dashboard.path("login"))
        await go_there_and_back(page)
        await expect(page.get_by_role("alert")).to_contain_text(words)
        assert await findings(page) == []


async def test_the_next_try_asks_which_account(browser: Browser, acme: Acme) -> None:
    async with a_page(browser) as page:
        await page.goto(acme.dashboard.path("login#oidc=admin_unknown"))
        await page.get_by_role("button", name="Sign in with Acme").click()
        await page.wait_for_url("**/authorize?*")
        assert "prompt=select_account" in page.url


async def test_why_is_said_in_hebrew_too(browser: Browser, acme: Acme) -> None:
    async with a_page(browser, locale="he-IL") as page:
        await page.goto(acme.dashboard.path("login#oidc=admin_locked"))
        await expect(page.get_by_role("alert")).to_contain_text("החשבון שלכם נעול")
        await expect(page.get_by_role("button", name="כניסה באמצעות Acme")).to_be_visible()
        assert await findings(page) == []


async def test_who_has_no_password_is_asked_for_none(browser: Browser, acme: Acme) -> None:
    await asyncio.to_thread(invite, acme.dashboard, "ben@example.com")
    acme.provider.person |= {"sub": "2002", "email": "ben@example.com"}
    async with a_page(browser) as page:
        await page.goto(acme.dashboard.path("account"))
        await go_there_and_back(page)
        await expect(page.get_by_text("You have none: you come in by the identity provider.")).to_be_visible()
        await settled(page)
        assert await findings(page) == []
        await page.get_by_role("button", name="Switch the second factor on").click()
        await page.get_by_role("dialog").get_by_role("button", name="Go on").click()
        await expect(page.get_by_role("img", name="QR code with the address for the app")).to_be_visible()


def invite(dashboard: Dashboard, email: str) -> None:
    bearer = {"Authorization": f"Bearer {dashboard.token(EMAIL)}"}
    asked = {"email": email, "role": "viewer"}
    url = dashboard.path("../admin/admins")
    httpx.post(url, json=asked, headers=bearer, timeout=PATIENCE_S).raise_for_status()


async def test_the_qr_code_is_read_by_a_camera_and_its_codes_are_asked_for(
    browser: Browser, acme: Acme
) -> None:
    async with a_page(browser) as page:
        await page.goto(acme.dashboard.path("login"))
        await page.get_by_label("E-mail address").fill(EMAIL)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await expect(page.get_by_role("navigation", name="Main menu")).to_be_visible()
        await page.goto(acme.dashboard.path("account"))
        await page.get_by_role("button", name="Switch the second factor on").click()
        dialog = page.get_by_role("dialog", name="Switch the second factor on")
        await dialog.get_by_label("Current password").fill(PASSWORD)
        await dialog.get_by_role("button", name="Go on").click()
        picture = dialog.get_by_role("img", name="QR code with the address for the app")
        uri = await dialog.get_by_role("group", name="Address for the app").text_content()
        assert await seen(browser, picture) == [uri]
        assert await findings(page) == []
        secret = await dialog.get_by_role("group", name="Secret").text_content()
        assert secret is not None
        await dialog.get_by_label("Code", exact=True).fill(code_at(secret, int(time.time()) // STEP_S))
        await dialog.get_by_role("button", name="Switch the second factor on").click()
        codes = await dialog.get_by_role("group", name="Recovery codes").text_content()
        assert codes is not None
    async with a_page(browser, is_phone=True) as page:
        await page.goto(acme.dashboard.path("login"))
        await go_there_and_back(page)
        await page.get_by_label("Code").fill("000000")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_contain_text("This code is another one")
        assert await findings(page) == []
        await page.get_by_label("Code").fill(codes.split()[0])
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("button", name="Account and settings")).to_be_visible()


async def seen(browser: Browser, picture: Locator) -> list[str]:
    """What a camera reads on the screen: the pixels that are drawn, through another library."""
    shot = base64.b64encode(await picture.screenshot()).decode()
    canvas = await browser.new_page()
    width, height, pixels = await canvas.evaluate(
        """async (shot) => {
            const image = new Image();
            image.src = `data:image/png;base64,${shot}`;
            await image.decode();
            const { width, height } = image;
            const canvas = Object.assign(document.createElement("canvas"), { width, height });
            const drawing = canvas.getContext("2d");
            drawing.drawImage(image, 0, 0);
            return [width, height, [...drawing.getImageData(0, 0, width, height).data]];
        }""",
        shot,
    )
    await canvas.close()
    gray = np.array(pixels, np.uint8).reshape(height, width, 4)[:, :, 0].copy()
    return [each.text for each in zxingcpp.read_barcodes(gray)]
