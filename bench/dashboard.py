"""What the dashboard costs an operator's browser: Chromium beside a real server with two months of data.

    make bench BENCH_ARGS="--dashboard"       three minutes
    .venv/bin/python bench/dashboard.py --slow 4 --rounds 5

Server and browser share the machine, over the loopback: an operator's network comes on top.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from csai.admins.service import COOKIE  # noqa: E402
from csai_dashboard import STATIC  # noqa: E402

from scripts import chromium  # noqa: E402
from scripts.dashboard_pictures import PAGES, Shown  # noqa: E402
from scripts.installation import Installation, installation  # noqa: E402
from tests.e2e.dashboard import settled  # noqa: E402

FIRST_LOAD_BYTES = 195_000
CHANGE_MS = 100

OBSERVE = """
  window.seen = { paint: 0, shift: 0 };
  new PerformanceObserver((list) => {
    for (const { startTime } of list.getEntries()) seen.paint = startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
  new PerformanceObserver((list) => {
    for (const { value } of list.getEntries()) seen.shift += value;
  }).observe({ type: "layout-shift", buffered: true });
"""
# What other pages need is fetched once nothing else is to be done: it is not part of the first load.
STAY_BUSY = "window.requestIdleCallback = () => 0;"

# From the click until the frame that has the other page's heading, until that which has its data, and until
# that which has its charts drawn as well.
CHANGE = """async (href) => {
  const link = [...document.querySelectorAll("aside a")].find((a) => a.getAttribute("href") === href);
  const [before, title] = [document.querySelector("main h1"), document.title];
  const began = performance.now();
  const until = async (is) => {
    do {
      if (performance.now() > began + 5_000) throw new Error(`${href} does not come up`);
      await new Promise(requestAnimationFrame);
    } while (!is());
    await new Promise((done) => setTimeout(done)); // That frame is painted by then.
    return performance.now() - began;
  };
  const heading = () => document.querySelector("main h1");
  link.click();
  const there = await until(() => heading() && (heading() !== before || document.title !== title));
  const outside = "main .animate-pulse:not(figure *)";
  const figures = await until(() => heading() && !document.querySelector(outside));
  return [there, figures, await until(() => !document.querySelector("main .animate-pulse"))];
}"""
FETCHED = """() => Object.fromEntries(performance.getEntriesByType("resource")
  .concat(performance.getEntriesByType("navigation"))
  .map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize])
  .filter(([path]) => path.startsWith("/dashboard")))"""


def main() -> None:
    options = _options()
    browser = chromium.find()
    if browser is None:
        sys.exit("bench: there is no Chromium on this machine (make chromium says why)")
    with installation() as made:
        asyncio.run(_measure(browser, made, options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--slow", type=float, default=1, help="how many times slower the processor is made")
    parser.add_argument("--rounds", type=int, default=5, help="how often every page of the menu is gone to")
    parser.add_argument("--quick", action="store_true", help="one round")
    options = parser.parse_args()
    options.rounds = 1 if options.quick else options.rounds
    return options


async def _measure(program: str, made: Installation, options: argparse.Namespace) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=chromium.FLAGS)
        load = os.getloadavg()[0]
        print(f"Chromium {browser.version}, processor slowed {options.slow:g} times, load {load:.1f}\n")
        await _first_load(browser, made, options.slow)
        await _changes(browser, made, options)
        await _landings(browser, made, options.slow)
        await browser.close()


async def _first_load(browser: Browser, made: Installation, slow: float) -> None:
    """Of each page; the charts' library comes after the figures beside them, and is told apart."""
    loads: dict[str, dict[str, int]] = {}
    for shown in _landed_on():
        async with _window(browser, made, slow) as page:
            await page.add_init_script(STAY_BUSY)
            await _land(page, made.path(shown.path))
            loads[shown.path] = await page.evaluate(FETCHED)
    charts = _charts_library()
    sizes = {path: sum(load.values()) - load.get(charts, 0) for path, load in loads.items()}
    heaviest = max(sizes, key=sizes.__getitem__)
    print(f"| first load, gzip (goal {FIRST_LOAD_BYTES}) | files | bytes | of the goal |\n|---|---|---|---|")
    rows = {f"the heaviest of {len(loads)} pages ({heaviest})": heaviest, "the first page": ""}
    for name, path in rows.items():
        files = len(loads[path].keys() - {charts})
        print(f"| {name} | {files} | {sizes[path]} | {sizes[path] / FIRST_LOAD_BYTES:.0%} |")
    print(f"| charts, fetched after the first figures | 1 | {loads[''][charts]} | |")
    async with _window(browser, made, slow) as page:
        await _land(page, made.path(""))
        await page.wait_for_load_state("networkidle")
        every: dict[str, int] = await page.evaluate(FETCHED)
    total = sum(every.values())
    print(f"\nwith every other page, fetched in idle time: {total} bytes in {len(every)} files\n")


def _charts_library() -> str:
    built = json.loads((STATIC / "built.json").read_text())
    return f"/dashboard/{built['src/ui/drawing.tsx']['file']}"


def _landed_on() -> list[Shown]:
    return [shown for shown in PAGES.values() if shown.act is None and shown.is_signed_in]


async def _changes(browser: Browser, made: Installation, options: argparse.Namespace) -> None:
    """From the menu, each page after the one above it: in the first round none of its data is there yet."""
    headings: list[float] = []
    first: dict[str, float] = {}
    drawn: list[float] = []
    again: list[float] = []
    async with _window(browser, made, options.slow) as page:
        await _land(page, made.path("clients/CLIENT"))
        await page.wait_for_load_state("networkidle")
        links: list[str] = await page.locator("aside nav a").evaluate_all(
            "(all) => all.map((a) => a.getAttribute('href'))"
        )
        before = (await _seen(page))["shift"]
        for number in range(1 + options.rounds):
            for link in links:
                if link == await page.evaluate("location.pathname"):
                    continue
                heading, data, charts = await page.evaluate(CHANGE, link)
                headings.append(heading)
                if number == 0:
                    first[link] = data
                    drawn += [charts] if await page.locator("main figure svg").count() else []
                else:
                    again.append(data)
        seen = await _seen(page)
    print(f"| from the click, ms (goal {CHANGE_MS}) | changes | p50 | p95 | worst |\n|---|---|---|---|---|")
    print(f"| the page's heading | {len(headings)} | {_row(headings)} |")
    print(f"| with its data, for the first time | {len(first)} | {_row([*first.values()])} |")
    print(f"| with its charts too, for the first time | {len(drawn)} | {_row(drawn)} |")
    print(f"| with its data, again | {len(again)} | {_row(again)} |")
    named = {link.replace(made.client_id, "CLIENT"): ms for link, ms in first.items()}
    print(f"\nslowest for the first time: {_worst(named)}")
    shift = (seen["shift"] - before) / len(headings)
    print(f"layout shift of a change, mean: {shift:.4f}\n")


async def _landings(browser: Browser, made: Installation, slow: float) -> None:
    """Each page as the first of a new browser."""
    paints: list[float] = []
    shifts: dict[str, float] = {}
    for shown in _landed_on():
        async with _window(browser, made, slow) as page:
            await _land(page, made.path(shown.path))
            seen = await _seen(page)
        paints.append(seen["paint"])
        shifts[shown.path] = seen["shift"]
    print("| each page as the first one | pages | p50 | p95 | worst |\n|---|---|---|---|---|")
    print(f"| largest contentful paint, ms | {len(paints)} | {_row(paints)} |")
    print(f"| layout shift | {len(shifts)} | {_row([*shifts.values()], digits=3)} |")
    print(f"\nmost moved: {_worst(shifts, digits=3)}")


@asynccontextmanager
async def _window(browser: Browser, made: Installation, slow: float) -> AsyncIterator[Page]:
    """Of a browser that has nothing in its cache, and takes gzip as behind most proxies."""
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800}, extra_http_headers={"Accept-Encoding": "gzip"}
    )
    await context.add_cookies([{"name": COOKIE, "value": made.token, "url": f"{made.url}/admin"}])
    page = await context.new_page()
    await page.add_init_script(OBSERVE)
    devtools = await context.new_cdp_session(page)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": slow})
    try:
        yield page
    finally:
        await context.close()


async def _land(page: Page, url: str) -> None:
    await page.goto(url)
    await settled(page)


async def _seen(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate("seen")
    return found


def _worst(found: Mapping[str, float], *, digits: int = 0) -> str:
    worst = sorted(found.items(), key=lambda each: -each[1])[:3]
    return ", ".join(f"{name or 'the first page'} {value:.{digits}f}" for name, value in worst)


def _row(found: Sequence[float], *, digits: int = 0) -> str:
    p95 = statistics.quantiles(found, n=20, method="inclusive")[-1]
    return " | ".join(f"{value:.{digits}f}" for value in (statistics.median(found), p95, max(found)))


if __name__ == "__main__":
    main()
