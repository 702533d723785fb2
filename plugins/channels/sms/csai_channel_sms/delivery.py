"""What Twilio delivers: whether it is genuine, and what it says.

Source: https://www.twilio.com/docs/usage/security#validating-requests,
https://www.twilio.com/docs/messaging/guides/webhook-request
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, parse_qsl, urlsplit, urlunsplit

from csai_sdk import ChannelNews, DeliveryStatus, InboundMessage, Media, WebhookForged, WebhookRequest
from csai_sdk.channel import Consent, Delivery, MediaKind
from pydantic import SecretStr

MAX_FIELDS = 500
REFERENCE = "csai_message"
"""In the address that statuses are sent to: which message they are of."""

_STATUSES: Mapping[str, Delivery] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
}
_CONSENTS: Mapping[str, Consent] = {"STOP": "stop", "START": "start", "HELP": "help"}
# What Twilio understands where nothing else is set up, but on short codes, which are left to us.
# Source: https://help.twilio.com/articles/223134027
_WORDS: Mapping[str, Consent] = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"), "stop"),
    **dict.fromkeys(("START", "YES", "UNSTOP"), "start"),
    **dict.fromkeys(("HELP", "INFO"), "help"),
}
_SHORT_CODE_CHARS = 8
_KINDS: Mapping[str, MediaKind] = {"image": "image", "audio": "audio", "video": "video"}
OPTED_OUT = "21610"


def signature(url: str, fields: Sequence[tuple[str, str]], token: str) -> str:
    """Base64 of the HMAC-SHA1 of the address with all fields behind it, in the order of their names."""
    values: dict[str, set[str]] = {}
    for name, value in fields:
        values.setdefault(name, set()).add(value)
    signed = url + "".join(f"{name}{value}" for name in sorted(values) for value in sorted(values[name]))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), hashlib.sha1)).decode()


def genuine_fields(request: WebhookRequest, token: SecretStr | None) -> dict[str, str]:
    """The fields of a delivery that Twilio has signed. Raises `WebhookForged`.

    Twilio signs the address with its port or without, whichever a proxy then shows: either is taken.
    """
    given = request.headers.get("x-twilio-signature", "").encode("utf-8", "replace")
    if token is None or not token.get_secret_value() or not given:
        raise WebhookForged("the delivery is not signed, or no auth token is set")
    try:
        fields = parse_qsl(
            request.body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, strict_parsing=True
        )
    except ValueError:
        raise WebhookForged("the delivery is no form") from None
    secret = token.get_secret_value()
    expected = [signature(url, fields, secret).encode() for url in _spellings(request.url)]
    if not any([hmac.compare_digest(each, given) for each in expected]):  # noqa: C419 -- each takes its time
        raise WebhookForged("the signature is wrong")
    return dict(fields)


def read(fields: Mapping[str, str], url: str, sender: str = "") -> list[ChannelNews]:
    """What the fields of a genuine delivery say; `sender` is what the account sends from."""
    sid = fields.get("MessageSid") or fields.get("SmsSid") or ""
    if not sid:
        raise WebhookForged("the delivery is of no message")
    status = fields.get("MessageStatus") or fields.get("SmsStatus") or ""
    if "Body" not in fields and status in _STATUSES:
        code = fields.get("ErrorCode", "")
        reference = parse_qs(urlsplit(url).query).get(REFERENCE, [""])[0]
        return [
            DeliveryStatus(
                sid, _STATUSES[status], reference=reference, code=code, is_opted_out=code == OPTED_OUT
            )
        ]
    if "Body" not in fields or not fields.get("From"):
        return []
    return [
        InboundMessage(
            sid,
            fields["From"],
            fields["Body"],
            fields.get("ProfileName", ""),
            media=_media(fields),
            consent=_consent(fields, sender),
        )
    ]


def _consent(fields: Mapping[str, str], sender: str) -> Consent | None:
    """What Twilio has understood, and answers itself."""
    if told := fields.get("OptOutType", ""):
        return _CONSENTS.get(told.upper())
    is_short_code = sender.isdigit() and len(sender) <= _SHORT_CODE_CHARS
    return None if is_short_code else _WORDS.get(fields["Body"].strip().upper())


def _media(fields: Mapping[str, str]) -> tuple[Media, ...]:
    count = fields.get("NumMedia", "0")
    found = []
    for number in range(min(int(count), 10) if count.isascii() and count.isdigit() and len(count) < 4 else 0):
        mime_type = fields.get(f"MediaContentType{number}", "")
        kind = _KINDS.get(mime_type.partition("/")[0], "document")
        found.append(Media(kind, fields.get(f"MediaUrl{number}", ""), mime_type))
    return tuple(found)


def _spellings(url: str) -> list[str]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = {"https": 443, "http": 80}.get(parts.scheme)
    bare = urlunsplit(parts._replace(netloc=host))
    return list(dict.fromkeys((url, bare, urlunsplit(parts._replace(netloc=f"{host}:{port}")))))
