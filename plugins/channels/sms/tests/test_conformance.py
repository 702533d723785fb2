"""The SMS plugin keeps what the SDK asks of channels."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from csai_channel_sms.delivery import signature
from csai_sdk import ChannelError, CsaiError, WebhookRequest
from csai_testkit.conformance import ChannelSuite, Scene
from csai_testkit.replay import Exchange

SID = "AC" + "0" * 32
PATH = f"/2010-04-01/Accounts/{SID}/Messages.json"
URL = "https://csai.example/channels/sms/a/webhook"


def delivery(token: str, fields: Mapping[str, str], url: str = URL) -> WebhookRequest:
    """As Twilio signs and sends it."""
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": signature(url, list(fields.items()), token),
    }
    return WebhookRequest("POST", url, headers, urlencode(fields).encode())


class TestSms(ChannelSuite):
    plugin = "csai_channel_sms"
    capabilities = ("statuses",)

    def account_settings(self, url: str, secret: str) -> Mapping[str, Any]:
        return {**super().account_settings(url, secret), "account_sid": SID, "sender": "+3545550100"}

    def answer(self, text: str) -> Sequence[Exchange]:
        return [Exchange.of_json(PATH, {"sid": text}, status=201)]

    def failures(self) -> Sequence[tuple[Exchange, type[CsaiError]]]:
        return [
            (Exchange.of_json(PATH, {"code": 21610, "message": "unsubscribed"}, status=400), ChannelError)
        ]

    def webhook(self, secret: str, text: str, delivery_id: str, scene: Scene) -> WebhookRequest:
        fields = {"MessageSid": delivery_id, "From": "+3545550143", "To": "+3545550100", "Body": text}
        return delivery(secret, {**fields, "SmsStatus": "received"})

    def status(self, secret: str, message_id: str, scene: Scene) -> WebhookRequest:
        return delivery(secret, {"MessageSid": message_id, "MessageStatus": "delivered"})
