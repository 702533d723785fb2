"""Text messages as Twilio carries them: signatures, segments, refusals."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from csai_channel_sms.channel import Sms
from csai_channel_sms.delivery import genuine_fields, read, signature
from csai_channel_sms.segment import segments, simplified
from csai_channel_sms.settings import SmsAccount, SmsSettings
from csai_sdk import (
    ChannelAccount,
    ChannelError,
    DeliveryStatus,
    InboundMessage,
    Media,
    OutboundMessage,
    PluginContext,
    WebhookForged,
    WebhookRequest,
)
from csai_testkit.context import make_context
from pydantic import SecretStr

from plugins.channels.sms.tests.test_conformance import PATH, SID, URL, delivery

VECTORS = Path(__file__).parents[5] / "shared" / "vectors" / "signatures" / "vectors.json"
TOKEN = "the-token"


@dataclass
class Twilio:
    """A vendor on the loopback interface: checks the password, answers as told."""

    url: str = ""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    answers: list[tuple[int, Any]] = field(default_factory=list)


@pytest.fixture
def twilio() -> Iterator[Twilio]:
    vendor = Twilio()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"])).decode()
            self.reply(dict(parse_qsl(content, strict_parsing=True)))

        def do_GET(self) -> None:
            self.reply({})

        def reply(self, content: dict[str, str]) -> None:
            vendor.asked.append((self.command, self.path, content))
            status, said = vendor.answers.pop(0) if vendor.answers else (201, {"sid": "SM1"})
            password = base64.b64decode(self.headers["authorization"].removeprefix("Basic ")).decode()
            if password not in (f"{SID}:{TOKEN}", f"SK{'1' * 32}:key"):
                status, said = 401, {"code": 20003, "message": "Authenticate"}
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        vendor.url = f"http://127.0.0.1:{server.server_port}"
        yield vendor
        server.shutdown()
        thread.join()


def account(**more: Any) -> ChannelAccount:
    own = {"account_sid": SID, "auth_token": TOKEN, "sender": "+3545550100"}
    return ChannelAccount("a", SmsAccount.model_validate({**own, **more}), URL)


def ctx_of(twilio: Twilio) -> PluginContext:
    return make_context(SmsSettings(base_url=twilio.url))


@pytest.mark.skipif(not VECTORS.exists(), reason="the vectors are not here")
def test_signatures_of_the_published_vectors_are_genuine() -> None:
    vector = json.loads(VECTORS.read_text())["twilio"]
    token = vector["auth_token"]
    fields = list(vector["params"].items())
    assert signature(vector["url"], fields, token) == vector["signature"]
    repeated = vector["repeated_params"]
    assert (
        signature(vector["url"], [tuple(each) for each in repeated["params"]], token) == repeated["signature"]
    )
    given = [vector["signature"], *(each["signature"] for each in vector["also_valid"][:1])]
    for each in given:
        body = urlencode(fields).encode()
        request = WebhookRequest("POST", vector["url"], {"x-twilio-signature": each}, body)
        assert genuine_fields(request, SecretStr(token))["Digits"] == "1234"


async def test_a_delivery_to_another_address_is_forged() -> None:
    genuine = delivery(TOKEN, {"MessageSid": "SM1", "From": "+354", "Body": "Hi"})
    moved = WebhookRequest("POST", f"{URL}?x=1", genuine.headers, genuine.body)
    with pytest.raises(WebhookForged):
        await Sms().receive(moved, account(), make_context())


def test_a_message_has_its_files_and_wishes() -> None:
    fields = {
        "MessageSid": "SM1",
        "From": "+3545550143",
        "Body": "STOP",
        "OptOutType": "STOP",
        "NumMedia": "1",
        "MediaUrl0": "https://api.twilio.com/m/1",
        "MediaContentType0": "image/jpeg",
    }
    (message,) = read(fields, URL)
    assert isinstance(message, InboundMessage)
    assert (message.consent, message.address) == ("stop", "+3545550143")
    assert message.media == (Media("image", "https://api.twilio.com/m/1", "image/jpeg"),)


def test_a_status_knows_its_message() -> None:
    fields = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30003"}
    assert read(fields, f"{URL}?csai_message=own-id") == [DeliveryStatus("SM1", "failed", "own-id", "30003")]
    assert read({"MessageSid": "SM1", "MessageStatus": "queued"}, URL) == []


async def test_an_answer_is_sent_as_twilio_wants_it(twilio: Twilio) -> None:
    assert await Sms().send(OutboundMessage("own-id", "+354", "Halló"), account(), ctx_of(twilio)) == "SM1"
    content = {
        "To": "+354",
        "From": "+3545550100",
        "Body": "Halló",
        "StatusCallback": f"{URL}?csai_message=own-id",
    }
    assert twilio.asked == [("POST", PATH, content)]
    service = account(sender="MG" + "2" * 32, api_key_sid="SK" + "1" * 32, api_key_secret="key")
    await Sms().send(OutboundMessage("own-id", "+354", "Hi"), service, ctx_of(twilio))
    assert twilio.asked[1][2]["MessagingServiceSid"] == "MG" + "2" * 32


@pytest.mark.parametrize(
    ("status", "said", "fault", "is_known"),
    [
        (400, {"code": 21610}, "opted_out", True),
        (400, {"code": 21211}, "address", True),
        (400, {"code": 21617}, "refused", True),
        (429, {"code": 20429}, "busy", True),
        (401, {"code": 20003}, "account", True),
        (500, b"<html>", "busy", False),
    ],
)
async def test_a_refusal_says_what_to_do(
    twilio: Twilio, status: int, said: Any, fault: str, is_known: bool
) -> None:
    twilio.answers = [(status, said)]
    with pytest.raises(ChannelError) as raised:
        await Sms().send(OutboundMessage("1", "+354", "Hi"), account(), ctx_of(twilio))
    assert (raised.value.fault, raised.value.is_outcome_known) == (fault, is_known)


async def test_an_account_is_tried_without_sending(twilio: Twilio) -> None:
    twilio.answers = [(200, {"status": "active"})]
    assert (await Sms().check(account(), ctx_of(twilio))).is_ok
    wrong = await Sms().check(account(auth_token="wrong"), ctx_of(twilio))
    assert (wrong.is_ok, "wrong" in wrong.detail) == (False, False)


async def test_the_password_goes_to_no_other_host(twilio: Twilio) -> None:
    with pytest.raises(ChannelError, match="not at its vendor"):
        await Sms().fetch(Media("image", "https://evil.example/m"), account(), ctx_of(twilio), max_bytes=9)
    twilio.answers = [(200, b"words")]
    media = Media("document", f"{twilio.url}/m", "text/plain")
    assert await Sms().fetch(media, account(), ctx_of(twilio), max_bytes=9) == b"words"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ש" * 70, 1),
        ("ש" * 71, 2),
        ("\U0001f600" * 35, 1),
        ("\U0001f600" * 36, 2),
    ],
)
def test_a_text_is_counted_in_segments(text: str, count: int) -> None:
    assert segments(text) == count


def test_typography_is_plain_where_that_saves_segments() -> None:
    assert simplified("“It’s” – here…") == '"It\'s" - here...'
    assert simplified("“ש”") == "“ש”"
    assert Sms().format("**Bold** [a](https://x.example)") == "Bold a (https://x.example)"
