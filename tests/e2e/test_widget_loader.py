"""The widget's loader: the bubble first, the app when it is needed, and nothing lost on its way."""

from __future__ import annotations

import asyncio
import re

import csai_widget
import pytest
from playwright.async_api import Page, Route, expect

from tests.e2e.fake_server import FakeServer
from tests.e2e.widget_page import KEY, ask, embed, replies, visit

pytestmark = pytest.mark.asyncio(loop_scope="module")

LAUNCHER = "csai-widget .launcher"
TROUBLE = "csai-widget .trouble"


async def stored_conversation(page: Page, server: FakeServer) -> None:
    """Goes to a page of that origin, and leaves there what an earlier visit would have left."""
    await page.goto(server.page("", name="before"))
    session = {"session": {"id": "session-1", "token": "token-of-session-1"}}
    await page.evaluate(
        "([key, record]) => localStorage.setItem(key, JSON.stringify(record))", [f"csai:{KEY}", session]
    )


async def held_back(page: Page, url: str) -> asyncio.Event:
    """Requests for it wait until the event is set."""
    released = asyncio.Event()

    async def hold(route: Route) -> None:
        await released.wait()
        await route.continue_()

    await page.route(url, hold)
    return released


class TestNeed:
    async def test_a_page_that_nobody_chats_on_gets_no_more_than_the_bubble(
        self, page: Page, server: FakeServer
    ) -> None:
        await visit(page, server)
        await page.evaluate("new Promise((idle) => requestIdleCallback(idle))")
        assert server.asked_for_app() == 0
        assert await page.evaluate("typeof csai.version") == "string"

    async def test_the_first_click_fetches_it_once_and_opens_it(self, page: Page, server: FakeServer) -> None:
        await visit(page, server)
        await page.locator(LAUNCHER).click()
        await expect(page.get_by_role("textbox", name="Your message")).to_be_focused()
        assert server.asked_for_app() == 1
        await page.keyboard.press("Escape")
        await expect(page.locator(LAUNCHER)).to_be_focused()
        await page.locator(LAUNCHER).click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        assert server.asked_for_app() == 1

    async def test_nothing_on_the_page_moves_for_it(self, page: Page, server: FakeServer) -> None:
        observer = """<script>
            window.shifted = 0;
            new PerformanceObserver((list) => {
              for (const entry of list.getEntries()) shifted += entry.value;
            }).observe({ type: "layout-shift", buffered: true });
        </script><p>text</p>"""
        await visit(page, server, observer)
        await page.evaluate("csai.open()")
        await expect(page.get_by_role("dialog")).to_be_visible()
        frames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        await page.evaluate(frames)
        assert await page.evaluate("shifted") == 0

    async def test_the_pointer_s_coming_is_announcement_enough(self, page: Page, server: FakeServer) -> None:
        await visit(page, server)
        await page.locator(LAUNCHER).hover()
        await expect(page.locator("csai-widget .panel")).to_be_attached()
        await expect(page.get_by_role("dialog")).to_be_hidden()

    async def test_a_conversation_that_goes_on_fetches_it_by_itself(
        self, page: Page, server: FakeServer
    ) -> None:
        server.history = [{"id": "0", "role": "user", "author": "visitor", "content": "Before the reload"}]
        await stored_conversation(page, server)
        await visit(page, server)
        await expect(page.locator("csai-widget .visitor")).to_have_text(re.compile("Before the reload"))
        await expect(page.get_by_role("dialog")).to_be_hidden()

    async def test_the_bubble_looks_as_the_server_says_before_the_app_is_there(
        self, page: Page, server: FakeServer
    ) -> None:
        server.config["branding"] = {"primary_color": "gold", "position": "top-left"}
        server.locales["he"] = {"language": "he", "direction": "rtl", "labels": {"open": "פתיחת הצ׳אט"}}
        await page.goto(server.page(embed(lang="he")))
        bubble = page.get_by_role("button", name="פתיחת הצ׳אט")
        await expect(bubble).to_be_visible()
        assert await bubble.bounding_box() == {"x": 20, "y": 20, "width": 60, "height": 60}
        on_gold = await bubble.evaluate(
            """(bubble) => { const pen = document.createElement("canvas").getContext("2d");
            pen.fillStyle = getComputedStyle(bubble).color; pen.fillRect(0, 0, 1, 1);
            return [...pen.getImageData(0, 0, 1, 1).data]; }"""
        )
        assert on_gold == [0, 0, 0, 255]
        (asked,) = [request for request in server.requests if request.path == "/api/config"]
        assert asked.query == "lang=he"
        assert server.asked_for_app() == 0


class TestBeforeTheApp:
    async def test_a_click_while_it_is_on_its_way_counts_once(self, page: Page, server: FakeServer) -> None:
        server.app_is_awaited = asyncio.Event()
        await visit(page, server)
        await page.locator(LAUNCHER).dblclick()
        await expect(page.locator(LAUNCHER)).to_have_attribute("aria-busy", "true")
        server.app_is_awaited.set()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await expect(page.locator(LAUNCHER)).to_have_attribute("aria-busy", "false")

    async def test_what_the_page_says_early_is_done_in_its_order(
        self, page: Page, server: FakeServer
    ) -> None:
        server.app_is_awaited = asyncio.Event()
        heard = """<script>
            window.heard = [];
            document.addEventListener("csai:ready", () => {
              for (const name of ["open", "close", "message", "reply"])
                csai.on(name, (detail) => heard.push([name, detail ?? null]));
              csai.on("open", () => heard.push("never"))();
              csai.open();
              heard.push(csai.send("one"), csai.send("two"), csai.send("  "));
            });
        </script>"""
        await page.goto(server.page(heard + embed()), wait_until="domcontentloaded")
        await expect(page.locator(LAUNCHER)).to_be_visible()
        assert await page.evaluate("heard") == [True, True, False]
        server.app_is_awaited.set()
        await expect(replies(page).locator(".rich")).to_have_text(["Fine.", "Fine."])
        await page.wait_for_function("heard.length >= 8")
        assert await page.evaluate("heard.slice(3)") == [
            ["open", None],
            ["message", "one"],
            ["reply", "Fine."],
            ["message", "two"],
            ["reply", "Fine."],
        ]
        assert [request.body["message"] for request in server.posted()] == ["one", "two"]

    async def test_what_is_sent_early_comes_after_what_was_said_before(
        self, page: Page, server: FakeServer
    ) -> None:
        server.history = [{"id": "0", "role": "user", "author": "visitor", "content": "Before"}]
        await stored_conversation(page, server)
        released = await held_back(page, "**/chat/history/*")
        async with page.expect_request("**/chat/history/*"):
            await page.goto(server.page(embed(open="")))
        await page.evaluate("csai.send('After')")
        await ask(page, "By hand")
        released.set()
        await expect(page.locator("csai-widget .reply .rich", has_text="Fine.")).to_have_count(2)
        said = page.locator("csai-widget .visitor")
        for place, text in enumerate(["Before", "After", "By hand"]):
            await expect(said.nth(place)).to_contain_text(text)

    async def test_open_before_the_page_has_a_body_it_is_there(self, page: Page, server: FakeServer) -> None:
        released = asyncio.Event()

        async def hold(route: Route) -> None:
            await released.wait()
            await route.fulfill(body="", content_type="text/javascript")

        await page.route("**/slow.js", hold)
        tag = embed(open="").replace("<script", "<script async")
        server.pages["early"] = (f"<!doctype html>{tag}<script src=/slow.js></script><body><p>late", {})
        await page.goto(f"{server.url}/page/early", wait_until="commit")
        await expect(page.get_by_role("dialog")).to_be_visible()
        assert await page.evaluate("document.body") is None
        released.set()
        await expect(page.get_by_text("late")).to_be_visible()
        await page.evaluate("csai.close()")
        await expect(page.locator("csai-widget .panel")).to_be_hidden()

    async def test_destroyed_early_it_never_comes(self, page: Page, server: FakeServer) -> None:
        server.app_is_awaited = asyncio.Event()
        await visit(page, server)
        await page.evaluate("""() => {
            csai.open();
            window.kept = csai;
            const app = document.querySelector("script[src*='/widget/app-']");
            window.arrived = new Promise((then) => app.addEventListener("load", () => setTimeout(then)));
            csai.destroy();
        }""")
        server.app_is_awaited.set()
        await page.evaluate("arrived")
        await expect(page.locator("csai-widget")).to_have_count(0)
        assert await page.evaluate("[kept.send('x'), window.csai ?? null]") == [False, None]

    async def test_inserted_again_it_is_put_on_the_page_anew(self, page: Page, server: FakeServer) -> None:
        await visit(page, server)
        await page.evaluate("csai.destroy()")
        await page.evaluate(
            """([key]) => { const again = document.createElement("script");
            Object.assign(again.dataset, { apiKey: key, open: "" }); again.src = "/widget.js";
            document.head.append(again); }""",
            [KEY],
        )
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")


class TestTrouble:
    async def test_an_app_that_cannot_be_fetched_is_said_and_tried_again(
        self, page: Page, server: FakeServer
    ) -> None:
        server.app_refusals = 1
        await visit(page, server)
        await page.evaluate("csai.send('q')")
        trouble = page.get_by_role("alert")
        await expect(trouble).to_have_text("The chat could not be loaded. Press to try again.")
        await expect(page.locator(LAUNCHER)).to_have_attribute("aria-busy", "false")
        await page.locator(LAUNCHER).click()
        await expect(page.locator(TROUBLE)).to_have_count(0)
        await expect(page.get_by_role("dialog")).to_be_visible()
        await expect(replies(page)).to_contain_text("Fine.")
        assert [request.body["message"] for request in server.posted()] == ["q"]

    async def test_nobody_is_told_of_a_failure_that_nobody_waits_for(
        self, page: Page, server: FakeServer
    ) -> None:
        server.app_refusals = 1
        await visit(page, server)
        async with page.expect_response(re.compile(r"widget\.js\?\d+")):
            await page.locator(LAUNCHER).hover()
        await expect(page.locator(TROUBLE)).to_have_count(0)

    async def test_an_app_that_was_changed_on_the_way_is_not_run(
        self, page: Page, server: FakeServer
    ) -> None:
        await page.route(
            re.compile(r"/widget/app-"),
            lambda route: route.fulfill(
                body="window.isRun = true",
                content_type="text/javascript",
                headers={"Access-Control-Allow-Origin": "*"},
            ),
        )
        await visit(page, server)
        await page.locator(LAUNCHER).click()
        await expect(page.get_by_role("alert")).to_be_visible()
        assert await page.evaluate("'isRun' in window") is False

    async def test_a_page_that_outlived_an_upgrade_gets_the_new_app(
        self, page: Page, server: FakeServer
    ) -> None:
        built = (csai_widget.STATIC / "widget.js").read_text()
        server.loader = re.sub(r"widget/app-\w+\.js", "widget/app-000000000000.js", built)
        server.app_refusals = 1  # that of before the upgrade
        await visit(page, server)
        server.loader = None
        await page.locator(LAUNCHER).click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await expect(page.locator("csai-widget")).to_have_count(1)


class TestPolicy:
    """Directives that the documentation names."""

    async def _works_under(self, page: Page, server: FakeServer, policy: str, script: str) -> None:
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
        await page.goto(server.page(script, csp=policy))
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        assert refused == []

    async def test_trusted_types_by_the_policy_s_name(self, page: Page, server: FakeServer) -> None:
        policy = (
            f"default-src 'none'; script-src {server.other_url}; connect-src {server.other_url};"
            "require-trusted-types-for 'script'; trusted-types csai"
        )
        tag = f'<script src="{server.other_url}/widget.js" data-api-key='
        both = f'{tag}"{KEY}" data-open></script>{tag}"pk_other" data-position="top-left"></script>'
        await self._works_under(page, server, policy, both)
        await page.evaluate("csai.get('pk_other').open()")
        await expect(page.locator("csai-widget .panel.open")).to_have_count(2)

    async def test_nonces_without_and_with_strict_dynamic(self, page: Page, server: FakeServer) -> None:
        script = f'<script nonce="n1" src="/widget.js" data-api-key="{KEY}" data-open></script>'
        policy = "default-src 'none'; connect-src 'self'; script-src 'nonce-n1'"
        await self._works_under(page, server, policy, script)
        await page.evaluate("localStorage.clear()")
        await self._works_under(page, server, f"{policy} 'strict-dynamic'", script)

    async def test_a_page_isolated_from_other_origins(self, page: Page, server: FakeServer) -> None:
        script = (
            f'<script crossorigin src="{server.other_url}/widget.js" data-api-key="{KEY}" data-open></script>'
        )
        url = server.page(script)
        server.pages["host"][1]["Cross-Origin-Embedder-Policy"] = "require-corp"
        server.pages["host"][1]["Cross-Origin-Opener-Policy"] = "same-origin"
        await page.goto(url)
        assert await page.evaluate("crossOriginIsolated")
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")


class TestElsewhere:
    async def test_files_on_a_cdn_talk_to_the_server_they_are_told(
        self, page: Page, server: FakeServer
    ) -> None:
        script = (
            f'<script src="{server.other_url}/widget.js" data-api-url="{server.url}/" data-api-key="{KEY}">'
            "</script>"
        )
        await page.goto(server.page(script))
        await page.evaluate("csai.send('q')")
        await expect(replies(page)).to_contain_text("Fine.")
        hosts = {request.path.partition("-")[0]: request.headers["Host"] for request in server.requests}
        assert hosts["/widget/app"].startswith("localhost")
        assert hosts["/chat/message"].startswith("127.0.0.1")
        assert hosts["/api/config"].startswith("127.0.0.1")

    async def test_the_package_s_module_mounts_the_same_widget(self, page: Page, server: FakeServer) -> None:
        script = f"""<script type="module">
            import {{ mount }} from "/dist/index.js";
            const handle = mount({{ apiKey: "{KEY}", apiUrl: "{server.url}", position: "bottom-left" }});
            window.isSame = handle === csai;
            window.isOne = mount({{ apiKey: "{KEY}", apiUrl: "{server.url}" }}) === handle;
        </script>"""
        await page.goto(server.page(script))
        await page.locator(LAUNCHER).click()
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        assert await page.evaluate("[isSame, isOne]") == [True, True]
        box = await page.locator("csai-widget .panel").bounding_box()
        assert box is not None
        assert box["x"] == 20

    async def test_a_slow_server_does_not_keep_the_bubble_away(self, page: Page, server: FakeServer) -> None:
        released = await held_back(page, "**/api/config*")
        await page.goto(server.page(embed()))
        await expect(page.locator(LAUNCHER)).to_be_visible()
        released.set()
        await page.locator(LAUNCHER).click()
        await expect(page.get_by_role("dialog")).to_be_visible()
