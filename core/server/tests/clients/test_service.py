"""A new client: what is stored of it, and which origins it may have."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from csai.clients.repository import ClientRepository
from csai.clients.service import create_client, normalise_origin
from csai.database import Database
from csai.kit.clock import SystemClock
from csai.kit.crypto import Keyring, key_hash
from csai.kit.problem import Problem
from csai.models import ApiKey
from sqlalchemy import select

from tests.support.backend import Backend

KEYRING = Keyring(["a key for tests"])


@pytest.fixture
async def database(backend: Backend) -> AsyncIterator[Database]:
    database = Database(backend.database_url)
    yield database
    await database.close()


async def test_a_new_client_has_a_key_of_each_kind_and_owns_its_identity_secret(database: Database) -> None:
    async with database.write() as transaction:
        client = await create_client(
            transaction,
            name=" Shop ",
            origins=["https://Shop.example/", "https://shop.example:443"],
            keyring=KEYRING,
            clock=SystemClock(),
        )
    async with database.read() as connection:
        keys = await connection.execute(select(ApiKey.client_id, ApiKey.kind, ApiKey.key_hash))
        stored = {tuple(key) for key in keys}
        repository = ClientRepository(connection, client.id)
        row = await repository.get()
        origins = await repository.origins()
    assert stored == {
        (client.id, "publishable", key_hash(client.publishable_key)),
        (client.id, "secret", key_hash(client.secret_key)),
    }
    assert (row.name, origins) == ("Shop", ["https://shop.example"])
    assert (
        KEYRING.decrypt(row.identity_secret or "", f"client:{client.id}/identity") == client.identity_secret
    )


async def test_nothing_readable_of_a_key_is_shown_with_the_client(database: Database) -> None:
    async with database.write() as transaction:
        client = await create_client(
            transaction, name="Shop", origins=[], keyring=KEYRING, clock=SystemClock()
        )
    shown = repr(client)
    assert client.id in shown
    assert not any(
        key in shown for key in (client.publishable_key, client.secret_key, client.identity_secret)
    )


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"name": "  "}, "client_name_invalid"),
        ({"name": "Shop\x00"}, "client_name_invalid"),
        ({"name": "x" * 201}, "client_name_invalid"),
        ({"origins": ["shop.example"]}, "origin_invalid"),
        ({"plan_type": "gold"}, "plan_unknown"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_stored(
    database: Database, values: dict[str, str], code: str
) -> None:
    arguments = {"name": "Shop", "origins": [], **values}
    with pytest.raises(Problem) as refused:
        async with database.write() as transaction:
            await create_client(transaction, **arguments, keyring=KEYRING, clock=SystemClock())  # type: ignore[arg-type]
    assert refused.value.code == code
    async with database.read() as connection:
        assert (await connection.exec_driver_sql("SELECT count(*) FROM clients")).scalar() == 0


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        (" HTTPS://Shop.Example/ ", "https://shop.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://shop.example:80", "http://shop.example"),
        ("https://shop.example:80", "https://shop.example:80"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[0:0::1]:8000", "http://[::1]:8000"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_kept_the_way_browsers_send_it(written: str, origin: str) -> None:
    assert normalise_origin(written) == origin


@pytest.mark.parametrize(
    "written",
    [
        *("", "*", "null", "shop.example", "//shop.example", "ftp://shop.example", "https://", "https:///x"),
        *("https://shop.example/path", "https://shop.example?q", "https://shop.example#f"),
        *("https://me@shop.example", "https://*.shop.example", "https://shop.example:99999"),
        *("https://shop example", "https://-shop.example", "https://bücher.example", "https://shop..example"),
        *("https://shop.example\x00", "javascript:alert(1)", "https://" + "a." * 150 + "example"),
    ],
)
def test_what_is_no_origin_is_refused(written: str) -> None:
    with pytest.raises(Problem) as refused:
        normalise_origin(written)
    assert refused.value.code == "origin_invalid"
