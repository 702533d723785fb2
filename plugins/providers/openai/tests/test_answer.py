"""Answers the way OpenAI-compatible servers write them, and faults on the way."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from csai_provider_openai import OpenAIProvider, OpenAISettings
from csai_sdk import (
    ModelReply,
    ModelRequest,
    PluginContext,
    ProviderAuthError,
    ProviderContextTooLong,
    ProviderError,
    ProviderProtocolError,
    ProviderQuotaExceeded,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderTimeout,
    ProviderUnavailable,
    Usage,
    UserMessage,
)
from csai_testkit.context import PlainTransports
from csai_testkit.replay import Exchange, ReplayServer

Replay = Callable[..., Awaitable[ReplayServer]]
MakeContext = Callable[..., PluginContext]
PATH = "/chat/completions"
REQUEST = ModelRequest(model="m", system="", messages=[UserMessage("my secret question")])


def chunk(finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def piece(index: int | None = None, name: str = "", arguments: Any = None, **more: Any) -> dict[str, Any]:
    function = {**({"name": name} if name else {}), **({} if arguments is None else {"arguments": arguments})}
    return {**({} if index is None else {"index": index}), "function": function, **more}


async def hear(exchange: Exchange, replay: Replay, make_context: MakeContext) -> tuple[list[str], ModelReply]:
    server = await replay([exchange])
    context = make_context(OpenAISettings(base_url=server.url))
    *chunks, reply = [part async for part in OpenAIProvider().stream(REQUEST, context)]
    assert isinstance(reply, ModelReply)
    return [str(part) for part in chunks], reply


async def hear_events(events: list[Any], replay: Replay, make_context: MakeContext) -> ModelReply:
    _, reply = await hear(Exchange.of_events(PATH, events), replay, make_context)
    return reply


async def fail(exchange: Exchange, replay: Replay, make_context: MakeContext) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await hear(exchange, replay, make_context)
    return caught.value


async def test_deltas_of_one_read_are_one_chunk(replay: Replay, plugin_context: MakeContext) -> None:
    events: list[Any] = [chunk(content="Hel"), chunk(content="lo"), chunk("stop"), "[DONE]"]
    chunks, reply = await hear(Exchange.of_events(PATH, events), replay, plugin_context)
    assert chunks == ["Hello"]
    assert reply == ModelReply("Hello", "end", None, "m-1")


async def test_text_in_any_script_survives_bytewise_delivery(
    replay: Replay, plugin_context: MakeContext
) -> None:
    text = "שלום 👋🏽 naïve\u2028\x00 end"
    event = json.dumps(chunk(content=text), ensure_ascii=False)
    server = await replay([Exchange.of_events(PATH, [event, chunk("stop"), "[DONE]"])], split="byte")
    context = plugin_context(OpenAISettings(base_url=server.url))
    *_, reply = [part async for part in OpenAIProvider().stream(REQUEST, context)]
    assert isinstance(reply, ModelReply)
    assert reply.text == text


async def test_carriage_returns_comments_and_wrong_content_type(
    replay: Replay, plugin_context: MakeContext
) -> None:
    events = "".join(f"data:{json.dumps(event)}\r\n\r\n" for event in (chunk(content="Hi"), chunk("stop")))
    body = f": PROCESSING\r\n\r\n{events}data: [DONE]\r\n\r\n".encode()
    exchange = Exchange("POST", PATH, 200, {"content-type": "application/json"}, body)
    _, reply = await hear(exchange, replay, plugin_context)
    assert reply.text == "Hi"


async def test_last_event_may_lack_its_blank_line(replay: Replay, plugin_context: MakeContext) -> None:
    whole = Exchange.of_events(PATH, [chunk(content="Hi"), chunk("stop"), "[DONE]"])
    exchange = Exchange("POST", PATH, 200, whole.headers, whole.body.rstrip())
    _, reply = await hear(exchange, replay, plugin_context)
    assert reply.text == "Hi"


async def test_plain_completion_from_a_server_that_does_not_stream(
    replay: Replay, plugin_context: MakeContext
) -> None:
    message = {"role": "assistant", "content": "Hi", "reasoning_content": "hm"}
    completion = {
        "model": "m-1",
        "choices": [{"index": 0, "message": message, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}},
    }
    chunks, reply = await hear(Exchange.of_json(PATH, completion), replay, plugin_context)
    assert chunks == ["Hi"]
    assert reply == ModelReply("Hi", "max_tokens", Usage(9, 2, 4), "m-1")


async def test_usage_in_the_last_choice_needs_no_done(replay: Replay, plugin_context: MakeContext) -> None:
    last = {**chunk("stop"), "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    reply = await hear_events([chunk(content="Hi"), last], replay, plugin_context)
    assert reply.usage == Usage(3, 1)


async def test_reasoning_is_passed_over(replay: Replay, plugin_context: MakeContext) -> None:
    events = [
        chunk(role="assistant", content=None, reasoning="hm"),
        chunk(reasoning_content="hm", content=""),
        chunk(content=[{"type": "thinking", "thinking": []}, {"type": "text", "text": "Hi"}]),
        chunk("stop"),
        "[DONE]",
    ]
    assert (await hear_events(events, replay, plugin_context)).text == "Hi"


@pytest.mark.parametrize(
    ("events", "stop_reason"),
    [
        ([chunk(content="a"), chunk("length")], "max_tokens"),
        ([chunk(content="a"), chunk("content_filter")], "refusal"),
        ([chunk(refusal="I can't."), chunk("stop")], "refusal"),
        ([chunk(content="a"), chunk("eos_token")], "other"),
        ([chunk(tool_calls=[piece(0, "f", "{}", id="c")]), chunk("stop")], "tool_calls"),
        ([chunk(tool_calls=[piece(0, "f", '{"a":', id="c")]), chunk("length")], "max_tokens"),
    ],
)
async def test_why_it_stopped(
    events: list[Any], stop_reason: str, replay: Replay, plugin_context: MakeContext
) -> None:
    reply = await hear_events([*events, "[DONE]"], replay, plugin_context)
    assert reply.stop_reason == stop_reason


async def test_refusal_is_what_the_visitor_reads(replay: Replay, plugin_context: MakeContext) -> None:
    events = [chunk(refusal="I can't "), chunk(refusal="do that."), chunk("stop"), "[DONE]"]
    assert (await hear_events(events, replay, plugin_context)).text == "I can't do that."


CALL_SHAPES = {
    "arguments split anywhere": [
        [piece(0, "f", "", id="a")], [piece(0, arguments='{"n"')], [piece(1, "g", "{", id="b")],
        [piece(0, arguments=":1}")], [piece(1, arguments='"n":2}')],
    ],
    "whole calls in one chunk": [[piece(0, "f", '{"n":1}', id="a"), piece(1, "g", '{"n":2}', id="b")]],
    "no index": [[piece(None, "f", '{"n":1}', id="a")], [piece(None, "g", '{"n":2}', id="b")]],
    "no index, split": [
        [piece(None, "f", '{"n"', id="a")], [piece(None, arguments=":1}")],
        [piece(None, "g", '{"n"', id="b")], [piece(None, arguments=":2}", id="b")],
    ],
    "no id": [[piece(0, "f", '{"n":1}')], [piece(1, "g", '{"n":2}')]],
    "empty id, always index 0": [[piece(0, "f", '{"n":1}', id="")], [piece(0, "g", '{"n":2}', id="")]],
    "own id, always index 0": [[piece(0, "f", '{"n":1}', id="a")], [piece(0, "g", '{"n":2}', id="b")]],
    "the same id twice": [[piece(0, "f", '{"n":1}', id="a")], [piece(1, "g", '{"n":2}', id="a")]],
    "name and id repeated": [
        [piece(0, "f", '{"n"', id="a")], [piece(0, "f", ":1}", id="a")], [piece(1, "g", '{"n":2}', id="b")],
    ],
    "neither index nor id": [[piece(None, "f", '{"n":1}')], [piece(None, "g", '{"n":2}')]],
    "arguments as an object": [[piece(0, "f", {"n": 1}, id="a"), piece(1, "g", {"n": 2}, id="b")]],
}  # fmt: skip


@pytest.mark.parametrize("shape", CALL_SHAPES.values(), ids=CALL_SHAPES)
async def test_tool_calls_however_a_server_writes_them(
    shape: list[list[Any]], replay: Replay, plugin_context: MakeContext
) -> None:
    events = [*(chunk(tool_calls=pieces) for pieces in shape), chunk("tool_calls"), "[DONE]"]
    reply = await hear_events(events, replay, plugin_context)
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("f", {"n": 1}), ("g", {"n": 2})]
    ids = [call.id for call in reply.tool_calls]
    assert all(ids)
    assert len(set(ids)) == 2


async def test_another_id_is_another_call_even_under_the_same_index(
    replay: Replay, plugin_context: MakeContext
) -> None:
    pieces = [[piece(0, "f", "", id="a")], [piece(0, "g", "{}", id="b")]]
    events = [*(chunk(tool_calls=calls) for calls in pieces), chunk("tool_calls"), "[DONE]"]
    reply = await hear_events(events, replay, plugin_context)
    assert [(call.id, call.name) for call in reply.tool_calls] == [("a", "f"), ("b", "g")]


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ("", {}),
        (" ", {}),
        ("{}", {}),
        ('{"a": 1', None),
        ("[1]", None),
        ("null", None),
        ('{"a": NaN}', None),
        ('{"a": "\\ud83d"}', None),
    ],
)
async def test_arguments_are_an_object_or_none(
    written: str, arguments: Any, replay: Replay, plugin_context: MakeContext
) -> None:
    events = [chunk(tool_calls=[piece(0, "f", written, id="a")]), chunk("tool_calls"), "[DONE]"]
    (call,) = (await hear_events(events, replay, plugin_context)).tool_calls
    assert (call.arguments, call.raw_arguments) == (arguments, written)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"<html>Bad gateway</html>",
        b"Internal error",
        b"[]",
        b'{"choices": []}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message"',
        b"data: {not json}\n\n",
        b'data: {"choices": [1]}\n\n',
        b'data: {"choices": [{"delta": {"tool_calls": [7]}}]}\n\n',
        b'data: {"choices": [{"delta": {"content": {"a": 1}}}]}\n\n',
        b"data: [DONE]\n\n",
        b'data: {"choices": [{"delta": {"content": "cut"}}]}\n\ndata: [DONE]\n\n',
        b'{"choices": [{"message": {"tool_calls": [{"id": "a"}]}, "finish_reason": "stop"}]}',
        b"data: \xff\xfe\n\n",
    ],
)
async def test_nonsense_is_a_protocol_error(body: bytes, replay: Replay, plugin_context: MakeContext) -> None:
    exchange = Exchange("POST", PATH, 200, {"content-type": "text/event-stream"}, body)
    error = await fail(exchange, replay, plugin_context)
    assert isinstance(error, ProviderProtocolError)
    assert error.retryable


@pytest.mark.parametrize("has_index", [True, False])
async def test_far_too_many_calls_are_a_protocol_error(
    has_index: bool, replay: Replay, plugin_context: MakeContext
) -> None:
    calls = [piece(i if has_index else None, "book", "{}", id=f"c{i}") for i in range(1_000)]
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    events = [chunk(tool_calls=calls), chunk("tool_calls"), usage]

    error = await fail(Exchange.of_events(PATH, events), replay, plugin_context)

    assert isinstance(error, ProviderProtocolError)


async def test_stream_that_ends_before_its_usage_is_cut_short(
    replay: Replay, plugin_context: MakeContext
) -> None:
    error = await fail(Exchange.of_events(PATH, [chunk(content="Hi"), chunk("stop")]), replay, plugin_context)
    assert isinstance(error, ProviderProtocolError)


ERRORS = [
    (400, {"code": "my secret question", "type": ["sk-secret"]}, ProviderRequestError, False),
    (400, {"code": "model_not_found"}, ProviderRequestError, False),
    (400, {"code": "context_length_exceeded"}, ProviderContextTooLong, False),
    (400, {"message": "This model's maximum context length is 8192 tokens"}, ProviderContextTooLong, False),
    (401, {"code": "invalid_api_key"}, ProviderAuthError, False),
    (402, {"message": "Insufficient Balance"}, ProviderQuotaExceeded, False),
    (403, {}, ProviderAuthError, False),
    (404, {}, ProviderRequestError, False),
    (408, {}, ProviderTimeout, True),
    (422, {}, ProviderRequestError, False),
    (429, {"code": "rate_limit_exceeded"}, ProviderRateLimited, True),
    (429, {"code": "insufficient_quota"}, ProviderQuotaExceeded, False),
    (429, {"type": "insufficient_quota"}, ProviderQuotaExceeded, False),
    (429, {"code": "credit_balance_exhausted"}, ProviderQuotaExceeded, False),
    (429, {"code": "project_spend_limit_exceeded"}, ProviderQuotaExceeded, False),
    (429, {"code": "organization_usage_limit_exceeded"}, ProviderQuotaExceeded, False),
    (500, {}, ProviderUnavailable, True),
    (503, {}, ProviderUnavailable, True),
    (504, {}, ProviderTimeout, True),
    (307, {}, ProviderRequestError, False),
]


@pytest.mark.parametrize(("status", "error", "kind", "is_retryable"), ERRORS)
async def test_refusal_is_the_right_error_and_quotes_nobody(
    status: int,
    error: dict[str, Any],
    kind: type[ProviderError],
    is_retryable: bool,
    replay: Replay,
    plugin_context: MakeContext,
) -> None:
    told = {"message": "you asked: my secret question", **error, "param": "sk-secret", "x": "sk-secret"}
    raised = await fail(Exchange.of_json(PATH, {"error": told}, status=status), replay, plugin_context)
    assert type(raised) is kind
    assert (raised.retryable, raised.status) == (is_retryable, status)
    assert "secret" not in f"{raised!r}{raised.__cause__!r}"
    assert raised.__suppress_context__


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Fri, 02 Jan 2026 03:04:35 GMT"}, 30),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({}, None),
    ],
)
async def test_wait_that_the_vendor_asks_for(
    headers: dict[str, str], wait_s: float | None, replay: Replay, plugin_context: MakeContext
) -> None:
    exchange = Exchange.of_json(PATH, {"error": {}}, status=429, headers=headers)
    assert (await fail(exchange, replay, plugin_context)).retry_after_s == wait_s


@pytest.mark.parametrize(
    ("event", "kind", "is_retryable"),
    [
        ({"error": {"code": 429, "message": "busy"}}, ProviderRateLimited, True),
        ({"error": {"type": "server_error"}}, ProviderUnavailable, True),
        ({"error": {"type": "invalid_request_error"}}, ProviderRequestError, False),
        ({"error": {"code": "insufficient_quota"}}, ProviderQuotaExceeded, False),
        ({"error": "out of memory"}, ProviderUnavailable, True),
        ({"error": {"code": 502}, **chunk("error", content="")}, ProviderUnavailable, True),
        ({"object": "error", "message": "bad", "code": 400}, ProviderRequestError, False),
    ],
)
@pytest.mark.parametrize("is_plain", [True, False])
async def test_error_inside_an_answer_of_status_200(
    event: dict[str, Any],
    kind: type[ProviderError],
    is_retryable: bool,
    is_plain: bool,
    replay: Replay,
    plugin_context: MakeContext,
) -> None:
    streamed = Exchange.of_events(PATH, [chunk(content="Hi"), event, "[DONE]"])
    raised = await fail(Exchange.of_json(PATH, event) if is_plain else streamed, replay, plugin_context)
    assert type(raised) is kind
    assert raised.retryable is is_retryable


async def test_text_before_an_error_has_been_passed_on(replay: Replay, plugin_context: MakeContext) -> None:
    server = await replay(
        [Exchange.of_events(PATH, [chunk(content="Hi"), {"error": {}, "x": 1}])], split="event"
    )
    context = plugin_context(OpenAISettings(base_url=server.url))
    parts = aiter(OpenAIProvider().stream(REQUEST, context))
    assert await anext(parts) == "Hi"
    with pytest.raises(ProviderProtocolError, match="cut short"):
        await anext(parts)


class Unreachable(PlainTransports):
    """Nobody takes up the connection."""

    def httpx2(self, *, is_operator_url: bool) -> Any:
        def give_up(request: httpx2.Request) -> httpx2.Response:
            raise httpx2.ConnectTimeout("")

        return httpx2.MockTransport(give_up)


async def test_a_connection_that_nobody_takes_up_was_no_call(plugin_context: MakeContext) -> None:
    context = plugin_context(OpenAISettings(base_url="https://vendor.example/v1"), transports=Unreachable())
    with pytest.raises(ProviderUnavailable):
        await anext(OpenAIProvider().stream(REQUEST, context))
