"""`EmbeddingChecks`: what is promised by providers that turn texts into vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from csai_sdk import (
    EmbeddingRequest,
    Embeddings,
    EmbeddingTraits,
    Provider,
    ProviderError,
    ProviderProtocolError,
    ProviderRateLimited,
    ProviderTimeout,
    Usage,
    error_class_for,
)

from csai_testkit.conformance.call import FAILING_STATUSES, CallSuite
from csai_testkit.conformance.check import capability
from csai_testkit.conformance.scene import Scene
from csai_testkit.replay import Exchange

DIMENSIONS = 4
_MOST_TEXTS = 256
_CLOSE = 1e-3


class EmbeddingChecks(CallSuite):
    """The capability `embeddings` of a `ProviderSuite`; write `embedding_answer` where there is a vendor."""

    embedding_usage: ClassVar[Usage | None] = None
    """What the vendor reports in `embedding_answer`."""

    def embedding_answer(self, vectors: Sequence[Sequence[float]]) -> Sequence[Exchange]:
        """The vendor's exchanges of one call that is answered with these vectors. Nothing: no vendor."""
        return ()

    async def embed(
        self, part: Provider, scene: Scene, texts: Sequence[str], *, timeout_s: float = 10.0
    ) -> Any:
        """The vectors, or how the call failed; an error that is none of the SDK's ends the check."""
        request = EmbeddingRequest(model=part.default_embedding_model, texts=texts, timeout_s=timeout_s)
        try:
            return await part.embed(request, scene.ctx)
        except ProviderError as error:
            self.watch.hear_error(error)
            return error
        except Exception as error:
            self.watch.hear_error(error)
            raise AssertionError(f"it raised {type(error).__name__}, which is no ProviderError") from error

    @capability("embeddings")
    def test_knows_its_embedding_models(self) -> None:
        """It names an embedding model, and `embedding_traits` answers for every name."""
        for part in self.fresh_parts():
            assert part.default_embedding_model, "name the model in `default_embedding_model`"
            for model in (part.default_embedding_model, "", "some-model-of-tomorrow"):
                traits = part.embedding_traits(model)
                assert isinstance(traits, EmbeddingTraits), f"embedding_traits({model!r}) is none"
                assert traits.max_batch > 0, "a batch has room for at least one text"
                assert traits.max_input_tokens > 0, "a text has room for at least one token"

    @capability("embeddings")
    async def test_embeds_in_order(self) -> None:
        """There is a vector for each text, in the order of the texts, all of one length."""
        for part in self.fresh_parts():
            vectors = sample_vectors(3)
            async with self.scene(exchanges=self.embedding_answer(vectors)) as scene:
                texts = [scene.text, "\u05e9\u05dc\u05d5\u05dd", "something else"]
                found = _embeddings(await self.embed(part, scene, texts), 3)
                assert found.model, "the answer names its model"
                if self.embedding_answer(vectors):
                    assert scene.text in scene.received(), "the vendor was not sent the text"
                    assert _is_close(found.vectors, vectors), "the vectors are not in the texts' order"
                    continue
                # Nobody plays the vendor: what it makes by itself must follow the texts, however they lie.
                turned = _embeddings(await self.embed(part, scene, texts[::-1]), 3)
                assert _is_close(turned.vectors, found.vectors[::-1]), "a text's vector depends on its place"

    @capability("embeddings")
    async def test_embeds_nothing_without_a_call(self) -> None:
        """Without a text there is no vector, and no call of the vendor."""
        for part in self.fresh_parts():
            async with self.scene(exchanges=self.embedding_answer([])) as scene:
                outcome = await self.embed(part, scene, [])
                assert isinstance(outcome, Embeddings), "no text is no failure"
                assert not outcome.vectors, "a vector came from nowhere"
                assert not scene.received(), "the vendor was called for nothing"

    @capability("embeddings")
    async def test_embeds_a_full_batch(self) -> None:
        """As many texts as `max_batch` says are embedded by one call."""
        for part in self.fresh_parts():
            count = min(part.embedding_traits(part.default_embedding_model).max_batch, _MOST_TEXTS)
            vectors = sample_vectors(count)
            async with self.scene(exchanges=self.embedding_answer(vectors)) as scene:
                texts = [f"{scene.text} {number}" for number in range(count)]
                found = await self.embed(part, scene, texts)
                assert isinstance(found, Embeddings), f"a batch of max_batch texts failed: {found}"
                assert len(found.vectors) == count, "texts of a full batch were lost"

    @capability("embeddings")
    async def test_refuses_wrong_vectors(self) -> None:
        """Too few vectors, too many, of different lengths or none at all are `ProviderProtocolError`."""
        good = sample_vectors(2)
        wrong = {
            "one too few": good[:1],
            "one too many": sample_vectors(3),
            "two lengths": [good[0], good[1][:-1]],
            "an empty one": [good[0], []],
        }
        for part in self.fresh_parts() if self.embedding_answer(good) else ():
            for what, vectors in wrong.items():
                async with self.scene(exchanges=self.embedding_answer(vectors)) as scene:
                    outcome = await self.embed(part, scene, ["one", "two"])
                    assert isinstance(outcome, ProviderProtocolError), f"{what}: it was taken for an answer"

    @capability("embeddings")
    async def test_maps_embedding_failures(self) -> None:
        """What the vendor refuses or fails at is the same `ProviderError` as when it is asked for words."""
        good = self.embedding_answer(sample_vectors(1))
        for part in self.fresh_parts() if good else ():
            for status in FAILING_STATUSES:
                said = {"content-type": "application/json", "retry-after": "7"}
                refused = [
                    replace(each, status=status, headers=said, body=b'{"error": {"message": "refused"}}')
                    for each in good
                ]
                async with self.scene(exchanges=refused) as scene:
                    outcome = await self.embed(part, scene, ["one"])
                    expected = error_class_for(status)
                    assert isinstance(outcome, expected), f"HTTP {status} should be {expected.__name__}"
                    if isinstance(outcome, ProviderRateLimited):
                        assert outcome.retry_after_s == 7, "hand on the vendor's advice to wait"
            nonsense = [replace(each, headers={}, body=b"<html>\xff\x00") for each in good]
            async with self.scene(exchanges=nonsense) as scene:
                assert isinstance(await self.embed(part, scene, ["one"]), ProviderError), "nonsense passed"
            async with self.scene() as scene:
                await scene.server.close()
                outcome = await self.embed(part, scene, ["one"])
                assert isinstance(outcome, ProviderError), "nothing listens, and it did not notice"

    @capability("embeddings")
    async def test_embeds_within_its_deadline(self) -> None:
        """A vendor that does not answer within `timeout_s` is a `ProviderTimeout`, and is let go of."""
        good = self.embedding_answer(sample_vectors(1))
        for part in self.fresh_parts() if good else ():
            async with self.scene(exchanges=good) as warm:
                await self.embed(part, warm, ["one"])
            for held in (0, max(len(each.body) for each in good) // 2):
                async with self.scene(exchanges=good, hold_after=held) as scene:
                    calling = asyncio.create_task(self.embed(part, scene, ["one"], timeout_s=0.2))
                    await asyncio.wait([calling], timeout=self.patience_s)
                    is_over = calling.done()
                    await self._end(calling)
                    assert is_over, "it waits longer than `timeout_s`"
                    assert isinstance(calling.result(), ProviderTimeout), "late is ProviderTimeout"
                    assert await self.soon(scene.server.client_gone.is_set), "the connection stays open"

    @capability("embeddings")
    async def test_reports_embedding_usage(self) -> None:
        """The tokens that the vendor reports are handed on, to the token."""
        vectors = sample_vectors(1)
        for part in self.fresh_parts():
            async with self.scene(exchanges=self.embedding_answer(vectors)) as scene:
                found = _embeddings(await self.embed(part, scene, [scene.text]), 1)
                assert found.usage is not None, "the vendor's report of tokens was lost"
                assert found.usage == self.embedding_usage or self.embedding_usage is None


def sample_vectors(count: int) -> list[list[float]]:
    """Vectors that differ from their neighbours."""
    return [
        [((number + 1) * (place + 2)) % 7 / 7 - 0.4 for place in range(DIMENSIONS)] for number in range(count)
    ]


def _embeddings(outcome: Any, count: int) -> Embeddings:
    assert isinstance(outcome, Embeddings), f"the call failed: {outcome}"
    assert len(outcome.vectors) == count, "one vector for each text"
    lengths = {len(vector) for vector in outcome.vectors}
    assert len(lengths) == 1, f"the vectors are of different lengths: {lengths}"
    return outcome


def _is_close(found: Sequence[Sequence[float]], expected: Sequence[Sequence[float]]) -> bool:
    return all(
        abs(one - other) < _CLOSE
        for mine, theirs in zip(found, expected, strict=True)
        for one, other in zip(mine, theirs, strict=True)
    )
