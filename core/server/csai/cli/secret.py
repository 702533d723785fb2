"""`csai secrets`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from csai.config import Settings
    from csai.secrets.rotation import Rotation

secrets = typer.Typer(name="secrets", help="What is stored encrypted.", no_args_is_help=True)


@secrets.callback()
def group() -> None:
    """Keep `rotate` a command of its own, the only one so far."""


@secrets.command()
def rotate(
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Count, and change nothing.")] = False,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Rows in one transaction.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Encrypt every stored secret anew with the first of CSAI_SECRET_KEYS. Safe to repeat, and to break off.

    Ends with 1 when a secret cannot be decrypted with any of the keys.
    """
    import asyncio

    from csai.cli.configuration import load_settings, start_logging
    from csai.cli.migrate import ensure_migrated
    from csai.cli.table import print_table

    settings = load_settings()
    start_logging(settings, level="warning")
    ensure_migrated(settings)
    done = asyncio.run(_run(settings, is_dry=is_dry, batch=batch, is_quiet=as_json))
    if as_json:
        typer.echo(json.dumps(done.report()))
    else:
        print_table(
            (
                "Place",
                "Secrets",
                "Under the first key",
                "Encrypted anew" if not is_dry else "To do",
                "Unreadable",
            ),
            [
                (
                    each.place,
                    f"{each.total:,}",
                    f"{each.current:,}",
                    f"{each.rotated:,}",
                    f"{each.unreadable:,}",
                )
                for each in done.counts
            ],
        )
        for owner in done.unreadable:
            typer.echo(f"Not readable with any key: {owner}")
        typer.echo(done.advice(settings))
    if done.unreadable:
        raise typer.Exit(1)


async def _run(settings: Settings, *, is_dry: bool, batch: int, is_quiet: bool) -> Rotation:
    from csai.database import Database
    from csai.kit.clock import SystemClock
    from csai.kit.crypto import Keyring
    from csai.secrets.rotation import rotate_secrets

    def tell(place: str, seen: int) -> None:
        if not is_quiet:
            typer.echo(f"{place}: {seen:,} looked at", err=True)

    database = Database(settings.effective_database_url, pool_size=1)
    try:
        return await rotate_secrets(
            database,
            Keyring(settings.signing_keys()),
            clock=SystemClock(),
            is_dry=is_dry,
            batch=batch,
            progress=tell,
        )
    finally:
        await database.close()
