"""`csai tools`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.tools.repository import CatalogRow
    from csai.tools.service import CatalogChange

tools = typer.Typer(name="tools", help="The catalog of tools that clients can have.", no_args_is_help=True)


@tools.command("list")
def list_tools(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the tools of the catalog and what runs them."""
    from dataclasses import asdict

    from csai.cli.installation import in_transaction
    from csai.cli.table import print_table

    async def rows(installation: Installation) -> list[CatalogRow]:
        return await (await installation.catalog()).rows()

    found = in_transaction(rows)
    if as_json:
        typer.echo(json.dumps({"tools": [asdict(row) for row in found]}))
        return
    print_table(
        ("Tool", "Backend", "Category", "Marks", "What it does"),
        [
            (row.tool_name, row.plugin or row.backend, row.category, _marks(row), _first_line(row))
            for row in found
        ],
    )


@tools.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE.json", help="One tool, or a list of tools.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Add the tools of a file to the catalog, and update those that are there. All of them or none."""
    from csai.admins.audit import CLI, record
    from csai.cli.installation import in_transaction
    from csai.tools.service import add_tools

    content = _parsed(file)

    async def change(installation: Installation) -> CatalogChange:
        done = await add_tools(
            await installation.catalog(),
            content,
            backends=installation.registry.tool_backends.keys(),
            clock=installation.clock,
        )
        await record(
            installation.transaction,
            CLI,
            "catalog.changed",
            object="tools",
            after={"added": list(done.added), "updated": list(done.updated)},
            at=installation.clock.now(),
        )
        return done

    done = in_transaction(change)
    if as_json:
        typer.echo(json.dumps({"added": done.added, "updated": done.updated}))
        return
    for what, names in (("Added", done.added), ("Updated", done.updated)):
        if names:
            typer.echo(f"{what}: {', '.join(names)}")
    typer.echo("Give one to a client: csai client tool CLIENT TOOL --on --webhook URL")


def _parsed(file: Path) -> Any:
    from csai.cli.argument import read_text

    try:
        return json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise typer.BadParameter(f"{file} is no JSON{where}") from None


def _marks(row: CatalogRow) -> str:
    marks = {
        "read-only": row.read_only,
        "idempotent": row.idempotent and not row.read_only,
        "private": row.private,
        "asks first": row.confirm,
    }
    return ", ".join(mark for mark, holds in marks.items() if holds)


def _first_line(row: CatalogRow) -> str:
    return row.description.strip().partition("\n")[0]
