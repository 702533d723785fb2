"""`ChannelSuite`: where messages come in and go out beside the widget."""

from __future__ import annotations

from typing import Any, ClassVar

from csai_sdk import Channel, CsaiError, InboundMessage, ToolError, WebhookRequest

from csai_testkit.conformance.check import required
from csai_testkit.conformance.scene import Scene
from csai_testkit.conformance.webhook import WebhookSuite


class ChannelSuite(WebhookSuite):
    """Write `answer` (of sending a message, with `text` as the vendor's id of it) and `webhook`.

    `address` is one that the channel can send to.
    """

    kind: ClassVar[str] = "channel"
    error: ClassVar[type[CsaiError]] = ToolError
    address: ClassVar[str] = "+3545550142"

    async def call(self, part: Channel, scene: Scene, *, timeout_s: float = 10.0) -> str:
        return await part.send(self.address, f"About {scene.text}", f"message-{scene.client_id}", scene.ctx)

    def check_answer(self, answer: Any, scene: Scene) -> None:
        assert isinstance(answer, str), "`send` returns the vendor's id of the message"
        assert answer, "`send` returns the vendor's id of the message"
        assert scene.text in answer or not self.has_vendor, "`send` returns the vendor's id of the message"

    @required
    async def test_reads_messages_whole(self) -> None:
        """A visitor's message arrives with its text and an address to answer to."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                request = self.webhook(scene.secret, scene.text, "delivery-1", scene)
                for message in await self.receive(part, request, scene):
                    assert isinstance(message, InboundMessage), "`receive` returns InboundMessage objects"
                    assert scene.text in message.text, "the text is not what the visitor wrote"
                    assert message.address, "without an address nobody can answer"

    async def receive(self, part: Channel, request: WebhookRequest, scene: Scene) -> list[InboundMessage]:
        return list(await part.receive(request, scene.ctx))

    def identity_of(self, read: InboundMessage) -> str:
        return read.message_id
