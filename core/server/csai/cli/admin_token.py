"""`csai admin token`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from csai.admins.api_token import ListedToken, NewToken
    from csai.cli.installation import Installation

token = typer.Typer(
    name="token", help="API tokens, with which scripts act for an admin.", no_args_is_help=True
)


@token.command()
def create(
    who: Annotated[str, typer.Argument(metavar="ADMIN", help="Whom it acts for: e-mail address or id.")],
    name: Annotated[str, typer.Argument(help="What it is for, as the audit log shows it.")],
    role: Annotated[
        Literal["owner", "admin", "teammate", "viewer"], typer.Option(help="Not above the admin's own.")
    ] = "viewer",
    scope: Annotated[
        Literal["read", "write"], typer.Option(help="read: GET alone; write: all that the role may.")
    ] = "read",
    clients: Annotated[
        list[str] | None,
        typer.Option("--client", help="Only for this client, by name or id; may be repeated."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it works.")] = 90,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a token for a script, and show it this once."""
    from datetime import timedelta

    from csai.admins.account import find_account
    from csai.admins.api_token import create_token
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client

    async def make(installation: Installation) -> NewToken:
        transaction = installation.transaction
        named = [(await find_client(transaction, each)).id for each in clients or ()]
        return await create_token(
            transaction,
            await find_account(transaction, who),
            name=name,
            role=role,
            scope=scope,
            client_ids=named or None,
            lifetime=timedelta(days=days),
            actor=CLI,
            at=installation.clock.now(),
        )

    made = in_transaction(make)
    if as_json:
        typer.echo(json.dumps({**made.listed.state(), "token": made.token}, default=str))
        return
    typer.echo(made.token)
    typer.echo(f"Keep it now: it is not shown again. It works until {_day(made.listed)}.", err=True)


@token.command("list")
def list_tokens(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """All tokens of the installation; those that ended for 30 days."""
    from csai.admins.account import accounts
    from csai.admins.api_token import tokens_of
    from csai.cli.installation import in_transaction
    from csai.cli.table import print_table

    async def read(installation: Installation) -> Sequence[ListedToken]:
        owners = await accounts(installation.transaction)
        return await tokens_of(installation.transaction, owners, now=installation.clock.now())

    found = in_transaction(read)
    if as_json:
        typer.echo(json.dumps({"tokens": [each.state() for each in found]}, default=str))
        return
    print_table(
        ("name", "of", "may", "works until", "last used", "id"),
        [
            (
                each.row.name,
                each.owner.row.email,
                f"{each.role}, {each.row.scope}",
                "revoked" if each.row.revoked_at else _day(each),
                f"{each.row.last_used_at:%Y-%m-%d %H:%M}" if each.row.last_used_at else "never",
                each.row.id,
            )
            for each in found
        ],
    )


@token.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, as in csai admin token list.")],
) -> None:
    """Let a token work no more, from now on."""
    from csai.admins.account import accounts
    from csai.admins.api_token import revoke_token
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction

    async def end(installation: Installation) -> None:
        transaction, at = installation.transaction, installation.clock.now()
        await revoke_token(transaction, token_id, await accounts(transaction), actor=CLI, at=at)

    in_transaction(end)
    typer.echo("The token works no more.")


def _day(listed: ListedToken) -> str:
    return f"{listed.row.expires_at:%Y-%m-%d}"
