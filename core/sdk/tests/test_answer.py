"""Reading a vendor's answer: what is yielded, what is raised, and that the response is always closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import pytest
from csai_sdk import ModelReply, ProviderError, ProviderProtocolError, ProviderTimeout, stream_answer

LATER = 60.0


class Late(Exception):
    pass


class Lost(Exception):
    pass


class Response:
    """A body in pieces; an exception among them is raised in its place."""

    def __init__(self, pieces: Sequence[bytes | Exception], *, encoding: str | None = None) -> None:
        self.headers = {"content-encoding": encoding} if encoding else {}
        self.left = list(pieces)
        self.is_decoded = False
        self.is_closed = False

    async def aiter_raw(self) -> AsyncIterator[bytes]:
        while self.left:
            piece = self.left.pop(0)
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        self.is_decoded = True
        return self.aiter_raw()

    async def aclose(self) -> None:
        self.is_closed = True


class Decoder:
    """Passes text on; `.` says that nothing follows, `_` holds back what stands behind it."""

    def __init__(self) -> None:
        self.is_done = False
        self.said = ""
        self.held = ""

    def feed(self, chunk: bytes) -> str:
        text, _, self.held = chunk.decode().partition("_")
        self.is_done = text.endswith(".")
        self.said += text
        return text

    def finish(self) -> str:
        self.said += self.held
        self.is_done = bool(self.held)
        return self.held

    def reply(self) -> ModelReply:
        if not self.is_done:
            raise ProviderProtocolError("cut short")
        return ModelReply(self.said, "end", None, "m")


async def hear(response: Response, *, patience_s: float = LATER) -> list[str]:
    heard = []
    async with aclosing(
        stream_answer(
            response,
            Decoder(),
            vendor="the vendor",
            deadline=asyncio.get_running_loop().time() + patience_s,
            timeouts=(Late,),
            failures=(Lost,),
        )
    ) as answer:
        async for part in answer:
            heard.append(part if isinstance(part, str) else f"={part.text}")
    return heard


async def test_each_read_with_text_is_a_chunk_and_the_reply_comes_last() -> None:
    response = Response([b"Hel", b"", b"lo."])
    assert await hear(response) == ["Hel", "lo.", "=Hello."]
    assert response.is_closed
    assert not response.is_decoded


async def test_text_held_back_until_the_end_is_passed_on() -> None:
    assert await hear(Response([b"Hel_lo"])) == ["Hel", "lo", "=Hello"]


async def test_a_compressed_body_is_decompressed() -> None:
    response = Response([b"Hi."], encoding="gzip")
    assert await hear(response) == ["Hi.", "=Hi."]
    assert response.is_decoded


async def test_what_follows_the_end_is_read_so_that_the_connection_serves_again() -> None:
    response = Response([b"Hi.", b"\n", b"\n"])
    await hear(response)
    assert response.left == []


@pytest.mark.parametrize("fault", [Late(), Lost(), OSError()])
async def test_a_fault_behind_the_end_takes_nothing_from_the_answer(fault: Exception) -> None:
    assert await hear(Response([b"Hi.", fault])) == ["Hi.", "=Hi."]


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Late("secret"), ProviderTimeout, "the vendor stopped answering"),
        (Lost("secret"), ProviderProtocolError, "the answer broke off: Lost"),
        (OSError("secret"), ProviderProtocolError, "the answer broke off: OSError"),
    ],
)
async def test_a_fault_on_the_way_is_named_without_its_words(
    fault: Exception, kind: type[ProviderError], words: str
) -> None:
    response = Response([b"Hel", fault])
    with pytest.raises(kind) as caught:
        await hear(response)
    assert str(caught.value) == words
    assert response.is_closed


async def test_an_answer_that_goes_on_past_the_deadline_is_given_up() -> None:
    response = Response([b"Hel", b"lo."])
    with pytest.raises(ProviderTimeout, match="the vendor did not finish in time"):
        await hear(response, patience_s=-1)
    assert response.is_closed


async def test_an_answer_cut_short_has_no_reply() -> None:
    with pytest.raises(ProviderProtocolError, match="cut short"):
        await hear(Response([b"Hel"]))


async def test_a_listener_who_leaves_closes_the_response() -> None:
    response = Response([b"Hel", b"lo."])
    answer = stream_answer(
        response, Decoder(), vendor="v", deadline=asyncio.get_running_loop().time() + LATER,
        timeouts=(Late,), failures=(Lost,),
    )  # fmt: skip
    async with aclosing(answer):
        assert await anext(answer) == "Hel"
    assert response.is_closed
    assert response.left == [b"lo."]
