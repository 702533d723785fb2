"""The WhatsApp plugin keeps what the SDK asks of channels."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from csai_sdk import ChannelError, CsaiError, WebhookRequest
from csai_testkit.conformance import ChannelSuite, Scene
from csai_testkit.replay import Exchange

PATH = "/v23.0/106/messages"


def delivery(secret: str, value: Mapping[str, Any], field: str = "messages") -> WebhookRequest:
    """As Meta signs and sends it."""
    about = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "106"}, **value}
    told = {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [{"field": field, "value": about}]}],
    }
    body = json.dumps(told).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": f"sha256={signature}", "content-type": "application/json"}
    return WebhookRequest("POST", "https://csai.example/webhook", headers, body)


def text(words: str, message_id: str) -> Mapping[str, Any]:
    return {
        "contacts": [{"profile": {"name": "Dana"}, "wa_id": "3545550143"}],
        "messages": [
            {
                "from": "3545550143",
                "id": message_id,
                "timestamp": "1767323045",
                "type": "text",
                "text": {"body": words},
            }
        ],
    }


class TestWhatsApp(ChannelSuite):
    plugin = "csai_channel_whatsapp"
    capabilities = ("challenge", "statuses")

    def account_settings(self, url: str, secret: str) -> Mapping[str, Any]:
        return {**super().account_settings(url, secret), "phone_number_id": "106"}

    def answer(self, text: str) -> Sequence[Exchange]:
        return [Exchange.of_json(PATH, {"messages": [{"id": text}]})]

    def failures(self) -> Sequence[tuple[Exchange, type[CsaiError]]]:
        said = {"error": {"message": "(#131047) Re-engagement message", "code": 131047}}
        return [(Exchange.of_json(PATH, said, status=400), ChannelError)]

    def webhook(self, secret: str, words: str, delivery_id: str, scene: Scene) -> WebhookRequest:
        return delivery(secret, text(words, delivery_id))

    def status(self, secret: str, message_id: str, scene: Scene) -> WebhookRequest:
        told = {"id": message_id, "status": "delivered", "timestamp": "1767323045", "recipient_id": "354"}
        return delivery(secret, {"statuses": [told]})

    def challenge(self, secret: str, text: str, scene: Scene) -> WebhookRequest:
        asked = {"hub.mode": "subscribe", "hub.challenge": text, "hub.verify_token": secret}
        return WebhookRequest("GET", f"https://csai.example/webhook?{urlencode(asked)}", {}, b"")
