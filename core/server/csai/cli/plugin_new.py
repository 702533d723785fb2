"""`csai plugins new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from csai.scaffold.kind import TEMPLATES, Kind


def new(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help=f"One of {', '.join(Kind)}.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its id: small letters, digits and _.")],
    into: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="A folder that is not there yet.  [default: NAME]")
    ] = None,
) -> None:
    """Write a new plugin from the template of its kind: packaged, documented, tested, ready to be changed."""
    from csai.scaffold.render import Names, render

    names = Names.of(kind, name)
    _refuse_taken(names.id, names.distribution)
    folder = into or Path(name)
    for path in render(kind, names, folder):
        typer.echo(f"  {folder / path}")
    typer.echo(_next_steps(folder, names.id, is_switched=TEMPLATES[kind].is_switched))


def _refuse_taken(plugin_id: str, distribution: str) -> None:
    from csai.config import ConfigError
    from csai.plugins.discovery import distribution_of, entry_points

    for point in entry_points():
        owner, _version = distribution_of(point)
        if point.name == plugin_id and owner != distribution:
            raise ConfigError(
                f"the id '{plugin_id}' is that of {owner}, which is installed: choose another name"
            )


def _next_steps(folder: Path, plugin_id: str, *, is_switched: bool) -> str:
    switch = (
        f"\n    csai client plugin CLIENT {plugin_id} --on      # takes no restart" if is_switched else ""
    )
    return f"""
Next:

    csai plugins install --editable {folder}      # into csai's environment
    pytest {folder}                               # needs csai-testkit there
    csai plugins check {folder} --tier verified{switch}

Servers that run take it in when they start next."""
