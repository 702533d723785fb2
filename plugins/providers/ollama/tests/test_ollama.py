"""The provider against a small server that speaks Ollama's API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from csai_provider_ollama import OllamaProvider, OllamaSettings, register_providers, register_settings
from csai_sdk import (
    AssistantMessage,
    ModelReply,
    ModelRequest,
    ProviderUnavailable,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolSpec,
    Usage,
)
from csai_testkit.context import PlainTransports, make_context
from csai_testkit.replay import Exchange, ReplayServer
from pydantic import SecretStr, ValidationError

from plugins.providers.ollama.tests.server import ASK, DONE, at, collect, says, streams

STOCK = ToolSpec(
    name="check_inventory",
    description="Tell whether a product is in stock.",
    parameters_schema={
        "type": "object",
        "$defs": {"Size": {"enum": ["s", "l"]}},
        "properties": {
            "product": {"type": "string", "minLength": 1},
            "size": {"anyOf": [{"$ref": "#/$defs/Size"}, {"type": "null"}]},
        },
        "required": ["product"],
        "additionalProperties": False,
    },
    is_read_only=True,
)
ASK_WITH_TOOL = replace(ASK, tools=(STOCK,))


async def ask(
    exchanges: Sequence[Exchange],
    request: ModelRequest = ASK,
    *,
    split: Any = "event",
    client_set: frozenset[str] = frozenset(),
    **settings: Any,
) -> tuple[list[str], ModelReply, list[Any]]:
    async with ReplayServer(exchanges, split=split) as server:
        async with at(server.url, client_set=client_set, **settings) as context:
            chunks, reply = await collect(request, context)
        return chunks, reply, list(server.requests)


def test_the_plugin_brings_one_provider_and_its_settings() -> None:
    assert [provider.id for provider in register_providers()] == ["ollama"]
    assert register_settings() is OllamaSettings
    traits = OllamaProvider().traits("qwen3")
    assert traits.price_provider is None
    assert not traits.has_tool_choice_none


def test_it_counts_as_configured_only_with_an_address() -> None:
    provider = OllamaProvider()
    assert not provider.is_configured(make_context(settings=OllamaSettings(), plugin="ollama"))
    assert provider.is_configured(make_context(settings=OllamaSettings(base_url="gpu"), plugin="ollama"))


@pytest.mark.parametrize(
    "address",
    ["", "gpu", "gpu:1234", ":1234", "http://gpu", "https://gpu:8443/ollama", "[::1]:11434", "1.2.3.4"],
)
def test_addresses_that_ollama_accepts_are_accepted(address: str) -> None:
    assert OllamaSettings(base_url=f" {address} ").base_url == address


@pytest.mark.parametrize(
    "address", ["ftp://gpu", "http://user:pass@gpu", "http://gpu/?a=b", "http://", "gpu:port"]
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        _ = OllamaSettings(base_url=address).base_url


async def test_an_address_without_scheme_reaches_the_server() -> None:
    async with (
        ReplayServer([streams(says("Hi"), DONE)]) as server,
        at(server.url.removeprefix("http://")) as context,
    ):
        _, reply = await collect(ASK, context)
    assert reply.text == "Hi"


async def test_text_usage_and_model_come_as_reported() -> None:
    chunks, reply, _ = await ask([streams(says("Blue "), says("kettles: 4"), DONE)])
    assert chunks == ["Blue ", "kettles: 4"]
    assert reply == ModelReply("Blue kettles: 4", "end", Usage(11, 5), "qwen3")


@pytest.mark.parametrize("missing", ["prompt_eval_count", "eval_count"])
async def test_half_a_usage_report_counts_as_none(missing: str) -> None:
    event = {key: value for key, value in DONE.items() if key != missing}
    _, reply, _ = await ask([streams(says("Hi"), event)])
    assert reply.usage is None


@pytest.mark.parametrize(("reason", "stop"), [("stop", "end"), ("length", "max_tokens"), ("load", "other")])
async def test_the_done_reason_becomes_the_stop_reason(reason: str, stop: str) -> None:
    _, reply, _ = await ask([streams(says("Hi"), {**DONE, "done_reason": reason})])
    assert reply.stop_reason == stop


async def test_thinking_is_kept_out_of_the_text_and_goes_back_only_with_the_calls_it_led_to() -> None:
    call = {"function": {"name": "check_inventory", "arguments": {"product": "kettle"}}}
    _, reply, _ = await ask([streams(says(thinking="Let me "), says(thinking="look"), says("Hi"), DONE)])
    assert (reply.text, reply.reasoning) == ("Hi", ())
    _, reply, _ = await ask(
        [streams(says(thinking="Let me look"), says(tool_calls=[call]), DONE)], ASK_WITH_TOOL
    )
    assert reply.reasoning == ({"thinking": "Let me look"},)
    history = (
        *ASK.messages,
        AssistantMessage("", reply.tool_calls, reply.reasoning, provider="ollama"),
        ToolMessage((ToolResult(reply.tool_calls[0].id, "check_inventory", '{"stock": 4}'),)),
    )
    _, _, requests = await ask([streams(says("4"), DONE)], replace(ASK_WITH_TOOL, messages=history))
    assert requests[0].json["messages"][2]["thinking"] == "Let me look"


async def test_the_request_holds_what_the_caller_and_the_settings_say() -> None:
    request = replace(ASK_WITH_TOOL, max_output_tokens=99, temperature=0.1)
    _, _, (seen,) = await ask(
        [streams(says("Hi"), DONE)],
        request,
        num_ctx=8192,
        keep_alive="-1",
        options={"seed": 7, "temperature": 2, "num_predict": 1},
        api_key=SecretStr("secret"),
    )
    assert seen.path == "/api/chat"
    assert seen.headers["authorization"] == "Bearer secret"
    assert seen.json == {
        "model": "qwen3",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Any blue kettles?"},
        ],
        "stream": True,
        "options": {"seed": 7, "temperature": 0.1, "num_predict": 99, "num_ctx": 8192},
        "keep_alive": -1,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "check_inventory",
                    "description": "Tell whether a product is in stock.",
                    "parameters": dict(STOCK.parameters_schema),
                },
            }
        ],
    }


async def test_no_temperature_is_sent_where_the_client_left_it_to_the_vendor() -> None:
    _, _, (seen,) = await ask([streams(says("Hi"), DONE)], replace(ASK, temperature=None))
    assert "temperature" not in seen.json["options"]


async def test_the_model_is_the_requests_then_the_settings_then_the_default() -> None:
    unnamed = replace(ASK, model="")
    _, _, (seen,) = await ask([streams(says("Hi"), DONE)], unnamed, model="gemma")
    assert seen.json["model"] == "gemma"
    _, _, (seen,) = await ask([streams(says("Hi"), DONE)], unnamed)
    assert seen.json["model"] == OllamaProvider.default_model


async def test_the_operators_key_is_never_sent_to_an_address_a_client_has_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "from-the-environment")
    answer = [streams(says("Hi"), DONE)]
    key = SecretStr("operators")
    _, _, (seen,) = await ask(answer, api_key=key, client_set=frozenset({"base_url"}))
    assert "authorization" not in seen.headers
    _, _, (seen,) = await ask(answer)
    assert "authorization" not in seen.headers
    _, _, (seen,) = await ask(answer, api_key=key, client_set=frozenset({"base_url", "api_key"}))
    assert seen.headers["authorization"] == "Bearer operators"


@pytest.mark.parametrize("client_set", [frozenset(), frozenset({"base_url"})])
async def test_an_address_a_client_has_set_is_sent_through_the_guard(client_set: frozenset[str]) -> None:
    async with at("127.0.0.1:1", client_set=client_set) as context:
        with pytest.raises(ProviderUnavailable):
            await collect(ASK, context)
        transports = context.transports
    assert isinstance(transports, PlainTransports)
    assert transports.asked == [not client_set]


async def test_native_calls_keep_their_ids_or_get_unique_ones() -> None:
    function = {"name": "check_inventory", "arguments": {"product": "kettle"}}
    calls = [{"id": "a", "function": function}, {"id": "a", "function": function}, {"function": function}]
    _, reply, _ = await ask(
        [streams(says(tool_calls=calls[:2]), says(tool_calls=calls[2:]), DONE)], ASK_WITH_TOOL
    )
    assert reply.stop_reason == "tool_calls"
    assert reply.tool_calls[0].id == "a"
    assert len({call.id for call in reply.tool_calls}) == 3
    assert all(call.arguments == {"product": "kettle"} for call in reply.tool_calls)


@pytest.mark.parametrize(
    ("arguments", "expected", "raw"),
    [
        (None, {}, ""),
        ('{"product": "mug"}', {"product": "mug"}, '{"product": "mug"}'),
        ("{product}", None, "{product}"),
        ([1], None, "[1]"),
    ],
)
async def test_arguments_that_are_no_object_are_handed_on_as_written(
    arguments: Any, expected: Any, raw: str
) -> None:
    call = {"function": {"name": "check_inventory", "arguments": arguments}}
    _, reply, _ = await ask([streams(says(tool_calls=[call]), DONE)], ASK_WITH_TOOL)
    assert (reply.tool_calls[0].arguments, reply.tool_calls[0].raw_arguments) == (expected, raw)


async def test_tool_rounds_are_sent_back_in_ollamas_form() -> None:
    history = (
        *ASK.messages,
        AssistantMessage(
            "", (ToolCall("a", "check_inventory", {"product": "mug"}), ToolCall("b", "x", None, "{"))
        ),
        ToolMessage(
            (
                ToolResult("a", "check_inventory", '{"stock": 4}'),
                ToolResult("b", "x", "no such tool", is_error=True),
            )
        ),
    )
    _, _, (seen,) = await ask([streams(says("4"), DONE)], replace(ASK_WITH_TOOL, messages=history))
    assert seen.json["messages"][2:] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "a", "function": {"name": "check_inventory", "arguments": {"product": "mug"}}},
                {"id": "b", "function": {"name": "x", "arguments": {}}},
            ],
        },
        {"role": "tool", "tool_name": "check_inventory", "tool_call_id": "a", "content": '{"stock": 4}'},
        {"role": "tool", "tool_name": "x", "tool_call_id": "b", "content": "Error: no such tool"},
    ]


async def test_a_closing_answer_declares_no_tools_and_drops_calls_made_all_the_same() -> None:
    call = {"function": {"name": "check_inventory", "arguments": {}}}
    events = streams(says("Four left."), says(tool_calls=[call]), DONE)
    _, reply, (seen,) = await ask([events], replace(ASK_WITH_TOOL, tool_choice="none"))
    assert "tools" not in seen.json
    assert (reply.text, reply.tool_calls, reply.stop_reason) == ("Four left.", (), "end")


async def test_one_client_keeps_one_http_client() -> None:
    async with ReplayServer([streams(says("Hi"), DONE)] * 2) as server, at(server.url) as context:
        await collect(ASK, context)
        kept = context.resource("connection", object)
        await collect(ASK, context)
        assert context.resource("connection", object) is kept
