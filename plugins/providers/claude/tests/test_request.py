"""What Anthropic is sent, and by which connection."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from csai_provider_claude import ClaudeProvider, ClaudeSettings, register_providers, register_settings
from csai_provider_claude.models import traits_of
from csai_provider_claude.request import body_of
from csai_sdk import (
    AssistantMessage,
    ModelReply,
    ModelRequest,
    PluginContext,
    ProviderAuthError,
    ProviderRequestError,
    ProviderTimeout,
    ProviderUnavailable,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolSpec,
    UserMessage,
)
from csai_testkit.context import PlainTransports
from csai_testkit.replay import Exchange, ReplayServer

Replay = Callable[..., Awaitable[ReplayServer]]
MakeContext = Callable[..., PluginContext]
ANSWER = Exchange.of_events(
    "/v1/messages",
    [
        {"type": "message_start", "message": {"model": "m"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Hi"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ],
)
SPEC = ToolSpec("find", "Find it.", {"type": "object", "properties": {"q": {"type": "string"}}})
THINKING = {"type": "thinking", "thinking": "Hm", "signature": "s"}
CACHED = {"cache_control": {"type": "ephemeral"}}


def asking(*messages: Any, **more: Any) -> ModelRequest:
    request: dict[str, Any] = {"model": "claude-haiku-4-5", "system": "Be kind.", **more}
    return ModelRequest(messages=messages or [UserMessage("hi")], **request)


def secret(key: str, **more: Any) -> ClaudeSettings:
    return ClaudeSettings.model_validate({"api_key": key, **more})


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


async def ask(context: PluginContext, request: ModelRequest | None = None) -> ModelReply:
    *_, reply = [part async for part in ClaudeProvider().stream(request or asking(), context)]
    assert isinstance(reply, ModelReply)
    return reply


def test_plugin_registers_its_settings_and_provider() -> None:
    (provider,) = register_providers()
    assert (provider.id, register_settings()) == ("claude", ClaudeSettings)
    for field in ClaudeSettings.model_fields.values():
        assert field.title
        assert field.description


def test_body_of_a_whole_turn() -> None:
    calls = (ToolCall("c1", "find", {"q": "a"}), ToolCall("c2", "find", None, "{oops"))
    results = (ToolResult("c1", "find", "found"), ToolResult("c2", "find", "bad", is_error=True))
    body = body_of(
        asking(
            AssistantMessage("Hello, I am here."),
            UserMessage("one"),
            AssistantMessage(" "),
            UserMessage("two"),
            AssistantMessage("Looking.", calls, (THINKING,), "claude"),
            ToolMessage(results),
            AssistantMessage("answer", reasoning=(THINKING,), provider="claude"),
            UserMessage(""),
            tools=[SPEC, SPEC],
            tool_choice="none",
        ),
        ClaudeSettings(),
    )
    assert body["messages"] == [
        {"role": "user", "content": [text("(opened the chat)")]},
        {"role": "assistant", "content": [text("Hello, I am here.")]},
        {"role": "user", "content": [text("one"), text("two")]},
        {
            "role": "assistant",
            "content": [
                THINKING,
                text("Looking."),
                {"type": "tool_use", "id": "c1", "name": "find", "input": {"q": "a"}},
                {"type": "tool_use", "id": "c2", "name": "find", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "found"},
                {"type": "tool_result", "tool_use_id": "c2", "content": "bad", "is_error": True},
            ],
        },
        {"role": "assistant", "content": [text("answer")]},
        {"role": "user", "content": [text("(empty message)")]},
    ]
    tool = {"name": "find", "description": "Find it.", "input_schema": SPEC.parameters_schema}
    assert body["tools"] == [tool, {**tool, **CACHED}]
    assert body["tool_choice"] == {"type": "none"}
    assert body["system"] == [text("Be kind.")]
    assert body["temperature"] == 0.3


def test_what_is_sent_again_is_marked_for_the_prompt_cache() -> None:
    told = {"system": "Be kind.\n\nThe passage.", "steady_chars": len("Be kind.")}
    body = body_of(asking(UserMessage("one"), tools=[SPEC, SPEC], **told), ClaudeSettings())
    assert body["system"] == [{**text("Be kind."), **CACHED}, text("\n\nThe passage.")]
    assert [tool.get("cache_control") for tool in body["tools"]] == [None, CACHED["cache_control"]]
    assert body["messages"][-1]["content"] == [{**text("one"), **CACHED}]


def test_an_answer_that_nothing_follows_is_not_marked() -> None:
    closing = asking(UserMessage("one"), tools=[SPEC], tool_choice="none", steady_chars=8)
    for request in (closing, asking(UserMessage("one"), steady_chars=8)):
        body = body_of(request, ClaudeSettings())
        assert "cache_control" not in str(body["messages"])
        assert body["system"] == [{**text("Be kind."), **CACHED}]


def test_another_vendors_reasoning_stays_at_home() -> None:
    message = AssistantMessage("", (ToolCall("c1", "find", {}),), ({"secret": 1},), "openai")
    body = body_of(asking(UserMessage("hi"), message), ClaudeSettings())
    assert [part["type"] for part in body["messages"][1]["content"]] == ["tool_use"]


def test_settings_shape_the_body() -> None:
    settings = ClaudeSettings(caches_prompt=False, thinking="adaptive", model="claude-sonnet-4-6")
    body = body_of(asking(model="", tools=[SPEC]), settings)
    assert body["model"] == "claude-sonnet-4-6"
    assert body["thinking"] == {"type": "adaptive"}
    assert "cache_control" not in str(body)
    assert {"temperature", "tool_choice"}.isdisjoint(body)
    assert "system" not in body_of(asking(system=" "), settings)


@pytest.mark.parametrize(
    ("model", "takes_temperature"),
    [
        ("claude-3-7-sonnet-20250219", True),
        ("claude-3-5-haiku-latest", True),
        ("claude-opus-4-20250514", True),
        ("claude-sonnet-4-0", True),
        ("claude-haiku-4-5", True),
        ("claude-haiku-4-5-20251001", True),
        ("anthropic/claude-opus-4-6", True),
        ("claude-opus-4-7", False),
        ("claude-opus-4-8", False),
        ("claude-sonnet-5", False),
        ("claude-haiku-5-5", False),
        ("claude-fable-5-2", False),
        ("claude-opus-4-10", False),
    ],
)
def test_temperature_only_where_the_model_takes_it(model: str, takes_temperature: bool) -> None:
    assert traits_of(model).takes_temperature is takes_temperature
    assert ("temperature" in body_of(asking(model=model), ClaudeSettings())) is takes_temperature


async def test_request_carries_key_and_body(replay: Replay, plugin_context: MakeContext) -> None:
    server = await replay([ANSWER])
    await ask(plugin_context(secret(" sk-op ", base_url=server.url)))
    (request,) = server.requests
    assert "sk-op" in {request.headers.get("x-api-key"), request.headers.get("authorization", "")[7:]}
    assert request.headers["anthropic-version"]
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.json["stream"] is True


async def test_operators_secrets_stay_away_from_an_address_of_the_clients(
    replay: Replay, plugin_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("API_KEY", "AUTH_TOKEN"):
        monkeypatch.setenv(f"ANTHROPIC_{name}", "sk-operator")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-gateway: sk-operator")
    server = await replay([ANSWER])
    transports = PlainTransports()
    settings = secret("sk-operator", base_url=server.url)
    await ask(plugin_context(settings, client_set={"base_url"}, transports=transports))
    assert "sk-operator" not in str(server.requests[0].headers)
    assert transports.asked == [False]


async def test_operators_address_is_trusted(replay: Replay, plugin_context: MakeContext) -> None:
    server = await replay([ANSWER])
    transports = PlainTransports()
    settings = secret("sk-client", base_url=server.url)
    await ask(plugin_context(settings, client_set={"api_key"}, transports=transports))
    assert "sk-client" in str(server.requests[0].headers)
    assert transports.asked == [True]


@pytest.mark.parametrize(
    ("settings", "client_set", "is_configured"),
    [
        (ClaudeSettings(), (), False),
        (secret("sk"), (), True),
        (secret("  "), (), False),
        (ClaudeSettings(base_url="http://127.0.0.1:1"), (), True),
    ],
)
def test_configured_with_a_key_or_a_gateway_of_ones_own(
    settings: ClaudeSettings, client_set: tuple[str, ...], is_configured: bool, plugin_context: MakeContext
) -> None:
    assert ClaudeProvider().is_configured(plugin_context(settings, client_set=client_set)) is is_configured


async def test_key_that_cannot_be_one(plugin_context: MakeContext) -> None:
    with pytest.raises(ProviderAuthError, match="characters") as caught:
        await ask(plugin_context(secret("sk-\u05d0secret")))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("base_url", ["", "not a url", "ftp://127.0.0.1", "http://[::1/"])
async def test_base_url_that_is_none(base_url: str, plugin_context: MakeContext) -> None:
    with pytest.raises((ProviderRequestError, ProviderUnavailable), match="base URL"):
        await ask(plugin_context(ClaudeSettings(base_url=base_url)))


async def test_nobody_listens(plugin_context: MakeContext, unused_tcp_port: int) -> None:
    with pytest.raises(ProviderUnavailable, match="no connection") as caught:
        await ask(plugin_context(ClaudeSettings(base_url=f"http://127.0.0.1:{unused_tcp_port}")))
    assert caught.value.retryable


@pytest.mark.parametrize("hold_after", [0, 20])
async def test_server_that_falls_silent_is_a_timeout(
    hold_after: int, replay: Replay, plugin_context: MakeContext
) -> None:
    server = await replay([ANSWER], hold_after=hold_after)
    context = plugin_context(ClaudeSettings(base_url=server.url))
    with pytest.raises(ProviderTimeout):
        await ask(context, asking(timeout_s=0.2))


async def test_connection_serves_the_next_call(replay: Replay, plugin_context: MakeContext) -> None:
    server = await replay([ANSWER] * 3)
    context = plugin_context(ClaudeSettings(base_url=server.url))
    for _ in range(3):
        assert (await ask(context)).text == "Hi"
    assert len({request.peer_port for request in server.requests}) == 1
