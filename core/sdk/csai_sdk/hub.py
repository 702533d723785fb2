"""Webhooks as Meta signs and asks for them: WhatsApp, Messenger, Instagram.

Source: https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from csai_sdk.channel import WebhookRequest
from csai_sdk.errors import WebhookForged

_PREFIX = "sha256="


def check_hub_signature(request: WebhookRequest, secret: SecretStr | None) -> None:
    """Check `X-Hub-Signature-256`: the HMAC-SHA256 of the raw body, with the app's secret.

    Raises `WebhookForged`, also where no secret is set.
    """
    given = request.headers.get("x-hub-signature-256", "")
    if secret is None or not secret.get_secret_value() or not given.startswith(_PREFIX):
        raise WebhookForged("the delivery is not signed, or no app secret is set")
    expected = hmac.digest(secret.get_secret_value().encode(), request.body, "sha256").hex()
    if not hmac.compare_digest(f"{_PREFIX}{expected}".encode(), given.encode("utf-8", "replace")):
        raise WebhookForged("the signature is wrong")


def hub_challenge(request: WebhookRequest, token: SecretStr | None) -> str:
    """`hub.challenge` of a GET whose `hub.verify_token` is the account's. Raises `WebhookForged`."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
    given = asked.get("hub.verify_token", "").encode("utf-8", "replace")
    is_known = token is not None and hmac.compare_digest(token.get_secret_value().encode(), given)
    if not given or not is_known or asked.get("hub.mode") != "subscribe":
        raise WebhookForged("the verify token is missing or wrong")
    return asked.get("hub.challenge", "")
