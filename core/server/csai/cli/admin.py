"""`csai admin`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from csai.cli.admin_token import token

if TYPE_CHECKING:
    from csai.cli.installation import Installation

admin = typer.Typer(name="admin", help="People who operate this installation.", no_args_is_help=True)
admin.add_typer(token)


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
    clients: Annotated[
        list[str] | None,
        typer.Option("--client", help="Only for this client, by name or id; may be repeated."),
    ] = None,
    is_generated: Annotated[bool, typer.Option("--generate", help="Make up a password and show it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Create an admin, of the whole installation unless clients are named.

    There is none, and no password, until you do.
    """
    from csai.admins.account import create_admin
    from csai.admins.audit import CLI
    from csai.admins.password import new_password
    from csai.admins.service import ROLES
    from csai.cli.argument import read_value
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client

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
        named = [(await find_client(installation.transaction, each)).id for each in clients or ()]
        return await create_admin(
            installation.transaction,
            email=email,
            password=chosen if chosen is not None else str(made_up),
            role=known[role],
            client_ids=named or None,
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


@admin.command("list")
def list_admins(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Who may sign in, and what they may do."""
    from csai.admins.account import Account, accounts
    from csai.cli.installation import in_transaction
    from csai.cli.table import print_table

    async def read(installation: Installation) -> list[Account]:
        return await accounts(installation.transaction)

    every = in_transaction(read)
    if as_json:
        shown = [{"id": each.row.id, **each.state()} for each in every]
        typer.echo(json.dumps({"admins": shown}))
        return
    print_table(
        ("e-mail", "role", "clients", "state", "id"),
        [
            (
                each.row.email,
                each.row.role,
                "all" if each.client_ids is None else "\n".join(sorted(each.client_ids)),
                "active" if each.row.is_active else "deactivated",
                each.row.id,
            )
            for each in every
        ],
    )


@admin.command()
def deactivate(
    who: Annotated[str, typer.Argument(metavar="ADMIN", help="E-mail address or id.")],
    is_back: Annotated[bool, typer.Option("--undo", help="Let them in again.")] = False,
) -> None:
    """Shut an admin out at once, in every browser and script."""
    from csai.admins.account import change_admin, find_account
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction

    async def change(installation: Installation) -> str:
        account = await find_account(installation.transaction, who)
        changes = {"is_active": is_back}
        at = installation.clock.now()
        await change_admin(installation.transaction, account, changes, actor=CLI, at=at)
        return account.row.email

    email = in_transaction(change)
    typer.echo(f"{email} can sign in again." if is_back else f"{email} is shut out.")


@admin.command()
def link(
    who: Annotated[
        str, typer.Argument(metavar="[ADMIN]", help="E-mail address or id; nobody for the first admin.")
    ] = "",
    base: Annotated[
        str, typer.Option(help="Where the server is.  [default: CSAI_PUBLIC_URL]", show_default=False)
    ] = "",
) -> None:
    """Show a link that sets a password, once and within 24 hours. It takes the present password away."""
    from csai.admins.account import Link, find_account, first_link, reset_admin
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction

    async def give(installation: Installation) -> str:
        transaction, at = installation.transaction, installation.clock.now()
        made: Link | None
        if who:
            made = await reset_admin(transaction, await find_account(transaction, who), actor=CLI, at=at)
        else:
            made = await first_link(transaction, at=at)
        if made is None:
            raise typer.BadParameter("there are admins: say whose link it is to be (csai admin list)")
        return made.url(base or installation.settings.public_url or "http://127.0.0.1:8000")

    typer.echo(in_transaction(give))
