"""What fails is told to whom it concerns, and repeated only where that is safe."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from csai_sdk import HttpError, HttpResponse, ToolError
from csai_testkit.context import make_context
from csai_tool_n8n.settings import N8nSettings

from plugins.tools.n8n.tests.workflow import SECRET, Naps, Workflow, answer, context, invocation, run


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
