"""The demo's server process: the real application, on a SQLite file of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from csai.admins.account import Link, first_link
from csai.app import create_app
from csai.cli.provider import explain
from csai.cli.server import UVICORN
from csai.config import Settings
from csai.demo.keys import DemoClient
from csai.demo.shop import ensure_shop
from csai.services import Services, build_services

GRACE_S = 1
KEYS_FILE = "demo.json"
Announce = Callable[[DemoClient, str, Link | None], None]
"""Told the client, what answers for it and why, and the first admin's link, once requests are taken."""


def demo_server(settings: Settings, announce: Announce) -> uvicorn.Server:
    """The server, ready to run."""
    services = build_services(settings)
    config = uvicorn.Config(create_app(services), timeout_graceful_shutdown=GRACE_S, **UVICORN)
    return DemoServer(config, services, announce)


class DemoServer(uvicorn.Server):
    """Sets up the shop before it serves, and says when it does."""

    def __init__(self, config: uvicorn.Config, services: Services, announce: Announce) -> None:
        super().__init__(config)
        self._services = services
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        services = self._services
        port = sockets[0].getsockname()[1] if sockets else self.config.port
        client = await ensure_shop(
            services,
            keys=services.settings.data_dir / KEYS_FILE,
            origins=[f"http://127.0.0.1:{port}", f"http://localhost:{port}"],
        )
        await super().startup(sockets)
        view = await services.views.get(client.client_id, version=0)
        answering = view.providers[0].provider.id if view.providers else "nothing"
        async with services.database.write() as transaction:
            link = await first_link(transaction, at=services.clock.now())
        explained = explain(answering, registry=services.registry, settings=services.settings)
        self._announce(client, explained, link)
