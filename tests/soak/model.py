"""The model and the webhook of a soak: HTTP servers that fail now and then and count what reaches them."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web

TENANT = re.compile(r"tenant=(\w+)")
NUMBER = re.compile(r"number=(\d+)")
SLOT = re.compile(r"slot=(\S+)")
PIECES = 8
PIECE_S = 0.01
FAULT_SHARE = 0.08


@dataclass
class Served:
    """One answer of the model. Its `model` name carries the serial number into the ledger."""

    number: int
    tokens_input: int
    tokens_output: int
    is_whole: bool = False


class Model:
    """Speaks OpenAI's chat completions. Asked to book, it calls the tool `book`, then says that it did."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.served: list[Served] = []
        self.crossed: list[str] = []
        """Requests that held the words of two clients."""
        self.misshapen: list[str] = []
        """Requests no vendor would take: turns that do not alternate, calls without results."""

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        messages = body["messages"]
        question = next(each["content"] for each in reversed(messages) if each["role"] == "user")
        self._look(messages)
        if (fault := self._random.random()) < FAULT_SHARE / 2:
            return web.json_response({"error": {"message": "try later"}}, status=429 if fault < 0.02 else 500)
        serial = len(self.served)
        served = Served(int(NUMBER.findall(question)[-1]), 100 + serial % 97, PIECES + serial % 13)
        self.served.append(served)
        wants_tool = (
            messages[-1]["role"] == "user" and body.get("tools") and body.get("tool_choice") != "none"
        )
        slot = SLOT.findall(question)
        deltas = [_call(serial, slot[-1])] if slot and wants_tool else _words(question)
        cut_after = self._random.randrange(len(deltas)) if FAULT_SHARE / 2 <= fault < FAULT_SHARE else None
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        with suppress(ConnectionError):  # The server that asked was killed.
            await answer.prepare(request)
            await self._stream(request, answer, f"soak-{serial}", served, deltas, cut_after)
        return answer

    async def _stream(
        self,
        request: web.Request,
        answer: web.StreamResponse,
        name: str,
        served: Served,
        deltas: Sequence[dict[str, Any]],
        cut_after: int | None,
    ) -> None:
        for index, delta in enumerate(deltas):
            if index == cut_after:
                if request.transport is not None:  # The server that asked may be gone already.
                    request.transport.close()
                return
            await answer.write(_event(name, [{"index": 0, "delta": delta, "finish_reason": None}]))
            await asyncio.sleep(PIECE_S)
        reason = "tool_calls" if "tool_calls" in deltas[0] else "stop"
        await answer.write(_event(name, [{"index": 0, "delta": {}, "finish_reason": reason}]))
        usage = {"prompt_tokens": served.tokens_input, "completion_tokens": served.tokens_output}
        await answer.write(_event(name, [], usage=usage))
        await answer.write(b"data: [DONE]\n\n")
        served.is_whole = True

    def _look(self, messages: Sequence[dict[str, Any]]) -> None:
        tenants = set(TENANT.findall(json.dumps(messages)))
        if len(tenants) != 1:
            self.crossed.append(f"a request held the words of {sorted(tenants)}")
        if fault := _misshapen(messages):
            self.misshapen.append(fault)


class Webhook:
    """What the tool `book` reaches. A booking that was made may still be answered with an error."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.calls: Counter[str] = Counter()
        self.slots: Counter[str] = Counter()

    async def book(self, request: web.Request) -> web.Response:
        body = await request.text()
        self.calls[request.headers["x-csai-call-id"]] += 1
        self.slots[SLOT.findall(body)[-1].rstrip('"}') if "slot=" in body else _slot_of(body)] += 1
        await asyncio.sleep(self._random.uniform(0.01, 0.05))
        if self._random.random() < FAULT_SHARE:
            return web.json_response({"error": "confirmation lost"}, status=500)
        return web.json_response({"booked": True})


async def serve(model: Model, webhook: Webhook) -> tuple[web.AppRunner, str]:
    """Serve both on one free port; the runner to clean up, and the address."""
    application = web.Application()
    application.router.add_post("/v1/chat/completions", model.complete)
    application.router.add_post("/book", webhook.book)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    return runner, f"http://127.0.0.1:{port}"


def _slot_of(body: str) -> str:
    found = re.search(r'"slot":\s*"([^"]+)"', body)
    return found.group(1) if found else body


def _words(question: str) -> list[dict[str, Any]]:
    text = f"Done: {' '.join(question.split()[:2])}. "
    return [{"content": text}, *({"content": f"word{index} "} for index in range(PIECES))]


def _call(serial: int, slot: str) -> dict[str, Any]:
    function = {"name": "book", "arguments": json.dumps({"slot": slot})}
    call = {"index": 0, "id": f"call_{serial}", "type": "function", "function": function}
    return {"tool_calls": [call]}


def _event(name: str, choices: Sequence[Any], **more: Any) -> bytes:
    event = {"id": name, "object": "chat.completion.chunk", "model": name, "choices": choices, **more}
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def _misshapen(messages: Sequence[dict[str, Any]]) -> str | None:
    """Why a vendor would refuse the messages; None where none would."""
    open_calls: set[str] = set()
    previous = "system"
    for message in messages:
        role = message["role"]
        if role == "tool":
            if message["tool_call_id"] not in open_calls:
                return "a tool result without its call"
            open_calls.remove(message["tool_call_id"])
        elif open_calls:
            return "a tool call without its result"
        elif role == previous and role != "system":
            return f"two messages in a row by {role}"
        elif role == "assistant":
            open_calls = {call["id"] for call in message.get("tool_calls") or ()}
        previous = role
    return "a tool call without its result" if open_calls else None
