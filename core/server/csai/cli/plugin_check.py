"""`csai plugins check`."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from csai.plugins.quality import Subject

_REMEDY = "csai plugins list shows what is installed"


class TierName(StrEnum):
    """What a plugin may be good enough for."""

    listed = "listed"
    verified = "verified"


def check(
    plugins: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME | FOLDER]...", help="Plugins, or their sources; default: all."),
    ] = None,
    tier: Annotated[
        TierName, typer.Option(help="listed: what can be seen of it. verified: its conformance tests, too.")
    ] = TierName.listed,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check how good installed plugins are. Ends with 1 when one does not reach the tier."""
    from csai.plugins.conformance import examine_conformance
    from csai.plugins.quality import examine_listing

    subjects = [item for plugin in plugins for item in _subjects(plugin)] if plugins else _subjects(None)
    examine_listing(subjects)
    if tier is TierName.verified:
        examine_conformance(subjects)
    reached = {subject.point.name: subject.reaches(tier.value) for subject in subjects}
    if as_json:
        told = [_told(subject, reached[subject.point.name]) for subject in subjects]
        typer.echo(json.dumps({"tier": tier.value, "ok": all(reached.values()), "plugins": told}))
    else:
        for subject in subjects:
            _print(subject, tier.value, is_reached=reached[subject.point.name])
    if not all(reached.values()):
        raise typer.Exit(1)


def _subjects(plugin: str | None) -> list[Subject]:
    from csai.plugins.discovery import entry_points
    from csai.plugins.quality import Subject, source_folder

    points = entry_points()
    if plugin is None:
        return [Subject(point, source_folder(point)) for point in points]
    folder = Path(plugin)
    names = _names_in(folder) if (folder / "pyproject.toml").is_file() else [plugin]
    found = [point for point in points if point.name in names]
    if not found and names != [plugin]:
        raise typer.BadParameter(f"{', '.join(names)} is not installed: uv pip install -e {folder}")
    if not found:
        raise typer.BadParameter(f"no plugin '{plugin}' is installed, and there is no such folder; {_REMEDY}")
    own = folder.resolve() if names != [plugin] else None
    return [Subject(point, own or source_folder(point)) for point in found]


def _names_in(folder: Path) -> list[str]:
    """The plugins that the sources in a folder say they are."""
    import tomllib

    from csai.plugins.discovery import GROUP

    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{folder}/pyproject.toml cannot be read: {error}") from None
    names = list(project.get("entry-points", {}).get(GROUP, {}))
    if not names:
        raise typer.BadParameter(f"{folder}/pyproject.toml has no entry point in the group {GROUP}")
    return names


def _told(subject: Subject, is_reached: bool) -> dict[str, Any]:
    dist = subject.point.dist
    return {
        "id": subject.point.name,
        "distribution": dist.name if dist else "",
        "version": dist.version if dist else "",
        "kinds": list((subject.loaded or {}).get("parts", {})),
        "ok": is_reached,
        "checks": [asdict(result) for result in subject.results],
    }


def _print(subject: Subject, tier: str, *, is_reached: bool) -> None:
    from rich.text import Text

    from csai.cli.table import print_table

    styles = {"ok": "green", "failed": "red", "skipped": "dim"}
    print_table(
        (subject.point.name, "", "Why", "What to do"),
        [
            (result.check, Text(result.state, style=styles[result.state]), result.reason, result.remedy)
            for result in subject.results
        ],
    )
    said = f"reaches the tier '{tier}'" if is_reached else f"does not reach the tier '{tier}'"
    typer.echo(f"{subject.point.name} {said}\n")
