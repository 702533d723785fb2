"""`CallSuite`: what is promised by everything that the server calls for a client."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, ClassVar

from csai_sdk import CsaiError, PluginSettings

from csai_testkit.conformance.check import live, required, required_of_vendors
from csai_testkit.conformance.kept import text_of
from csai_testkit.conformance.plugin import PluginSuite
from csai_testkit.conformance.scene import Scene, new_secret, new_text, open_scene
from csai_testkit.conformance.suite import is_secret_field
from csai_testkit.conformance.watch import connections, strangers
from csai_testkit.registration import part_name
from csai_testkit.replay import Exchange

FAILING_STATUSES = (400, 401, 403, 404, 409, 429, 500, 503, 529)
_FEW_SECONDS = 10.0


class CallSuite(PluginSuite):
    """The checks that the suites of providers, tools, backends, integrations, gateways and channels share."""

    error: ClassVar[type[CsaiError]]
    """What a call raises when it fails."""

    part_id: ClassVar[str] = ""
    """Which of the plugin's parts of this kind is meant, where it registers several."""

    async def call(self, part: Any, scene: Scene, *, timeout_s: float = _FEW_SECONDS) -> Any:
        """Make the kind's call as the server makes it, about `scene.text`."""
        raise NotImplementedError

    def check_answer(self, answer: Any, scene: Scene) -> None:
        """Fail where the answer is not what the kind's contract says."""

    def failures(self) -> Sequence[tuple[Exchange, type[CsaiError]]]:
        """What the vendor says when it fails, in its own words, and the SDK error that this means."""
        return ()

    def is_failure(self, outcome: Any) -> bool:
        return isinstance(outcome, self.error)

    def ports(self, scene: Scene) -> Collection[int | None]:
        """The ports of this machine that a call may reach; write it where the vendor speaks no HTTP."""
        return (scene.port,) if self.has_vendor else ()

    def fresh_parts(self) -> list[Any]:
        """The parts that this suite is about, as a server that starts gets them."""
        parts = self.fresh_registration().parts.get(self.kind, ())
        found = [part for part in parts if not self.part_id or part_name(part) == self.part_id]
        assert len(found) == 1, (
            f"the plugin registers {len(parts)} parts of the kind {self.kind}: name one in `part_id`, "
            "and subclass the suite for each"
        )
        return found

    async def attempt(self, part: Any, scene: Scene, *, timeout_s: float = _FEW_SECONDS) -> Any:
        """What the call returned or how it failed; an error that is none of the SDK's ends the check."""
        try:
            return await self.call(part, scene, timeout_s=timeout_s)
        except self.error as error:
            self.watch.hear_error(error)
            return error
        except Exception as error:
            self.watch.hear_error(error)
            raise AssertionError(
                f"it raised {type(error).__name__}, which is no {self.error.__name__}"
            ) from error

    def failing(
        self, status: int, *, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()
    ) -> list[Exchange]:
        """The good answer's exchanges, each refused instead."""
        sent = {"content-type": "application/json", **dict(headers)}
        refusal = body or b'{"error": {"message": "refused"}}'
        return [replace(each, status=status, headers=sent, body=refusal) for each in self.answer("refused")]

    @required
    async def test_answers_a_call(self) -> None:
        """A call returns what the kind's contract says, with what the vendor answered."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                answer = await self.attempt(part, scene)
                assert not self.is_failure(answer), f"the call failed: {answer}"
                self.check_answer(answer, scene)

    @required
    async def test_connects_only_where_told(self) -> None:
        """A call reaches the address in the settings and no other."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                with connections() as made:
                    await self.attempt(part, scene)
                others = strangers(made, ports=self.ports(scene))
                assert not others, f"it connected to {', '.join(others)}"

    @required_of_vendors
    async def test_maps_vendor_failures(self) -> None:
        """What a vendor refuses, or fails at, becomes the kind's SDK error."""
        for part in self.fresh_parts():
            for status in FAILING_STATUSES:
                await self._fails(part, self.failing(status), self.error_for(status), f"HTTP {status}")
            for exchange, expected in self.failures():
                await self._fails(part, [exchange], expected, f"{exchange.status} {exchange.body[:80]!r}")

    def error_for(self, status: int) -> type[CsaiError]:
        """The SDK error that an answer of this HTTP status means when the vendor says no more."""
        return self.error

    async def _fails(self, part: Any, said: Sequence[Exchange], expected: type[CsaiError], what: str) -> None:
        async with self.scene(exchanges=said) as scene:
            outcome = await self.attempt(part, scene)
        is_fit = isinstance(outcome, expected) if isinstance(outcome, CsaiError) else self.is_failure(outcome)
        assert is_fit, f"{what} should become {expected.__name__}, not {type(outcome).__name__}"

    @required_of_vendors
    async def test_maps_lost_connections(self) -> None:
        """A vendor that is not there, hangs up, or talks nonsense is an SDK error too."""
        nonsense = [
            replace(each, headers={"content-type": "text/html"}, body=b"<html>\xff\x00")
            for each in self.answer("")
        ]
        half = max(len(each.body) for each in self.answer("half")) // 2
        for part in self.fresh_parts():
            async with self.scene() as scene:
                await scene.server.close()
                outcome = await self.attempt(part, scene)
                assert self.is_failure(outcome), "where nothing listens, the call should fail"
                assert getattr(outcome, "is_outcome_known", True), "what was never sent has a known outcome"
            for cut in (0, half):
                async with self.scene(cut_after=cut, is_clean_cut=False) as scene:
                    assert self.is_failure(await self.attempt(part, scene)), "an answer broke off unnoticed"
            async with self.scene(exchanges=nonsense) as scene:
                self.check_nonsense(await self.attempt(part, scene))

    def check_nonsense(self, outcome: Any) -> None:
        """Fail where an answer that makes no sense was taken for one that does."""

    @required_of_vendors
    async def test_stops_when_cancelled(self) -> None:
        """A cancelled call ends at once and lets go of its connection, before and within the answer."""
        for part in self.cancellable_parts():
            for held in (0, max(len(each.body) for each in self.answer("held")) // 2):
                async with self.scene(hold_after=held) as scene:
                    calling = asyncio.create_task(self.attempt(part, scene))
                    await self._asked(scene, calling)
                    calling.cancel()
                    await asyncio.wait([calling], timeout=self.patience_s)
                    is_over, is_gone = calling.done(), await self.soon(scene.server.client_gone.is_set)
                    await self._end(calling)
                    assert is_over, "it goes on after it was cancelled"
                    assert calling.cancelled(), "it swallows the cancellation"
                    assert is_gone, "the connection stays open after the call was cancelled"

    def cancellable_parts(self) -> list[Any]:
        return self.fresh_parts()

    async def _asked(self, scene: Scene, calling: asyncio.Task[Any]) -> None:
        asked = asyncio.create_task(scene.server.asked.wait())
        await asyncio.wait([asked, calling], timeout=_FEW_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        assert scene.server.asked.is_set(), "the vendor was never asked"

    async def _end(self, calling: asyncio.Task[Any]) -> None:
        """End what would not be cancelled, within reason."""
        for _ in range(20):
            if calling.done():
                break
            calling.cancel()
            await asyncio.wait([calling], timeout=0.05)

    @required
    async def test_keeps_clients_apart(self) -> None:
        """Two clients whose calls interleave through one instance share nothing."""
        for part in self.fresh_parts():
            async with self.scene("client-a") as a, self.scene("client-b") as b:
                answers = await asyncio.gather(self.attempt(part, a), self.attempt(part, b))
                a.server.play(self.answer(a.text))
                again = await self.attempt(part, a)
                seen = [(a, text_of(answers[0], again)), (b, text_of(answers[1]))]
                for (mine, got), other in ((seen[0], b), (seen[1], a)):
                    assert not _traces(other, got + mine.received()), (
                        f"{mine.client_id} saw {other.client_id}"
                    )
                    kept = text_of(mine.resources.kept)
                    assert not _traces(other, kept), (
                        f"{other.client_id} is in what is kept for {mine.client_id}"
                    )
                assert not _shared(a, b), f"both clients use one object: {_shared(a, b)}"
                own = text_of(vars(part)) if hasattr(part, "__dict__") else ""
                is_kept = _traces(a, own) or _traces(b, own)
                assert not is_kept, "the instance keeps what belongs to a client: keep it with ctx.resource"

    @required
    async def test_closing_releases_everything(self) -> None:
        """Once a client's context and the instance are closed, no connection, task or thread is left."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
                await self.attempt(part, scene)
                await scene.release()
                if (close := getattr(part, "close", None)) is not None:
                    await close()
                assert await self.soon(scene.is_let_go), "a connection stays open after closing"
                assert not (left := await self._left_tasks(tasks)), f"tasks are left: {left}"
                # The event loop's own pool stays with the loop.
                alive = [each.name for each in threading.enumerate() if each not in threads]
                alive = [name for name in alive if not name.startswith("asyncio_")]
                assert not alive, f"threads are left: {alive}"

    async def _left_tasks(self, before: set[asyncio.Task[Any]]) -> list[str]:
        """The tasks that go on beside those, ended now."""
        await self.soon(lambda: asyncio.all_tasks() <= before)
        left = asyncio.all_tasks() - before
        for task in left:
            task.cancel()
        return [task.get_name() for task in left]

    @required
    async def test_keeps_secrets(self) -> None:
        """No secret of the settings reaches a log, an error or a repr, not even when the vendor quotes it."""
        model = self.registration.settings_model
        secret_fields = {
            name for name, field in model.model_fields.items() if is_secret_field(field.annotation)
        }
        given = self.settings("http://127.0.0.1:9", new_secret())
        assert secret_fields <= given.keys(), (
            f"`settings` should set the secrets: {secret_fields - given.keys()}"
        )
        for part in self.fresh_parts():
            async with self.scene() as scene:
                await self.attempt(part, scene)
                self.watch.hear("a repr", f"{part!r} {scene.ctx!r}")
            for status in (400, 401, 500) if self.has_vendor else ():
                async with self.scene(exchanges=()) as scene:
                    said = {"error": {"type": "x", "message": f"wrong key: {' '.join(self.secrets(scene))}"}}
                    scene.server.play(self.failing(status, body=json.dumps(said).encode()))
                    self.watch.hear("a failed call's result", repr(await self.attempt(part, scene)))

    @live
    async def test_live_call_succeeds(self) -> None:
        """The real vendor answers, with the credentials of the environment."""
        for part in self.fresh_parts():
            async with self.live_scene() as scene:
                answer = await self.attempt(part, scene, timeout_s=60.0)
                assert not self.is_failure(answer), f"the call failed: {answer}"

    def live_settings(self) -> PluginSettings:
        """The settings that the operator's environment gives."""
        values = {}
        for name, field in self.registration.settings_model.model_fields.items():
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
            if value := os.environ.get(str(extra.get("env", ""))):
                values[name] = value
        return self.registration.settings_model.model_validate(values)

    def live_scene(self) -> AbstractAsyncContextManager[Scene]:
        """A client with the operator's settings, in front of the real vendor."""
        return self._watched_scene(
            open_scene(
                self.plugin,
                lambda _url, _secret: self.live_settings(),
                client_id="client",
                exchanges=(),
                text=f"Say hello to {new_text()}.",
                secret=new_secret(),
                server={},
            )
        )


def _traces(client: Scene, text: str) -> bool:
    return any(trace in text for trace in (client.text, client.secret, client.client_id))


def _shared(a: Scene, b: Scene) -> list[str]:
    """Things of both clients' resources that are one and the same object."""
    plain = (str, int, float, bool, bytes, type(None))
    ours = {id(kept) for kept in a.resources.kept.values() if not isinstance(kept, plain)}
    return [type(kept).__name__ for kept in b.resources.kept.values() if id(kept) in ours]
