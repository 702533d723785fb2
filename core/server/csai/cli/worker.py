"""`csai worker`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from csai.services import Services


def worker() -> None:
    """Do the jobs: usage, retention, webhooks, the end of turns whose server died. Repeatable."""
    import asyncio

    from csai.cli.configuration import load_settings, start_logging
    from csai.cli.migrate import ensure_migrated
    from csai.cli.server import loading
    from csai.config import ConfigError

    settings = load_settings()
    start_logging(settings)
    if settings.jobs == "off":
        raise ConfigError(
            "CSAI_JOBS is off, so there is nothing for a worker: set it to worker or in_process"
        )
    settings.signing_keys()
    ensure_migrated(settings)
    with loading():
        from csai.services import build_services

        services = build_services(settings)
    asyncio.run(_work(services))


async def _work(services: Services) -> None:
    import asyncio
    import signal

    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    await services.work()
    try:
        await told_to_stop.wait()
    finally:
        await services.close()
