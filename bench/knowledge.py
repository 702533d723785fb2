"""What search in a client's knowledge finds, and how long it takes: `python bench/knowledge.py`.

*Recall*: of the questions in `retrieval.json`, how many have the passage that answers them among the first
five, by words alone, by the local vectors alone, and by both. *Time*: one search among 10,000 passages, on
both databases. Questions that no passage answers: what they are shown. No vendor is called.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import structlog  # noqa: E402
from csai.clients.service import create_client  # noqa: E402
from csai.config import Settings  # noqa: E402
from csai.knowledge import hybrid  # noqa: E402
from csai.knowledge.embedder import Embedder  # noqa: E402
from csai.knowledge.ingest import PassageDraft  # noqa: E402
from csai.knowledge.repository import EmbeddingRepository, KnowledgeRepository  # noqa: E402
from csai.knowledge.vectors import VectorSearch  # noqa: E402
from csai.migrations import upgrade  # noqa: E402
from csai.services import Services, build_services  # noqa: E402

from tests.support import supervisor  # noqa: E402

SET = json.loads((HERE / "retrieval.json").read_text(encoding="utf-8"))
FIRST = 5
SEARCHES = 200
WAYS = ("words", "vectors", "hybrid")

Search = Callable[[str], Awaitable[list[str]]]


@dataclass
class Business:
    """A client with knowledge, searched as a turn does it."""

    services: Services
    vectors: VectorSearch
    client_id: str
    embedder: Embedder
    revision: int
    finds: dict[str, str]
    """The set's id of a passage by its own."""

    async def by_words(self, question: str, limit: int = hybrid.RANKED) -> list[str]:
        async with self.services.database.read() as connection:
            found = await KnowledgeRepository(connection, self.client_id).search(question, limit=limit)
        return [passage.id for passage in found]

    async def by_vectors(self, question: str) -> list[str]:
        found = await self.embedder.embed([question], "question", timeout_s=10)
        nearest = await self.vectors.nearest(
            self.client_id,
            self.embedder.key,
            found.vectors[0],
            revision=self.revision,
            limit=hybrid.RANKED,
            least=self.embedder.min_similarity,
        )
        return [each.passage_id for each in nearest]

    async def by_both(self, question: str) -> list[str]:
        words, vectors = await asyncio.gather(self.by_words(question), self.by_vectors(question))
        best = list(hybrid.fused(words, vectors))[:FIRST]
        async with self.services.database.read() as connection:
            await KnowledgeRepository(connection, self.client_id).named(best)
        return best

    async def of_words_alone(self, question: str) -> list[str]:
        return await self.by_words(question, FIRST)

    def ways(self) -> dict[str, Search]:
        return dict(zip(WAYS, (self.of_words_alone, self.by_vectors, self.by_both), strict=True))


async def set_up(services: Services, drafts: Sequence[PassageDraft]) -> tuple[Business, float]:
    """The client, and the seconds that its vectors took."""
    database, now = services.database, services.clock.now()
    async with database.write() as transaction:
        client = await create_client(
            transaction, name="Shop", origins=[], keyring=services.keyring, clock=services.clock
        )
        ids = await KnowledgeRepository(transaction, client.id).add(drafts, at=now)
    began = time.perf_counter()
    for client_id in await services.embeddings.claim():
        while await services.embeddings.run_batch(client_id) == "more":
            pass
    took_s = time.perf_counter() - began
    view = await services.views.get(client.id, 0)
    assert view.embedder is not None
    async with database.read() as connection:
        repository = EmbeddingRepository(connection, client.id)
        state = await repository.state()
        counts = await repository.counts(view.embedder.key)
    assert state is not None
    assert counts == (len(drafts), len(drafts)), counts
    finds = {key: str(each.get("id")) for key, each in zip(ids, SET["passages"], strict=False)}
    return (
        Business(services, VectorSearch(database), client.id, view.embedder, state.revision, finds),
        took_s,
    )


async def recall(url: str) -> None:
    services = await running(url)
    drafts = [PassageDraft(each["title"], each["text"]) for each in SET["passages"]]
    business, _ = await set_up(services, drafts)
    hits: dict[str, dict[str, list[bool]]] = {}
    for question in SET["questions"]:
        for way, search in business.ways().items():
            found = [business.finds[key] for key in (await search(question["text"]))[:FIRST]]
            for group in (question["kind"], question["language"], "all"):
                hits.setdefault(group, {}).setdefault(way, []).append(question["finds"] in found)
    print(f"\n| recall@{FIRST} | questions | {' | '.join(WAYS)} |\n|---|---|---|---|---|")
    for group, ways in hits.items():
        shares = " | ".join(f"{sum(found) / len(found):.2f}" for found in ways.values())
        print(f"| {group} | {len(ways[WAYS[0]])} | {shares} |")
    await unrelated(business)
    await services.close()


async def unrelated(business: Business) -> None:
    """Questions that no passage answers: how many passages they are shown all the same."""
    print(f"\n| of {len(SET['unrelated'])} about nothing known | {' | '.join(WAYS)} |\n|---|---|---|---|")
    shown = {
        way: [len((await search(question))[:FIRST]) for question in SET["unrelated"]]
        for way, search in business.ways().items()
    }
    nothing = " | ".join(f"{counts.count(0) / len(counts):.2f}" for counts in shown.values())
    mean = " | ".join(f"{statistics.mean(counts):.1f}" for counts in shown.values())
    print(f"| are shown nothing | {nothing} |\n| passages shown, mean | {mean} |")


async def timed(name: str, url: str, count: int) -> None:
    services = await running(url)
    business, took_s = await set_up(services, list(many(count)))
    kind = "pgvector" if await business.vectors.has_pgvector() else "bytes"
    questions = [each["text"] for each in SET["questions"]]
    for way, search in business.ways().items():
        await search(questions[0])
        spent = []
        for number in range(SEARCHES):
            began = time.perf_counter()
            await search(questions[number % len(questions)])
            spent.append((time.perf_counter() - began) * 1_000)
        p50, p95 = statistics.median(spent), statistics.quantiles(spent, n=20)[-1]
        print(f"| {name} ({kind}) | {count} | {way} | {p50:.1f} / {p95:.1f} |")
    print(f"vectors of {count} passages on {name}: {took_s:.1f} s", file=sys.stderr)
    await services.close()


def many(count: int) -> Iterator[PassageDraft]:
    """Passages of some 600 characters, each of sentences of the set drawn anew."""
    draw = random.Random(7)
    sentences = [sentence for each in SET["passages"] for sentence in each["text"].split(". ")]
    for number in range(count):
        yield PassageDraft(f"Article {number}", ". ".join(draw.sample(sentences, 8)))


async def running(url: str) -> Services:
    return build_services(Settings(database_url=url, jobs="off", data_dir=Path(tempfile.gettempdir())))


@contextmanager
def stacks(folder: Path) -> Iterator[dict[str, str]]:
    services = supervisor.Services(folder / "services")
    (folder / "services").mkdir(mode=0o755)
    try:
        urls = services.start()
        yield {"sqlite": f"sqlite+aiosqlite:///{folder}/csai.sqlite", "postgresql": urls["database_url"]}
    finally:
        services.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--recall-only", action="store_true")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="csai-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        url = f"sqlite+aiosqlite:///{folder}/recall.sqlite"
        upgrade(url)
        asyncio.run(recall(url))
        if options.recall_only:
            return
        print("\n| database | passages | search | ms p50 / p95 |\n|---|---|---|---|")
        with stacks(folder) as urls:
            for each, url in urls.items():
                upgrade(url)
                asyncio.run(timed(each, url, options.passages))


if __name__ == "__main__":
    main()
