"""`csai client`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from csai.clients.service import NewClient
    from csai.config import Settings
    from csai.kit.crypto import Keyring

client = typer.Typer(name="client", help="Businesses that use this installation.", no_args_is_help=True)


@client.callback()
def _client() -> None:
    """Keeps `create` a command of its own while it is the only one."""


@client.command()
def create(
    name: Annotated[str, typer.Argument(help="The business' name, as visitors see it.")],
    origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Web origin its chat may be embedded on, such as https://shop.example. Repeatable."
        ),
    ] = None,
    plan: Annotated[str, typer.Option(help="Plan with its limits.")] = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Create a client and show its keys, this once."""
    import asyncio

    from csai.cli.configuration import load_settings, start_logging
    from csai.cli.migrate import ensure_migrated
    from csai.kit.crypto import Keyring

    settings = load_settings()
    start_logging(settings, level="warning")
    keyring = Keyring(settings.signing_keys())
    ensure_migrated(settings)
    made = asyncio.run(_create(settings, keyring, name=name, origins=origin or [], plan=plan))
    if as_json:
        shown = {
            "client_id": made.id,
            "publishable_key": made.publishable_key,
            "secret_key": made.secret_key,
            "identity_secret": made.identity_secret,
        }
        typer.echo(json.dumps(shown))
        return
    typer.echo(f"Client           {made.id}")
    typer.echo(f"Publishable key  {made.publishable_key}   for web pages, in data-api-key")
    typer.echo(f"Secret key       {made.secret_key}   for servers only")
    typer.echo(f"Identity secret  {made.identity_secret}   signs visitors' user_token")
    typer.echo("Keep them now: only what is needed to check them is stored, and they are not shown again.")
    if not origin:
        typer.echo("No --origin was given, so the publishable key works on no page yet.")


async def _create(
    settings: Settings, keyring: Keyring, *, name: str, origins: list[str], plan: str
) -> NewClient:
    from csai.clients.service import create_client
    from csai.database import Database
    from csai.kit.clock import SystemClock

    database = Database(settings.effective_database_url, pool_size=1)
    try:
        async with database.write() as transaction:
            return await create_client(
                transaction,
                name=name,
                origins=origins,
                plan_type=plan,
                keyring=keyring,
                clock=SystemClock(),
            )
    finally:
        await database.close()
