"""Checks of deliveries that a vendor sends: shared by gateways and channels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

from csai_sdk import PluginSettings, WebhookForged, WebhookRequest

from csai_testkit.conformance.call import CallSuite
from csai_testkit.conformance.check import capability, required
from csai_testkit.conformance.scene import Scene, new_secret, open_scene

_DAY_S = 86_400.0


class WebhookSuite(CallSuite):
    """Write `webhook`. Capability: `dated_webhooks`, where the vendor signs the time."""

    has_webhooks: ClassVar[bool] = True
    """False where the vendor sends none: the checks then see to it that whatever comes is refused."""

    def webhook(self, secret: str, text: str, delivery_id: str, scene: Scene) -> WebhookRequest:
        """A genuine delivery about `text`, signed with `secret` at `scene.clock`'s time."""
        raise NotImplementedError("write `webhook`: a delivery as the vendor signs and sends it")

    async def receive(self, part: Any, request: WebhookRequest, scene: Scene) -> list[Any]:
        """What the plugin reads out of a delivery."""
        raise NotImplementedError

    def identity_of(self, read: Any) -> str:
        """The id by which the server recognises a repeat."""
        raise NotImplementedError

    @required
    async def test_reads_genuine_webhooks(self) -> None:
        """A genuine delivery is read, and another one has another id."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                if not self.has_webhooks:
                    await self._refused(part, _anything(b"{}"), scene, "where there are none")
                    continue
                ids = []
                for delivery_id in ("delivery-1", "delivery-2"):
                    read = await self.receive(part, self._genuine(scene, delivery_id), scene)
                    assert read, "a genuine delivery was read as nothing"
                    ids += [self.identity_of(each) for each in read]
                assert all(ids), "what is read has an id: repeats are recognised by it"
                assert len(set(ids)) == len(ids), "two deliveries have the same id"

    @required
    async def test_replayed_webhooks_change_nothing(self) -> None:
        """A delivery that comes again is read as the same, with the same id."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                if not self.has_webhooks:
                    for _ in range(3):
                        await self._refused(part, _anything(b"{}"), scene, "where there are none")
                    continue
                request = self._genuine(scene, "delivery-1")
                first = await self.receive(part, request, scene)
                for _ in range(3):
                    assert await self.receive(part, request, scene) == first, (
                        "a repeat is read as something else"
                    )

    @required
    async def test_refuses_forged_webhooks(self) -> None:
        """A signature that is wrong or missing raises `WebhookForged`, also where no secret is set."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                if not self.has_webhooks:
                    for body in (b"", b"{}", b"\xff", scene.text.encode()):
                        await self._refused(part, _anything(body), scene, "where there are none")
                    continue
                for what, forged in self._forgeries(scene):
                    await self._refused(part, forged, scene, what)
                genuine = self._genuine(scene, "delivery-1")
            if self._has_settings():
                async with self._without_secrets() as bare:
                    await self._refused(part, genuine, bare, "with no secret set")

    @capability("dated_webhooks")
    async def test_refuses_old_webhooks(self) -> None:
        """A delivery that was signed a day ago raises `WebhookForged`."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                request = self._genuine(scene, "delivery-1")
                scene.clock.advance(_DAY_S)
                await self._refused(part, request, scene, "signed a day ago")

    def _genuine(self, scene: Scene, delivery_id: str) -> WebhookRequest:
        return self.webhook(scene.secret, scene.text, delivery_id, scene)

    def _forgeries(self, scene: Scene) -> Iterator[tuple[str, WebhookRequest]]:
        genuine = self._genuine(scene, "delivery-1")
        kept = {name: value for name, value in genuine.headers.items() if name == "content-type"}
        other = self._genuine(scene, "delivery-2")
        yield "without its headers", replace(genuine, headers=kept)
        yield "with another body", replace(genuine, body=other.body)
        yield "signed with another secret", self.webhook(new_secret(), scene.text, "delivery-1", scene)
        garbled = {name: kept.get(name, "\u00e9garbled=\u20ac") for name in genuine.headers}
        yield "with garbled headers", replace(genuine, headers=garbled)

    async def _refused(self, part: Any, request: WebhookRequest, scene: Scene, what: str) -> None:
        try:
            await self.receive(part, request, scene)
        except WebhookForged as error:
            self.watch.hear_error(error)
            return
        except Exception as error:
            raise AssertionError(
                f"a delivery {what} raised {type(error).__name__}, not WebhookForged"
            ) from error
        raise AssertionError(f"a delivery {what} was taken for genuine")

    def _has_settings(self) -> bool:
        return self.registration.settings_model is not PluginSettings

    def _without_secrets(self) -> Any:
        return open_scene(
            self.plugin,
            lambda _url, _secret: self.registration.settings_model(),
            client_id="client",
            exchanges=(),
            text="",
            secret="",
            server={},
        )


def _anything(body: bytes) -> WebhookRequest:
    return WebhookRequest("POST", "https://csai.example/webhook", {"content-type": "application/json"}, body)
