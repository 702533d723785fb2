"""Answers the way Anthropic may write them, and faults on the way."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx2
import pytest
from csai_provider_claude import ClaudeProvider, ClaudeSettings
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
    ToolCall,
    Usage,
    UserMessage,
)
from csai_testkit.context import PlainTransports
from csai_testkit.replay import Exchange, ReplayServer

Replay = Callable[..., Awaitable[ReplayServer]]
MakeContext = Callable[..., PluginContext]
Event = Mapping[str, Any]
PATH = "/v1/messages"
REQUEST = ModelRequest(model="m", system="", messages=[UserMessage("my secret question")])
STOP: Event = {"type": "message_stop"}


def start(**usage: int) -> Event:
    return {"type": "message_start", "message": {"model": "m-1", "content": [], "usage": usage}}


def block(index: int, *deltas: Event, **content: Any) -> list[Event]:
    return [
        {"type": "content_block_start", "index": index, "content_block": content},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text_block(index: int, *texts: str) -> list[Event]:
    return block(index, *({"type": "text_delta", "text": text} for text in texts), type="text", text="")


def call_block(index: int, *written: str, **content: Any) -> list[Event]:
    deltas = ({"type": "input_json_delta", "partial_json": piece} for piece in written)
    return block(index, *deltas, **{"type": "tool_use", "id": "t1", "name": "find", "input": {}, **content})


def end(reason: str | None = "end_turn", **usage: int) -> list[Event]:
    return [{"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}, STOP]


async def hear(exchange: Exchange, replay: Replay, make_context: MakeContext) -> tuple[list[str], ModelReply]:
    server = await replay([exchange])
    context = make_context(ClaudeSettings(base_url=server.url))
    *chunks, reply = [part async for part in ClaudeProvider().stream(REQUEST, context)]
    assert isinstance(reply, ModelReply)
    return [str(part) for part in chunks], reply


async def hear_events(events: list[Event], replay: Replay, make_context: MakeContext) -> ModelReply:
    _, reply = await hear(Exchange.of_events(PATH, events), replay, make_context)
    return reply


async def fail(exchange: Exchange, replay: Replay, make_context: MakeContext) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await hear(exchange, replay, make_context)
    return caught.value


async def test_deltas_of_one_read_are_one_chunk(replay: Replay, plugin_context: MakeContext) -> None:
    events = [start(input_tokens=3, output_tokens=1), *text_block(0, "Hel", "lo"), *end(output_tokens=5)]
    chunks, reply = await hear(Exchange.of_events(PATH, events), replay, plugin_context)
    assert chunks == ["Hello"]
    assert reply == ModelReply("Hello", "end", Usage(3, 5), "m-1")


async def test_text_in_any_script_survives_bytewise_delivery(
    replay: Replay, plugin_context: MakeContext
) -> None:
    text = "שלום 👋🏽 naïve\u2028\x00 end"
    events = [start(), *text_block(0, text), *end()]
    raw = [json.dumps(event, ensure_ascii=False) for event in events]
    server = await replay([Exchange.of_events(PATH, raw)], split="byte")
    context = plugin_context(ClaudeSettings(base_url=server.url))
    *_, reply = [part async for part in ClaudeProvider().stream(REQUEST, context)]
    assert isinstance(reply, ModelReply)
    assert reply.text == text


async def test_usage_counts_cached_tokens_and_the_last_report_wins(
    replay: Replay, plugin_context: MakeContext
) -> None:
    events = [
        start(input_tokens=10, cache_read_input_tokens=100, cache_creation_input_tokens=7, output_tokens=1),
        *text_block(0, "Hi"),
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 4}},
        *end("end_turn", output_tokens=9, cache_creation_input_tokens=8),
    ]
    assert (await hear_events(events, replay, plugin_context)).usage == Usage(118, 9, 100, 8)


async def test_missing_usage_is_none(replay: Replay, plugin_context: MakeContext) -> None:
    events = [start(), *text_block(0, "Hi"), *end()]
    assert (await hear_events(events, replay, plugin_context)).usage is None


async def test_thinking_is_kept_opaque_and_in_order(replay: Replay, plugin_context: MakeContext) -> None:
    thinking = [{"type": "thinking_delta", "thinking": part} for part in ("Hm", "m.")]
    signature = {"type": "signature_delta", "signature": "c2ln"}
    events = [
        start(),
        *block(0, *thinking, signature, type="thinking", thinking="", signature=""),
        *block(1, type="redacted_thinking", data="eA=="),
        *text_block(2, "Hi"),
        *call_block(3, '{"q"', ': "a"}'),
        *end("tool_use"),
    ]
    reply = await hear_events(events, replay, plugin_context)
    assert reply.text == "Hi"
    assert reply.reasoning == (
        {"type": "thinking", "thinking": "Hmm.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "eA=="},
    )
    assert reply.tool_calls == (ToolCall("t1", "find", {"q": "a"}, '{"q": "a"}'),)


async def test_unknown_events_blocks_and_deltas_are_passed_over(
    replay: Replay, plugin_context: MakeContext
) -> None:
    written = {"type": "input_json_delta", "partial_json": '{"query": "x"}'}
    events = [
        start(),
        {"type": "ping"},
        {"type": "weather_report", "sun": True},
        *block(0, written, type="server_tool_use", id="s1", name="web_search", input={}),
        *block(1, type="web_search_tool_result", tool_use_id="s1", content=[]),
        *block(2, {"type": "text_delta", "text": "no"}, type="hologram"),
        *block(3, {"type": "citations_delta", "citation": {}}, {"type": "mood_delta"}, type="text", text="H"),
        *text_block(4, "i"),
        *end(),
    ]
    reply = await hear_events(events, replay, plugin_context)
    assert (reply.text, reply.tool_calls, reply.reasoning) == ("Hi", (), ())


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ([], {}),
        ([""], {}),
        (["{}"], {}),
        (['{"a": ', '{"b": [1]}}'], {"a": {"b": [1]}}),
        (['{"a": 1'], None),
        (["[1]"], None),
        (['{"a": Infinity}'], None),
        (['{"a": "\\ud83d"}'], None),
    ],
)
async def test_arguments_are_an_object_or_none(
    written: list[str], arguments: Any, replay: Replay, plugin_context: MakeContext
) -> None:
    events = [start(), *call_block(0, *written), *end("tool_use")]
    (call,) = (await hear_events(events, replay, plugin_context)).tool_calls
    assert (call.arguments, call.raw_arguments) == (arguments, "".join(written))


async def test_input_given_with_the_block_is_taken(replay: Replay, plugin_context: MakeContext) -> None:
    events = [start(), *call_block(0, input={"q": "whole"}), *end("tool_use")]
    (call,) = (await hear_events(events, replay, plugin_context)).tool_calls
    assert call.arguments == {"q": "whole"}


@pytest.mark.parametrize(
    ("reason", "stop_reason"),
    [
        ("end_turn", "end"),
        ("stop_sequence", "end"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "max_tokens"),
        ("model_context_window_exceeded", "max_tokens"),
        ("refusal", "refusal"),
        ("pause_turn", "other"),
        ("tea_time", "other"),
    ],
)
async def test_why_it_stopped(
    reason: str, stop_reason: str, replay: Replay, plugin_context: MakeContext
) -> None:
    reply = await hear_events([start(), *text_block(0, "Hi"), *end(reason)], replay, plugin_context)
    assert reply.stop_reason == stop_reason


async def test_plain_message_from_a_gateway_that_does_not_stream(
    replay: Replay, plugin_context: MakeContext
) -> None:
    thinking = {"type": "thinking", "thinking": "Hm", "signature": "s"}
    message = {
        "type": "message",
        "model": "m-1",
        "content": [
            thinking,
            {"type": "text", "text": "Hi"},
            {"type": "tool_use", "id": "t1", "name": "find", "input": {"q": 1}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 5, "output_tokens": 2, "cache_creation": {"x": 1}},
    }
    chunks, reply = await hear(Exchange.of_json(PATH, message), replay, plugin_context)
    assert chunks == ["Hi"]
    call = ToolCall("t1", "find", {"q": 1})
    assert reply == ModelReply("Hi", "tool_calls", Usage(5, 2), "m-1", (call,), (thinking,))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad gateway</html>",
        b"Internal error",
        b"[]",
        b"{}",
        b'{"type": "message", "content": null, "stop_reason": "end_turn"}',
        b'{"type": "message", "content": [{"typ',
        b"data: {not json}\n\n",
        b"data: 1\n\n",
        b'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta"}}\n\n',
        b'data: {"type": "message_stop"}\n\n',
        b"data: \xff\xfe\n\n",
    ],
)
async def test_nonsense_is_a_protocol_error(body: bytes, replay: Replay, plugin_context: MakeContext) -> None:
    exchange = Exchange("POST", PATH, 200, {"content-type": "text/event-stream"}, body)
    error = await fail(exchange, replay, plugin_context)
    assert isinstance(error, ProviderProtocolError)
    assert error.retryable


async def test_call_without_a_name_is_a_protocol_error(replay: Replay, plugin_context: MakeContext) -> None:
    events = [start(), *block(0, type="tool_use", id="t1", input={}), *end("tool_use")]
    error = await fail(Exchange.of_events(PATH, events), replay, plugin_context)
    assert isinstance(error, ProviderProtocolError)


async def test_stream_without_its_last_event_is_cut_short(
    replay: Replay, plugin_context: MakeContext
) -> None:
    events = [start(), *text_block(0, "Hi"), *end()]
    error = await fail(Exchange.of_events(PATH, events[:-1]), replay, plugin_context)
    assert isinstance(error, ProviderProtocolError)


INVALID = "invalid_request_error"
LOW = "Your credit balance is too low to access the Anthropic API."
LIMIT = {"type": "billing_error", "details": {"error_code": "organization_spend_limit_reached"}}
ERRORS = [
    (400, {"type": INVALID}, ProviderRequestError, False),
    (400, {"type": INVALID, "details": {"error_code": "my secret"}}, ProviderRequestError, False),
    (400, {"type": INVALID, "message": LOW}, ProviderQuotaExceeded, False),
    (400, {"type": INVALID, "message": "prompt is too long: 9 tokens > 8"}, ProviderContextTooLong, False),
    (401, {"type": "authentication_error"}, ProviderAuthError, False),
    (402, {"type": "billing_error"}, ProviderQuotaExceeded, False),
    (403, {"type": "permission_error"}, ProviderAuthError, False),
    (404, {"type": "not_found_error"}, ProviderRequestError, False),
    (413, {"type": "request_too_large"}, ProviderContextTooLong, False),
    (429, {"type": "rate_limit_error"}, ProviderRateLimited, True),
    (429, LIMIT, ProviderQuotaExceeded, False),
    (500, {"type": "api_error"}, ProviderUnavailable, True),
    (504, {"type": "timeout_error"}, ProviderTimeout, True),
    (529, {"type": "overloaded_error"}, ProviderUnavailable, True),
]


@pytest.mark.parametrize(("status", "error", "kind", "is_retryable"), ERRORS)
@pytest.mark.parametrize("way", ["status", "stream", "body"])
async def test_refusal_is_the_right_error_and_quotes_nobody(
    status: int,
    error: dict[str, Any],
    kind: type[ProviderError],
    is_retryable: bool,
    way: str,
    replay: Replay,
    plugin_context: MakeContext,
) -> None:
    told = {"message": "you asked: my secret question", "param": "sk-secret", **error}
    body = {"type": "error", "error": told}
    if way == "stream":
        exchange = Exchange.of_events(PATH, [start(), *text_block(0, "Hi"), body])
    else:
        exchange = Exchange.of_json(PATH, body, status=status if way == "status" else 200)
    raised = await fail(exchange, replay, plugin_context)
    assert type(raised) is kind
    assert raised.retryable is is_retryable
    if way == "status":
        assert raised.status == status
    assert "secret" not in f"{raised!r}{raised.__cause__!r}"
    assert raised.__context__ is None or raised.__suppress_context__


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(502, "<html>", ProviderUnavailable), (307, "", ProviderRequestError), (408, "", ProviderTimeout)],
)
async def test_refusal_that_is_not_anthropics(
    status: int, body: str, kind: type[ProviderError], replay: Replay, plugin_context: MakeContext
) -> None:
    exchange = Exchange("POST", PATH, status, {"content-type": "text/html"}, body.encode())
    assert type(await fail(exchange, replay, plugin_context)) is kind


async def test_wait_that_the_vendor_asks_for(replay: Replay, plugin_context: MakeContext) -> None:
    exchange = Exchange.of_json(PATH, {}, status=529, headers={"retry-after": "12"})
    assert (await fail(exchange, replay, plugin_context)).retry_after_s == 12


class Unreachable(PlainTransports):
    """Nobody takes up the connection."""

    def httpx2(self, *, is_operator_url: bool) -> Any:
        def give_up(request: httpx2.Request) -> httpx2.Response:
            raise httpx2.ConnectTimeout("")

        return httpx2.MockTransport(give_up)


async def test_a_connection_that_nobody_takes_up_was_no_call(plugin_context: MakeContext) -> None:
    context = plugin_context(ClaudeSettings(base_url="https://vendor.example"), transports=Unreachable())
    with pytest.raises(ProviderUnavailable):
        await anext(ClaudeProvider().stream(REQUEST, context))


async def test_text_that_comes_together_with_an_error_is_passed_on_first(
    replay: Replay, plugin_context: MakeContext
) -> None:
    broken = {"type": "error", "error": {"type": "overloaded_error"}}
    server = await replay([Exchange.of_events(PATH, [start(), *text_block(0, "Half an ans"), broken])])
    stream = ClaudeProvider().stream(REQUEST, plugin_context(ClaudeSettings(base_url=server.url)))
    assert await anext(stream) == "Half an ans"
    with pytest.raises(ProviderUnavailable):
        await anext(stream)
