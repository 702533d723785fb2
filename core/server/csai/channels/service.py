"""Setting accounts up: one way in for the HTTP API and the command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from csai_sdk import Channel, Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.action import Action
from csai.admins.audit import Actor, record
from csai.channels.account import AccountRow, account_settings, webhook_path, webhook_url
from csai.channels.line import LineClosed, Lines
from csai.channels.repository import AccountRepository
from csai.channels.schemas import AccountCheck, AccountState
from csai.clients.repository import ClientRepository
from csai.kit.crypto import Keyring
from csai.kit.identifier import new_id
from csai.kit.problem import Problem, not_found
from csai.kit.text import is_clean
from csai.plugins.owned import OwnedSettings
from csai.plugins.registry import PluginRegistry
from csai.plugins.stored import SettingsFault, StoredSettings

MAX_ACCOUNTS = 50


class Accounts:
    """One client's accounts, within a transaction."""

    def __init__(
        self,
        transaction: AsyncConnection,
        client_id: str,
        *,
        registry: PluginRegistry,
        keyring: Keyring,
        clock: Clock,
        public_url: str,
        actor: Actor,
    ) -> None:
        self._transaction = transaction
        self._client_id = client_id
        self._repository = AccountRepository(transaction, client_id)
        self._registry = registry
        self._keyring = keyring
        self._clock = clock
        self._public_url = public_url
        self._actor = actor

    async def all(self) -> list[AccountState]:
        return [self._state(row) for row in await self._repository.all()]

    async def get(self, account_id: str) -> AccountState:
        return self._state(await self._find(account_id))

    async def create(self, channel: str, name: str, settings: Mapping[str, Any]) -> AccountState:
        """Set up an account. Raises `Problem`."""
        part = find_channel(self._registry, channel)
        await ClientRepository(self._transaction, self._client_id).lock()
        if len(await self._repository.all()) >= MAX_ACCOUNTS:
            raise Problem(409, "too_many_accounts", f"A client has at most {MAX_ACCOUNTS} accounts.")
        account_id, now = new_id(), self._clock.now()
        own = self._settings(part, account_id)
        own.check_names(settings)
        given = {key: value for key, value in settings.items() if value is not None}
        await self._repository.add(
            account_id,
            channel=channel,
            name=_name(name),
            stored=own.changed(StoredSettings({}, None, own.model.settings_version), given=given),
            next_poll_at=now if part.poll_every_s is not None else None,
            now=now,
        )
        state = await self.get(account_id)
        await self._record("channel.account_added", account_id, after=_audited(state))
        return state

    async def change(
        self,
        account_id: str,
        *,
        name: str | None = None,
        enabled: bool | None = None,
        settings: Mapping[str, Any],
        revisions: Collection[str] | None = None,
    ) -> AccountState:
        """Change some of it; what is not named stays. Raises `Problem`, 412 for a revision that is over."""
        row = await self._find(account_id, is_locking=True)
        _check_revision(row, revisions)
        before = self._state(row)
        values: dict[str, Any] = {}
        if settings:
            own = self._settings(find_channel(self._registry, row.channel), row.id)
            own.check_names(settings)
            values["stored"] = own.changed(
                row.stored,
                given={key: value for key, value in settings.items() if value is not None},
                cleared=[key for key, value in settings.items() if value is None],
            )
        if name is not None:
            values["name"] = _name(name)
        if enabled is not None:
            values["enabled"] = enabled
        if not values:
            return before
        await self._repository.change(account_id, now=self._clock.now(), **values)
        state = await self.get(account_id)
        named = {"named": sorted(settings)}
        await self._record(
            "channel.account_changed", account_id, before=_audited(before), after=_audited(state) | named
        )
        return state

    async def remove(self, account_id: str, *, revisions: Collection[str] | None = None) -> None:
        """With all messages of the channel's own; conversations stay. Raises `Problem`."""
        row = await self._find(account_id, is_locking=True)
        _check_revision(row, revisions)
        before = self._state(row)
        await self._repository.remove(account_id)
        await self._record("channel.account_removed", account_id, before=_audited(before))

    async def _record(self, action: Action, account_id: str, **states: Mapping[str, Any]) -> None:
        await record(
            self._transaction,
            self._actor,
            action,
            object=f"channel_account:{account_id}",
            client_id=self._client_id,
            at=self._clock.now(),
            **states,
        )

    async def _find(self, account_id: str, *, is_locking: bool = False) -> AccountRow:
        row = await self._repository.find(account_id, is_locking=is_locking)
        if row is None:
            raise not_found("account")
        return row

    def _settings(self, channel: Channel, account_id: str) -> OwnedSettings:
        return account_settings(channel, self._client_id, account_id, keyring=self._keyring)

    def _state(self, row: AccountRow) -> AccountState:
        names: list[str] = []
        fault = row.fault
        try:
            own = self._settings(find_channel(self._registry, row.channel), row.id)
            own.in_force(own.own(row.stored))
            names = list(own.secret_names(row.stored))
        except Problem as problem:
            fault = problem.detail
        except SettingsFault as unusable:
            fault = unusable.cause
        return AccountState(
            id=row.id,
            channel=row.channel,
            name=row.name,
            enabled=row.enabled,
            webhook_path=webhook_path(row.channel, row.public_id),
            webhook_url=webhook_url(self._public_url, row.channel, row.public_id),
            settings=dict(row.stored.shown),
            secrets=names,
            fault=fault,
            revision=row.revision,
            created_at=row.created_at,
        )


def find_channel(registry: PluginRegistry, channel: str) -> Channel:
    """Raises `Problem`."""
    if channel not in registry.channels:
        there = ", ".join(sorted(registry.channels)) or "none"
        raise Problem(422, "channel_unknown", f"There is no channel '{channel[:64]}'. Installed: {there}.")
    return registry.channels[channel][1]


async def check_account(lines: Lines, row: AccountRow, config_version: int) -> AccountCheck:
    """Try an account at its vendor, without sending anything."""
    try:
        async with lines.open(row, config_version) as line:
            found = await line.channel.check(line.account, line.ctx)
    except LineClosed as closed:
        return AccountCheck(is_ok=False, detail=str(closed))
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- a plugin's fault; its words may hold a secret
        return AccountCheck(is_ok=False, detail=f"Trying it raised {type(error).__name__}.")
    if found is None:
        return AccountCheck(is_ok=True, detail="This channel cannot be tried: send it a message.")
    return AccountCheck(is_ok=found.is_ok, detail=found.detail)


def _check_revision(row: AccountRow, revisions: Collection[str] | None) -> None:
    if revisions is not None and str(row.revision) not in revisions:
        raise Problem(
            412,
            "changed_meanwhile",
            "Somebody else has changed this account since you read it. Read it again and repeat your change.",
            headers={"ETag": f'"{row.revision}"'},
        )


def _name(name: str) -> str:
    if not is_clean(name) or not name.isprintable():
        raise Problem(422, "name_invalid", "A name is 1 to 200 characters on one line.")
    return name


def _audited(state: AccountState) -> dict[str, Any]:
    return state.model_dump(include={"channel", "name", "enabled", "settings", "secrets"})
