"""The e-mail channel keeps what the SDK asks of channels."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import pytest
from csai_sdk import WebhookRequest
from csai_testkit.conformance import ChannelSuite
from csai_testkit.conformance.scene import Scene

from plugins.channels.email.tests.mail_servers import PostOffice, open_post_office


class TestEmail(ChannelSuite):
    plugin = "csai_channel_email"
    address = "ann@visitor.example"
    office: PostOffice | None = None

    @pytest.fixture(autouse=True)
    async def _post_office(self) -> AsyncIterator[None]:
        async with open_post_office(password="") as office:
            type(self).office = office
            yield

    def ports(self, scene: Scene) -> Collection[int | None]:
        return (self.office.port,) if self.office else ()

    def account_settings(self, url: str, secret: str) -> Mapping[str, Any]:
        return {
            "address": "help@shop.example",
            "inbound": "raw",
            "webhook_secret": secret,
            "password": secret,
            "smtp_password": secret,
            "smtp_host": "127.0.0.1",
            "smtp_port": self.office.port if self.office else 9,
            "smtp_security": "none",
        }

    def webhook(self, secret: str, text: str, delivery_id: str, scene: Scene) -> WebhookRequest:
        mail = (
            f"From: Ann <ann@visitor.example>\r\nMessage-ID: <{delivery_id}@visitor.example>\r\n"
            f"To: help@shop.example\r\nSubject: A question\r\n\r\n{text}\r\n"
        ).encode()
        signature = hmac.digest(secret.encode(), mail, "sha256").hex()
        headers = {"content-type": "message/rfc822", "x-hub-signature-256": f"sha256={signature}"}
        return WebhookRequest("POST", "https://csai.example/channels/email/account/webhook", headers, mail)
