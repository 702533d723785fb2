"""What the widget's tests do on a page, and the events they script."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.e2e.fake_server import Event, FakeServer

KEY = "pk_test_1"


def delta(text: str) -> Event:
    return ("text.delta", {"text": text})


def tool(kind: str, name: str, **more: Any) -> Event:
    return (f"tool.{kind}", {"id": name, "name": name, **more})


def embed(**attributes: str) -> str:
    given = {
        "data-api-key": KEY,
        **{f"data-{name.replace('_', '-')}": value for name, value in attributes.items()},
    }
    written = " ".join(f'{name}="{value}"' for name, value in given.items())
    return f'<script src="/widget.js" {written}></script>'


async def visit(page: Page, server: FakeServer, body: str = "", **attributes: str) -> None:
    await page.goto(server.page(body + embed(**attributes)))
    await expect(page.locator("csai-widget .launcher")).to_be_visible()


async def ask(page: Page, text: str) -> None:
    field = page.get_by_role("textbox", name="Your message")
    await field.fill(text)
    await field.press("Enter")


def replies(page: Page) -> Locator:
    """The answers, without the greeting."""
    return page.locator("csai-widget .reply:not(:first-child)")
