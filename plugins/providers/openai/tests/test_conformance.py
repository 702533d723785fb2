"""The openai plugin keeps what the SDK asks of providers."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from csai_sdk import CsaiError, ProviderContextTooLong, ProviderQuotaExceeded, Usage
from csai_testkit.conformance import ProviderSuite
from csai_testkit.replay import Exchange

PATH = "/chat/completions"


def completion(*deltas: Mapping[str, Any], stop: str) -> list[Exchange]:
    """OpenAI's events of one completion."""
    chunks = [{"model": "m-1", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    end = {"model": "m-1", "choices": [{"index": 0, "delta": {}, "finish_reason": stop}]}
    usage = {"model": "m-1", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
    return [Exchange.of_events(PATH, [*chunks, end, usage, "[DONE]"])]


def refusal(status: int, code: str) -> Exchange:
    return Exchange.of_json(PATH, {"error": {"message": "no", "type": "x", "code": code}}, status=status)


class TestOpenAI(ProviderSuite):
    plugin = "csai_provider_openai"
    capabilities = ("tools", "usage", "embeddings")
    usage = Usage(tokens_input=7, tokens_output=3)
    embedding_usage = Usage(tokens_input=5)
    live_env = ("OPENAI_API_KEY",)

    def answer(self, text: str) -> Sequence[Exchange]:
        return completion({"content": "You said: "}, {"content": text}, stop="stop")

    def tool_answer(self, name: str, arguments: Mapping[str, Any]) -> Sequence[Exchange]:
        function = {"name": name, "arguments": json.dumps(arguments)}
        call = {"index": 0, "id": "call_1", "type": "function", "function": function}
        return completion({"tool_calls": [call]}, stop="tool_calls")

    def embedding_answer(self, vectors: Sequence[Sequence[float]]) -> Sequence[Exchange]:
        data = [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(vectors)
        ]
        # Each says its place; nothing is said of the order in which they come.
        data.reverse()
        usage = {"prompt_tokens": 5, "total_tokens": 5}
        answer = {"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage}
        return [Exchange.of_json("/embeddings", answer)]

    def failures(self) -> Sequence[tuple[Exchange, type[CsaiError]]]:
        return [
            (refusal(400, "context_length_exceeded"), ProviderContextTooLong),
            (refusal(429, "insufficient_quota"), ProviderQuotaExceeded),
        ]
