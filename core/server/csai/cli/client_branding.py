"""`csai client branding`: how a client's widget looks and what it offers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.clients.branding import Branding


def client_branding(
    name_or_id: NameOrId,
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="As in primary_color=#23568f; lists and switches as JSON. Repeatable.",
        ),
    ] = None,
    cleared: Annotated[
        list[str] | None, typer.Option("--clear", metavar="NAME", help="Leave it to the widget. Repeatable.")
    ] = None,
    is_reset: Annotated[bool, typer.Option("--reset", help="Forget all that was set before.")] = False,
) -> None:
    """Show what is set of a client's widget, as JSON, and change it.

    A running server follows at once, widgets on pages within a minute.
    """
    from csai.admins.audit import CLI
    from csai.cli.argument import read_pairs
    from csai.cli.installation import in_transaction
    from csai.clients.branding import Branding, change_branding, parsed_branding
    from csai.clients.branding import client_branding as read
    from csai.clients.service import find_client

    texts = read_pairs(pairs or [])
    unknown = [name for name in (*texts, *(cleared or ())) if name not in Branding.model_fields]
    if unknown:
        there = ", ".join(Branding.model_fields)
        raise typer.BadParameter(f"there is no '{unknown[0][:64]}'; there are {there}")

    async def work(installation: Installation) -> Branding:
        transaction = installation.transaction
        found = await find_client(transaction, name_or_id)
        state, _tag = await read(transaction, found.id)
        if texts or cleared or is_reset:
            kept = {} if is_reset else state.model_dump(exclude_defaults=True)
            values = {name: value for name, value in kept.items() if name not in (cleared or ())}
            changed = parsed_branding(values | {name: _value(text) for name, text in texts.items()})
            await change_branding(transaction, found.id, changed, clock=installation.clock, actor=CLI)
            state = changed
        return state

    state = in_transaction(work)
    typer.echo(json.dumps(state.model_dump(exclude_defaults=True), ensure_ascii=False, indent=2))


def _value(text: str) -> Any:
    """A list or a switch; anything else is the text itself."""
    if text in {"true", "false"} or text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
