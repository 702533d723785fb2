"""Finding passages by their words, on both databases."""

from __future__ import annotations

import json
import string
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from csai.database import Database
from csai.kit.identifier import new_id
from csai.knowledge.ingest import PassageDraft
from csai.knowledge.repository import KnowledgeRepository
from csai.knowledge.words import lexemes, terms
from csai.models import Client, KnowledgePassage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, text

from tests.support.backend import Backend

NOW = datetime(2026, 3, 1, tzinfo=UTC)
STRINGS = Path(__file__).parents[4] / "../shared/vectors/strings/blns.json"

SHOP = [
    PassageDraft(
        "Delivery", "We deliver within two days. Deliveries to islands take a week.", "https://s.example/d"
    ),
    PassageDraft("Returns", "Send a kettle back within thirty days and get your money back."),
    PassageDraft("Kettles", "The blue kettle holds two litres. Our kettles are made of steel."),
    PassageDraft("Opening hours", "The shop is open from nine to five, the café until six."),
    PassageDraft("משלוחים", "המשלוח מגיע תוך יומיים. אפשר להחזיר את ההזמנה בתוך שלושים יום."),
    PassageDraft("送料", "東京への配送は無料です。"),
]


@pytest.fixture
async def database(backend: Backend) -> AsyncIterator[Database]:
    database = Database(backend.database_url)
    yield database
    await database.close()


async def _client(database: Database, drafts: list[PassageDraft]) -> str:
    client_id = new_id()
    async with database.write() as connection:
        row = {"id": client_id, "name": "Shop", "plan_type": "default", "created_at": NOW}
        await connection.execute(insert(Client), row)
        await KnowledgeRepository(connection, client_id).add(drafts, at=NOW)
    return client_id


async def _titles(database: Database, client_id: str, question: str, limit: int = 5) -> list[str]:
    async with database.read() as connection:
        found = await KnowledgeRepository(connection, client_id).search(question, limit=limit)
    assert [passage.score for passage in found] == sorted((passage.score for passage in found), reverse=True)
    assert all(0 < passage.score <= 1 for passage in found)
    return [passage.title for passage in found]


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("Do you have blue kettles in stock?", "Kettles"),
        ("when will my order be DELIVERED", "Delivery"),
        ("how long does shipping or delivery to an island take", "Delivery"),
        ("I want my money back", "Returns"),
        ("is the cafe open?", "Opening hours"),
        ("is the CAFÉ open?", "Opening hours"),
        ("מתי מגיע משלוח?", "משלוחים"),
        ("איך מחזירים הזמנה", "משלוחים"),
        ("להזמנות", "משלוחים"),
        ("配送はいくらですか", "送料"),
    ],
)
async def test_question_finds_the_passage_that_answers_it(
    database: Database, question: str, title: str
) -> None:
    client_id = await _client(database, SHOP)
    assert (await _titles(database, client_id, question))[0] == title


async def test_passage_is_found_whole(database: Database) -> None:
    client_id = await _client(database, SHOP)
    async with database.read() as connection:
        found = await KnowledgeRepository(connection, client_id).search("delivery", limit=1)
        kept = await KnowledgeRepository(connection, client_id).passages()
    assert [passage.title for passage in kept] == [draft.title for draft in SHOP]
    assert (found[0].id, found[0].text, found[0].url) == (kept[0].id, SHOP[0].content, SHOP[0].url)


async def test_word_in_the_title_counts_for_more(database: Database) -> None:
    drafts = [
        PassageDraft("Other", "About warranty."),
        PassageDraft("Warranty", "About other things, warranty too."),
    ]
    client_id = await _client(database, drafts)
    assert await _titles(database, client_id, "warranty") == ["Warranty", "Other"]


async def test_rare_word_counts_for_more_than_a_common_one(database: Database) -> None:
    common = [PassageDraft(f"Kettle {number}", "kettle and shipping") for number in range(20)]
    client_id = await _client(database, [*common, PassageDraft("Teapot", "a teapot")])
    assert (await _titles(database, client_id, "kettle teapot"))[0] == "Teapot"


async def test_word_that_everybody_writes_still_finds_passages(database: Database) -> None:
    client_id = await _client(database, [PassageDraft(f"Kettle {number}", "kettle") for number in range(30)])
    assert len(await _titles(database, client_id, "kettle", limit=7)) == 7


async def test_same_question_always_gives_the_same_order(database: Database) -> None:
    client_id = await _client(
        database, [PassageDraft(f"Copy {number}", "the very same kettle") for number in range(12)]
    )
    orders = {tuple(await _titles(database, client_id, "same kettle copy", limit=12)) for _ in range(4)}
    assert len(orders) == 1


@pytest.mark.parametrize(
    "question", ["", "   ", "the and of", "?!", "\0", "helicopter", '" OR 1=1 --', "NEAR(", "a:*"]
)
async def test_question_without_a_known_word_finds_nothing(database: Database, question: str) -> None:
    client_id = await _client(database, SHOP)
    assert await _titles(database, client_id, question) == []


@pytest.mark.parametrize(
    "question",
    [
        'kettle" OR "delivery',
        "kettle AND NOT *",
        "words:kettle",
        "kettle & !delivery | ''",
        "{kettle}^2 NEAR/3",
        "ket\0tle kettle",
        "kettle \\' :* <->",
        "kettle\ud800",
    ],
)
async def test_operators_are_read_as_words(database: Database, question: str) -> None:
    client_id = await _client(database, SHOP)
    assert "Kettles" in await _titles(database, client_id, question)


async def test_other_clients_passages_are_never_found(database: Database) -> None:
    ours = await _client(database, [PassageDraft("Ours", "blue kettle")])
    await _client(database, [PassageDraft("Theirs", "blue kettle, secret teapot")])
    assert await _titles(database, ours, "blue kettle") == ["Ours"]
    assert await _titles(database, ours, "secret teapot") == []


async def test_other_clients_passages_do_not_change_a_score(database: Database) -> None:
    ours = await _client(database, SHOP)
    async with database.read() as connection:
        before = await KnowledgeRepository(connection, ours).search("blue kettle delivery")
        await _client(database, [PassageDraft("Theirs", "kettle kettles delivery")] * 50)
        assert await KnowledgeRepository(connection, ours).search("blue kettle delivery") == before


async def test_clients_words_share_no_entry_in_the_index() -> None:
    first, second = (set(lexemes(new_id(), "Kettles", "blue kettle")) for _ in range(2))
    assert first.isdisjoint(second)


async def test_replacing_forgets_what_was_known_and_only_ones_own(database: Database) -> None:
    ours, theirs = await _client(database, SHOP), await _client(database, SHOP)
    async with database.write() as connection:
        await KnowledgeRepository(connection, ours).replace_all([PassageDraft("New", "teapots only")], at=NOW)
    assert await _titles(database, ours, "blue kettle") == []
    assert await _titles(database, ours, "teapot") == ["New"]
    assert (await _titles(database, theirs, "blue kettle"))[0] == "Kettles"


async def test_deleting_a_client_deletes_its_words(database: Database) -> None:
    gone, stays = await _client(database, SHOP), await _client(database, SHOP)
    async with database.write() as connection:
        await connection.execute(delete(Client).where(Client.id == gone))
    async with database.read() as connection:
        left = (await connection.scalars(text("SELECT DISTINCT client_id FROM knowledge_words"))).all()
    assert [str(owner).replace("-", "") for owner in left] == [stays.replace("-", "")]


async def test_rewriting_the_database_file_keeps_words_and_passages_together(database: Database) -> None:
    """VACUUM may number a table's rows anew."""
    gone, stays = await _client(database, SHOP), await _client(database, SHOP)
    async with database.write() as connection:
        await connection.execute(delete(KnowledgePassage).where(KnowledgePassage.client_id == gone))
    async with database.read() as connection:
        await connection.execute(text("VACUUM"))
    assert (await _titles(database, stays, "blue kettle"))[0] == "Kettles"


async def test_long_question_is_searched_by_a_bounded_number_of_words(database: Database) -> None:
    words = [f"word{number}" for number in range(500)]
    assert len(terms(new_id(), " ".join(words))) <= 3 * 24
    client_id = await _client(database, SHOP)
    assert await _titles(database, client_id, "kettle " + "of course " * 50_000) != []


async def test_text_that_a_database_would_refuse_is_kept_without_it(database: Database) -> None:
    client_id = await _client(database, [PassageDraft("Ket\0tles" + "x" * 400, "blue\0 \ud800 kettle", "\0")])
    async with database.read() as connection:
        (kept,) = await KnowledgeRepository(connection, client_id).passages()
    assert kept.title.startswith("Kettlesxxx")
    assert (len(kept.title), kept.text, kept.url) == (300, "blue ? kettle", "")


async def test_no_naughty_string_breaks_a_search_or_is_lost(database: Database) -> None:
    if not STRINGS.exists():
        pytest.skip("../shared/vectors/strings/blns.json is not here")
    strings: list[str] = json.loads(STRINGS.read_text())
    client_id = await _client(database, [PassageDraft(value[:100], value) for value in strings])
    async with database.read() as connection:
        repository = KnowledgeRepository(connection, client_id)
        kept = await repository.passages(limit=len(strings))
        assert [passage.text for passage in kept] == [value.replace("\0", "") for value in strings]
        for value in strings:
            found = await repository.search(value)
            assert found or not terms(client_id, value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=st.text(alphabet=st.characters(), max_size=60))
async def test_no_text_whatever_breaks_a_search(database: Database, question: str) -> None:
    async with database.read() as connection:
        assert await KnowledgeRepository(connection, new_id()).search(question) == []


@given(st.text(alphabet=st.characters(), max_size=80))
def test_text_is_always_found_by_itself(written: str) -> None:
    client_id = new_id()
    wanted = {term.lexeme for term in terms(client_id, written)}
    assert wanted <= set(lexemes(client_id, written, written))
    assert not (set("".join(wanted)) & set(string.punctuation + string.whitespace))
