"""Nothing moves under the reader's eyes, and a long answer is not drawn anew with each of its words."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.fake_server import FakeServer, Script
from tests.e2e.widget_page import ask, delta, embed, replies, tool

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = """\
Your order **ORD-1001** is on its way, and it comes on Thursday.

- Blue Kettle
- Lava Mug

```
ORD-1001 left
```

שלום, ההזמנה יצאה אתמול.

"""
WATCHED = """<script>
  window.shifts = [];
  // What is in a shadow tree is not named, so it is said where it stood.
  const at = ({ x, y, width, height }) => `${width} x ${height} at ${x}, ${y}`;
  const describe = ({ node, previousRect, currentRect }) =>
    `${node?.nodeName}: ${at(previousRect)}, then ${at(currentRect)}`;
  new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries()) shifts.push([value, sources.map(describe)]);
  }).observe({ type: "layout-shift", buffered: true });
</script><h1>A shop</h1><p>with some words</p>"""


def tokens(text: str) -> list[tuple[str, dict[str, Any] | str]]:
    return [delta(text[at : at + 5]) for at in range(0, len(text), 5)]


async def settled(page: Page) -> list[Any]:
    """What has moved, once all that is to be drawn is."""
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found: list[Any] = await page.evaluate("shifts")
    return found


@pytest.mark.parametrize("position", ["bottom-right", "top-left"])
async def test_nothing_moves_from_the_click_to_the_end_of_a_long_answer(
    page: Page, server: FakeServer, position: str
) -> None:
    text = TEXT * 8
    server.scripts["q"] = Script(
        text=text,
        events=[tool("started", "check_stock"), tool("finished", "check_stock", success=True), *tokens(text)],
    )
    await page.goto(server.page(WATCHED + embed(position=position)))
    await page.locator("csai-widget .launcher").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await ask(page, "q")
    await expect(replies(page).last.locator("pre")).to_have_count(8)
    await expect(page.get_by_role("button", name="Send message")).to_be_visible()
    assert await settled(page) == []


async def test_nothing_moves_when_a_conversation_is_gone_on_with(page: Page, server: FakeServer) -> None:
    server.scripts["q"] = Script(text=TEXT)
    address = server.page(WATCHED + embed(open=""))
    await page.goto(address)
    await ask(page, "q")
    await expect(replies(page).last).to_contain_text("Lava Mug")
    await page.goto(address)
    await expect(replies(page).last).to_contain_text("Lava Mug")
    assert await settled(page) == []


async def test_what_stands_of_an_answer_is_not_drawn_anew(page: Page, server: FakeServer) -> None:
    """What a word costs would else grow with all that stands before it."""
    before, after = TEXT * 4, TEXT * 4
    come = tokens(before)
    server.scripts["q"] = Script(
        text=before + after, events=[*come, *tokens(after)], holds_before=len(come) + 1
    )
    await page.goto(server.page(embed(open="")))
    await ask(page, "q")
    rich = replies(page).last.locator(".rich")
    await expect(rich.locator("pre")).to_have_count(4)
    blocks = await rich.evaluate("(rich) => { window.first = [...rich.children]; return first.length; }")
    server.scripts["q"].released.set()
    await expect(rich.locator("pre")).to_have_count(8)
    # The last one could still have changed.
    same = await rich.evaluate("(rich) => first.filter((block, at) => rich.children[at] === block).length")
    assert same >= blocks - 1
