"""`csai plugins install` and `csai plugins uninstall`. Nothing here imports a plugin."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from csai.cli.plugin import AsJson, PluginId

if TYPE_CHECKING:
    from csai.plugins.preflight import Plan
    from csai.plugins.report import Report

RESTART = "Servers and workers that run take this in when they start next."
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def install(
    wanted: Annotated[
        str, typer.Argument(metavar="NAME | WHEEL | FOLDER", help="A package of the index, or a path.")
    ],
    is_sure: Yes = False,
    is_editable: Annotated[
        bool, typer.Option("--editable", "-e", help="Link a folder's sources, for those who work on them.")
    ] = False,
    is_upgrade: Annotated[
        bool, typer.Option("--upgrade", "-U", help="Take the newest version that fits.")
    ] = False,
    find_links: Annotated[
        list[str] | None,
        typer.Option(metavar="PLACE", help="Look for packages in a folder or on a page, too. Repeatable."),
    ] = None,
    is_index_unused: Annotated[bool, typer.Option("--no-index", help="And nowhere else.")] = False,
    is_offline: Annotated[bool, typer.Option("--offline", help="Use no network.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; without --yes, of what would be done.")
    ] = False,
) -> None:
    """Install a plugin, once it is certain that it moves nothing that the server needs.

    uv does it, with the settings and variables that uv reads anyway (UV_INDEX_URL and so on).
    """
    from csai.plugins.preflight import Refused, core_versions, preflight
    from csai.plugins.uv import Source, Uv, UvFailed

    uv = Uv(Source(find_links or (), is_index_used=not is_index_unused, is_offline=is_offline))
    try:
        plan = preflight(uv, wanted, is_editable=is_editable, is_upgrade=is_upgrade)
    except Refused as refused:
        _say_refused(refused, as_json=as_json)
        raise typer.Exit(1) from None
    if as_json and not is_sure:
        typer.echo(json.dumps({"ok": True, "installed": False, **_planned(plan)}))
        return
    if not as_json:
        _show_plan(plan)
    if plan.changes:
        if not is_sure and not _confirmed("Install it?"):
            raise typer.Exit(1)
        try:
            uv.install(plan.requirement, core_versions())
        except UvFailed as error:
            from csai.config import ConfigError

            raise ConfigError(f"uv could not install it: {error}") from None
    reports = _probed(plan.plugins)
    _say_installed(plan, reports, as_json=as_json)
    if any(report.is_wrong for report in reports):
        raise typer.Exit(1)


def uninstall(plugin_id: PluginId, is_sure: Yes = False, as_json: AsJson = False) -> None:
    """Uninstall the package that a plugin is in. What clients have set for it stays, for another time."""
    from csai.config import ConfigError
    from csai.plugins.discovery import distribution_of, entry_points
    from csai.plugins.preflight import core_versions
    from csai.plugins.uv import Uv, UvFailed

    owners = {point.name: distribution_of(point)[0] for point in entry_points()}
    if plugin_id not in owners:
        raise ConfigError(
            f"there is no plugin '{plugin_id[:64]}': installed are {', '.join(owners) or 'none'}"
        )
    package = owners[plugin_id]
    if package in core_versions():
        raise ConfigError(f"{plugin_id} is in {package}, which the server needs")
    gone = [name for name, owner in owners.items() if owner == package]
    if not as_json:
        typer.echo(f"{package} holds {', '.join(gone)}.")
    if not is_sure and not _confirmed("Uninstall it?"):
        raise typer.Exit(1)
    try:
        Uv().uninstall(package)
    except UvFailed as error:
        raise ConfigError(f"uv could not uninstall it: {error}") from None
    if as_json:
        typer.echo(json.dumps({"distribution": package, "plugins": gone, "restart_due": True}))
        return
    typer.echo(f"{package} is uninstalled. {RESTART}")
    typer.echo("What clients have set for it stays: installed again, it is as it was.")


def _confirmed(question: str) -> bool:
    try:
        is_sure = typer.confirm(question)
    except typer.Abort:  # also where nobody is there to answer
        is_sure = False
        typer.echo("")
    if not is_sure:
        typer.echo("Nothing was changed.")
    return is_sure


def _probed(plugins: tuple[str, ...]) -> list[Report]:
    """What becomes of the plugins: each is tried in a process of its own."""
    import importlib

    from csai.cli.configuration import load_settings, start_logging
    from csai.plugins.report import plugin_reports

    importlib.invalidate_caches()
    settings = load_settings()
    start_logging(settings, level="critical")
    return [report for report in plugin_reports(settings, again=plugins) if report.id in plugins]


def _say_refused(refused: Any, *, as_json: bool) -> None:
    if as_json:
        why = {"cause": refused.cause, "remedy": refused.remedy}
        typer.echo(json.dumps({"ok": False, "installed": False, "refused": why}))
        return
    typer.echo(f"csai: refused: {refused.cause}", err=True)
    typer.echo(f"    {refused.remedy} Nothing was changed.", err=True)


def _planned(plan: Plan) -> dict[str, Any]:
    return {
        "distribution": plan.distribution,
        "version": plan.version,
        "changes": [asdict(change) for change in plan.changes],
    }


def _show_plan(plan: Plan) -> None:
    from csai.cli.table import print_table

    if not plan.changes:
        typer.echo(f"{plan.distribution} {plan.version} is installed already.")
        return
    typer.echo(f"{plan.distribution} {plan.version} would change this environment so; nothing of csai moves:")
    print_table(
        ("Package", "Now", "Then"),
        [(item.name, item.before or "-", item.after or "-") for item in plan.changes],
    )


def _say_installed(plan: Plan, reports: list[Report], *, as_json: bool) -> None:
    if as_json:
        names = ("id", "kinds", "state", "cause", "remedy")
        told = [{name: getattr(report, name) for name in names} for report in reports]
        is_ok = not any(report.is_wrong for report in reports)
        restart = bool(plan.changes)
        typer.echo(
            json.dumps(
                {"ok": is_ok, "installed": True, **_planned(plan), "plugins": told, "restart_due": restart}
            )
        )
        return
    for report in reports:
        if report.state == "loaded":
            typer.echo(f"{report.id} ({', '.join(report.kinds) or 'hooks'}) is in order.")
        else:
            typer.echo(f"{report.id} is {report.state}: {report.cause or 'CSAI_PLUGINS leaves it out'}")
            if report.remedy:
                typer.echo(f"    {report.remedy}")
    if plan.changes:
        typer.echo(RESTART)
    for report in reports:
        if report.state == "loaded":
            typer.echo(
                f"After that, for a client, without a restart: csai client plugin CLIENT {report.id} --on"
            )
