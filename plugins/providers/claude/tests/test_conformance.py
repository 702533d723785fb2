"""The claude plugin keeps what the SDK asks of providers."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from csai_sdk import CsaiError, ProviderContextTooLong, ProviderQuotaExceeded, Usage
from csai_testkit.conformance import ProviderSuite
from csai_testkit.replay import Exchange

PATH = "/v1/messages"


def message(*blocks: Mapping[str, Any], deltas: Sequence[Mapping[str, Any]], stop: str) -> list[Exchange]:
    """Anthropic's events of a message with one block."""
    (block,) = blocks
    start = {"id": "m", "model": "claude-x", "usage": {"input_tokens": 7, "output_tokens": 1}}
    return [
        Exchange.of_events(
            PATH,
            [
                {"type": "message_start", "message": start},
                {"type": "content_block_start", "index": 0, "content_block": block},
                *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 3}},
                {"type": "message_stop"},
            ],
        )
    ]


def refusal(status: int, kind: str, said: str) -> Exchange:
    return Exchange.of_json(PATH, {"type": "error", "error": {"type": kind, "message": said}}, status=status)


class TestClaude(ProviderSuite):
    plugin = "csai_provider_claude"
    capabilities = ("tools", "usage")
    usage = Usage(tokens_input=7, tokens_output=3)
    live_env = ("ANTHROPIC_API_KEY",)

    def answer(self, text: str) -> Sequence[Exchange]:
        deltas = [{"type": "text_delta", "text": said} for said in ("You said: ", text)]
        return message({"type": "text", "text": ""}, deltas=deltas, stop="end_turn")

    def tool_answer(self, name: str, arguments: Mapping[str, Any]) -> Sequence[Exchange]:
        block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": json.dumps(arguments)}]
        return message(block, deltas=deltas, stop="tool_use")

    def failures(self) -> Sequence[tuple[Exchange, type[CsaiError]]]:
        return [
            (refusal(400, "invalid_request_error", "prompt is too long: 9 > 8"), ProviderContextTooLong),
            (refusal(400, "invalid_request_error", "Your credit balance is too low"), ProviderQuotaExceeded),
            (refusal(402, "billing_error", "pay"), ProviderQuotaExceeded),
        ]
