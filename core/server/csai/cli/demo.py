"""`csai demo`."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from csai.admins.account import Link
    from csai.config import Settings
    from csai.demo.keys import DemoClient

FOLDER = "csai-demo"
HOST = "127.0.0.1"


def demo(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes any free one.")
    ] = 8000,
    data_dir: Annotated[
        Path | None, typer.Option(help=f"Where the demo keeps its data.  [default: data/{FOLDER}]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object when it is ready.")] = False,
) -> None:
    """Try csai: a made-up shop with its chat on one page. No keys, no servers; Ctrl-C ends it."""
    from csai.cli.configuration import load_settings, start_logging
    from csai.cli.migrate import upgrade
    from csai.cli.server import base_url, listen, loading
    from csai.kit.restart import restarts_with

    # What the operator set up for real must not be touched: no database, Redis or key from the environment.
    folder = data_dir or load_settings(database_url="").data_dir / FOLDER
    settings = load_settings(
        env="development", data_dir=folder, database_url="", redis_url="", secret_keys=""
    )
    start_logging(settings, level=_log_level(settings))
    sock = listen(HOST, port)
    restarts_with(sock)
    base = base_url(sock)
    upgrade(settings)

    def announce(client: DemoClient, answering: str, link: Link | None) -> None:
        admin_link = link.url(base) if link else None
        if as_json:
            typer.echo(json.dumps(_as_object(client, base, admin_link)))
        else:
            typer.echo(_as_text(client, base, admin_link, answering=answering, folder=folder))

    with loading():
        from csai.demo.server import demo_server

        server = demo_server(settings, announce)
    # uvicorn repeats the signal after it has shut down in order.
    with suppress(KeyboardInterrupt):
        server.run(sockets=[sock])


def _log_level(settings: Settings) -> str:
    """Quiet, unless asked: what a newcomer should read is what the demo prints itself."""
    return settings.log_level if "log_level" in settings.model_fields_set else "warning"


def _page(client: DemoClient, base: str) -> str:
    return f"{base}/demo/?key={client.publishable_key}"


def _as_object(client: DemoClient, base: str, admin_link: str | None) -> dict[str, Any]:
    return {
        "url": _page(client, base),
        "dashboard_url": f"{base}/dashboard/",
        "client_id": client.client_id,
        "publishable_key": client.publishable_key,
        "secret_key": client.secret_key,
        "admin_link": admin_link,
    }


def _dashboard(base: str, admin_link: str | None) -> str:
    return f"{admin_link}   once, to make its first admin" if admin_link else f"{base}/dashboard/"


def _as_text(client: DemoClient, base: str, admin_link: str | None, *, answering: str, folder: Path) -> str:
    return f"""
csai demo: a made-up shop with its chat. Open

    {_page(client, base)}

  Answers          {answering}
  Publishable key  {client.publishable_key}   for web pages
  Secret key       {client.secret_key}   for servers
  Data             {folder}
  Dashboard        {_dashboard(base, admin_link)}

The same from a terminal:

    curl {base}/chat/message -H 'X-API-Key: {client.secret_key}' \\
      -H 'Content-Type: application/json' -d '{{"message": "Where is my order ORD-1001?"}}'

Ctrl-C ends it; the next start goes on with the same data and keys.
"""
