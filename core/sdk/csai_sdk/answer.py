"""Reading a vendor's answer: from the raw bytes of its response to text chunks and the whole reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from csai_sdk.errors import ProviderProtocolError, ProviderTimeout

if TYPE_CHECKING:
    from csai_sdk.provider import ModelReply

DRAIN_S = 1.0


class AnswerDecoder(Protocol):
    """Decodes one answer of one vendor. Every method may raise `ProviderError`."""

    @property
    def is_done(self) -> bool:
        """Whether the vendor has said that nothing follows."""
        ...

    def feed(self, chunk: bytes) -> str:
        """Take the bytes of one network read; returns the text in them, maybe none."""
        ...

    def finish(self) -> str:
        """The body has ended without a word that it would; returns the text held back until now."""
        ...

    def reply(self) -> ModelReply:
        """The whole reply. Raises `ProviderProtocolError` when the answer was cut short."""
        ...


class StreamedResponse(Protocol):
    """A response whose body has not been read: that of httpx or httpx2."""

    @property
    def headers(self) -> Mapping[str, str]: ...
    def aiter_bytes(self) -> AsyncIterator[bytes]: ...
    def aiter_raw(self) -> AsyncIterator[bytes]: ...
    async def aclose(self) -> None: ...


async def stream_answer(
    response: StreamedResponse,
    decoder: AnswerDecoder,
    *,
    vendor: str,
    deadline: float,
    timeouts: tuple[type[Exception], ...],
    failures: tuple[type[Exception], ...],
) -> AsyncGenerator[str | ModelReply, None]:
    """What `Provider.stream` has to yield: the text of each network read, then the reply.

    Reads on for up to a second after the decoder is done, since only a body read to its end leaves the
    connection for the next call, and closes the response whatever happens. `deadline` is in the event loop's
    time. `timeouts` and `failures` are what the HTTP library raises while reading; `vendor` stands in the
    errors' messages. Raises `ProviderTimeout` and `ProviderProtocolError`, and what the decoder raises.
    Wrap it in `contextlib.aclosing`: a visitor who stops the turn closes the generator early.
    """
    try:
        reads = _reads(response, vendor=vendor, deadline=deadline, timeouts=timeouts, failures=failures)
        async with aclosing(reads):
            async for chunk in reads:
                if text := decoder.feed(chunk):
                    yield text
                if decoder.is_done:
                    await _drain(reads)
                    break
        if not decoder.is_done and (text := decoder.finish()):
            yield text
        yield decoder.reply()
    finally:
        await response.aclose()


async def _reads(
    response: StreamedResponse,
    *,
    vendor: str,
    deadline: float,
    timeouts: tuple[type[Exception], ...],
    failures: tuple[type[Exception], ...],
) -> AsyncGenerator[bytes, None]:
    """The body, one piece a network read."""
    is_encoded = "content-encoding" in response.headers
    chunks = response.aiter_bytes() if is_encoded else response.aiter_raw()
    now = asyncio.get_running_loop().time
    # OSError: a TLS failure that HTTP libraries let through.
    broken: tuple[type[Exception], ...] = (*failures, OSError)
    try:
        async for chunk in chunks:
            yield chunk
            if now() > deadline:
                raise ProviderTimeout(f"{vendor} did not finish in time")
    except timeouts:
        raise ProviderTimeout(f"{vendor} stopped answering") from None
    except broken as error:
        raise ProviderProtocolError(f"the answer broke off: {type(error).__name__}") from None


async def _drain(reads: AsyncIterator[bytes]) -> None:
    """Read to the end what has ended already."""
    try:
        async with asyncio.timeout(DRAIN_S):
            async for _ in reads:
                pass
    except (TimeoutError, ProviderTimeout, ProviderProtocolError):
        return
