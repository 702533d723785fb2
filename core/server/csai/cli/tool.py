"""`csai tools`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.tools.execution_repository import LoggedCall
    from csai.tools.invocation import Outcome
    from csai.tools.listing import SourceChange
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


@tools.command("test")
def try_one(
    name_or_id: NameOrId,
    tool_name: Annotated[str, typer.Argument(metavar="TOOL", help="Its name, as in csai tools list.")],
    arguments: Annotated[
        str, typer.Option(metavar="JSON", help="A JSON object; @- reads standard input.")
    ] = "{}",
    visitor: Annotated[
        str | None, typer.Option(metavar="ID", help="Whom a private tool is to take for the visitor.")
    ] = None,
    may_act: Annotated[
        bool, typer.Option("--may-act", help="Really do what a tool that changes something does.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run a client's tool once, as a turn would. Exits with 1 where it does not succeed."""
    from dataclasses import asdict

    from csai.admins.audit import CLI
    from csai.cli.argument import read_value
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client
    from csai.tools.trial import Trial, try_tool

    trial = Trial(tool_name, _object(read_value(arguments)), visitor, may_act)
    outcomes: list[Outcome] = []

    async def find(installation: Installation) -> str:
        return (await find_client(installation.transaction, name_or_id)).id

    async def run(installation: Installation, client_id: str) -> None:
        async with installation.views() as views:
            outcome = await try_tool(
                trial,
                client_id,
                database=installation.database,
                views=views,
                actor=CLI,
                clock=installation.clock,
            )
            outcomes.append(outcome)

    in_transaction(find, afterwards=run)
    (outcome,) = outcomes
    if as_json:
        shown = {name: value for name, value in asdict(outcome).items() if name != "fault"}
        typer.echo(json.dumps(shown, ensure_ascii=False))
    else:
        typer.echo(outcome.response)
        typer.echo(f"{outcome.status} in {outcome.duration_ms} ms", err=True)
    if outcome.status != "succeeded":
        raise typer.Exit(1)


@tools.command("refresh")
def refresh(
    name_or_id: NameOrId,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the tools of a client's own systems anew. Exits with 1 where one of them could not be asked."""
    from dataclasses import asdict

    from csai.cli.installation import in_transaction
    from csai.cli.listing import list_tools, show_listing
    from csai.clients.service import find_client

    changes: list[SourceChange] = []

    async def find(installation: Installation) -> str:
        return (await find_client(installation.transaction, name_or_id)).id

    async def run(installation: Installation, client_id: str) -> None:
        async with installation.views() as views:
            changes.extend(await list_tools(installation, views, client_id))

    in_transaction(find, afterwards=run)
    if as_json:
        typer.echo(json.dumps({"sources": [asdict(change) for change in changes]}, ensure_ascii=False))
    else:
        show_listing(changes)
    if any(change.problem for change in changes):
        raise typer.Exit(1)


@tools.command("calls")
def list_calls(
    name_or_id: NameOrId,
    tool_name: Annotated[
        str | None, typer.Option("--tool", metavar="TOOL", help="Only of this tool.")
    ] = None,
    status: Annotated[str | None, typer.Option(help="Only those that ended so: failed, say.")] = None,
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the calls of a client's tools, and what became of them."""
    from dataclasses import asdict
    from typing import get_args

    from csai.cli.installation import in_transaction
    from csai.cli.table import print_table
    from csai.clients.service import find_client
    from csai.tools.execution_repository import ToolLog
    from csai.tools.schemas import CallStatus

    known = get_args(CallStatus)
    if status is not None and status not in known:
        raise typer.BadParameter(f"'{status[:64]}' is no status: use {', '.join(known)}")

    async def read(installation: Installation) -> list[LoggedCall]:
        found = await find_client(installation.transaction, name_or_id)
        log = ToolLog(installation.transaction, found.id)
        return await log.page(tool_name=tool_name, status=status, before=None, count=count)

    rows = in_transaction(read)
    if as_json:
        listed = [asdict(row) | {"timestamp": row.timestamp.isoformat()} for row in rows]
        typer.echo(json.dumps({"calls": listed}, ensure_ascii=False))
        return
    print_table(
        ("When (UTC)", "Tool", "Status", "ms", "Arguments"),
        [
            (
                f"{row.timestamp:%Y-%m-%d %H:%M:%S}",
                row.tool_name,
                row.status,
                "" if row.duration_ms is None else str(row.duration_ms),
                json.dumps(row.arguments, ensure_ascii=False)[:200],
            )
            for row in rows
        ],
    )


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise typer.BadParameter("--arguments is no JSON") from None
    if not isinstance(found, dict):
        raise typer.BadParameter('--arguments is no JSON object, such as \'{"order_id": "ORD-1001"}\'')
    return found


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
