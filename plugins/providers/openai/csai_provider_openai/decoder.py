"""The lean decoder of a chat completion: raw bytes in, text out, the whole reply at the end.

The SDK builds a pydantic object for every token, at several times the cost of everything else here.
Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from csai_sdk import ModelReply, ProviderError, ProviderProtocolError, SseReader, Usage
from csai_sdk.provider import StopReason
from jiter import from_json

from csai_provider_openai.calls import CallCollector
from csai_provider_openai.failure import error_in_body

_MAX_BYTES = 16_000_000
_NO_COMPLETION = "the answer is no chat completion"
# What taking a value of the wrong shape for a completion's part raises, JSON errors included.
_MISSHAPEN = (AttributeError, LookupError, TypeError, ValueError)
_STOP_REASONS: Mapping[str, StopReason] = {
    "stop": "end",
    "tool_calls": "tool_calls",
    "length": "max_tokens",
    "content_filter": "refusal",
}


class ChatDecoder:
    """Decodes one answer, a stream or a plain JSON body: which of the two, its first byte tells.

    Servers that ignore `stream` answer with a whole completion, and content types are not to be trusted.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._sse = SseReader()
        self._calls = CallCollector()
        self._text: list[str] = []
        self._usage: Usage | None = None
        self._finish_reason: str | None = None
        self._is_refused = False
        self._is_done = False
        self._failure: ProviderError | None = None
        self._is_plain: bool | None = None
        self._plain = bytearray()
        self._size = 0

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to be read: the server has said so, or has failed."""
        return self._is_done or self._failure is not None

    def feed(self, chunk: bytes) -> str:
        """Take the bytes of one network read; returns the text in them, maybe none."""
        self._size += len(chunk)
        if self._size > _MAX_BYTES:
            raise ProviderProtocolError("the answer is larger than any completion")
        if self._is_plain is not False and self._holds_back(chunk):
            return ""
        if self._plain:
            chunk, self._plain = bytes(self._plain), bytearray()
        texts: list[str] = []
        try:
            for data in self._sse.feed(chunk):
                texts.append(self._read_event(data))  # noqa: PERF401 - what came before an error counts
        except _MISSHAPEN:
            self._fail(ProviderProtocolError(_NO_COMPLETION), texts)
        except ProviderError as error:
            self._fail(error, texts)
        if not (text := texts[0] if len(texts) == 1 else "".join(texts)):
            return ""
        self._text.append(text)
        return text

    def finish(self) -> str:
        """The body has ended; returns the text that was held back until now."""
        if self._is_plain is False:
            # Some servers leave out the blank line after the last event.
            return self.feed(b"\n\n") if self._sse.has_partial else ""
        if not self._plain:
            raise ProviderProtocolError("the answer is empty")
        try:
            text = self._read_completion(bytes(self._plain))
        except _MISSHAPEN:
            raise ProviderProtocolError(_NO_COMPLETION) from None
        self._text.append(text)
        return text

    def reply(self) -> ModelReply:
        """The whole reply. Raises `ProviderProtocolError` when the answer was cut short."""
        if self._failure is not None:
            raise self._failure
        is_whole = self._is_done or self._usage is not None
        if self._finish_reason is None or not is_whole:
            raise ProviderProtocolError("the answer was cut short")
        try:
            calls = self._calls.finish()
        except ValueError as error:
            raise ProviderProtocolError(f"the answer holds {error}") from None
        return ModelReply(
            text="".join(self._text),
            stop_reason=self._stop_reason(bool(calls)),
            usage=self._usage,
            model=self._model,
            tool_calls=calls,
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
        if data == b"[DONE]":
            self._is_done = True
            return ""
        if self._is_done:
            return ""
        event = from_json(data, cache_mode="keys")
        choices = event.get("choices")
        if not choices or event.get("error"):
            self._read_rest(event)
            return ""
        choice = choices[0]
        if event.get("usage"):
            self._read_rest(event)
        if choice.get("finish_reason"):
            self._finish(choice["finish_reason"], event)
        delta = choice.get("delta")
        return self._read_message(delta) if delta else ""

    def _read_completion(self, body: bytes) -> str:
        completion = from_json(body)
        self._read_rest(completion)
        choice = completion["choices"][0]
        self._is_done = True
        self._finish(choice.get("finish_reason"), completion)
        return self._read_message(choice["message"])

    def _read_rest(self, event: dict[str, Any]) -> None:
        """What only few events hold: an error, the token counts."""
        if failure := error_in_body(event):
            raise failure
        if usage := event.get("usage"):
            self._usage = _usage(usage)

    def _finish(self, reason: Any, event: dict[str, Any]) -> None:
        if reason == "error":
            raise ProviderProtocolError("the server broke off with an error")
        self._finish_reason = str(reason)
        self._model = str(event.get("model") or self._model)

    def _read_message(self, message: dict[str, Any]) -> str:
        for piece in message.get("tool_calls") or ():
            self._calls.add(piece)
        content = message.get("content")
        if refusal := message.get("refusal"):
            self._is_refused = True
            return f"{_text(content)}{refusal}"
        return content if isinstance(content, str) else _text(content)

    def _stop_reason(self, has_calls: bool) -> StopReason:
        if self._is_refused:
            return "refusal"
        reason = _STOP_REASONS.get(self._finish_reason or "", "other")
        # Many servers say "stop" beside tool calls.
        return "tool_calls" if has_calls and reason in ("end", "other") else reason


def _text(content: Any) -> str:
    """Some servers answer with a list of parts, reasoning among them."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(
        str(part.get("text") or "")
        for part in content
        if isinstance(part, dict) and part.get("type") in ("text", "output_text")
    )


def _usage(usage: dict[str, Any]) -> Usage:
    details = usage.get("prompt_tokens_details") or {}
    # DeepSeek counts cache hits beside the details.
    cached = details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens")
    return Usage(
        tokens_input=int(usage.get("prompt_tokens") or 0),
        tokens_output=int(usage.get("completion_tokens") or 0),
        tokens_cache_read=int(cached or 0),
        tokens_cache_write=int(details.get("cache_write_tokens") or 0),
    )
