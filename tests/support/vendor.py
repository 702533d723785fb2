"""Two vendors of models in a thread of the test, with the protocols of OpenAI and Anthropic, failing as told.

What each does is written in the visitor's message, so that any number of turns can run at once:

    "openai: 429@0.2 ok; claude: ok #17"

The steps of a vendor are taken one a request, the last of them again and again. Without a word it is `ok`.
What follows `#` tells messages apart. Steps:

    ok, nousage     an answer with a report of its tokens, or without one
    429, 500, ...   a refusal with that status; `429@7` asks to wait 7 seconds
    spend           a refusal as the vendor writes it when the account's limit is reached
    silent, stall   nothing at all, or the first half of an answer and then nothing, until the caller goes
    cut@N, end@N    N bytes of an answer, then a dropped connection or a proper end
    error@N         N events of an answer, then an error in the stream: the vendor is overloaded
    spent@N         likewise, the account's limit is reached
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from csai_testkit.replay import Exchange

from tests.support.waiting import PATIENCE_S

PROMPT_TOKENS, COMPLETION_TOKENS = 40, 7
WORDS = ("Half ", "and ", "half.")
ANSWER = "".join(WORDS)

Event = str | Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """A request that reached a vendor."""

    vendor: str
    question: str
    at: float
    """On the event loop's clock, in seconds."""


class Vendors:
    """Both of them, and whoever listens at the address for alerts."""

    def __init__(self) -> None:
        self.url = ""
        self.alerts: list[dict[str, Any]] = []
        self.is_down: dict[str, bool] = {}
        """Vendors that refuse every request with 500, whatever is written."""
        self._asked: list[Asked] = []
        self._steps_taken: Counter[tuple[str, str]] = Counter()
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()

    def asked(self, vendor: str, question: str | None = None) -> list[Asked]:
        """The requests that reached a vendor, for one question or for all."""
        return [
            item for item in list(self._asked) if item.vendor == vendor and question in (None, item.question)
        ]

    def wait_for_alerts(self, count: int) -> list[dict[str, Any]]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.alerts) >= count, PATIENCE_S), "no alert came"
        return self.alerts

    @contextmanager
    def serving(self) -> Iterator[Vendors]:
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        runner = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(PATIENCE_S)
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), self._loop).result(PATIENCE_S)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(PATIENCE_S)
            self._loop.close()

    async def _start(self) -> web.AppRunner:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_post("/alerts", self._take_alert)
        app.router.add_post("/{account}/v1/chat/completions", self._answer_as_openai)
        app.router.add_post("/{account}/v1/messages", self._answer_as_claude)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def _take_alert(self, request: web.Request) -> web.Response:
        body = await request.json()
        with self._changed:
            self.alerts.append(body)
            self._changed.notify_all()
        return web.Response()

    async def _answer_as_openai(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, "openai")

    async def _answer_as_claude(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, "claude")

    async def _answer(self, request: web.Request, vendor: str) -> web.StreamResponse:
        account = request.match_info["account"]
        question = _question(await request.json())
        self._asked.append(Asked(f"{vendor}/{account}", question, self._loop.time()))
        if self.is_down.get(f"{vendor}/{account}"):
            return _refusal(vendor, "500")
        step = self._step(vendor, question)
        name, _, number = step.partition("@")
        if name == "silent":
            await asyncio.Event().wait()
        if name.isdecimal() or name == "spend":
            return _refusal(vendor, name, wait=number)
        return await _stream(request, vendor, name, int(number or 0))

    def _step(self, vendor: str, question: str) -> str:
        steps = steps_of(vendor, question)
        taken = self._steps_taken[vendor, question]
        self._steps_taken[vendor, question] += 1
        return steps[min(taken, len(steps) - 1)]


def steps_of(vendor: str, question: str) -> Sequence[str]:
    found = re.search(rf"{vendor}: ([^;#]+)", question)
    return found[1].split() if found else ["ok"]


def events_of(vendor: str, *, has_usage: bool = True) -> list[Event]:
    """A whole answer."""
    return _openai_events(has_usage) if vendor == "openai" else _claude_events(has_usage)


def body_of(events: Sequence[Event]) -> bytes:
    return Exchange.of_events("", events).body


async def _stream(request: web.Request, vendor: str, name: str, number: int) -> web.StreamResponse:
    events = events_of(vendor, has_usage=name != "nousage")
    if name in ("error", "spent"):
        events = [*events[:number], *_error_events(vendor, is_spent=name == "spent")]
    body = body_of(events)
    if name in ("cut", "end"):
        body = body[:number]
    if name == "stall":
        body = body_of(events[: len(events) // 2])
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    if body:
        await response.write(body)
    if name == "stall":
        await asyncio.Event().wait()
    if name == "cut":
        if request.transport is not None:
            request.transport.close()
    else:
        await response.write_eof()
    return response


def _refusal(vendor: str, name: str, *, wait: str = "") -> web.Response:
    headers = {"Retry-After": wait} if wait else {}
    if name != "spend":
        error = {"type": "error", "message": "what you asked: my secret"}
        return web.json_response({"type": "error", "error": error}, status=int(name), headers=headers)
    return web.json_response(_spent(vendor), status=429)


def _spent(vendor: str) -> dict[str, Any]:
    if vendor == "openai":
        return {"error": {"type": "insufficient_quota", "code": "organization_spend_limit_exceeded"}}
    details = {"error_code": "enforced_spend_limit_reached"}
    return {"type": "error", "error": {"type": "rate_limit_error", "details": details}}


def _error_events(vendor: str, *, is_spent: bool) -> list[Event]:
    if is_spent:
        return [_spent(vendor)]
    if vendor == "openai":
        return [{"error": {"code": 503, "message": "overloaded"}}]
    return [{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}]


def _openai_events(has_usage: bool) -> list[Event]:
    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {"model": "gpt-5.4-mini", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS}
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": word}) for word in WORDS),
        chunk({}, "stop"),
        *([{"choices": [], "usage": usage}] if has_usage else []),
        "[DONE]",
    ]


def _claude_events(has_usage: bool) -> list[Event]:
    before = {"usage": {"input_tokens": PROMPT_TOKENS}} if has_usage else {}
    after = {"usage": {"output_tokens": COMPLETION_TOKENS}} if has_usage else {}
    return [
        {"type": "message_start", "message": {"model": "claude-haiku-4-5", "content": [], **before}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
            for word in WORDS
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, **after},
        {"type": "message_stop"},
    ]


def _question(body: Mapping[str, Any]) -> str:
    asked = [message["content"] for message in body["messages"] if message["role"] == "user"]
    text = asked[-1] if isinstance(asked[-1], str) else asked[-1][-1]["text"]
    return str(text).rpartition("\n\n")[2]
