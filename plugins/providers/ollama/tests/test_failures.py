"""What Ollama refuses, breaks off or leaves unanswered becomes the SDK's errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from csai_sdk import (
    ModelRequest,
    ProviderAuthError,
    ProviderContextTooLong,
    ProviderError,
    ProviderProtocolError,
    ProviderQuotaExceeded,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderTimeout,
    ProviderUnavailable,
)
from csai_testkit.replay import Exchange, ReplayServer

from plugins.providers.ollama.tests.server import ASK, DONE, at, collect, says, streams


def refuses(status: int, error: Any, **headers: str) -> Exchange:
    return Exchange.of_json("/api/chat", {"error": error}, status=status, headers=headers)


async def failure_of(exchange: Exchange, request: ModelRequest = ASK) -> ProviderError:
    async with ReplayServer([exchange]) as server, at(server.url) as context:
        with pytest.raises(ProviderError) as caught:
            await collect(request, context)
    return caught.value


@pytest.mark.parametrize(
    ("status", "error", "kind", "retryable"),
    [
        (400, "invalid option provided", ProviderRequestError, False),
        (400, "the input length exceeds the context length", ProviderContextTooLong, False),
        (401, "unauthorized", ProviderAuthError, False),
        (402, "pay", ProviderQuotaExceeded, False),
        (403, "this model requires a subscription", ProviderAuthError, False),
        (404, "model 'qwen3' not found", ProviderRequestError, False),
        (404, "404 page not found", ProviderRequestError, False),
        (301, "moved", ProviderRequestError, False),
        (429, "slow down", ProviderRateLimited, True),
        (500, "llama runner process has terminated", ProviderUnavailable, True),
        (500, {"message": "exceed_context_size_error"}, ProviderContextTooLong, False),
        (503, "server busy", ProviderUnavailable, True),
        (504, "gateway", ProviderTimeout, True),
    ],
)
async def test_refusals_become_the_sdks_errors_without_a_word_of_the_body(
    status: int, error: Any, kind: type[ProviderError], retryable: bool
) -> None:
    raised = await failure_of(refuses(status, error))
    assert type(raised) is kind
    assert (raised.status, raised.retryable) == (status, retryable)
    assert str(error) not in str(raised)


async def test_an_unknown_model_says_how_to_fetch_it() -> None:
    assert "ollama pull qwen3" in str(await failure_of(refuses(404, "model 'qwen3' not found")))
    in_stream = await failure_of(streams({"error": "model 'qwen3' not found"}))
    assert "ollama pull qwen3" in str(in_stream)


async def test_the_vendors_advice_when_to_come_back_is_handed_on() -> None:
    raised = await failure_of(refuses(429, "slow down", **{"retry-after": "7"}))
    assert raised.retry_after_s == 7


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"error": "an error was encountered while running the model"}, ProviderUnavailable),
        ({"error": "input exceeds context window"}, ProviderContextTooLong),
    ],
)
async def test_an_error_within_a_stream_ends_it_with_that_error(
    event: Any, kind: type[ProviderError]
) -> None:
    assert type(await failure_of(streams(says("Hi"), event))) is kind


@pytest.mark.parametrize(
    "line",
    [
        b"<html>\n",
        b"[1]\n",
        b'"text"\n',
        b"\xff\n",
        b'{"message": {"content": "\\ud800"}}\n',
        b"[" * 9999 + b"\n",
        b'{"message": {"content": ["x"]}}\n',
        b'{"message": {"tool_calls": ["x"]}}\n',
    ],
)
async def test_lines_that_are_no_event_are_a_protocol_error(line: bytes) -> None:
    raised = await failure_of(Exchange("POST", "/api/chat", 200, {"content-type": "text/html"}, line))
    assert type(raised) is ProviderProtocolError


async def test_a_refused_connection_tells_where_ollama_was_looked_for_and_how_to_start_it() -> None:
    async with ReplayServer([]) as server:
        url = server.url
    async with at(url) as context:
        with pytest.raises(ProviderUnavailable, match="ollama serve") as raised:
            await collect(ASK, context)
    assert url in str(raised.value)
    assert raised.value.retryable


async def test_an_answer_that_stalls_ends_with_a_timeout() -> None:
    async with ReplayServer([streams(says("Hi"), DONE)], hold_after=10) as server, at(server.url) as context:
        with pytest.raises(ProviderTimeout):
            await collect(replace(ASK, timeout_s=0.05), context)
