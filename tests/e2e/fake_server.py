"""A stand-in for the csai server: speaks the visitor's side of the contract, says what a test scripts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import csai_widget
from aiohttp import web
from csai.locales.language import widget_locale

from tests.support.waiting import BROWSER_PATIENCE_MS

PACKAGE = Path(__file__).resolve().parents[2] / "widget" / "dist"
Event = tuple[str, dict[str, Any] | str]
"""Its type and its data; a text is written as it stands, readable or not."""
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Expose-Headers": "Retry-After",
    "Cross-Origin-Resource-Policy": "cross-origin",
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
    answers_late: bool = False
    """The first request is taken, and then nothing is heard until `released`."""
    pause_s: float = 0
    """Between two events, for who measures; tests wait for nothing but events."""
    unreadable_endings: int = 0
    """So many times the last event is written broken."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Turn:
    id: str
    message: str
    script: Script
    opening: dict[str, Any]
    events: list[Event]

    def ends_at_once_after(self, number: int) -> bool:
        """Then both are sent in one piece: who sees the last words of such an answer sees that it is over."""
        script = self.script
        is_free = script.holds_before != number and script.drops_after not in (number - 1, number)
        is_last = number == len(self.events) - 1
        return is_last and is_free and not script.pause_s and not script.unreadable_endings


@dataclass(frozen=True)
class Recorded:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    query: str = ""


class FakeServer:
    def __init__(self, *, keeps_app_s: int = 0) -> None:
        """`keeps_app_s`: so long a browser may keep the app."""
        self._app_headers = {"Cache-Control": f"public, max-age={keeps_app_s}"} if keeps_app_s else {}
        self.requests: list[Recorded] = []
        self._is_asked = asyncio.Event()
        self.scripts: dict[str, Script] = {}
        self.pages: dict[str, tuple[str, dict[str, str]]] = {}
        self.config: dict[str, Any] = {"client": {"name": "Kettle & Cloth"}, "branding": {}}
        """Without features, quick replies and notices but for what a test sets."""
        self.loader: str | None = None
        """In place of the one that was built."""
        self.app_refusals = 0
        """So many requests for the app are answered with 404 first."""
        self.app_is_awaited: asyncio.Event | None = None
        self.locales: dict[str, Any] = {}
        """By language, as `/api/config` hands them out; labels that are missing are English."""
        self.config_refusals: list[int] = []
        """Answered first, each once."""
        self.refuses_key = False
        self.refuses_resume = False
        self.history: list[dict[str, str]] = []
        self.history_page = 100
        self.waiting: list[dict[str, Any]] = []
        """What a reloaded page is asked to confirm."""
        self.ended: set[str] = set()
        self.state: dict[str, Any] = {"state": "ai", "teammate": None}
        self.told: list[Event] = []
        """What those who follow a conversation live are told, in order."""
        self._is_told = asyncio.Event()
        self.refuses: dict[str, int] = {}
        """By path: with which status."""
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
        app.router.add_get("/widget.js", self._loader)
        app.router.add_get("/widget/{name}", self._app)
        app.router.add_get("/demo/", _demo)
        app.router.add_static("/demo/", csai_widget.STATIC / "demo")
        app.router.add_static("/dist/", PACKAGE)
        app.router.add_get("/page/{name}", self._page)
        app.router.add_get("/api/config", self._config)
        app.router.add_post("/chat/message", self._message)
        app.router.add_post("/chat/confirm", self._message)
        app.router.add_get("/chat/events/{session}", self._events)
        app.router.add_get("/chat/history/{session}", self._history)
        app.router.add_post("/chat/stop", self._stop)
        app.router.add_post("/chat/end", self._end)
        app.router.add_post("/chat/handoff", self._hand_off)
        app.router.add_post("/api/feedback", self._taken)
        app.router.add_post("/api/erase", self._taken)
        app.router.add_get("/chat/transcript/{session}", self._transcript)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        for script in self.scripts.values():
            script.released.set()
        if self.app_is_awaited:
            self.app_is_awaited.set()
        self._is_told.set()
        if self._runner:
            await self._runner.cleanup()

    def tell(self, kind: str, **data: Any) -> None:
        """Tell those who follow, and those who come later."""
        self.told.append((kind, data))
        self._is_told.set()

    def page(self, body: str, *, name: str = "host", csp: str | None = None, lang: str = "en") -> str:
        """Serve a host page and say where."""
        headers = {"Content-Security-Policy": csp} if csp else {}
        html = f"<!doctype html><html lang={lang}><meta charset=utf-8><title>Host</title><body>{body}"
        self.pages[name] = (html, headers)
        return f"{self.url}/page/{name}"

    def asked_for_app(self) -> int:
        """How often."""
        return len([request for request in self.requests if request.path.startswith("/widget/app-")])

    def posted(self, path: str = "/chat/message") -> list[Recorded]:
        return [request for request in self.requests if request.method == "POST" and request.path == path]

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for requests that the page shows nothing of, or shows before they have come here."""
        async with asyncio.timeout(BROWSER_PATIENCE_MS / 1_000):
            while not is_so():
                self._is_asked.clear()
                await self._is_asked.wait()

    def resumed(self) -> list[Recorded]:
        """Turns that were gone on with."""
        return [each for each in self.requests if "/events/" in each.path and "live" not in each.query]

    @web.middleware
    async def _record(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return web.Response(headers=CORS)
        body = await request.json() if request.can_read_body else None
        self.requests.append(
            Recorded(request.method, request.path, request.headers.copy(), body, request.query_string)
        )
        self._is_asked.set()
        status = self.refuses.get(request.path)
        response: web.StreamResponse = _problem(status, "refused", {}) if status else await handler(request)
        if not response.prepared:
            response.headers.update(CORS)
        return response

    async def _page(self, request: web.Request) -> web.Response:
        found = self.pages.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        return web.Response(text=found[0], content_type="text/html", headers=found[1])

    async def _loader(self, _: web.Request) -> web.StreamResponse:
        if self.loader is not None:
            return web.Response(text=self.loader, content_type="text/javascript")
        return web.FileResponse(csai_widget.STATIC / "widget.js")

    async def _app(self, request: web.Request) -> web.StreamResponse:
        if self.app_is_awaited:
            await self.app_is_awaited.wait()
        if self.app_refusals > 0:
            self.app_refusals -= 1
            raise web.HTTPNotFound
        app = csai_widget.STATIC / "widget" / request.match_info["name"]
        return web.FileResponse(app, headers=self._app_headers)

    async def _config(self, request: web.Request) -> web.Response:
        if self.refuses_key:
            return _problem(401, "key_unknown", {})
        if self.config_refusals:
            return _problem(self.config_refusals.pop(0), "internal", {})
        language = request.query.get("lang", "") or request.headers.get("Accept-Language", "")
        english = widget_locale([], None, "")
        spoken = self.locales.get(language.partition("-")[0]) or english
        labels = english["labels"] | spoken["labels"]
        return web.json_response({**self.config, "locale": {**spoken, "labels": labels}})

    async def _message(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if body.get("session_id") in self.ended:
            return _problem(409, "conversation_ended", {})
        script = self.scripts.setdefault(body["message"], Script())
        if script.refusals:
            return _problem(*script.refusals.pop(0))
        key = request.headers["Idempotency-Key"]
        turn = self.turns.get(key)
        if script.answers_late:
            script.answers_late = False
            await script.released.wait()
        if turn is None:
            turn = self._accept(key, body, script)
        return await self._stream(request, turn, after=0)

    def _accept(self, key: str, body: dict[str, Any], script: Script) -> Turn:
        session = body.get("session_id") or f"session-{len(self.turns) + 1}"
        turn_id = f"turn-{len(self.turns) + 1}"
        self._say("user", "visitor", body["message"])
        opening = {"session_id": session, "session_token": f"token-of-{session}", "turn_id": turn_id}
        between = [("text.delta", {"text": script.text})] if script.events is None else script.events
        events: list[Event] = [("turn.started", opening), *between]
        turn = Turn(turn_id, body["message"], script, opening, events)
        if script.status == "handed_off":
            self.state = {"state": "queued", "teammate": None}
        turn.events.append(_ending(opening, script, script.status))
        self.turns[key] = turn
        return turn

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("live"):
            return await self._live(request)
        if self.refuses_resume:
            return _problem(404, "not_found", {})
        turn_id, _, number = request.headers["Last-Event-ID"].rpartition(":")
        turn = next(turn for turn in self.turns.values() if turn.id == turn_id)
        return await self._stream(request, turn, after=int(number))

    async def _stream(self, request: web.Request, turn: Turn, *, after: int) -> web.StreamResponse:
        response = web.StreamResponse(headers={**CORS, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        kept = b""
        for number, event in enumerate(turn.events, start=1):
            if number <= after:
                continue
            if turn.script.holds_before == number - 1:
                await self._hold(turn)
                event = turn.events[-1] if turn.script.stopped.is_set() else event
            if event is turn.events[-1] and turn.script.unreadable_endings:
                turn.script.unreadable_endings -= 1
                await _write(request, response, _frame(f"{turn.id}:{number - 1}", (event[0], '{"status')))
                return response
            piece = kept + _frame(f"{turn.id}:{number}", event)
            kept = piece if turn.ends_at_once_after(number) else b""
            if kept:
                continue
            is_dropped = turn.script.drops_after == number - 1
            if is_dropped or not await _write(request, response, piece):
                turn.script.drops_after = None
                if request.transport:
                    request.transport.close()
                return response
            if turn.script.pause_s:
                await asyncio.sleep(turn.script.pause_s)
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
            turn.events[-1] = _ending(turn.opening, script, "stopped")

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
                **self.state,
                "live_id": f"live:{len(self.told)}",
            }
        )

    async def _live(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={**CORS, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        last = request.headers.get("Last-Event-ID", "")
        at = int(last.removeprefix("live:")) if last else 0
        if not last:
            await response.write(_frame("live:0", ("handoff", self.state)))
        while request.transport is not None:
            self._is_told.clear()  # before what there is to tell is looked at: more may come while it is told
            for number, event in enumerate(self.told[at:], start=at + 1):
                await response.write(_frame(f"live:{number}", event))
                at = number
            await self._is_told.wait()
        return response

    async def _hand_off(self, request: web.Request) -> web.Response:
        if self.state["state"] == "ai":
            self.state = {"state": "queued", "teammate": None}
        return web.json_response(self.state)

    async def _taken(self, request: web.Request) -> web.Response:
        return web.json_response({})

    async def _transcript(self, request: web.Request) -> web.Response:
        return web.Response(text="<p>all of it", content_type="text/html")

    async def _stop(self, request: web.Request) -> web.Response:
        list(self.turns.values())[-1].script.stopped.set()
        return web.json_response({})

    async def _end(self, request: web.Request) -> web.Response:
        self.ended.add((await request.json())["session_id"])
        self._is_asked.set()
        return web.json_response({})


async def _write(request: web.Request, response: web.StreamResponse, piece: bytes) -> bool:
    """Says whether somebody is still there to read."""
    try:
        await response.write(piece)
    except ConnectionError:
        return False
    return request.transport is not None


async def _demo(_: web.Request) -> web.FileResponse:
    return web.FileResponse(csai_widget.STATIC / "demo" / "index.html")


def _ending(opening: dict[str, Any], script: Script, status: str) -> Event:
    message = {
        "id": f"answer-{opening['turn_id']}",
        "role": "assistant",
        "author": "assistant",
        "content": script.text,
    }
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
    data = event[1] if isinstance(event[1], str) else json.dumps(event[1])
    return f"id: {event_id}\nevent: {event[0]}\ndata: {data}\n\n".encode()


def _problem(status: int, code: str, headers: dict[str, str]) -> web.Response:
    body = {"type": "about:blank", "title": code, "status": status, "code": code, "request_id": "r"}
    return web.json_response(body, status=status, headers=headers, content_type="application/problem+json")
