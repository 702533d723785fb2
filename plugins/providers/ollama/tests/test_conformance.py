"""The ollama plugin keeps what the SDK asks of providers."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from csai_sdk import CsaiError, ProviderContextTooLong, ProviderRequestError, Usage
from csai_testkit.conformance import ProviderSuite
from csai_testkit.replay import Exchange

PATH = "/api/chat"


def chat(*messages: Mapping[str, Any]) -> list[Exchange]:
    """Ollama's lines of one answer."""
    lines: list[Mapping[str, Any]] = [
        {"model": "llama3.2", "message": {"role": "assistant", "content": "", **each}, "done": False}
        for each in messages
    ]
    end = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    lines.append({"model": "llama3.2", **end, "prompt_eval_count": 7, "eval_count": 3})
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return [Exchange("POST", PATH, 200, {"content-type": "application/x-ndjson"}, body)]


def refusal(status: int, said: str) -> Exchange:
    return Exchange.of_json(PATH, {"error": said}, status=status)


class TestOllama(ProviderSuite):
    plugin = "csai_provider_ollama"
    capabilities = ("tools", "usage", "embeddings")
    usage = Usage(tokens_input=7, tokens_output=3)
    embedding_usage = Usage(tokens_input=5)
    live_env = ("OLLAMA_HOST",)

    def answer(self, text: str) -> Sequence[Exchange]:
        return chat({"content": "You said: "}, {"content": text})

    def tool_answer(self, name: str, arguments: Mapping[str, Any]) -> Sequence[Exchange]:
        return chat({"tool_calls": [{"function": {"name": name, "arguments": dict(arguments)}}]})

    def embedding_answer(self, vectors: Sequence[Sequence[float]]) -> Sequence[Exchange]:
        answer = {"model": "nomic-embed-text", "embeddings": vectors, "prompt_eval_count": 5}
        return [Exchange.of_json("/api/embed", answer)]

    def failures(self) -> Sequence[tuple[Exchange, type[CsaiError]]]:
        return [
            (refusal(404, "model 'llama3.2' not found"), ProviderRequestError),
            (refusal(500, "the prompt is longer than the context window"), ProviderContextTooLong),
        ]
