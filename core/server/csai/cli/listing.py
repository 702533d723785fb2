"""What listing the tools of a client's own systems came to, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.plugins.view import ClientViews
    from csai.tools.listing import SourceChange


async def list_tools(installation: Installation, views: ClientViews, client_id: str) -> list[SourceChange]:
    """Ask the client's systems now. Raises `Problem`."""
    from csai.admins.audit import CLI
    from csai.tools.listing import Listings

    listings = Listings(database=installation.database, views=views, clock=installation.clock)
    return await listings.refresh(client_id, actor=CLI)


def show_listing(changes: Sequence[SourceChange]) -> None:
    """A paragraph for each system."""
    if not changes:
        typer.echo("No plugin of this client lists tools: see csai client plugin.")
    for change in changes:
        where = f"{change.backend} {change.source}"
        if change.problem:
            typer.echo(f"{where}: could not be asked: {change.problem}")
            continue
        typer.echo(f"{where}: {change.tools} tools")
        for what, names in (
            ("New, and off", change.added),
            ("Changed, so not used until switched on again", change.changed),
            ("Back as they were", change.returned),
            ("Not offered any more", change.gone),
        ):
            if names:
                typer.echo(f"  {what}: {', '.join(names)}")
        for refused in change.refused:
            typer.echo(f"  Cannot be used: {refused['name']}: {refused['reason']}")
