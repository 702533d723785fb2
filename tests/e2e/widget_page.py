"""What the widget's tests do on a page, and the events they script."""

from __future__ import annotations

from typing import Any

from playwright.async_api import ConsoleMessage, Dialog, Locator, Page, expect

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


STRICT = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types csai"
)
"""A policy that gives the widget what its README asks for, and nothing else."""


def watch(page: Page, server: FakeServer) -> list[str]:
    """Grows by what a page must not do: errors, violations of its policy, dialogs, requests to anybody else.

    That a request failed the browser itself writes to the console; no script can keep it from that.
    """
    seen: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "assert"} and not message.text.startswith("Failed to load resource"):
            seen.append(message.text)

    async def dismiss(dialog: Dialog) -> None:
        seen.append(f"dialog {dialog.message}")
        await dialog.dismiss()

    page.on("console", hear)
    page.on("dialog", dismiss)
    page.on(
        "request",
        lambda request: None if request.url.startswith(server.url) else seen.append(request.url),
    )
    return seen


async def visit(page: Page, server: FakeServer, body: str = "", **attributes: str) -> None:
    await page.goto(server.page(body + embed(**attributes)))
    # an open window covers the bubble where the screen is small
    await expect(page.locator("csai-widget :is(.launcher, .panel):visible").first).to_be_visible()


async def ask(page: Page, text: str) -> None:
    field = page.get_by_role("textbox", name="Your message")
    await field.fill(text)
    await field.press("Enter")


async def choose(page: Page, item: str) -> None:
    """Something of the window's menu, which may be open."""
    found = page.locator("csai-widget .menu").get_by_role("button", name=item)
    if not await found.is_visible():
        await page.locator("csai-widget .tool-button").first.click()
    await found.click()


async def pass_time(page: Page, until: Locator) -> None:
    """A faked clock stands still while answers come over a real network: it is moved on in small steps."""
    for _ in range(300):
        if await until.is_visible():
            return
        await page.clock.run_for(500)


def replies(page: Page) -> Locator:
    """The answers, without the greeting."""
    return page.locator("csai-widget .reply:not(:first-child)")
