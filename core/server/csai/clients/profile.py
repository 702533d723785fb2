"""A client as an operator sees and changes it: one way in for the HTTP API and the command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import SYSTEM, Actor, record
from csai.clients.profile_repository import ProfileRepository, ProfileRow
from csai.clients.repository import ClientRepository
from csai.clients.schemas import ClientProfile, ClientSettings, ClientStatus
from csai.clients.service import (
    SWITCHES,
    SettingName,
    change_setting,
    checked_name,
    normalise_domain,
    normalise_origins,
)
from csai.config import Settings
from csai.kit.precondition import check_tag, tag_of


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What to change; None stays. A setting's empty value takes it back."""

    name: str | None = None
    domain: str | None = None
    origins: Collection[str] | None = None
    settings: Mapping[SettingName, str] | None = None


async def client_profile(
    connection: AsyncConnection, client_id: str, settings: Settings
) -> tuple[ClientProfile, str]:
    """The client, and the tag of what a change can change. Raises 404."""
    row = await ProfileRepository(connection, client_id).get()
    origins = sorted(await ClientRepository(connection, client_id).origins())
    profile = ClientProfile(
        id=row.id,
        name=row.name,
        domain=row.domain,
        origins=origins,
        plan=row.plan,
        status=_status(row),
        timezone=row.timezone,
        created_at=row.created_at,
        settings=_settings(row.settings, settings.llm_provider),
        defaults=_defaults(settings),
    )
    return profile, tag_of(_state(row, origins))


async def change_profile(
    transaction: AsyncConnection,
    client_id: str,
    change: ProfileChange,
    *,
    tags: Collection[str] | None = None,
    providers: Collection[str],
    default_provider: str,
    clock: Clock,
    actor: Actor = SYSTEM,
) -> None:
    """`tags` are those of the state it was made on; None: whatever it is. Raises `Problem`."""
    repository = ClientRepository(transaction, client_id)
    await repository.lock()
    row = await ProfileRepository(transaction, client_id).get()
    origins = sorted(await repository.origins())
    check_tag(_state(row, origins), tags)
    await _change_names(transaction, row, origins, change, clock=clock, actor=actor)
    for name, value in (change.settings or {}).items():
        await change_setting(
            transaction,
            client_id,
            name,
            value,
            providers=providers,
            default_provider=default_provider,
            clock=clock,
            actor=actor,
        )


async def set_status(
    transaction: AsyncConnection,
    client_id: str,
    status: ClientStatus,
    *,
    clock: Clock,
    actor: Actor = SYSTEM,
) -> None:
    """Let its keys work, or refuse them all; once more changes nothing. Raises 404."""
    clients, repository = ClientRepository(transaction, client_id), ProfileRepository(transaction, client_id)
    await clients.lock()
    before = (await repository.get()).status
    if before == status:
        return
    await repository.set(status=status)
    await clients.bump()
    await record(
        transaction,
        actor,
        "client.activated" if status == "active" else "client.deactivated",
        object=f"client:{client_id}",
        client_id=client_id,
        before={"status": before},
        after={"status": status},
        at=clock.now(),
    )


def stored_setting(name: str, value: Any) -> str:
    """A setting's value as `change_setting` takes it."""
    if value is None:
        return ""
    if name in SWITCHES:
        return "on" if value else "off"
    return str(value)


async def _change_names(
    transaction: AsyncConnection,
    row: ProfileRow,
    origins: list[str],
    change: ProfileChange,
    *,
    clock: Clock,
    actor: Actor,
) -> None:
    before: dict[str, Any] = {"name": row.name, "domain": row.domain, "origins": origins}
    after = dict(before)
    if change.name is not None:
        after["name"] = checked_name(change.name)
    if change.domain is not None:
        after["domain"] = normalise_domain(change.domain)
    if change.origins is not None:
        after["origins"] = normalise_origins(change.origins)
    changed = [name for name in after if after[name] != before[name]]
    if not changed:
        return
    await ProfileRepository(transaction, row.id).set(name=after["name"], domain=after["domain"])
    # Which also makes every process read the client anew.
    await ClientRepository(transaction, row.id).set_origins(after["origins"])
    await record(
        transaction,
        actor,
        "client.changed",
        object=f"client:{row.id}",
        client_id=row.id,
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
        at=clock.now(),
    )


def _state(row: ProfileRow, origins: list[str]) -> dict[str, Any]:
    own = set(get_args(SettingName)) | {"models"}
    kept = {name: value for name, value in row.settings.items() if name in own}
    return {"name": row.name, "domain": row.domain, "origins": origins, "settings": kept}


def _status(row: ProfileRow) -> ClientStatus:
    return "active" if row.status == "active" else "inactive"


def _settings(kept: Mapping[str, Any], default_provider: str) -> ClientSettings:
    provider = kept.get("provider")
    model = kept.get("models", {}).get(provider or default_provider)
    switches = {name: kept[name] == "on" if name in kept else None for name in SWITCHES}
    plain = {
        name: kept.get(name)
        for name in ("prompt", "tone", "message_days", "tool_log_days", "client_rate", "visitor_rate")
    }
    return ClientSettings(provider=provider, model=model, **switches, **plain)


def _defaults(settings: Settings) -> ClientSettings:
    return ClientSettings(
        provider=settings.llm_provider or None,
        model=None,
        prompt=None,
        tone=None,
        response_cache=bool(settings.response_cache_s),
        compression=False,
        message_days=settings.message_days,
        tool_log_days=settings.tool_log_days,
        client_rate=settings.rate_limit_client or None,
        visitor_rate=settings.rate_limit_visitor or None,
    )
