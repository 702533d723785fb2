"""The n8n backend against a webhook server of the test's own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from csai_sdk import HttpError, HttpResponse, PluginContext, ToolError, ToolInvocation, ToolSpec
from csai_testkit.context import FakeClock, make_context
from csai_testkit.growth import assert_grows_with_length
from csai_tool_n8n.answer import html_to_text, read_answer
from csai_tool_n8n.backend import N8nBackend
from csai_tool_n8n.settings import N8nSettings
from csai_tool_n8n.signature import decode_secret, signature_headers
from pydantic import SecretStr, ValidationError

VECTORS = Path(__file__).resolve().parents[4].parent / "shared" / "vectors" / "signatures" / "vectors.json"
SECRET = base64.b64encode(b"an only secret of thirty-two byt").decode()
JSON = "application/json; charset=utf-8"


@dataclass
class Workflow:
    """Stands in for n8n: answers with what it is told, keeps what it was asked."""

    answers: list[web.Response] = field(default_factory=list)
    requests: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append((request.headers, await request.read()))
        return self.answers.pop(0)

    @property
    def body(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.requests[-1][1])
        return parsed


@pytest.fixture
async def workflow() -> AsyncIterator[Workflow]:
    state = Workflow()
    app = web.Application()
    app.router.add_post("/webhook/0b7c-get-order-status", state.handle)
    async with TestServer(app) as server:
        state.url = str(server.make_url("/webhook/0b7c-get-order-status"))
        yield state


@dataclass
class Naps:
    """Sleeps without taking time."""

    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def invocation(url: str | None, **changes: Any) -> ToolInvocation:
    tool = ToolSpec("get_order_status", "Looks up an order.", {"type": "object"})
    config = {"webhook_url": url} if url else {}
    call = ToolInvocation("turn-1.1.0", tool, {"order_id": "ORD-1001"}, "conversation-1", config)
    return replace(call, **changes)


def context(**changes: Any) -> PluginContext:
    return make_context(N8nSettings(**changes), plugin="n8n", client_id="client-1")


async def run(call: ToolInvocation, ctx: PluginContext | None = None, naps: Naps | None = None) -> Any:
    return await N8nBackend(sleep=naps or Naps()).run(call, ctx or context())


def answer(body: bytes | str, media_type: str = "", status: int = 200, location: str = "") -> web.Response:
    headers = {"content-type": media_type} if media_type else {}
    if location:
        headers["location"] = location
    return web.Response(body=body.encode() if isinstance(body, str) else body, status=status, headers=headers)


class ScriptedHttp:
    """An HTTP client that does what the test says, once each."""

    def __init__(self, *results: HttpResponse | HttpError) -> None:
        self.results = list(results)
        self.timeouts: list[float] = []

    async def request(self, method: str, url: str, *, timeout_s: float = 30.0, **_: Any) -> HttpResponse:
        self.timeouts.append(timeout_s)
        result = self.results.pop(0)
        if isinstance(result, HttpError):
            raise result
        return result


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


class TestFailures:
    async def test_a_refusal_of_the_workflow_is_for_the_model_to_read(self, workflow: Workflow) -> None:
        workflow.answers = [web.json_response({"message": "order_id looks wrong"}, status=400)]

        output = await run(invocation(workflow.url))

        assert output.is_error
        assert output.value == {"error": {"message": "order_id looks wrong"}, "status": 400}

    async def test_an_answer_that_passes_on_what_the_webhook_received_gives_no_address_away(
        self, workflow: Workflow
    ) -> None:
        """As a workflow does that answers with the data of its first node."""
        passed_on = {
            "webhookUrl": workflow.url,
            "body": {"order_id": "ORD-1001"},
            "executionMode": "production",
        }
        workflow.answers = [web.json_response(passed_on)]

        output = await run(invocation(workflow.url))

        assert output.value == passed_on | {"webhookUrl": "[hidden]"}

    async def test_a_refusal_gives_away_neither_address_nor_secret(self, workflow: Workflow) -> None:
        leak = {"url": workflow.url, "path": "POST /webhook/0b7c-get-order-status", "secret": SECRET}
        workflow.answers = [web.json_response(leak, status=422), answer("x" * 9_000, status=422)]
        ctx = context(signing_secret=SECRET)

        shown = json.dumps((await run(invocation(workflow.url), ctx)).value)
        long = json.dumps((await run(invocation(workflow.url), ctx)).value)

        assert workflow.url not in shown
        assert "0b7c" not in shown
        assert SECRET not in shown
        assert len(long) < 2_100

    @pytest.mark.parametrize(
        ("given", "logged"),
        [
            (
                web.json_response(
                    {"code": 404, "message": 'The requested webhook "POST x" is not registered.'}, status=404
                ),
                "publish the workflow",
            ),
            (answer("", status=401), "authentication"),
            (answer("", status=403), "authentication"),
            (answer("", status=302, location="http://169.254.169.254/"), "redirects"),
        ],
    )
    async def test_a_webhook_set_up_wrongly_is_told_to_the_admin_and_not_to_the_model(
        self, workflow: Workflow, caplog: pytest.LogCaptureFixture, given: web.Response, logged: str
    ) -> None:
        workflow.answers = [given]

        with pytest.raises(ToolError) as failure:
            await run(invocation(workflow.url))

        assert "not set up" in str(failure.value)
        assert failure.value.is_outcome_known
        assert logged in caplog.text
        assert workflow.url not in caplog.text
        assert len(workflow.requests) == 1

    async def test_the_workflows_own_404_is_an_answer(self, workflow: Workflow) -> None:
        workflow.answers = [web.json_response({"message": "no such order"}, status=404)]

        output = await run(invocation(workflow.url))

        assert output.value["error"] == {"message": "no such order"}

    async def test_a_server_error_leaves_the_outcome_unknown_and_is_not_repeated(
        self, workflow: Workflow
    ) -> None:
        workflow.answers = [answer("boom", status=500)]

        with pytest.raises(ToolError) as failure:
            await run(invocation(workflow.url))

        assert not failure.value.is_outcome_known
        assert len(workflow.requests) == 1

    async def test_a_server_that_is_not_there_leaves_the_outcome_known(self) -> None:
        naps = Naps()

        with pytest.raises(ToolError) as failure:
            await run(invocation(f"http://127.0.0.1:{unused_port()}/x"), naps=naps)

        assert failure.value.is_outcome_known
        assert len(naps.taken) == 2


class TestRepeats:
    async def test_an_idempotent_call_is_repeated_with_the_same_id_and_body(self, workflow: Workflow) -> None:
        workflow.answers = [answer("", status=503), answer("", status=502), web.json_response({"ok": True})]
        naps = Naps()

        output = await run(invocation(workflow.url, is_idempotent=True), context(signing_secret=SECRET), naps)

        assert output.value == {"ok": True}
        assert len({body for _, body in workflow.requests}) == 1
        assert len({headers["X-CSAI-Call-Id"] for headers, _ in workflow.requests}) == 1
        assert 0.12 <= naps.taken[0] <= 0.25 < naps.taken[1] <= 0.5

    async def test_an_idempotent_call_gives_up_after_three_attempts(self, workflow: Workflow) -> None:
        workflow.answers = [answer("", status=503) for _ in range(3)]

        with pytest.raises(ToolError) as failure:
            await run(invocation(workflow.url, is_idempotent=True))

        assert not failure.value.is_outcome_known
        assert len(workflow.requests) == 3

    async def test_an_idempotent_call_is_not_repeated_after_a_refusal(self, workflow: Workflow) -> None:
        workflow.answers = [answer("", status=400)]

        assert (await run(invocation(workflow.url, is_idempotent=True))).is_error

    @pytest.mark.parametrize(
        ("is_idempotent", "was_sent", "count"), [(False, True, 1), (False, False, 2), (True, True, 2)]
    )
    async def test_a_lost_call_is_repeated_only_where_that_is_safe(
        self, is_idempotent: bool, was_sent: bool, count: int
    ) -> None:
        http = ScriptedHttp(HttpError("lost", was_sent=was_sent), HttpResponse(200, {}, b"ok"))
        ctx = make_context(N8nSettings(), http=http)
        call = invocation("http://n8n.example/x", is_idempotent=is_idempotent)

        if count == 1:
            with pytest.raises(ToolError) as failure:
                await run(call, ctx)
            assert not failure.value.is_outcome_known
        else:
            assert (await run(call, ctx)).value == {"text": "ok"}
        assert len(http.timeouts) == count

    async def test_no_repeat_begins_that_the_deadline_leaves_no_time_for(self) -> None:
        http = ScriptedHttp(HttpError("lost", was_sent=False))

        with pytest.raises(ToolError):
            await run(
                invocation("http://n8n.example/x", timeout_s=0.2), make_context(N8nSettings(), http=http)
            )

        assert len(http.timeouts) == 1

    @pytest.mark.parametrize(("of_tool", "of_client", "wanted"), [(30.0, 5.0, 5.0), (2.0, 5.0, 2.0)])
    async def test_the_shorter_of_both_timeouts_holds(
        self, of_tool: float, of_client: float, wanted: float
    ) -> None:
        http = ScriptedHttp(HttpResponse(200, {}, b"ok"))

        await run(
            invocation("http://x", timeout_s=of_tool),
            make_context(N8nSettings(timeout_s=of_client), http=http),
        )

        assert wanted - 0.5 < http.timeouts[0] <= wanted
