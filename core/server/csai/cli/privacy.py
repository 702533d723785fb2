"""`csai privacy`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from csai.config import Settings
    from csai.privacy.erasure import Outcome
    from csai.privacy.erasure_repository import Subject

privacy = typer.Typer(
    name="privacy", help="What is kept of a visitor: to be shown, or forgotten.", no_args_is_help=True
)

Client = Annotated[str, typer.Argument(help="The client's id or name.")]
Visitor = Annotated[str, typer.Option(help="A verified visitor, by the host page's own id.")]
Session = Annotated[str, typer.Option(help="One conversation, by its session_id.")]


@privacy.command()
def erase(
    client: Client,
    visitor: Visitor = "",
    session: Session = "",
    is_sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Forget a visitor or a conversation. It cannot be undone; what was used stays counted."""
    import asyncio

    settings, subject = _begin(visitor, session)
    if not is_sure and not as_json:
        typer.confirm(f"Forget {visitor or session} of {client} for good?", abort=True)
    outcome = asyncio.run(_erase(settings, client, subject))
    if as_json:
        told = {
            "status": outcome.status,
            "conversations": outcome.conversations,
            "failing": list(outcome.failing),
        }
        typer.echo(json.dumps(told))
        return
    typer.echo(f"{outcome.conversations} conversations emptied.")
    if outcome.failing:
        typer.echo(
            f"Not yet erased by: {', '.join(outcome.failing)}. It is tried again by every running server."
        )
    elif outcome.status == "pending":
        typer.echo("A turn is still running: the rest is erased when it ends.")


@privacy.command()
def export(client: Client, visitor: Visitor = "", session: Session = "") -> None:
    """Print all that is stored of a visitor or a conversation, as one JSON object."""
    import asyncio

    settings, subject = _begin(visitor, session)
    typer.echo(json.dumps(asyncio.run(_export(settings, client, subject)), ensure_ascii=False, default=str))


def _begin(visitor: str, session: str) -> tuple[Settings, Subject]:
    from csai.cli.configuration import load_settings, start_logging
    from csai.cli.migrate import ensure_migrated
    from csai.config import ConfigError
    from csai.kit.identifier import is_id
    from csai.privacy.erasure_repository import Subject

    if bool(visitor) == bool(session):
        raise ConfigError("say who: either --visitor ID or --session ID")
    if session and not is_id(session):
        raise ConfigError(f"'{session}' is no session_id: it looks like 0190a0b0-0000-7000-8000-000000000000")
    settings = load_settings()
    start_logging(settings, level="warning")
    ensure_migrated(settings)
    return settings, Subject(external_id=visitor or None, session_id=session or None)


async def _erase(settings: Settings, name_or_id: str, subject: Subject) -> Outcome:
    from csai.cli.server import loading
    from csai.clients.service import find_client

    with loading():
        from csai.services import build_services

        services = build_services(settings)
    try:
        async with services.database.read() as connection:
            client = await find_client(connection, name_or_id)
        return await services.erasures.erase(client.id, subject)
    finally:
        await services.close()


async def _export(settings: Settings, name_or_id: str, subject: Subject) -> dict[str, Any]:
    from csai.clients.service import find_client
    from csai.database import Database
    from csai.privacy.export import export_of

    database = Database(settings.effective_database_url, pool_size=1)
    try:
        async with database.read() as connection:
            client = await find_client(connection, name_or_id)
            return await export_of(connection, client.id, subject)
    finally:
        await database.close()
