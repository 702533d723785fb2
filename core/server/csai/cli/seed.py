"""`csai seed`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from csai.config import Settings
    from csai.demo.keys import DemoClient

KEYS_FILE = "seed.json"
ORIGINS = ["http://127.0.0.1:8000", "http://localhost:8000"]


def seed(
    origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Web origin the shop's chat may be used from. Repeatable.  [default: port 8000 here]"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Put the demo's shop into the configured database, to try `csai serve` with. Safe to repeat."""
    import asyncio

    from csai.cli.configuration import load_settings, start_logging
    from csai.cli.migrate import ensure_migrated

    settings = load_settings()
    start_logging(settings, level="warning")
    settings.signing_keys()  # before anything is touched: without a key nothing can be stored
    ensure_migrated(settings)
    client = asyncio.run(_seed(settings, origin or ORIGINS))
    if as_json:
        typer.echo(json.dumps(asdict(client)))
        return
    typer.echo(f"Client           {client.client_id}")
    typer.echo(f"Publishable key  {client.publishable_key}   for web pages")
    typer.echo(f"Secret key       {client.secret_key}   for servers only")
    typer.echo(f"Both keys are kept in {settings.data_dir / KEYS_FILE}. Next: csai serve, then open")
    typer.echo(f"    {(origin or ORIGINS)[0]}/demo/?key={client.publishable_key}")


async def _seed(settings: Settings, origins: list[str]) -> DemoClient:
    from csai.demo.shop import ensure_shop
    from csai.services import build_services

    services = build_services(settings)
    try:
        return await ensure_shop(services, keys=settings.data_dir / KEYS_FILE, origins=origins)
    finally:
        await services.close()
