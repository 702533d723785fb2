"""`csai admin`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from csai.cli.installation import Installation

admin = typer.Typer(name="admin", help="People who operate this installation.", no_args_is_help=True)


@admin.callback()
def group() -> None:
    """Keep `create` a command of its own, the only one so far."""


@admin.command()
def create(
    email: Annotated[str, typer.Option(prompt="E-mail address", help="What they sign in with.")],
    password: Annotated[
        str | None,
        typer.Option(
            help="At least 12 characters; @- reads standard input.  "
            "[default: asked for at a terminal, else made up and shown]",
            show_default=False,
        ),
    ] = None,
    role: Annotated[str, typer.Option(help="owner, admin, teammate or viewer.")] = "owner",
    is_generated: Annotated[bool, typer.Option("--generate", help="Make up a password and show it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Create an admin of the whole installation. There is none, and no password, until you do."""
    from csai.admins.audit import CLI
    from csai.admins.password import new_password
    from csai.admins.service import ROLES, create_admin
    from csai.cli.argument import read_value
    from csai.cli.installation import in_transaction

    known = {name: name for name in ROLES}
    if role not in known:
        raise typer.BadParameter(f"'{role[:32]}' is no role: use {', '.join(ROLES)}")
    if is_generated and password is not None:
        raise typer.BadParameter("give --password or --generate")
    chosen = read_value(password) if password is not None else None
    if chosen is None and not is_generated and not as_json and sys.stdin.isatty():
        chosen = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    made_up = new_password() if chosen is None else None

    async def change(installation: Installation) -> str:
        return await create_admin(
            installation.transaction,
            email=email,
            password=chosen if chosen is not None else str(made_up),
            role=known[role],
            actor=CLI,
            clock=installation.clock,
        )

    admin_id = in_transaction(change)
    if as_json:
        shown = {"id": admin_id, "email": email.strip().lower(), "role": role}
        typer.echo(json.dumps(shown | ({"password": made_up} if made_up else {})))
        return
    typer.echo(f"{email.strip().lower()} can sign in ({role}).")
    if made_up:
        typer.echo(f"Password  {made_up}   keep it now: it is not shown again")
