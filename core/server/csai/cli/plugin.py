"""`csai plugins`. Nothing here imports a plugin: these commands must work whatever is installed."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from csai.plugins.report import Report

plugins = typer.Typer(name="plugins", help="What is installed beside the server.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PluginId = Annotated[str, typer.Argument(metavar="PLUGIN", help="Its id, as in csai plugins list.")]


@plugins.command("list")
def list_plugins(as_json: AsJson = False) -> None:
    """List the installed plugins, what they are, and whether they are in use."""
    listed = _reports()
    if as_json:
        typer.echo(json.dumps({"plugins": [_listed(item) for item in listed]}))
        return
    _print_table(listed)
    if any(item.is_wrong for item in listed):
        typer.echo("Something is wrong with some plugins. To see what: csai plugins doctor")


@plugins.command("doctor")
def check_plugins(
    as_json: AsJson = False,
    is_again: Annotated[
        bool, typer.Option("--again", "--probe", help="Try every plugin anew, whatever is known of it.")
    ] = False,
) -> None:
    """Say what is wrong with which plugin, and what to do. Ends with 1 when there is anything.

    A new or changed plugin is tried in a process of its own first; what running servers told is remembered.
    """
    listed = _reports(is_again=is_again)
    wrong = [item for item in listed if item.is_wrong]
    if as_json:
        typer.echo(json.dumps({"ok": not wrong, "plugins": [_examined(item) for item in listed]}))
    else:
        loaded = [item.id for item in listed if item.state in ("loaded", "degraded")]
        typer.echo(f"{len(loaded)} loaded: {', '.join(loaded) or 'none'}")
        for item in wrong:
            fate = "is kept out" if item.state == "quarantined" else "is degraded"
            typer.echo(f"{item.id} ({item.distribution} {item.version}) {fate}: {item.cause}")
            typer.echo(f"    {item.remedy}")
    if wrong:
        raise typer.Exit(1)


@plugins.command()
def disable(plugin_id: PluginId) -> None:
    """Leave a plugin out for everybody, from the next start of each server on this machine."""
    _installed(plugin_id)
    try:
        _memory().disable(plugin_id)
    except OSError as error:
        from csai.config import ConfigError

        raise ConfigError(f"CSAI_DATA_DIR cannot be written to: {error.strerror}") from None
    typer.echo(
        f"{plugin_id} is left out when a server starts next. Back again: csai plugins enable {plugin_id}"
    )
    typer.echo("For one client, at once and without a restart: csai client plugin CLIENT PLUGIN --off")


@plugins.command()
def enable(plugin_id: PluginId) -> None:
    """Take back csai plugins disable."""
    _installed(plugin_id)
    _memory().enable(plugin_id)
    typer.echo(f"{plugin_id} is loaded when a server starts next.")


def _reports(*, is_again: bool = False) -> list[Report]:
    from csai.cli.configuration import load_settings, start_logging
    from csai.plugins.discovery import entry_points
    from csai.plugins.report import plugin_reports

    settings = load_settings()
    start_logging(settings, level="critical")  # the listing itself says what is wrong
    return plugin_reports(settings, again={point.name for point in entry_points()} if is_again else ())


def _memory() -> Any:
    from csai.cli.configuration import load_settings
    from csai.plugins.vetting import plugin_memory

    return plugin_memory(load_settings())


def _installed(plugin_id: str) -> None:
    from csai.config import ConfigError
    from csai.plugins.discovery import entry_points

    there = sorted({point.name for point in entry_points()})
    if plugin_id not in there:
        raise ConfigError(
            f"there is no plugin '{plugin_id[:64]}': installed are {', '.join(there) or 'none'}"
        )


def _listed(item: Report) -> dict[str, Any]:
    names = ("id", "kinds", "distribution", "version", "state", "cause", "remedy")
    return {name: getattr(item, name) for name in names}


def _examined(item: Report) -> dict[str, Any]:
    verdict, trouble = item.verdict, item.trouble
    return _listed(item) | {
        "probe": verdict and {"outcome": verdict.outcome, "cause": verdict.cause, "at": verdict.at},
        "health": trouble and {name: value for name, value in asdict(trouble).items() if name != "plugin"},
    }


def _print_table(listed: list[Report]) -> None:
    from rich.text import Text

    from csai.cli.table import print_table

    styles = {"loaded": "green", "quarantined": "red", "degraded": "yellow"}
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
