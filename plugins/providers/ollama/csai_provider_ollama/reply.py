"""Decodes a streamed answer: bytes in, text out, and the reply at the end.

Measured against the SDK's own iterator in the README.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from csai_sdk import LineReader, ModelReply, ProviderProtocolError, ToolCall, Usage
from csai_sdk.provider import StopReason

from csai_provider_ollama import failure
from csai_provider_ollama.scanner import CallScanner
from csai_provider_ollama.written_call import new_call

_MAX_ANSWER_BYTES = 16_000_000


class ReplyDecoder:
    """Reads one answer. `written_tools` names the tools whose calls may stand in the text, None: none may.

    With `may_call` false the calls that a model makes all the same are dropped.
    """

    def __init__(self, model: str, *, written_tools: Collection[str] | None, may_call: bool) -> None:
        self.is_done = False
        self._model = model
        self._may_call = may_call
        self._scanner = None if written_tools is None else CallScanner(written_tools)
        self._lines = LineReader()
        self._size_bytes = 0
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._calls: list[ToolCall] = []
        self._last: dict[str, Any] = {}

    def feed(self, chunk: bytes) -> str:
        """The text in these bytes; raises `ProviderError` for an error told in them."""
        self._size_bytes += len(chunk)
        if self._size_bytes > _MAX_ANSWER_BYTES:
            raise ProviderProtocolError("Ollama's answer is larger than any answer can be.")
        return self._decode(self._lines.feed(chunk))

    def finish(self) -> str:
        """The text in a last line without its end; raises when the answer was cut before its last event."""
        text = self._decode(self._lines.finish())
        if not self.is_done:
            raise ProviderProtocolError("Ollama's answer was cut before its last event.")
        return text

    def reply(self) -> ModelReply:
        written = self._scanner.calls if self._scanner else []
        calls = (*self._calls, *written) if self._may_call else ()
        thinking = "".join(self._thinking)
        return ModelReply(
            text="".join(self._text),
            stop_reason=self._stop_reason(has_calls=bool(calls)),
            usage=self._usage(),
            model=str(self._last.get("model") or self._model),
            tool_calls=calls,
            # Worth giving back only where the turn goes on.
            reasoning=({"thinking": thinking},) if thinking and calls else (),
        )

    def _decode(self, lines: list[bytes]) -> str:
        text = "".join([self._take(_parsed(line)) for line in lines if not self.is_done])
        if self._scanner:
            text = self._scanner.feed(text)
            if self.is_done:
                text += self._scanner.finish()
        if text:
            self._text.append(text)
        return text

    def _take(self, event: dict[str, Any]) -> str:
        if error := event.get("error"):
            raise failure.in_stream(str(error), model=self._model)
        if event.get("done"):
            self.is_done = True
            self._last = event
        message = event.get("message")
        if not isinstance(message, dict):
            return ""
        if thinking := message.get("thinking"):
            self._thinking.append(str(thinking))
        for call in message.get("tool_calls") or ():
            self._calls.append(_native_call(call, taken={known.id for known in self._calls}))
        content = message.get("content") or ""
        if not isinstance(content, str):
            raise ProviderProtocolError("Ollama sent content that is no text.")
        return content

    def _stop_reason(self, *, has_calls: bool) -> StopReason:
        match self._last.get("done_reason"):
            case "length":
                return "max_tokens"
            case "stop" | None:
                return "tool_calls" if has_calls else "end"
            case _:
                return "tool_calls" if has_calls else "other"

    def _usage(self) -> Usage | None:
        tokens_input, tokens_output = self._last.get("prompt_eval_count"), self._last.get("eval_count")
        if not isinstance(tokens_input, int) or not isinstance(tokens_output, int):
            # Ollama leaves a count out rather than saying 0: half a report is none.
            return None
        return Usage(tokens_input=tokens_input, tokens_output=tokens_output)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
        if b"\\ud" in line or b"\\uD" in line:
            json.dumps(event, ensure_ascii=False).encode()  # Half a surrogate pair is no text.
    except (ValueError, RecursionError) as error:
        raise ProviderProtocolError("Ollama sent a line that is no JSON.") from error
    if not isinstance(event, dict):
        raise ProviderProtocolError("Ollama sent a line that is no event.")
    return event


def _native_call(call: Any, *, taken: Collection[str]) -> ToolCall:
    function = call.get("function") if isinstance(call, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str):
        raise ProviderProtocolError("Ollama sent a tool call without a name.")
    call_id = call.get("id")
    is_usable = isinstance(call_id, str) and call_id not in taken
    return new_call(name, function.get("arguments"), call_id=call_id if is_usable else "")
