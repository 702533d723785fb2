"""A new secret key: what is stored goes under it, in steps that may be broken off, and the old one can go."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from csai.admins.totp import owner_of_secret
from csai.channels.account import account_owner
from csai.channels.repository import AccountRepository
from csai.clients.plugin import switch_plugin, undo_plugin
from csai.clients.service import create_client
from csai.database import Database
from csai.kit.clock import SystemClock
from csai.kit.crypto import Keyring
from csai.kit.egress import EgressPolicy
from csai.models import Admin, AuditEntry, Base, Client, ClientIntegration, ClientPlugin
from csai.outbox.service import change_webhook
from csai.plugins.registry import Plugin
from csai.plugins.stored import StoredSettings
from csai.secrets.repository import PLACES
from csai.secrets.rotation import Rotation, rotate_secrets
from csai_sdk import PluginSettings
from pydantic import SecretStr
from sqlalchemy import Text, insert, select

from tests.support.backend import Backend
from tests.support.program import running

OLD, NEW = "the old key of 32 characters long..", "the new key of 32 characters long.."
CLOCK = SystemClock()
COUNT, MANY = 7, 60


class Config(PluginSettings):
    key: SecretStr | None = None


PLUGIN = Plugin("hooks", "csai-hooks", "1", settings_model=Config)


@dataclass
class Vault:
    """An installation with secrets in every place there is for one."""

    database: Database
    clients: list[str]

    async def fill(self, keyring: Keyring, count: int) -> None:
        for number in range(count):
            async with self.database.write() as transaction:
                client = await create_client(
                    transaction, name="Shop", origins=[], keyring=keyring, clock=CLOCK
                )
                self.clients.append(client.id)
                for value in (f"first {number}", f"second {number}"):
                    await switch_plugin(
                        transaction,
                        client.id,
                        PLUGIN,
                        enabled=True,
                        given={"key": value},
                        keyring=keyring,
                        clock=CLOCK,
                    )
                changes: tuple[dict[str, Any], ...] = (
                    {"url": "https://shop.example/hook"},
                    {"is_rotating": True},
                )
                for change in changes:
                    await change_webhook(
                        transaction,
                        client.id,
                        **change,
                        keyring=keyring,
                        policy=EgressPolicy(),
                        clock=CLOCK,
                    )
                owner = f"client:{client.id}/integration:{client.id}"
                await transaction.execute(
                    insert(ClientIntegration).values(
                        id=client.id,
                        client_id=client.id,
                        integration_type="rest",
                        name="rest",
                        connection_config=keyring.encrypt("{}", owner),
                        tokens_encrypted=keyring.encrypt("{}", owner),
                        created_at=CLOCK.now(),
                    )
                )
                await transaction.execute(
                    insert(Admin).values(
                        id=client.id,
                        email=f"{client.id}@example.com",
                        role="owner",
                        totp_secret=keyring.encrypt("{}", owner_of_secret(client.id)),
                        totp_pending=keyring.encrypt("{}", owner_of_secret(client.id)),
                        created_at=CLOCK.now(),
                    )
                )
                await AccountRepository(transaction, client.id).add(
                    client.id,
                    channel="pigeon",
                    name="The coop",
                    stored=StoredSettings({}, keyring.encrypt("{}", account_owner(client.id, client.id)), 1),
                    next_poll_at=None,
                    now=CLOCK.now(),
                )

    async def rotate(self, *keys: str, **options: Any) -> Rotation:
        return await rotate_secrets(self.database, Keyring(keys), clock=CLOCK, **options)

    async def rows(self, model: type[Base]) -> list[dict[str, Any]]:
        async with self.database.read() as connection:
            return [dict(row) for row in (await connection.execute(select(model.__table__))).mappings()]

    async def plain(self, key: str) -> list[str]:
        """What is stored of the plugin's secrets, read with this key alone."""
        keyring = Keyring([key])
        return [
            keyring.decrypt(row[column], f"client:{row['client_id']}/plugin:hooks")
            for row in await self.rows(ClientPlugin)
            for column in ("secrets", "previous_secrets")
        ]


@pytest.fixture
async def vault(backend: Backend) -> AsyncIterator[Vault]:
    database = Database(backend.database_url)
    made = Vault(database, [])
    await made.fill(Keyring([OLD]), COUNT)
    yield made
    await database.close()


def test_every_column_that_is_encrypted_is_a_place_of_the_rotation() -> None:
    known = {place.name for place in PLACES}
    encrypted = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Text)
        and any(word in column.name for word in ("secret", "connection_config", "encrypted"))
    }
    assert encrypted <= known


async def test_all_of_it_goes_under_the_new_key_and_says_the_same(vault: Vault) -> None:
    before = await vault.plain(OLD)

    done = await vault.rotate(NEW, OLD, batch=3)

    assert {each.place: (each.total, each.rotated) for each in done.counts} == {
        place.name: (COUNT, COUNT) for place in PLACES
    }
    assert done.can_drop_old_keys
    assert await vault.plain(NEW) == before
    again = await vault.rotate(NEW)
    assert all((each.current, each.rotated, each.unreadable) == (COUNT, 0, 0) for each in again.counts)
    audited = [row["after"] for row in await vault.rows(AuditEntry) if row["action"] == "secrets.rotated"]
    assert audited == [{place.name: COUNT for place in PLACES}]


async def test_a_run_that_was_broken_off_is_gone_on_with(vault: Vault) -> None:
    class Killed(Exception):
        pass

    def break_off(place: str, seen: int) -> None:
        if place == "client_plugins.secrets" and seen >= 4:
            raise Killed

    with pytest.raises(Killed):
        await vault.rotate(NEW, OLD, batch=2, progress=break_off)
    done = await vault.rotate(NEW, OLD, batch=2)

    counts = {each.place: each for each in done.counts}
    assert counts["clients.identity_secret"].rotated == 0
    secrets = counts["client_plugins.secrets"]
    assert (secrets.current, secrets.rotated) == (4, COUNT - 4)
    assert len(await vault.plain(NEW)) == 2 * COUNT


async def test_what_is_undone_while_it_runs_goes_under_the_new_key_too(vault: Vault) -> None:
    undoing: list[asyncio.Task[None]] = []

    async def undo() -> None:
        async with vault.database.write() as transaction:
            keyring = Keyring([NEW, OLD])
            await undo_plugin(transaction, vault.clients[0], PLUGIN, keyring=keyring, clock=CLOCK)

    def begin_undoing(place: str, _seen: int) -> None:
        # Puts the secret from before, which is still under the old key, where the run has been already.
        if place == "client_plugins.secrets" and not undoing:
            undoing.append(asyncio.create_task(undo()))

    done = await vault.rotate(NEW, OLD, progress=begin_undoing)
    await undoing[0]

    assert done.can_drop_old_keys
    assert len(await vault.plain(NEW)) == 2 * COUNT


async def test_a_process_that_is_killed_half_way_leaves_what_the_next_goes_on_with(
    vault: Vault, backend: Backend, tmp_path: Path
) -> None:
    await vault.fill(Keyring([OLD]), MANY)

    def kill_half_way() -> int:
        variables = {"CSAI_DATABASE_URL": backend.database_url, "CSAI_SECRET_KEYS": f"{NEW},{OLD}"}
        with running("secrets", "rotate", "--batch", "1", cwd=tmp_path, **variables) as program:
            program.err.until("client_plugins.secrets: 3 ")
            return program.stop(signal.SIGKILL)

    assert await asyncio.to_thread(kill_half_way) == -signal.SIGKILL
    done = await vault.rotate(NEW, OLD)

    counts = {each.place: each for each in done.counts}
    assert counts["clients.identity_secret"].current == COUNT + MANY
    assert counts["client_plugins.secrets"].current >= 3
    assert counts["client_integrations.connection_config"].rotated > 0
    assert done.can_drop_old_keys
    assert len(await vault.plain(NEW)) == 2 * (COUNT + MANY)


async def test_a_dry_run_counts_and_changes_nothing(vault: Vault) -> None:
    before = [await vault.rows(model) for model in (Client, ClientPlugin, ClientIntegration, AuditEntry)]
    done = await vault.rotate(NEW, OLD, is_dry=True)
    assert [each.rotated for each in done.counts] == [COUNT] * len(PLACES)
    assert not done.can_drop_old_keys
    after = [await vault.rows(model) for model in (Client, ClientPlugin, ClientIntegration, AuditEntry)]
    assert after == before


async def test_what_no_key_decrypts_is_named_and_left_while_the_rest_goes_on(vault: Vault) -> None:
    await vault.fill(Keyring(["a key that is lost"]), 1)
    lost = vault.clients[-1]
    done = await vault.rotate(NEW, OLD, batch=2)
    assert not done.can_drop_old_keys
    assert done.unreadable == [
        f"client:{lost}/identity",
        *[f"client:{lost}/plugin:hooks"] * 2,
        *[f"client:{lost}/webhook"] * 2,
        *[f"client:{lost}/integration:{lost}"] * 2,
        *[owner_of_secret(lost)] * 2,
        account_owner(lost, lost),
    ]
    assert [each.rotated for each in done.counts] == [COUNT] * len(PLACES)
