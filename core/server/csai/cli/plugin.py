"""`csai plugins`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from csai.plugins.inventory import Listed

plugins = typer.Typer(name="plugins", help="What is installed beside the server.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@plugins.command("list")
def list_plugins(as_json: AsJson = False) -> None:
    """List the installed plugins, what they are, and whether they are in use."""
    listed = _load()
    if as_json:
        typer.echo(json.dumps({"plugins": [asdict(item) for item in listed]}))
        return
    _print_table(listed)
    if any(item.state == "quarantined" for item in listed):
        typer.echo("Some plugins are kept out. To see why: csai plugins doctor")


@plugins.command("doctor")
def check_plugins(as_json: AsJson = False) -> None:
    """Say which plugins are kept out, why, and what to do. Ends with 1 when there are any."""
    listed = _load()
    kept_out = [item for item in listed if item.state == "quarantined"]
    if as_json:
        typer.echo(json.dumps({"ok": not kept_out, "plugins": [asdict(item) for item in listed]}))
    else:
        loaded = [item.id for item in listed if item.state == "loaded"]
        typer.echo(f"{len(loaded)} loaded: {', '.join(loaded) or 'none'}")
        for item in kept_out:
            typer.echo(f"{item.id} ({item.distribution} {item.version}) is kept out: {item.cause}")
            typer.echo(f"    {item.remedy}")
    if kept_out:
        raise typer.Exit(1)


def _load() -> list[Listed]:
    from csai.cli.configuration import load_settings, start_logging
    from csai.plugins.inventory import listing
    from csai.plugins.registry import PluginRegistry

    settings = load_settings()
    start_logging(settings, level="critical")  # the listing itself says what is wrong
    return listing(settings.plugins, PluginRegistry.load(settings.plugins))


def _print_table(listed: list[Listed]) -> None:
    from rich.text import Text

    from csai.cli.table import print_table

    styles = {"loaded": "green", "quarantined": "red"}
    print_table(
        ("Plugin", "Kinds", "Distribution", "Version", "State"),
        [
            (
                item.id,
                ", ".join(item.kinds),
                item.distribution,
                item.version,
                Text(item.state, style=styles.get(item.state, "")),
            )
            for item in listed
        ],
    )
