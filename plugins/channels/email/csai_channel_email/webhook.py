"""Mail that a provider, or the client's own mail server, delivers by webhook."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from email.utils import formataddr
from typing import Any
from urllib.parse import parse_qsl

from csai_sdk import ChannelNews, DeliveryStatus, PluginContext, WebhookForged, WebhookRequest
from csai_sdk.channel import Delivery

from csai_channel_email.html import text_of_html
from csai_channel_email.mail import Attachment, Mail, mail_of
from csai_channel_email.news import news_of, news_of_mail
from csai_channel_email.parser import parse
from csai_channel_email.settings import MailAccount

_TOLERANCE_S = 300.0
_MAILGUN_STATUSES: Mapping[str, Delivery] = {"delivered": "delivered", "failed": "failed", "opened": "read"}


def read(request: WebhookRequest, account: MailAccount, ctx: PluginContext) -> list[ChannelNews]:
    """The news in one delivery. Raises `WebhookForged`."""
    secret = account.webhook_secret.get_secret_value() if account.webhook_secret else ""
    if not secret or account.inbound == "imap":
        raise WebhookForged("this mailbox is set up for no webhook, or without its secret")
    match account.inbound:
        case "postmark":
            return _postmark(request, secret, account)
        case "mailgun":
            return _mailgun(request, secret, account, ctx)
        case _:
            return _raw(request, secret, account)


def _raw(request: WebhookRequest, secret: str, account: MailAccount) -> list[ChannelNews]:
    """A whole message as the body, signed as `X-Hub-Signature-256: sha256=<HMAC of the body in hex>`."""
    expected = "sha256=" + hmac.digest(secret.encode(), request.body, "sha256").hex()
    if not _same(request.headers.get("x-hub-signature-256", ""), expected):
        raise WebhookForged("the signature of the mail is missing or wrong")
    return news_of(request.body, account.address, _no_ref)


def _postmark(request: WebhookRequest, secret: str, account: MailAccount) -> list[ChannelNews]:
    """Postmark's "Inbound webhook": JSON; who knows the password in the webhook's address is Postmark."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        _user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except ValueError:
        password = ""
    if kind.lower() != "basic" or not _same(password, secret):
        raise WebhookForged("the password in the webhook's address is missing or wrong")
    said = _object(request.body)
    match said.get("RecordType"):
        case "Bounce" | "SpamComplaint":
            return _postmark_status(said, "failed")
        case "Delivery":
            return _postmark_status(said, "delivered")
    sent = {
        str(each.get("Name", "")).lower(): " ".join(str(each.get("Value", "")).split())
        for each in reversed(_objects(said.get("Headers")))
    }
    sender = _mapping(said.get("FromFull"))
    headers = {
        "message-id": f"<{said.get('MessageID', '')}@postmark.invalid>" if said.get("MessageID") else "",
        **sent,
        "from": _mailbox(str(sender.get("Name", "")), str(sender.get("Email", ""))),
        "subject": " ".join(str(said.get("Subject") or "").split()),
        "date": str(said.get("Date") or ""),
    }
    files = tuple(
        Attachment(
            index,
            str(each.get("Name", ""))[:200],
            str(each.get("ContentType", "")).split(";")[0],
            each["ContentLength"] if isinstance(each.get("ContentLength"), int) else 0,
        )
        for index, each in enumerate(_objects(said.get("Attachments")))
    )
    text = str(said.get("TextBody") or "") or text_of_html(str(said.get("HtmlBody") or ""))
    mail = mail_of(headers, text=text, attachments=files, fallback=request.body)
    return news_of_mail(mail, account.address, _no_ref)


def _postmark_status(said: Mapping[str, Any], status: Delivery) -> list[ChannelNews]:
    metadata = _mapping(said.get("Metadata"))
    code = str(said.get("Type") or said.get("RecordType") or "") if status == "failed" else ""
    return [
        DeliveryStatus(
            str(said.get("MessageID", "")),
            status,
            reference=str(metadata.get("csai", "")),
            code=code,
            is_opted_out=said.get("RecordType") == "SpamComplaint",
        )
    ]


def _mailgun(
    request: WebhookRequest, secret: str, account: MailAccount, ctx: PluginContext
) -> list[ChannelNews]:
    """Mailgun's "Receiving, Forwarding and Storing Messages": a form, signed over time and token.

    Events are JSON with the same signature inside.
    """
    if request.headers.get("content-type", "").startswith("application/json"):
        said = _object(request.body)
        _check_mailgun(_mapping(said.get("signature")), secret, ctx)
        return _mailgun_event(said)
    fields, files = _form(request)
    _check_mailgun(fields, secret, ctx)
    if "body-mime" in fields:
        return news_of(fields["body-mime"].encode(errors="surrogateescape"), account.address, _no_ref)
    return news_of_mail(
        _mailgun_mail(fields, files, request.body),
        account.address,
        _no_ref,
        stripped=fields.get("stripped-text", ""),
    )


def _mailgun_mail(fields: Mapping[str, str], files: tuple[Attachment, ...], body: bytes) -> Mail:
    try:
        pairs = json.loads(fields.get("message-headers", "[]"))
    except ValueError:
        pairs = []
    listed = pairs if isinstance(pairs, list) else []
    sent = {
        str(each[0]).lower(): " ".join(str(each[1]).split())
        for each in reversed(listed)
        if isinstance(each, list) and len(each) == 2
    }
    headers = {
        **sent,
        "from": fields.get("from", "") or fields.get("sender", ""),
        "subject": " ".join(fields.get("subject", "").split()),
        **({"message-id": fields["Message-Id"]} if "Message-Id" in fields else {}),
    }
    text = fields.get("body-plain", "") or text_of_html(fields.get("body-html", ""))
    return mail_of(headers, text=text, attachments=files, fallback=body)


def _mailgun_event(said: Mapping[str, Any]) -> list[ChannelNews]:
    event = _mapping(said.get("event-data"))
    name = str(event.get("event", ""))
    is_opted_out = name in ("unsubscribed", "complained")
    status: Delivery | None = "read" if is_opted_out else _MAILGUN_STATUSES.get(name)
    if status is None or (name == "failed" and event.get("severity") == "temporary"):
        return []
    message = _mapping(event.get("message"))
    headers = _mapping(message.get("headers"))
    message_id = str(headers.get("message-id", ""))
    if not message_id:
        return []
    code = str(_mapping(event.get("delivery-status")).get("code", "")) if status == "failed" else ""
    bare = message_id if message_id.startswith("<") else f"<{message_id}>"
    return [DeliveryStatus(bare, status, code=code, is_opted_out=is_opted_out)]


def _check_mailgun(fields: Mapping[str, Any], secret: str, ctx: PluginContext) -> None:
    timestamp, token = str(fields.get("timestamp", "")), str(fields.get("token", ""))
    signed = f"{timestamp}{token}".encode(errors="replace")
    expected = hmac.digest(secret.encode(), signed, hashlib.sha256).hex()
    if not token or not _same(str(fields.get("signature", "")), expected):
        raise WebhookForged("the signature of the delivery is missing or wrong")
    if not timestamp.isdigit() or abs(ctx.clock.now().timestamp() - float(timestamp)) > _TOLERANCE_S:
        raise WebhookForged("the delivery is too old; check the server's clock")


def _form(request: WebhookRequest) -> tuple[dict[str, str], tuple[Attachment, ...]]:
    """The fields and files of a form, sent either way. A form of many parts is built like a mail of many."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        pairs = parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True, max_num_fields=200)
        return dict(pairs), ()
    if not kind.isprintable():
        raise WebhookForged("the delivery is no form")
    try:
        form = parse(b"Content-Type: " + kind.encode(errors="replace") + b"\r\n\r\n" + request.body)
    except RecursionError:
        raise WebhookForged("the delivery is no form") from None
    fields: dict[str, str] = {}
    files: list[Attachment] = []
    for part in form.iter_parts() if form.is_multipart() else ():
        name = str(part.get_param("name", "", header="content-disposition") or "")
        content = part.get_payload(decode=True)
        content = content if isinstance(content, bytes) else b""
        if file_name := part.get_filename():
            files.append(Attachment(len(files), file_name[:200], part.get_content_type(), len(content)))
        elif name:
            fields[name] = content.decode(errors="surrogateescape")
    return fields, tuple(files)


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise WebhookForged("the delivery is no JSON object")
    return said


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mailbox(name: str, address: str) -> str:
    return formataddr((" ".join(name.split()), address)) if address.isascii() else ""


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode(errors="replace"))


def _no_ref(_attachment: Attachment) -> str:
    return ""  # the provider keeps no copy that could be fetched later
