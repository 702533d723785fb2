"""The lean decoder of a message: raw bytes in, text out, the whole reply at the end.

The SDK builds a pydantic object for every event, at several times the cost of everything else here.
Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from csai_sdk import ModelReply, ProviderError, ProviderProtocolError, SseReader, ToolCall, Usage
from csai_sdk.provider import StopReason
from jiter import from_json

from csai_provider_claude.failure import error_in_body

_MAX_BYTES = 16_000_000
_NO_MESSAGE = "the answer is no message"
# What taking a value of the wrong shape for a message's part raises, JSON errors included.
_MISSHAPEN = (AttributeError, LookupError, TypeError, ValueError)
_STOP_REASONS: Mapping[str, StopReason] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "tool_use": "tool_calls",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "refusal": "refusal",
}
_REASONING = ("thinking", "redacted_thinking")


@dataclass(slots=True)
class _Block:
    """A content block as it began, and what has been written of a tool's input since."""

    start: dict[str, Any]
    written: list[str] = field(default_factory=list)

    def call(self) -> ToolCall:
        written = "".join(self.written)
        arguments = self.start.get("input") or {}
        if written.strip():
            arguments = _object(written)
        return ToolCall(str(self.start["id"]), str(self.start["name"]), arguments, written)


class MessageDecoder:
    """Decodes one answer, a stream or a plain JSON message: which of the two, its first byte tells.

    Blocks, deltas and events of unknown types are passed over, as Anthropic's versioning policy asks.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._sse = SseReader()
        self._text: list[str] = []
        self._blocks: dict[int, _Block] = {}
        self._usage: dict[str, int] = {}
        self._stop_reason: str | None = None
        self._is_done = False
        self._failure: ProviderError | None = None
        self._is_plain: bool | None = None
        self._plain = bytearray()
        self._size = 0
        self._readers: Mapping[str, Callable[[dict[str, Any]], str]] = {
            "content_block_delta": self._read_delta,
            "content_block_start": self._read_start,
            "message_start": self._read_message_start,
            "message_delta": self._read_message_delta,
            "message_stop": self._read_message_stop,
            "error": self._read_error,
        }

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to be read: the server has said so, or has failed."""
        return self._is_done or self._failure is not None

    def feed(self, chunk: bytes) -> str:
        """Take the bytes of one network read; returns the text in them, maybe none."""
        self._size += len(chunk)
        if self._size > _MAX_BYTES:
            raise ProviderProtocolError("the answer is larger than any message")
        if self._is_plain is not False and self._holds_back(chunk):
            return ""
        if self._plain:
            chunk, self._plain = bytes(self._plain), bytearray()
        texts: list[str] = []
        try:
            for data in self._sse.feed(chunk):
                texts.append(self._read_event(data))  # noqa: PERF401 - what came before an error counts
        except _MISSHAPEN:
            self._fail(ProviderProtocolError(_NO_MESSAGE), texts)
        except ProviderError as error:
            self._fail(error, texts)
        if not (text := texts[0] if len(texts) == 1 else "".join(texts)):
            return ""
        self._text.append(text)
        return text

    def finish(self) -> str:
        """The body has ended; returns the text that was held back until now."""
        if self._is_plain is False:
            # The last event may lack its blank line.
            return self.feed(b"\n\n") if self._sse.has_partial else ""
        if not self._plain:
            raise ProviderProtocolError("the answer is empty")
        try:
            text = self._read_message(from_json(bytes(self._plain)))
        except _MISSHAPEN:
            raise ProviderProtocolError(_NO_MESSAGE) from None
        self._text.append(text)
        return text

    def reply(self) -> ModelReply:
        """The whole reply. Raises `ProviderProtocolError` when the answer was cut short."""
        if self._failure is not None:
            raise self._failure
        if not self._is_done or self._stop_reason is None:
            raise ProviderProtocolError("the answer was cut short")
        blocks = [self._blocks[index] for index in sorted(self._blocks)]
        try:
            calls = tuple(block.call() for block in blocks if block.start["type"] == "tool_use")
        except _MISSHAPEN:
            raise ProviderProtocolError("the answer holds a tool call without id or name") from None
        return ModelReply(
            text="".join(self._text),
            stop_reason=_STOP_REASONS.get(self._stop_reason, "other"),
            usage=self._total_usage(),
            model=self._model,
            tool_calls=calls,
            reasoning=tuple(block.start for block in blocks if block.start["type"] in _REASONING),
        )

    def _fail(self, error: ProviderError, texts: Sequence[str]) -> None:
        """Raise the error, or keep it until the text that came with it has been passed on, as it is paid."""
        if not any(texts):
            raise error from None
        self._failure = error

    def _holds_back(self, chunk: bytes) -> bool:
        self._plain += chunk
        if self._is_plain is None and (start := self._plain.lstrip()):
            self._is_plain = start.startswith((b"{", b"[", b"<"))
        return self._is_plain is not False

    def _read_event(self, data: bytes) -> str:
        event = from_json(data, cache_mode="keys")
        reader = self._readers.get(event["type"])
        return reader(event) if reader and not self._is_done else ""

    def _read_delta(self, event: dict[str, Any]) -> str:
        block, delta = self._blocks[event["index"]], event["delta"]
        match block.start["type"], delta["type"]:
            case "text", "text_delta":
                text: str = delta["text"]
                return text
            case "tool_use", "input_json_delta":
                block.written.append(delta["partial_json"])
            case "thinking", "thinking_delta":
                block.start["thinking"] += delta["thinking"]
            case "thinking", "signature_delta":
                block.start["signature"] = delta["signature"]
        return ""

    def _read_start(self, event: dict[str, Any]) -> str:
        block = event["content_block"]
        self._blocks[event["index"]] = _Block(block)
        return str(block.get("text") or "") if block["type"] == "text" else ""

    def _read_message_start(self, event: dict[str, Any]) -> str:
        message = event["message"]
        self._model = str(message.get("model") or self._model)
        self._count(message.get("usage"))
        return ""

    def _read_message_delta(self, event: dict[str, Any]) -> str:
        self._stop_reason = event["delta"].get("stop_reason") or self._stop_reason
        self._count(event.get("usage"))
        return ""

    def _read_message_stop(self, event: dict[str, Any]) -> str:
        self._is_done = True
        return ""

    def _read_error(self, event: dict[str, Any]) -> str:
        raise error_in_body(event)

    def _read_message(self, message: dict[str, Any]) -> str:
        if message["type"] == "error":
            raise error_in_body(message)
        self._model = str(message.get("model") or self._model)
        self._blocks = {index: _Block(block) for index, block in enumerate(message["content"])}
        self._stop_reason = str(message["stop_reason"])
        self._count(message.get("usage"))
        self._is_done = True
        return "".join(block["text"] for block in message["content"] if block["type"] == "text")

    def _count(self, usage: dict[str, Any] | None) -> None:
        # Each report is the total so far, and leaves out what has not changed.
        for name, tokens in (usage or {}).items():
            if isinstance(tokens, int):
                self._usage[name] = tokens

    def _total_usage(self) -> Usage | None:
        if "output_tokens" not in self._usage:
            return None
        cache_read = self._usage.get("cache_read_input_tokens", 0)
        cache_write = self._usage.get("cache_creation_input_tokens", 0)
        return Usage(
            # Anthropic counts cached tokens beside `input_tokens`, not in it.
            tokens_input=self._usage.get("input_tokens", 0) + cache_read + cache_write,
            tokens_output=self._usage["output_tokens"],
            tokens_cache_read=cache_read,
            tokens_cache_write=cache_write,
        )


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = from_json(text.encode("utf-8", "surrogatepass"), allow_inf_nan=False)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
