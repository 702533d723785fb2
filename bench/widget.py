"""What the widget costs a visitor's browser: Chromium with its processor slowed, on a page of a shop.

    make bench BENCH_ARGS="--widget"          two minutes, of which one answer takes one
    .venv/bin/python bench/widget.py --slow 6 --seconds 20 --profile answer.cpuprofile

The server beside it says what is scripted, so that only the browser is measured. The page's answers come over
the loopback: a visitor's network comes on top, where the pointer's coming did not get the app early enough.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, CDPSession, Page, async_playwright, expect

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import chromium  # noqa: E402
from tests.e2e.fake_server import FakeServer, Script  # noqa: E402
from tests.e2e.widget_page import ask, delta, embed  # noqa: E402

USABLE_MS = 200
LONG_TASK_MS = 50
TOKENS_A_SECOND = 50
PATIENCE_S = 30
LAUNCHER = "csai-widget .launcher"
TRACED = ["toplevel", "disabled-by-default-devtools.timeline"]

# From the click, as the browser saw it, until the field has the focus and a frame has been drawn with it.
# Where the focus moves within a shadow tree, only that tree hears of it.
OBSERVE = """
  window.seen = { shifts: [], long: [] };
  window.addEventListener("click", (click) => {
    const tree = click.composedPath().find((node) => node instanceof ShadowRoot);
    window.opened = new Promise((done) => tree?.addEventListener("focusin", ({ target }) => {
      if (target.tagName !== "TEXTAREA") return;
      requestAnimationFrame(() => setTimeout(() => {
        done(performance.measure("usable", { start: click.timeStamp }).duration);
      }));
    }));
  }, true);
  const describe = ({ node }) => node?.nodeName ?? "something in the widget";  // shadow trees are not named
  new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries()) seen.shifts.push([value, sources.map(describe)]);
  }).observe({ type: "layout-shift", buffered: true });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.long.push(duration);
  }).observe({ type: "longtask", buffered: true });
"""

HOST_PAGE = "<h1>Kettle &amp; Cloth</h1>" + 30 * "<p>Kettles, mugs and loose tea from a yellow house.</p>"
PARAGRAPHS = """\
Your order **ORD-1001** left our house at the old harbour on Tuesday, and the parcel service has it since. It
usually takes *two to four* working days; the [page of the parcel](https://shop.example/parcel) knows more.

- Blue Kettle, electric, `1.7 l`
- two Lava Mugs, made by hand
- Moss Oolong, 100 g, loose

1. Keep the box for as long as you may want to send something back.
2. Rinse the kettle once with vinegar.
3. Fill it to the line, no further.

```
ORD-1001  left   2026-11-24
ORD-1002  packed 2026-11-25
```

### What if it does not come

Write to us here after a week, and we send it **again** at no cost.

שלום, ההזמנה ORD-1001 יצאה אתמול ותגיע בתוך ארבעה ימים.

"""


@dataclass(frozen=True)
class Options:
    slow: float
    runs: int
    seconds: int
    profile: Path | None


def main() -> None:
    options = _options()
    browser = chromium.find()
    if browser is None:
        sys.exit("bench: there is no Chromium on this machine (make chromium says why)")
    asyncio.run(_measure(browser, options))


def _options() -> Options:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--slow", type=float, default=4, help="how many times slower the processor is made")
    parser.add_argument("--runs", type=int, default=20, help="how often the window is opened, of each kind")
    parser.add_argument("--seconds", type=int, default=60, help="how long the answer takes")
    parser.add_argument("--profile", type=Path, help="where to write a CPU profile of the answer")
    parser.add_argument("--quick", action="store_true", help="five openings, an answer of ten seconds")
    given = parser.parse_args()
    if given.quick:
        return Options(given.slow, 5, 10, given.profile)
    return Options(given.slow, given.runs, given.seconds, given.profile)


async def _measure(program: str, options: Options) -> None:
    server = FakeServer(keeps_app_s=3600)
    await server.start()
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=program, args=chromium.FLAGS)
            load = os.getloadavg()[0]
            print(f"Chromium {browser.version}, processor slowed {options.slow:g} times, load {load:.1f}\n")
            await _openings(browser, server, options)
            await _answer(browser, server, options)
            await browser.close()
    finally:
        await server.stop()


async def _openings(browser: Browser, server: FakeServer, options: Options) -> None:
    times: dict[str, list[float]] = {
        "cold: the first page of a new browser": [],
        "warm: another page, the app in the cache": [],
        "again: closed and opened on that page": [],
    }
    shifts: list[Any] = []
    for _ in range(options.runs):
        context = await browser.new_context(viewport={"width": 1000, "height": 800})
        page = await context.new_page()
        await page.add_init_script(OBSERVE)
        await _slow_down(page, options.slow)
        opened = []
        for _visit in ("cold", "warm"):
            await page.goto(server.page(HOST_PAGE + embed()), wait_until="networkidle")
            opened.append(await _open(page))
            shifts += (await _seen(page))["shifts"]
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        opened.append(await _open(page))
        shifts += (await _seen(page))["shifts"]
        for kind, opening in zip(times, opened, strict=True):
            times[kind].append(opening)
        await context.close()
    print(f"| click to a usable field, ms (goal {USABLE_MS}) | runs | p50 | p95 | worst |")
    print("|---|---|---|---|---|")
    for kind, found in times.items():
        print(f"| {kind} | {len(found)} | {_row(found)} |")
    print(f"\nlayout shift while opening: {_shift(shifts)} (goal 0)\n")


async def _open(page: Page) -> float:
    """Without the pointer's coming first: what a tap on a phone has."""
    await page.locator(LAUNCHER).click()
    found: float = await asyncio.wait_for(page.evaluate("opened"), PATIENCE_S)
    return found


async def _answer(browser: Browser, server: FakeServer, options: Options) -> None:
    tokens = _tokens(options.seconds * TOKENS_A_SECOND)
    server.scripts["Tell me everything"] = Script(
        text="".join(tokens), events=[delta(token) for token in tokens], pause_s=1 / TOKENS_A_SECOND
    )
    page = await browser.new_page(viewport={"width": 1000, "height": 800})
    await page.add_init_script(OBSERVE)
    await page.goto(server.page(HOST_PAGE + embed()), wait_until="networkidle")
    await _open(page)
    devtools = await _slow_down(page, options.slow)
    # What is done for the first time, and its code compiled, is not what a stream costs.
    await _answer_to(page, "Hello")
    first = max((await _seen(page))["long"], default=0)
    print(f"sending the first message: {first:.0f} ms at most in one task of more than {LONG_TASK_MS}\n")
    await page.evaluate("seen.long.length = seen.shifts.length = 0")
    if options.profile:
        await devtools.send("Profiler.enable")
        await devtools.send("Profiler.start")
    await browser.start_tracing(page=page, categories=TRACED)
    await _answer_to(page, "Tell me everything", wait_s=options.seconds)
    tasks = _tasks(await browser.stop_tracing())
    if options.profile:
        profile = (await devtools.send("Profiler.stop"))["profile"]
        options.profile.write_text(json.dumps(profile))
    seen = await _seen(page)
    characters = sum(map(len, tokens))
    print(f"an answer of {len(tokens)} tokens, {characters} characters, in {options.seconds} s:")
    print(f"- long tasks of {LONG_TASK_MS} ms, as the page is told: {len(seen['long'])} (goal none)")
    long = [task for task in tasks if task > LONG_TASK_MS]
    print(f"- by processor time: {len(long)} of {len(tasks)}, the longest {max(tasks):.1f} ms")
    print(f"- the main thread's processor time: {sum(tasks) / options.seconds / 10:.0f} %")
    print(f"- layout shift: {_shift(seen['shifts'])} (goal 0)")


async def _answer_to(page: Page, question: str, *, wait_s: float = 0) -> None:
    """The page itself says when: whoever looks in again and again from outside is work for it as well."""
    await page.evaluate("void (window.replied = new Promise((done) => csai.on('reply', done)))")
    await ask(page, question)
    await asyncio.wait_for(page.evaluate("replied"), wait_s + PATIENCE_S)


def _tokens(count: int) -> list[str]:
    """Some four characters each, as models cut them."""
    text = ""
    while len(text) < 4 * count:
        text += PARAGRAPHS
    return [text[at : at + 4] for at in range(0, 4 * count, 4)]


async def _slow_down(page: Page, times: float) -> CDPSession:
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": times})
    return devtools


async def _seen(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate("seen")
    return found


def _tasks(trace: bytes) -> list[float]:
    """What each task of the page's main thread took of the processor, in ms, whatever else runs beside it."""
    events = json.loads(trace)["traceEvents"]
    named = [event for event in events if event["name"] == "thread_name"]
    mains = {(each["pid"], each["tid"]) for each in named if each["args"]["name"] == "CrRendererMain"}
    by_thread: dict[tuple[int, int], list[float]] = {}
    for event in events:
        thread = (event["pid"], event["tid"])
        if event["name"] == "RunTask" and "tdur" in event and thread in mains:
            by_thread.setdefault(thread, []).append(event["tdur"] / 1_000)
    return max(by_thread.values(), key=sum)


def _shift(shifts: Sequence[Any]) -> str:
    total = sum(value for value, _ in shifts)
    moved = sorted({name for _, names in shifts for name in names})
    return f"{total:.4f}" + (f", of {', '.join(moved)}" if moved else "")


def _row(found: Sequence[float]) -> str:
    p95 = statistics.quantiles(found, n=20, method="inclusive")[-1]
    return f"{statistics.median(found):.0f} | {p95:.0f} | {max(found):.0f}"


if __name__ == "__main__":
    main()
