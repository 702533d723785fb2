"""The world outside the server, in a thread of the test: a model and a webhook that count what comes.

The model speaks OpenAI's protocol. What it says is written in the visitor's own message, so that any
number of conversations can be answered in any order:

    "book ten"     says "Let me see. " and calls `book` with slot "ten"; "look", "set", "cancel" likewise
    "hang"         says "Let me see. " and then nothing until `release`
    "linger on"    takes a while
    anything else  is answered with "You said: ..."

The webhook waits before it answers a slot that begins with "slow", until `release`.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from tests.support.waiting import PATIENCE_S

PROMPT_TOKENS, COMPLETION_TOKENS = 100, 10
LINGER_S = 0.3
BEGINNING = "Let me see. "
TOOLS: dict[str, dict[str, bool]] = {
    "book": {},
    "look": {"read_only": True},
    "set": {"idempotent": True},
    "cancel": {"confirm": True},
}


class Upstream:
    """What came in, in order. All of it may be read from any thread."""

    def __init__(self) -> None:
        self.url = ""
        self.model_requests: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        """Bodies of the tool calls that reached the webhook."""
        self.faults: list[str] = []
        """What no vendor would have taken."""
        self._changed = threading.Condition()
        self._released = asyncio.Event()
        self._loop = asyncio.new_event_loop()

    def of(self, words: str) -> list[dict[str, Any]]:
        """The requests whose last message of the visitor ends with these words."""
        return [request for request in list(self.model_requests) if _question(request) == words]

    def booked(self, slot: str) -> list[dict[str, Any]]:
        """The tool calls for a slot."""
        return [call for call in list(self.calls) if call["arguments"]["slot"] == slot]

    def wait(self, is_true: Callable[[], bool]) -> None:
        """Until something came in that makes it true."""
        with self._changed:
            assert self._changed.wait_for(is_true, PATIENCE_S), "it did not come"

    def release(self) -> None:
        """Let everything that waits be answered, now and ever after."""
        self._loop.call_soon_threadsafe(self._released.set)

    @contextmanager
    def serving(self) -> Iterator[Upstream]:
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        runner = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(PATIENCE_S)
        try:
            yield self
        finally:
            self.release()
            asyncio.run_coroutine_threadsafe(runner.cleanup(), self._loop).result(PATIENCE_S)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(PATIENCE_S)
            self._loop.close()

    async def _start(self) -> web.AppRunner:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/webhook", self._call)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    def _note(self, where: list[dict[str, Any]], what: dict[str, Any]) -> None:
        with self._changed:
            where.append(what)
            self._changed.notify_all()

    async def _call(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._note(self.calls, body)
        if body["arguments"]["slot"].startswith("slow"):
            await self._released.wait()
        return web.json_response({"done": body["arguments"]["slot"]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.faults += faults_of(body["messages"])
        self._note(self.model_requests, body)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        async for chunk in self._chunks(body):
            await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _chunks(self, body: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        question = _question(body)
        verb, _, slot = question.partition(" ")
        finish = "stop"
        if body["messages"][-1]["role"] == "tool":
            yield _chunk({"content": f"Done: {slot}."})
        elif verb in TOOLS and body.get("tool_choice") != "none":
            yield _chunk({"role": "assistant", "content": BEGINNING})
            yield _chunk({"tool_calls": [_tool_call(f"call_{len(self.model_requests)}", verb, slot)]})
            finish = "tool_calls"
        elif verb == "hang":
            yield _chunk({"role": "assistant", "content": BEGINNING})
            await self._released.wait()
            yield _chunk({"content": "Late."})
        else:
            await asyncio.sleep(LINGER_S if verb == "linger" else 0)
            yield _chunk({"role": "assistant", "content": f"You said: {question}"})
        yield _chunk({}, finish)
        usage = {
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": COMPLETION_TOKENS,
            "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
        }
        yield {**_chunk({}), "choices": [], "usage": usage}


def faults_of(messages: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the order of messages: sides take turns, and every tool call has its result."""
    faults = []
    waiting: set[str] = set()
    last = ""
    for message in messages:
        role = message["role"]
        if role == "tool":
            if message["tool_call_id"] not in waiting:
                faults.append(f"a result without its call: {message['tool_call_id']}")
            waiting.discard(message["tool_call_id"])
        else:
            if waiting:
                faults.append(f"calls without results: {sorted(waiting)}")
            if role == last and role in {"user", "assistant"}:
                faults.append(f"two messages of the {role}")
            waiting = {call["id"] for call in message.get("tool_calls") or ()}
            if any(len(call_id) > 40 for call_id in waiting):
                faults.append("an id longer than vendors take")
        last = role
    if last not in {"user", "tool"}:
        faults.append("nothing is asked")
    return faults


def _question(body: Mapping[str, Any]) -> str:
    asked = [message["content"] for message in body["messages"] if message["role"] == "user"]
    text = asked[-1] if isinstance(asked[-1], str) else asked[-1][-1]["text"]
    return str(text).rpartition("\n\n")[2]


def _tool_call(call_id: str, name: str, slot: str) -> dict[str, Any]:
    return {
        "index": 0,
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": json.dumps({"slot": slot})},
    }


def _chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-5.4-mini",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
