"""A stand-in for the csai server: speaks the visitor's side of the contract, says what a test scripts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import csai_widget
from aiohttp import web

Event = tuple[str, dict[str, Any]]
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Expose-Headers": "Retry-After",
}


@dataclass
class Script:
    """How one message is answered."""

    text: str = "Fine."
    events: list[Event] | None = None
    """Between `turn.started` and the end; by default the text in one piece."""
    status: str = "completed"
    citations: list[dict[str, str]] = field(default_factory=list)
    confirmations: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    """Answered first, each once: status, code, headers."""
    drops_after: int | None = None
    """The first connection breaks after so many events."""
    holds_before: int | None = None
    """Waits for `released` before this event (counted from zero, `turn.started` is the first)."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Turn:
    id: str
    message: str
    script: Script
    events: list[Event]


@dataclass(frozen=True)
class Recorded:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class FakeServer:
    def __init__(self) -> None:
        self.requests: list[Recorded] = []
        self.scripts: dict[str, Script] = {}
        self.pages: dict[str, tuple[str, dict[str, str]]] = {}
        self.config: dict[str, Any] = {"client": {"name": "Kettle & Cloth"}, "branding": {}}
        self.refuses_key = False
        self.refuses_resume = False
        self.history: list[dict[str, str]] = []
        self.history_page = 100
        self.waiting: list[dict[str, Any]] = []
        """What a reloaded page is asked to confirm."""
        self.ended: set[str] = set()
        self.turns: dict[str, Turn] = {}
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def other_url(self) -> str:
        """The same server under another name: another origin to a browser."""
        return f"http://localhost:{self._port}"

    async def start(self) -> None:
        app = web.Application(middlewares=[self._record])
        app.router.add_get("/widget.js", _file("widget.js"))
        app.router.add_get("/demo/", _file("demo/index.html"))
        app.router.add_static("/demo/", csai_widget.STATIC / "demo")
        app.router.add_get("/page/{name}", self._page)
        app.router.add_get("/api/config", self._config)
        app.router.add_post("/chat/message", self._message)
        app.router.add_post("/chat/confirm", self._message)
        app.router.add_get("/chat/events/{session}", self._events)
        app.router.add_get("/chat/history/{session}", self._history)
        app.router.add_post("/chat/stop", self._stop)
        app.router.add_post("/chat/end", self._end)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        for script in self.scripts.values():
            script.released.set()
        if self._runner:
            await self._runner.cleanup()

    def page(self, body: str, *, name: str = "host", csp: str | None = None) -> str:
        """Serve a host page and say where."""
        headers = {"Content-Security-Policy": csp} if csp else {}
        html = f"<!doctype html><html lang=en><meta charset=utf-8><title>Host</title><body>{body}"
        self.pages[name] = (html, headers)
        return f"{self.url}/page/{name}"

    def posted(self, path: str = "/chat/message") -> list[Recorded]:
        return [request for request in self.requests if request.method == "POST" and request.path == path]

    @web.middleware
    async def _record(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return web.Response(headers=CORS)
        body = await request.json() if request.can_read_body else None
        self.requests.append(Recorded(request.method, request.path, request.headers.copy(), body))
        response: web.StreamResponse = await handler(request)
        if not response.prepared:
            response.headers.update(CORS)
        return response

    async def _page(self, request: web.Request) -> web.Response:
        found = self.pages.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        return web.Response(text=found[0], content_type="text/html", headers=found[1])

    async def _config(self, request: web.Request) -> web.Response:
        if self.refuses_key:
            return _problem(401, "key_unknown", {})
        return web.json_response(self.config)

    async def _message(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if body.get("session_id") in self.ended:
            return _problem(409, "conversation_ended", {})
        script = self.scripts.setdefault(body["message"], Script())
        if script.refusals:
            return _problem(*script.refusals.pop(0))
        key = request.headers["Idempotency-Key"]
        turn = self.turns.get(key)
        if turn is None:
            turn = self._accept(key, body, script)
        return await self._stream(request, turn, after=0)

    def _accept(self, key: str, body: dict[str, Any], script: Script) -> Turn:
        session = body.get("session_id") or f"session-{len(self.turns) + 1}"
        turn_id = f"turn-{len(self.turns) + 1}"
        self._say("user", "visitor", body["message"])
        opening = {"session_id": session, "session_token": f"token-of-{session}", "turn_id": turn_id}
        between = [("text.delta", {"text": script.text})] if script.events is None else script.events
        turn = Turn(turn_id, body["message"], script, [("turn.started", opening), *between])
        turn.events.append(_ending(opening, script, script.status))
        self.turns[key] = turn
        return turn

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if self.refuses_resume:
            return _problem(404, "not_found", {})
        turn_id, _, number = request.headers["Last-Event-ID"].rpartition(":")
        turn = next(turn for turn in self.turns.values() if turn.id == turn_id)
        return await self._stream(request, turn, after=int(number))

    async def _stream(self, request: web.Request, turn: Turn, *, after: int) -> web.StreamResponse:
        response = web.StreamResponse(headers={**CORS, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number, event in enumerate(turn.events, start=1):
            if number <= after:
                continue
            if turn.script.holds_before == number - 1:
                await self._hold(turn)
                event = turn.events[-1] if turn.script.stopped.is_set() else event
            is_dropped = turn.script.drops_after == number - 1
            if is_dropped or not await _write(request, response, _frame(f"{turn.id}:{number}", event)):
                turn.script.drops_after = None
                if request.transport:
                    request.transport.close()
                return response
            if event is turn.events[-1]:
                break
        self._close(turn)
        return response

    async def _hold(self, turn: Turn) -> None:
        script = turn.script
        waits = [asyncio.ensure_future(script.released.wait()), asyncio.ensure_future(script.stopped.wait())]
        _, unfinished = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in unfinished:
            wait.cancel()
        if script.stopped.is_set():
            turn.events[-1] = _ending(turn.events[0][1], script, "stopped")

    def _close(self, turn: Turn) -> None:
        if self.history and self.history[-1]["content"] == turn.message:
            self._say("assistant", "assistant", turn.script.text)

    def _say(self, role: str, author: str, content: str) -> None:
        self.history.append(
            {"id": str(len(self.history)), "role": role, "author": author, "content": content}
        )

    async def _history(self, request: web.Request) -> web.Response:
        session = request.match_info["session"]
        if request.headers.get("X-Session-Token") != f"token-of-{session}":
            return _problem(404, "not_found", {})
        after = int(request.query.get("after", 0))
        end = after + self.history_page
        following = end if end < len(self.history) else None
        return web.json_response(
            {
                "messages": self.history[after:end],
                "next": following,
                "confirmations": self.waiting,
            }
        )

    async def _stop(self, request: web.Request) -> web.Response:
        list(self.turns.values())[-1].script.stopped.set()
        return web.json_response({})

    async def _end(self, request: web.Request) -> web.Response:
        self.ended.add((await request.json())["session_id"])
        return web.json_response({})


async def _write(request: web.Request, response: web.StreamResponse, piece: bytes) -> bool:
    """Says whether somebody is still there to read."""
    try:
        await response.write(piece)
    except ConnectionError:
        return False
    return request.transport is not None


def _file(name: str) -> Callable[[web.Request], Awaitable[web.FileResponse]]:
    async def serve(_: web.Request) -> web.FileResponse:
        return web.FileResponse(csai_widget.STATIC / name)

    return serve


def _ending(opening: dict[str, Any], script: Script, status: str) -> Event:
    message = {"id": "m", "role": "assistant", "author": "assistant", "content": script.text}
    answer = {
        **opening,
        "status": status,
        "message": message,
        "tool_calls": [],
        "citations": script.citations,
        "confirmations": script.confirmations,
    }
    return ("turn.failed" if status in {"failed", "blocked"} else "turn.completed", answer)


def _frame(event_id: str, event: Event) -> bytes:
    return f"id: {event_id}\nevent: {event[0]}\ndata: {json.dumps(event[1])}\n\n".encode()


def _problem(status: int, code: str, headers: dict[str, str]) -> web.Response:
    body = {"type": "about:blank", "title": code, "status": status, "code": code, "request_id": "r"}
    return web.json_response(body, status=status, headers=headers, content_type="application/problem+json")
