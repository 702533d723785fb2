"""`csai retention`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from csai.clients.repository import ClientSummary
    from csai.config import Settings

retention = typer.Typer(
    name="retention", help="How long visitors' words are kept (docs/data.md).", no_args_is_help=True
)

HEADINGS = {
    "replays": "Replays",
    "plugin_store": "Plugins' values",
    "messages": "Messages",
    "feedback_emptied": "Feedback emptied",
    "summaries": "Summaries",
    "tool_log_stripped": "Tool calls stripped",
    "turns": "Turns",
    "tool_log": "Tool calls",
    "conversations_emptied": "Conversations emptied",
    "conversations": "Conversations",
    "events_emptied": "Events emptied",
    "events": "Events",
    "channel_inbox": "Channel in",
    "channel_outbox": "Channel out",
    "channel_threads": "Channel threads",
    "channel_contacts_emptied": "Contacts emptied",
    "channel_contacts": "Contacts",
    "integration_deliveries": "Systems' news",
    "visitors": "Visitors",
}


@retention.callback()
def group() -> None:
    """Keep `run` a command of its own, the only one so far."""


@retention.command()
def run(
    client: Annotated[str, typer.Option(help="Only this client: its id or name.  [default: all]")] = "",
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Count, and remove nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Remove what is kept no longer, and say how much. The jobs do so each hour; safe to repeat."""
    import asyncio

    from csai.cli.configuration import load_settings, start_logging
    from csai.cli.migrate import ensure_migrated
    from csai.cli.table import print_table

    settings = load_settings()
    start_logging(settings, level="warning")
    ensure_migrated(settings)
    done = asyncio.run(_run(settings, client, is_dry=is_dry))
    if as_json:
        clients = [{"id": found.id, "name": found.name, **counts} for found, counts in done]
        typer.echo(json.dumps({"dry_run": is_dry, "clients": clients}))
        return
    print_table(
        ("Client", "What", "Rows"),
        [
            (found.name, heading, f"{counts[name]:,}")
            for found, counts in done
            for name, heading in HEADINGS.items()
            if counts[name]
        ]
        or [(client or "All", "nothing was due", "0")],
    )
    typer.echo("Nothing was removed: this was a dry run." if is_dry else "Removed.")


async def _run(
    settings: Settings, name_or_id: str, *, is_dry: bool
) -> list[tuple[ClientSummary, dict[str, int]]]:
    from csai.clients.repository import client_summaries
    from csai.clients.service import find_client
    from csai.config import ConfigError
    from csai.database import Database
    from csai.kit.clock import SystemClock
    from csai.kit.egress import EgressPolicy
    from csai.kit.outbound import Outbound
    from csai.privacy.archive import ArchiveFailed, make_archive
    from csai.privacy.retention import Retention

    database = Database(settings.effective_database_url, pool_size=1)
    outbound = Outbound(EgressPolicy())
    clock = SystemClock()
    archive = make_archive(settings, outbound.transports, clock)
    work = Retention(settings=settings, database=database, clock=clock, archive=archive)
    try:
        async with database.read() as connection:
            clients = (
                [await find_client(connection, name_or_id)]
                if name_or_id
                else await client_summaries(connection)
            )
        return [(each, await (work.preview(each.id) if is_dry else work.run(each.id))) for each in clients]
    except ArchiveFailed as error:
        raise ConfigError(f"{error}; nothing more was deleted: check CSAI_ARCHIVE_...") from None
    finally:
        await outbound.aclose()
        await database.close()
