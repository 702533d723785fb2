"""The Messenger plugin keeps what the SDK asks of channels."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from csai_sdk import ChannelError, CsaiError, WebhookRequest
from csai_testkit.conformance import ChannelSuite, Scene
from csai_testkit.replay import Exchange

PATH = "/v23.0/77/messages"


def delivery(secret: str, **happened: Any) -> WebhookRequest:
    """As Meta signs and sends it."""
    about = {"sender": {"id": "5001"}, "recipient": {"id": "77"}, "timestamp": 1767323045000, **happened}
    told = {"object": "page", "entry": [{"id": "77", "time": 1767323045000, "messaging": [about]}]}
    body = json.dumps(told).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return WebhookRequest(
        "POST", "https://csai.example", {"x-hub-signature-256": f"sha256={signature}"}, body
    )


class TestMessenger(ChannelSuite):
    plugin = "csai_channel_messenger"
    capabilities = ("challenge", "statuses")
    address = "5001"

    def account_settings(self, url: str, secret: str) -> Mapping[str, Any]:
        return {**super().account_settings(url, secret), "page_id": "77"}

    def answer(self, text: str) -> Sequence[Exchange]:
        return [Exchange.of_json(PATH, {"recipient_id": "5001", "message_id": text})]

    def failures(self) -> Sequence[tuple[Exchange, type[CsaiError]]]:
        said = {"error": {"code": 10, "error_subcode": 2018278}}
        return [(Exchange.of_json(PATH, said, status=400), ChannelError)]

    def webhook(self, secret: str, text: str, delivery_id: str, scene: Scene) -> WebhookRequest:
        return delivery(secret, message={"mid": delivery_id, "text": text})

    def status(self, secret: str, message_id: str, scene: Scene) -> WebhookRequest:
        return delivery(secret, delivery={"mids": [message_id], "watermark": 1767323045000})

    def challenge(self, secret: str, text: str, scene: Scene) -> WebhookRequest:
        asked = {"hub.mode": "subscribe", "hub.challenge": text, "hub.verify_token": secret}
        return WebhookRequest("GET", f"https://csai.example/webhook?{urlencode(asked)}", {}, b"")
