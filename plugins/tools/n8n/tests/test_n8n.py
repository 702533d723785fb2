"""The n8n backend against a webhook server of the test's own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from csai_sdk import HttpResponse, ToolError, ToolInvocation
from csai_testkit.context import FakeClock
from csai_testkit.growth import assert_grows_with_length
from csai_tool_n8n.answer import html_to_text, read_answer
from csai_tool_n8n.settings import N8nSettings
from csai_tool_n8n.signature import decode_secret, signature_headers
from pydantic import SecretStr, ValidationError

from plugins.tools.n8n.tests.workflow import SECRET, Workflow, answer, context, invocation, run

VECTORS = Path(__file__).resolve().parents[4].parent / "shared" / "vectors" / "signatures" / "vectors.json"
JSON = "application/json; charset=utf-8"


class TestRequest:
    async def test_the_call_arrives_as_documented(self, workflow: Workflow) -> None:
        workflow.answers = [web.json_response({"status": "shipped"})]

        output = await run(invocation(workflow.url))

        headers, _ = workflow.requests[0]
        assert output.value == {"status": "shipped"}
        assert not output.is_error
        assert workflow.body == {
            "tool": "get_order_status",
            "arguments": {"order_id": "ORD-1001"},
            "call_id": "turn-1.1.0",
            "conversation_id": "conversation-1",
            "client_id": "client-1",
        }
        assert headers["Content-Type"] == "application/json"
        assert headers["X-CSAI-Call-Id"] == headers["Idempotency-Key"] == "turn-1.1.0"
        assert "webhook-signature" not in headers

    async def test_a_verified_visitor_is_named(self, workflow: Workflow) -> None:
        workflow.answers = [web.json_response({})]

        await run(invocation(workflow.url, visitor_id="visitor-7"))

        assert workflow.body["visitor_id"] == "visitor-7"

    @pytest.mark.parametrize("text", ["\ud800", "\0", "\N{GRINNING FACE}", "\u2028", '"\\', "שלום"])
    async def test_any_text_arrives_as_it_was(self, workflow: Workflow, text: str) -> None:
        workflow.answers = [web.json_response({})]

        await run(invocation(workflow.url, arguments={"order_id": text}))

        assert workflow.body["arguments"] == {"order_id": text}

    @pytest.mark.parametrize(
        "call", [invocation(None), invocation("http://x", arguments={"n": float("nan")})]
    )
    async def test_what_cannot_be_sent_is_refused_with_a_known_outcome(self, call: ToolInvocation) -> None:
        with pytest.raises(ToolError) as failure:
            await run(call)

        assert failure.value.is_outcome_known


class TestSignature:
    def test_it_is_the_one_of_the_standards_own_vector(self) -> None:
        if not VECTORS.exists():
            pytest.skip(f"the recorded signatures are not at {VECTORS}")
        vector = json.loads(VECTORS.read_text(encoding="utf-8"))["standard_webhooks"]
        at = FakeClock().now().fromtimestamp(vector["timestamp"], tz=FakeClock().now().tzinfo)
        for prefix in ("", "whsec_"):
            headers = signature_headers(
                prefix + vector["secret_unprefixed_also_valid"],
                message_id=vector["id"],
                at=at,
                body=vector["body"].encode(),
            )
            assert headers["webhook-signature"] == vector["signature"]
            assert headers["webhook-timestamp"] == str(vector["timestamp"])

    @pytest.mark.parametrize("place", ["settings", "config"])
    async def test_a_set_secret_signs_the_bytes_that_arrive(self, workflow: Workflow, place: str) -> None:
        workflow.answers = [web.json_response({})]
        call = invocation(workflow.url)
        if place == "config":
            call = replace(call, config={**call.config, "signing_secret": SECRET})

        await run(call, context(signing_secret=SECRET if place == "settings" else None))

        headers, body = workflow.requests[0]
        assert headers["webhook-id"] == "turn-1_1_0"
        signed = f"turn-1_1_0.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(decode_secret(SECRET), signed, hashlib.sha256).digest()
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"

    @pytest.mark.parametrize("secret", ["", "  ", "hunter2", "whsec_", "c2hvcnQ=", "A" * 200, "ümläut" * 8])
    def test_an_unusable_secret_is_refused_without_being_quoted(self, secret: str) -> None:
        with pytest.raises(ValueError, match="base64 of 24 to 64 bytes") as refusal:
            decode_secret(secret)
        with pytest.raises(ValidationError):
            N8nSettings(signing_secret=SecretStr(secret))

        assert not secret.strip() or secret not in str(refusal.value)

    async def test_an_unusable_secret_of_a_tool_sends_nothing(self, workflow: Workflow) -> None:
        config = {"webhook_url": workflow.url, "signing_secret": "hunter2"}

        with pytest.raises(ToolError) as failure:
            await run(invocation(None, config=config))

        assert workflow.requests == []
        assert failure.value.is_outcome_known
        assert "hunter2" not in str(failure.value)


class TestAnswers:
    @pytest.mark.parametrize(
        ("given", "wanted"),
        [
            (answer('{"a": [1, null]}', JSON), {"a": [1, None]}),
            (answer('[{"a": 1}, {"a": 2}]', JSON), [{"a": 1}, {"a": 2}]),
            (answer('"done"', JSON), "done"),
            (answer("\ufeff{}", JSON), {}),
            (answer('{"a": 1}', "text/html; charset=utf-8"), {"a": 1}),
            (answer("Order shipped", "text/html; charset=utf-8"), {"text": "Order shipped"}),
            (answer("1 < 2 & 3 > 2", "text/plain"), {"text": "1 < 2 & 3 > 2"}),
            (
                answer("gr\xfc\xdfe".encode("latin-1"), "text/plain; charset=latin-1"),
                {"text": "grüße"},
            ),
            (answer("x", "text/plain; charset=nonsense"), {"text": "x"}),
            (answer(""), {"status": "ok", "note": "empty answer"}),
            (answer("", status=204), {"status": "ok", "note": "empty answer"}),
            (answer(" \n"), {"status": "ok", "note": "empty answer"}),
            (answer('{"a": ', JSON), {"text": '{"a":'}),
            (answer('{"a": NaN}', JSON), {"text": '{"a": NaN}'}),
            (answer("[" * 5_000, JSON), {"text": "[" * 5_000}),
            (answer('{"a": ' + "9" * 5_000 + "}", JSON), {"text": '{"a": ' + "9" * 5_000 + "}"}),
            (
                answer(b"%PDF-1.7 ...", "application/pdf"),
                {"status": "ok", "note": "the answer is a file of 12 bytes, not shown here"},
            ),
            (
                answer(b"\x89PNG\0\0", "text/html"),
                {"status": "ok", "note": "the answer is a file of 6 bytes, not shown here"},
            ),
        ],
    )
    async def test_whatever_comes_back_is_data(
        self, workflow: Workflow, given: web.Response, wanted: Any
    ) -> None:
        workflow.answers = [given]

        output = await run(invocation(workflow.url))

        assert output.value == wanted
        assert not output.is_error

    async def test_a_page_comes_as_the_text_its_reader_would_see(self, workflow: Workflow) -> None:
        page = (
            "<!DOCTYPE html><html><head><title>t</title><style>p{}</style></head>"
            "<body><script>alert(1)</script><h1>Order&nbsp;1001</h1>"
            "<p>is <b>on its way</b> &amp; arrives<br>on Friday</p><noscript>x</noscript></body>"
        )
        workflow.answers = [answer(page, "text/html")]

        output = await run(invocation(workflow.url))

        assert output.value == {"text": "Order 1001\nis on its way & arrives\non Friday"}

    @pytest.mark.parametrize(
        ("html", "wanted"),
        [
            ("<script>a", ""),
            ("<p", "<p"),
            ("<!--", "<!--"),
            ("</script>b", "b"),
            ("<script><script></script>b", "b"),
            ("<svg><p>a</svg>b", "b"),
            ("&bogus;", "&bogus;"),
        ],
    )
    def test_broken_markup_does_not_break_the_reader(self, html: str, wanted: str) -> None:
        assert html_to_text(html) == wanted

    @pytest.mark.parametrize(
        "piece",
        ["<", "<a ", "<a", '<a b="', "a=", "<!--", "<!---->", "<![", "<?", "</", "<script>", "&amp", "&#9"],
    )
    def test_a_page_made_to_keep_its_reader_busy_takes_a_time_that_grows_with_its_length(
        self, piece: str
    ) -> None:
        def read(text: str) -> object:
            return read_answer(HttpResponse(200, {"content-type": "text/html"}, f"<p>{text}".encode(), False))

        assert_grows_with_length(read, piece, 200_000 // len(piece))

    async def test_a_body_past_one_megabyte_is_cut_and_said_to_be(self, workflow: Workflow) -> None:
        workflow.answers = [answer('{"a": "' + "x" * 1_100_000 + '"}', JSON)]

        output = await run(invocation(workflow.url))

        assert len(output.value["text"]) <= 1_000_000
        assert output.value["note"] == "the answer was too long and is cut here"
