"""Providers: vendors of large language models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from csai_sdk.embedding import EmbeddingRequest, Embeddings, EmbeddingTraits
from csai_sdk.errors import ProviderRequestError
from csai_sdk.message import Message, ToolCall
from csai_sdk.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from csai_sdk.context import PluginContext
    from csai_sdk.tool import ToolSpec

StopReason = Literal["end", "tool_calls", "max_tokens", "refusal", "other"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of the client's knowledge that fits the question; `score` grows with relevance."""

    id: str
    title: str
    text: str
    url: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call of a model.

    `system` already holds the passages as marked data; `passages` repeats them for providers that have no
    model to read them. The first `steady_chars` characters of `system` stay the same for all questions of a
    client, and so do the tools: what a vendor's prompt cache can hold for all its visitors.
    `tool_choice` "none" means: tools are declared, but must not be called.
    `temperature` is None where the client left it to the vendor. `timeout_s` bounds the whole call.
    `is_fallback` is set when another vendor failed before this call.
    """

    model: str
    system: str
    messages: Sequence[Message]
    tools: Sequence[ToolSpec] = ()
    tool_choice: Literal["auto", "none"] = "auto"
    max_output_tokens: int = 2048
    temperature: float | None = 0.3
    timeout_s: float = 120.0
    passages: Sequence[Passage] = ()
    is_fallback: bool = False
    steady_chars: int = 0


@dataclass(frozen=True, slots=True)
class ModelReply:
    """The end of a model call: everything it said.

    `text` is the concatenation of the chunks streamed before it. `usage` is None when the vendor reported
    none (it is then booked as an estimate). `model` is the name the vendor answered with.
    """

    text: str
    stop_reason: StopReason
    usage: Usage | None
    model: str
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ModelTraits:
    """What a model can do, as data.

    `price_provider` is the vendor's id in genai-prices, or None where calls cost nothing. `can_write` is
    False where no language model stands behind it: it may quote and fill in, and is asked for no summary.
    """

    has_native_tools: bool = True
    has_tool_choice_none: bool = True
    takes_temperature: bool = True
    price_provider: str | None = None
    can_write: bool = True


class Provider(ABC):
    """An LLM vendor. One instance serves the whole process; all that differs by client comes in `ctx`.

    Keep vendor clients with `ctx.resource(...)` and build them on `ctx.transports`, so that every
    connection passes the installation's guard. Switch the vendor SDK's own retries off: the turn retries.
    Load a vendor SDK that is slow to import with `load_module`, in `warm_up` and again at the first call;
    `key_to_send` and `stream_answer` hold what is the same for every vendor behind HTTP.
    """

    id: str
    """Unique among providers; lower-case letters, digits, `-` and `_`."""

    default_model: str
    """Used where neither the client nor the plugin's settings name one."""

    default_embedding_model: str = ""
    """The same for `embed`; empty where the vendor has no embeddings, and `embed` is then never called."""

    def traits(self, model: str) -> ModelTraits:
        """What `model` can do. Called on every turn: no I/O."""
        return ModelTraits()

    def is_configured(self, ctx: PluginContext) -> bool:
        """Whether a call could be made at all (a key is there). No I/O."""
        return True

    async def warm_up(self) -> None:
        """Load what the first call would otherwise wait for, such as the vendor's SDK; may do nothing.

        Called in the background once the server has started, where the operator has configured this provider
        for the whole installation. What it raises is logged and harms nothing.
        """

    @abstractmethod
    def stream(self, request: ModelRequest, ctx: PluginContext) -> AsyncIterator[str | ModelReply]:
        """Call the model: an async generator of text chunks, closed by exactly one `ModelReply`.

        Chunks are non-empty and follow the vendor's reads; nothing needs to be held back. The generator is
        closed early when the visitor stops the turn: release the connection in `finally`.
        Raises `ProviderError`, before or between chunks. Anything else that is raised counts as a defect
        of the plugin and ends the attempt without a retry.
        """

    def embedding_traits(self, model: str) -> EmbeddingTraits:
        """What the embedding model can do. Called on every turn: no I/O."""
        return EmbeddingTraits()

    async def embed(self, request: EmbeddingRequest, ctx: PluginContext) -> Embeddings:
        """The vectors of the texts; without a call where there is no text.

        Raises `ProviderError`, `ProviderProtocolError` for an answer with too few vectors or wrong ones
        (`check_vectors` looks). Passages are embedded in the background and tried again by the error's
        class; for a question the server waits a moment, cancels the call and goes by the words alone.
        """
        raise ProviderRequestError("this provider has no embeddings")

    async def close(self) -> None:
        """Release what the instance itself holds. Called once, when the process stops."""
