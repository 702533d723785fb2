"""The dashboard of a real server with the demo's data, and an owner's browser in front of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from csai.admins.account import create_admin
from csai.admins.audit import CLI
from csai.admins.service import COOKIE, Role
from csai.database import Database
from csai.kit.clock import SystemClock
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from tests.support.program import running
from tests.support.waiting import BROWSER_PATIENCE_MS, PATIENCE_S

EMAIL, PASSWORD = "ada@example.com", "a sentence of my own"
AXE = Path(__file__).resolve().parents[2] / "widget" / "node_modules" / "axe-core" / "axe.min.js"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DESK, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 780}
# The console has most of what a policy forbids; the event tells of all of it, in frames too.
TELL_VIOLATIONS = """
  addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
    console.error(`the policy forbids ${effectiveDirective} ${blockedURI}`);
  });
"""


@dataclass(frozen=True)
class Dashboard:
    """Where it is, and what the demo has."""

    url: str
    client_id: str
    secret_key: str
    database_url: str
    tokens: dict[str, str] = field(default_factory=dict)
    """Of who signed in already: more often than ten times a minute nobody may."""
    shop: str = ""
    """The page on which its widget is."""

    def path(self, path: str) -> str:
        return f"{self.url}{path.lstrip('/').replace('CLIENT', self.client_id)}"

    def add_admin(self, email: str, role: Role) -> None:
        """From outside of an event loop: it runs one of its own."""
        asyncio.run(_add_admin(self.database_url, email, role))

    def token(self, email: str) -> str:
        if email not in self.tokens:
            answer = self._post("/admin/auth/login", json={"email": email, "password": PASSWORD})
            self.tokens[email] = answer.json()["token"]
        return self.tokens[email]

    def make(self, path: str, **asked: Any) -> None:
        """As the owner, beside what a test does on its screen."""
        headers = {"Authorization": f"Bearer {self.token(EMAIL)}"}
        self._post(f"/admin/{path}", json=asked, headers=headers)

    def say(
        self, text: str, before: dict[str, Any] | None = None, *, visitor: str = "Dana K."
    ) -> dict[str, Any]:
        """A visitor's message and its answer; after what was answered `before`, in the same conversation."""
        asked = {"message": text, "user_identifier": visitor}
        if before is None:
            answer = self._post("/chat/message", json=asked)
        else:
            answer = self._post_of(before, "/chat/message", asked)
        said: dict[str, Any] = answer.json()
        return said

    def ask_for_a_human(self, said: dict[str, Any]) -> None:
        self._post_of(said, "/chat/handoff", {})

    def think(self, said: dict[str, Any], **feedback: Any) -> None:
        """What the visitor thinks of the answer or the conversation."""
        self._post_of(said, "/api/feedback", feedback)

    def _post_of(self, said: dict[str, Any], path: str, asked: dict[str, Any]) -> httpx.Response:
        token = {"X-Session-Token": said["session_token"]}
        return self._post(path, json={"session_id": said["session_id"], **asked}, headers=token)

    def _post(self, path: str, *, json: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        base = self.url.removesuffix("/dashboard/")
        every = {"X-API-Key": self.secret_key, **(headers or {})}
        return httpx.post(base + path, json=json, headers=every, timeout=PATIENCE_S).raise_for_status()


async def _add_admin(database_url: str, email: str, role: Role) -> None:
    database = Database(database_url, pool_size=1)
    async with database.write() as transaction:
        await create_admin(
            transaction, email=email, password=PASSWORD, role=role, actor=CLI, clock=SystemClock()
        )
    await database.close()


@pytest.fixture(scope="module")
def dashboard(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """Asks for the browser first: without one there is nothing to start a server for."""
    folder = tmp_path_factory.mktemp("dashboard")
    with running("demo", "--port", "0", "--json", "--data-dir", str(folder / "data"), cwd=folder) as program:
        told = json.loads(program.out.next())
        made = Dashboard(
            told["dashboard_url"],
            told["client_id"],
            told["secret_key"],
            f"sqlite+aiosqlite:///{folder / 'data' / 'csai.sqlite'}",
            shop=told["url"],
        )
        made.add_admin(EMAIL, "owner")
        yield made


@asynccontextmanager
async def signed_in(
    browser: Browser, dashboard: Dashboard, *, email: str = EMAIL, is_refused: bool = False, **options: Any
) -> AsyncIterator[Page]:
    """A page of who is signed in; see `visiting`."""
    async with visiting(browser, dashboard.url, is_refused=is_refused, **options) as page:
        url = dashboard.url.replace("/dashboard/", "/admin")
        await page.context.add_cookies([{"name": COOKIE, "value": dashboard.token(email), "url": url}])
        yield page


@asynccontextmanager
async def visiting(
    browser: Browser, url: str, *, is_refused: bool = True, broken: str = "", **options: Any
) -> AsyncIterator[Page]:
    """A page of who comes by; at its end no error may have been said, its policy not been broken, and no
    other host asked.

    With `is_refused` the server may have refused something, which the browser notes as an error; and what is
    asked of addresses with `broken` in them may have failed.
    """
    context = await browser.new_context(**{"viewport": DESK, "reduced_motion": "reduce", **options})
    context.set_default_timeout(BROWSER_PATIENCE_MS)
    await context.add_init_script(TELL_VIOLATIONS)
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(_told(said)) if _is_error(said, broken) else None)
    page.on("request", lambda asked: errors.append(asked.url) if _is_foreign(asked.url, url) else None)
    try:
        yield page
        wrong = [said for said in errors if not (is_refused and "with a status of 4" in said)]
        assert wrong == [], wrong
    finally:
        await context.close()


def _is_error(said: ConsoleMessage, broken: str) -> bool:
    return said.type == "error" and not (broken and broken in said.location["url"])


def _told(said: ConsoleMessage) -> str:
    return f"{said.text} ({said.location['url']})"


def _is_foreign(asked: str, url: str) -> bool:
    return not asked.startswith((url.partition("dashboard/")[0], "data:", "blob:"))


async def settled(page: Page) -> None:
    """The page shows its data: no skeleton, nothing that is still of the question before."""
    await expect(page.locator("main h1").first).to_be_visible()
    await expect(page.locator(".animate-pulse, main [aria-busy=true]")).to_have_count(0)


async def findings(page: Page) -> list[str]:
    """What axe has against the page."""
    await page.evaluate(AXE.read_text())
    found: dict[str, Any] = await page.evaluate(
        "(levels) => axe.run(document, { runOnly: levels, resultTypes: ['violations'] })", LEVELS
    )
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
