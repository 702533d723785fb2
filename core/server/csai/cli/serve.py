"""`csai serve`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fastapi import FastAPI

    from csai.config import Settings

# For connections that are still open when the last turn has ended: see CSAI_DRAIN_S.
GRACE_S = 5


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is every one.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that share the port.")] = 1,
) -> None:
    """Run the server. Its configuration is in the environment: see docs/operators/configuration.md."""
    import asyncio

    import structlog
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from csai.cli.configuration import load_settings, start_logging
    from csai.cli.migrate import ensure_migrated
    from csai.cli.server import UVICORN, base_url, listen
    from csai.kit.restart import restarts_with

    settings = load_settings()
    start_logging(settings)
    settings.signing_keys()  # here, since workers that each make one at the same time would differ
    sock = listen(host, port)
    ensure_migrated(settings)
    config = uvicorn.Config(
        "csai.cli.serve:app_factory",
        factory=True,
        workers=workers,
        timeout_graceful_shutdown=GRACE_S,
        **UVICORN,
    )
    asyncio.run(_welcome(settings, base_url(sock)))
    structlog.get_logger("csai").info("serving", url=base_url(sock), workers=workers, env=settings.env)
    # uvicorn repeats the signal after it has shut down in order.
    with suppress(KeyboardInterrupt):
        if workers > 1:
            asyncio.run(_prepare(settings))
            Multiprocess(config, sockets=[sock]).run()
        else:
            restarts_with(sock)
            uvicorn.Server(config).run(sockets=[sock])


def app_factory() -> FastAPI:
    """The application of one server process, from the environment alone."""
    from csai.cli.configuration import load_settings, start_logging
    from csai.cli.server import loading

    settings = load_settings()
    start_logging(settings)
    with loading():
        from csai.app import create_app
        from csai.services import build_services

        return create_app(build_services(settings))


async def _welcome(settings: Settings, base: str) -> None:
    """Say how the first admin comes in, while there is none. Not in the log, which others read."""
    from csai.admins.account import first_link
    from csai.database import Database
    from csai.kit.clock import SystemClock

    database = Database(settings.effective_database_url, pool_size=1)
    try:
        async with database.write() as transaction:
            link = await first_link(transaction, at=SystemClock().now())
    finally:
        await database.close()
    if link is not None:
        url = link.url(settings.public_url or base)
        typer.echo(f"There is no admin yet. Within 24 hours, make the first one at\n\n    {url}\n")


async def _prepare(settings: Settings) -> None:
    """Add new plugins' tools to the catalog once, before every worker looks whether they are there."""
    from csai.services import build_services

    services = build_services(settings)
    await services.start()
    await services.close()
