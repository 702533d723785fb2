"""What an OpenAI-compatible server is sent, and by which connection."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from csai_provider_openai import OpenAIProvider, OpenAISettings, register_providers, register_settings
from csai_provider_openai.models import traits_of
from csai_provider_openai.request import body_of
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
    "/chat/completions",
    [{"model": "m", "choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}, "[DONE]"],
)
SPEC = ToolSpec("find", "Find it.", {"type": "object", "properties": {"q": {"type": "string"}}})


def asking(*messages: Any, **more: Any) -> ModelRequest:
    request: dict[str, Any] = {"model": "gpt-4.1", "system": "Be kind.", **more}
    return ModelRequest(messages=messages or [UserMessage("hi")], **request)


def secret(key: str, **more: Any) -> OpenAISettings:
    return OpenAISettings.model_validate({"api_key": key, **more})


async def ask(context: PluginContext, request: ModelRequest | None = None) -> ModelReply:
    *_, reply = [part async for part in OpenAIProvider().stream(request or asking(), context)]
    assert isinstance(reply, ModelReply)
    return reply


def test_plugin_registers_its_settings_and_provider() -> None:
    (provider,) = register_providers()
    assert (provider.id, register_settings()) == ("openai", OpenAISettings)
    for field in OpenAISettings.model_fields.values():
        assert field.title
        assert field.description


def test_body_of_a_whole_turn() -> None:
    calls = (ToolCall("c1", "find", {"q": "א"}), ToolCall("c2", "find", None, "{oops"))
    results = (ToolResult("c1", "find", "found"), ToolResult("c2", "find", "bad", is_error=True))
    body = body_of(
        asking(
            UserMessage("one"),
            AssistantMessage(""),
            UserMessage("two"),
            AssistantMessage("", calls, ({"type": "thinking"},), "claude"),
            ToolMessage(results),
            AssistantMessage("answer"),
            UserMessage("three"),
            tools=[SPEC],
            tool_choice="none",
        ),
        OpenAISettings(),
    )
    assert body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "one\n\ntwo"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q": "א"}'}},
                {"id": "c2", "type": "function", "function": {"name": "find", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "found"},
        {"role": "tool", "tool_call_id": "c2", "content": "bad"},
        {"role": "assistant", "content": "answer"},
        {"role": "user", "content": "three"},
    ]
    assert body["tools"][0]["function"]["parameters"] == SPEC.parameters_schema
    assert body["tool_choice"] == "none"
    assert body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("model", "base_url", "cap", "takes_temperature"),
    [
        ("gpt-4.1", "https://api.openai.com/v1", "max_completion_tokens", True),
        ("gpt-4.1", "https://eu.api.openai.com/v1", "max_completion_tokens", True),
        ("gpt-5-chat-latest", "https://api.openai.com/v1", "max_completion_tokens", True),
        ("gpt-5.4-mini", "https://api.openai.com/v1", "max_completion_tokens", False),
        ("gpt-6-luna", "https://api.openai.com/v1", "max_completion_tokens", False),
        ("o4-mini", "https://api.openai.com/v1", "max_completion_tokens", False),
        ("openai/o3", "https://proxy.example/v1", "max_completion_tokens", False),
        ("gpt-4o", "https://api.openai.com.evil.example/v1", "max_tokens", True),
        ("openai/gpt-oss-120b", "http://127.0.0.1:8000/v1", "max_tokens", True),
        ("llama-3.3-70b", "http://127.0.0.1:8000/v1", "max_tokens", True),
    ],
)
def test_limit_and_temperature_fit_model_and_server(
    model: str, base_url: str, cap: str, takes_temperature: bool
) -> None:
    body = body_of(asking(model=model), OpenAISettings(base_url=base_url))
    caps = {"max_completion_tokens", "max_tokens"}
    assert caps.intersection(body) == {cap}
    assert ("temperature" in body) is takes_temperature is traits_of(model).takes_temperature


def test_settings_shape_the_body() -> None:
    settings = OpenAISettings(
        output_cap="max_tokens", reports_usage=False, reasoning_effort="low", model="my-model"
    )
    body = body_of(asking(model="", temperature=None), settings)
    assert (body["model"], body["max_tokens"], body["reasoning_effort"]) == ("my-model", 2048, "low")
    assert {"stream_options", "temperature", "tools", "tool_choice"}.isdisjoint(body)


async def test_request_carries_key_and_body(replay: Replay, plugin_context: MakeContext) -> None:
    server = await replay([replace(ANSWER, path=f"/v1{ANSWER.path}")])
    await ask(plugin_context(secret(" sk-op ", base_url=f"{server.url}/v1", organization="org", project="p")))
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer sk-op"
    assert (request.headers["openai-organization"], request.headers["openai-project"]) == ("org", "p")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.json["stream"] is True


async def test_operators_secrets_stay_away_from_an_address_of_the_clients(
    replay: Replay, plugin_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID"):
        monkeypatch.setenv(f"OPENAI_{name}", "sk-operator")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-gateway: sk-operator")
    server = await replay([ANSWER])
    transports = PlainTransports()
    settings = secret("sk-operator", base_url=server.url, organization="sk-operator", project="sk-operator")
    await ask(plugin_context(settings, client_set={"base_url"}, transports=transports))
    assert "sk-operator" not in str(server.requests[0].headers)
    assert transports.asked == [False]


async def test_clients_key_goes_without_the_operators_organization(
    replay: Replay, plugin_context: MakeContext
) -> None:
    server = await replay([ANSWER])
    transports = PlainTransports()
    settings = secret("sk-client", base_url=server.url, organization="org-operator")
    await ask(plugin_context(settings, client_set={"api_key"}, transports=transports))
    assert server.requests[0].headers["authorization"] == "Bearer sk-client"
    assert "org-operator" not in str(server.requests[0].headers)
    assert transports.asked == [True]


@pytest.mark.parametrize(
    ("settings", "client_set", "is_configured"),
    [
        (OpenAISettings(), (), False),
        (secret("sk"), (), True),
        (OpenAISettings(base_url="http://127.0.0.1:1/v1"), (), True),
        (secret("sk\n\u05d0"), (), True),
    ],
)
def test_configured_with_a_key_or_a_server_of_ones_own(
    settings: OpenAISettings, client_set: tuple[str, ...], is_configured: bool, plugin_context: MakeContext
) -> None:
    assert OpenAIProvider().is_configured(plugin_context(settings, client_set=client_set)) is is_configured


async def test_key_that_cannot_be_one(plugin_context: MakeContext) -> None:
    with pytest.raises(ProviderAuthError, match="characters") as caught:
        await ask(plugin_context(secret("sk-\u05d0secret")))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("base_url", ["", "not a url", "ftp://127.0.0.1/v1", "http://[::1/v1"])
async def test_base_url_that_is_none(base_url: str, plugin_context: MakeContext) -> None:
    with pytest.raises((ProviderRequestError, ProviderUnavailable), match="base URL"):
        await ask(plugin_context(OpenAISettings(base_url=base_url)))


async def test_nobody_listens(plugin_context: MakeContext, unused_tcp_port: int) -> None:
    with pytest.raises(ProviderUnavailable, match="no connection") as caught:
        await ask(plugin_context(OpenAISettings(base_url=f"http://127.0.0.1:{unused_tcp_port}")))
    assert caught.value.retryable


@pytest.mark.parametrize("hold_after", [0, 20])
async def test_server_that_falls_silent_is_a_timeout(
    hold_after: int, replay: Replay, plugin_context: MakeContext
) -> None:
    server = await replay([ANSWER], hold_after=hold_after)
    context = plugin_context(OpenAISettings(base_url=server.url))
    with pytest.raises(ProviderTimeout):
        await ask(context, asking(timeout_s=0.2))


async def test_connection_serves_the_next_call(replay: Replay, plugin_context: MakeContext) -> None:
    server = await replay([ANSWER] * 3)
    context = plugin_context(OpenAISettings(base_url=server.url))
    for _ in range(3):
        assert (await ask(context)).text == "Hi"
    assert len({request.peer_port for request in server.requests}) == 1


async def test_half_a_surrogate_pair_does_not_end_the_turn(
    replay: Replay, plugin_context: MakeContext
) -> None:
    server = await replay([ANSWER])
    await ask(plugin_context(OpenAISettings(base_url=server.url)), asking(UserMessage("a\ud83d")))
    assert server.requests[0].json["messages"][-1]["content"] == "a?"
