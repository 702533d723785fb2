"""`csai client keys`, `new-key`, `revoke-key`, `activate` and `deactivate`: who is let in."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from csai.cli.installation import Installation
    from csai.clients.key import NewKey
    from csai.clients.profile_repository import KeptKey

Kind = Literal["publishable", "secret"]


def client_keys(
    name_or_id: NameOrId, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List a client's keys, by their last characters."""
    from csai.cli.installation import in_transaction
    from csai.cli.table import print_table
    from csai.clients import key
    from csai.clients.service import find_client

    async def read(installation: Installation) -> Sequence[KeptKey]:
        found = await find_client(installation.transaction, name_or_id)
        return await key.client_keys(installation.transaction, found.id, now=installation.clock.now())

    found = in_transaction(read)
    if as_json:
        typer.echo(json.dumps({"keys": [asdict(each) for each in found]}, default=str))
        return
    print_table(
        ("Key", "Kind", "Ends with", "Made", "Works until"),
        [
            (
                *(each.id, each.kind, each.hint, f"{each.created_at:%Y-%m-%d}"),
                f"{each.expires_at:%Y-%m-%d %H:%M}" if each.expires_at else "",
            )
            for each in found
        ],
    )


def new_key(
    name_or_id: NameOrId,
    kind: Annotated[Kind, typer.Argument(help="publishable (web pages) or secret (servers).")],
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=720, help="How long those of its kind go on working.")
    ] = 24,
) -> None:
    """Make a key in place of those of its kind, and show it this once."""
    from datetime import timedelta

    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.clients.key import replace_keys
    from csai.clients.service import find_client

    async def change(installation: Installation) -> NewKey:
        found = await find_client(installation.transaction, name_or_id)
        return await replace_keys(
            installation.transaction,
            found.id,
            kind=kind,
            overlap=timedelta(hours=overlap_hours),
            clock=installation.clock,
            actor=CLI,
        )

    made = in_transaction(change)
    typer.echo(made.key)
    typer.echo(f"The old ones work until {made.old_keys_until:%Y-%m-%d %H:%M} UTC.", err=True)


def revoke(
    name_or_id: NameOrId,
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="Its id, as in csai client keys.")],
) -> None:
    """Let a key work no more, from now on."""
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.clients.key import revoke_key
    from csai.clients.service import find_client

    async def change(installation: Installation) -> None:
        found = await find_client(installation.transaction, name_or_id)
        await revoke_key(installation.transaction, found.id, key_id, clock=installation.clock, actor=CLI)

    in_transaction(change)
    typer.echo("The key works no more.")


def activate(name_or_id: NameOrId) -> None:
    """Let a client's keys work again."""
    typer.echo(f"{_switch(name_or_id, 'active')} is active: its keys work.")


def deactivate(name_or_id: NameOrId) -> None:
    """Refuse all of a client's keys; nothing is deleted."""
    typer.echo(f"{_switch(name_or_id, 'inactive')} is inactive: none of its keys works.")


def _switch(name_or_id: str, status: Literal["active", "inactive"]) -> str:
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.clients.profile import set_status
    from csai.clients.service import find_client

    async def change(installation: Installation) -> str:
        found = await find_client(installation.transaction, name_or_id)
        await set_status(installation.transaction, found.id, status, clock=installation.clock, actor=CLI)
        return found.name

    return in_transaction(change)
