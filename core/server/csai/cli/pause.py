"""`csai client pause|resume` and `csai spending stop|resume`: the kill switches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai.cli.installation import Installation

spending_switch = typer.Typer(
    name="spending", help="Stop all spending on models, of every client.", no_args_is_help=True
)


def pause(name_or_id: NameOrId) -> None:
    """Switch a client's AI off, from its next turn on: visitors wait for a teammate, if it offers that."""
    typer.echo(f"The AI of {_set_pause(name_or_id, is_paused=True)} is off.")


def resume(name_or_id: NameOrId) -> None:
    """Switch a client's AI on again."""
    typer.echo(f"The AI of {_set_pause(name_or_id, is_paused=False)} is on.")


@spending_switch.command()
def stop() -> None:
    """Call no model any more, from every client's next turn on."""
    _stop(is_stopped=True)
    typer.echo("No model is called any more. Go on with: csai spending resume")


@spending_switch.command("resume")
def go_on() -> None:
    """Call models again."""
    _stop(is_stopped=False)
    typer.echo("Models are called again.")


def _set_pause(name_or_id: str, *, is_paused: bool) -> str:
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.clients.pause import set_pause
    from csai.clients.service import find_client

    async def change(installation: Installation) -> str:
        transaction, clock = installation.transaction, installation.clock
        found = await find_client(transaction, name_or_id)
        await set_pause(transaction, found.id, is_paused=is_paused, actor=CLI, clock=clock)
        return found.name

    return in_transaction(change)


def _stop(*, is_stopped: bool) -> None:
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.clients.pause import stop_spending

    async def change(installation: Installation) -> None:
        await stop_spending(
            installation.transaction, is_stopped=is_stopped, actor=CLI, clock=installation.clock
        )

    in_transaction(change)
