"""`ChannelSuite`: where messages come in and go out beside the widget."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from csai_sdk import (
    Channel,
    ChannelAccount,
    ChannelError,
    ChannelNews,
    CsaiError,
    DeliveryStatus,
    InboundMessage,
    OutboundMessage,
    WebhookForged,
    WebhookRequest,
)

from csai_testkit.conformance.check import Check, capability, required
from csai_testkit.conformance.scene import Scene, secrets_in
from csai_testkit.conformance.suite import is_secret_field
from csai_testkit.conformance.webhook import WebhookSuite
from csai_testkit.registration import settings_faults

_WEBHOOK_URL = "https://csai.example/channels/channel/account/webhook"
_TEXTS = (
    "Plain words.",
    "**Bold**, _slanted_, ~~gone~~ and `code`; 2 * 3 * 4 = 24, snake_case_name",
    "# Title\n\n- one\n- two\n\n```\nprint('*')\n```\n\n[a link](https://shop.example/a_b_c)",
    "** _ ~~ ` ``` [ ]( ) <b> & \u202e\U0001f600",
    "",
)


class ChannelSuite(WebhookSuite):
    """Write `answer` (of sending a message, with `text` as the vendor's id of it) and `webhook`.

    `address` is one that the channel can send to, `account_settings` what an account is set up with. Without
    webhooks (`has_webhook = False`) there is no `webhook` to write. Capabilities: `challenge`, `statuses`,
    and `dated_webhooks`.
    """

    kind: ClassVar[str] = "channel"
    error: ClassVar[type[CsaiError]] = ChannelError
    address: ClassVar[str] = "+3545550142"
    has_webhook: ClassVar[bool] = True

    def account_settings(self, url: str, secret: str) -> Mapping[str, Any]:
        """The settings of an account; by default every secret field is made of `secret`."""
        (part,) = self.fresh_parts()
        fields = part.account_model.model_fields
        return {
            **{name: secret for name, field in fields.items() if is_secret_field(field.annotation)},
            **({"base_url": url} if "base_url" in fields else {}),
        }

    def challenge(self, secret: str, text: str, scene: Scene) -> WebhookRequest:
        """The vendor's GET that asks for `text`, with what only `secret`'s owner knows in it."""
        raise NotImplementedError("write `challenge`: the vendor's GET")

    def status(self, secret: str, message_id: str, scene: Scene) -> WebhookRequest:
        """A delivery which tells that the message with the vendor's id `message_id` has arrived."""
        raise NotImplementedError("write `status`: a delivery that tells of a message that was sent")

    def account(self, part: Channel, scene: Scene) -> ChannelAccount:
        """The account that a scene is about; bare where the scene has no secret."""
        given = dict(self.account_settings(scene.url, scene.secret)) if scene.secret else {}
        return ChannelAccount("account", part.account_model.model_validate(given), _WEBHOOK_URL)

    def secrets(self, scene: Scene) -> set[str]:
        (part,) = self.fresh_parts()
        return super().secrets(scene) | secrets_in(self.account(part, scene).settings)

    def why_not(self, check: Check, config: pytest.Config) -> str:
        if not self.has_webhook and "webhook" in check.name + check.capability:
            return "it has no webhook: its news are looked for"
        return super().why_not(check, config)

    async def call(self, part: Channel, scene: Scene, *, timeout_s: float = 10.0) -> str:
        message = OutboundMessage(f"message-{scene.client_id}", self.address, f"About {scene.text}")
        return await part.send(message, self.account(part, scene), scene.ctx)

    def check_answer(self, answer: Any, scene: Scene) -> None:
        assert isinstance(answer, str), "`send` returns the vendor's id of the message"
        assert answer, "`send` returns the vendor's id of the message"
        assert scene.text in answer or not self.has_vendor, "`send` returns the vendor's id of the message"

    @required
    def test_describes_its_accounts(self) -> None:
        """Every setting of an account has a default, a title and a description, and secrets are hidden."""
        for part in self.fresh_parts():
            model = part.account_model
            faults = settings_faults(model)
            assert not faults, f"of an account's settings, {'; '.join(faults)}"
            given = self.account_settings("http://127.0.0.1:9", "sk-canary-account")
            settings = model.model_validate(dict(given))
            shown = f"{settings!r} {settings.model_dump()} {settings.model_dump_json()}"
            assert "sk-canary-account" not in shown, "a secret of the account is shown in the clear"

    @required
    def test_formats_any_text(self) -> None:
        """`format` keeps the words of any Markdown, and `length` is zero for nothing and grows with text."""
        for part in self.fresh_parts():
            for text in _TEXTS:
                formatted = part.format(text)
                assert isinstance(formatted, str), "`format` returns text"
                lost = [word for word in ("Plain words.", "Bold", "gone", "Title") if word in text]
                assert all(word in formatted for word in lost), f"words are lost: {formatted!r}"
                assert part.length(formatted * 2) >= part.length(formatted) >= 0, "`length` goes backwards"
            assert part.length("") == 0, "nothing has a length"
            assert part.max_chars > 0, "no message is short enough: `max_chars`"

    @required
    async def test_reads_webhook_messages_whole(self) -> None:
        """A visitor's message arrives with its text and an address to answer to."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                request = self.webhook(scene.secret, scene.text, "delivery-1", scene)
                for message in await self.receive(part, request, scene):
                    assert isinstance(message, InboundMessage), "a visitor's message is an InboundMessage"
                    assert scene.text in message.text, "the text is not what the visitor wrote"
                    assert message.address, "without an address nobody can answer"

    @capability("challenge")
    async def test_answers_its_challenge(self) -> None:
        """The vendor's GET is answered with what it asks for, and anybody else's raises `WebhookForged`."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                account = self.account(part, scene)
                asked = self.challenge(scene.secret, "4711-challenge", scene)
                answer = await part.challenge(asked, account, scene.ctx)
                assert answer == "4711-challenge", "the answer is not what was asked for"
                others = self.challenge("somebody else's", "4711-challenge", scene)
                bare = replace(account, settings=part.account_model())
                for request, own in (
                    (others, account),
                    (replace(asked, url=_WEBHOOK_URL), account),
                    (asked, bare),
                ):
                    with pytest.raises(WebhookForged):
                        await part.challenge(request, own, scene.ctx)

    @capability("statuses")
    async def test_reads_statuses(self) -> None:
        """What is told of a message that was sent is a `DeliveryStatus` with the id that `send` returned."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                request = self.status(scene.secret, "vendor-id-1", scene)
                read = list(await self.receive(part, request, scene))
                assert read, "the status was read as nothing"
                statuses = [each for each in read if isinstance(each, DeliveryStatus)]
                assert len(statuses) == len(read), "a status is a DeliveryStatus"
                assert {each.message_id for each in statuses} == {"vendor-id-1"}, "the id is lost"

    async def receive(self, part: Channel, request: WebhookRequest, scene: Scene) -> list[ChannelNews]:
        return list(await part.receive(request, self.account(part, scene), scene.ctx))

    def identity_of(self, read: InboundMessage) -> str:
        return read.message_id

    def _has_settings(self) -> bool:
        return True

    def live_scene(self) -> AbstractAsyncContextManager[Scene]:
        pytest.skip("sending to somebody for a check is not done")
