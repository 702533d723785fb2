"""`csai integrations endpoint` and `import`: what is read through a connection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from csai.cli.client import NameOrId
from csai.cli.integration import AsJson, Name, connection_state, find_connection

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.integrations.offering import Endpoints
    from csai.integrations.repository import ConnectionRow
    from csai.integrations.schemas import EndpointState

endpoints = typer.Typer(
    name="endpoint", help="What is read through a connection, and offered to the model.", no_args_is_help=True
)

EndpointName = Annotated[str, typer.Argument(metavar="ENDPOINT", help="Its name.")]


def import_document(
    name_or_id: NameOrId,
    connection: Name,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="An OpenAPI document, in JSON or YAML.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Where the document is, instead of a file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add the endpoints that a document describes; what is left out is told with the reason."""
    from csai.cli.argument import read_text
    from csai.cli.installation import in_transaction
    from csai.integrations.document import fetch_document, read_document
    from csai.integrations.service import find_integration
    from csai.kit.egress import EgressPolicy
    from csai.kit.outbound import Outbound

    if (file is None) == (url is None):
        raise typer.BadParameter("give a FILE or --url: one of them")
    document = read_text(file) if file is not None else ""
    outcomes: list[tuple[list[str], list[tuple[str, str]]]] = []

    async def find(installation: Installation) -> tuple[str, ConnectionRow]:
        return await find_connection(installation, name_or_id, connection)

    async def read(installation: Installation, found: tuple[str, ConnectionRow]) -> None:
        client_id, row = found
        _plugin, integration = find_integration(installation.registry, row.integration_type)
        text = document
        if url is not None:
            outbound = Outbound(EgressPolicy(installation.settings.egress_allow))
            try:
                text = await fetch_document(url, outbound.http)
            finally:
                await outbound.aclose()
        described = await read_document(integration, text)
        async with installation.database.write() as transaction:
            within = _endpoints(installation, client_id, row.id, transaction=transaction)
            outcomes.append(await within.add_all(described))

    in_transaction(find, afterwards=read)
    ((added, skipped),) = outcomes
    if as_json:
        left = [{"name": name, "reason": reason} for name, reason in skipped]
        typer.echo(json.dumps({"added": added, "skipped": left}))
        return
    typer.echo(f"Added: {', '.join(added) or 'none'}")
    for name, reason in skipped:
        typer.echo(f"Left out {name}: {reason}")


@endpoints.command("list")
def list_endpoints(name_or_id: NameOrId, connection: Name, as_json: AsJson = False) -> None:
    """List what can be read through a connection, and what of it the model is offered."""
    from csai.cli.installation import in_transaction
    from csai.cli.table import print_table

    async def read(installation: Installation) -> list[EndpointState]:
        client_id, row = await find_connection(installation, name_or_id, connection)
        return await _endpoint_states(installation, client_id, row)

    states = in_transaction(read)
    if as_json:
        typer.echo(json.dumps({"endpoints": [each.model_dump(mode="json") for each in states]}))
        return
    print_table(
        ("Endpoint", "Tool", "Private", "What it does"),
        [(each.name, _tool(each), "yes" if each.is_private else "", each.description) for each in states],
    )


@endpoints.command("add")
def add_endpoint(
    name_or_id: NameOrId,
    connection: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE.json", help="One endpoint, or a list of them.")],
) -> None:
    """Add the endpoints of a file, and change those that are there. All of them or none."""
    from pydantic import ValidationError

    from csai.cli.argument import read_text
    from csai.cli.installation import in_transaction
    from csai.integrations.schemas import NewEndpoint

    try:
        content = json.loads(read_text(file))
        found = [
            NewEndpoint.model_validate(each) for each in (content if isinstance(content, list) else [content])
        ]
    except ValidationError as error:
        item = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, item["loc"])) or "an endpoint"
        raise typer.BadParameter(f"{file}: {where}: {item['msg']}") from None
    except (ValueError, RecursionError):
        raise typer.BadParameter(f"{file} is no JSON") from None

    async def work(installation: Installation) -> None:
        client_id, row = await find_connection(installation, name_or_id, connection)
        there = {
            each.name for each in await _endpoint_states(installation, client_id, row) if not each.is_ready
        }
        within = _endpoints(installation, client_id, row.id)
        for each in found:
            if each.name in there:
                await within.change(each.name, each.draft(each.name), tags=None)
            else:
                await within.add(each.draft(each.name))

    in_transaction(work)
    typer.echo(f"Stored: {', '.join(each.name for each in found) or 'none'}")
    typer.echo("Offer one to the model: csai integrations endpoint offer CLIENT CONNECTION ENDPOINT")


@endpoints.command()
def offer(
    name_or_id: NameOrId,
    connection: Name,
    endpoint: EndpointName,
    is_on: Annotated[bool, typer.Option("--on/--off", help="Switch the tool.")] = True,
    tool: Annotated[
        str | None, typer.Option(metavar="NAME", help="The tool's name; the endpoint's where left out.")
    ] = None,
) -> None:
    """Offer an endpoint to the model as a tool, or switch that off."""
    from csai.cli.installation import in_transaction

    async def work(installation: Installation) -> list[str]:
        client_id, row = await find_connection(installation, name_or_id, connection)
        within = _endpoints(installation, client_id, row.id)
        await within.offer(endpoint, enabled=is_on, tool_name=tool)
        state = await connection_state(installation, client_id, row.id)
        return state.obstacles if state.enabled else [*state.obstacles, "the connection is off"]

    obstacles = in_transaction(work)
    typer.echo(f"{endpoint} is {'offered' if is_on else 'off'}.")
    for obstacle in obstacles if is_on else []:
        typer.echo(f"It cannot be used yet: {obstacle}")


@endpoints.command("remove")
def remove_endpoint(name_or_id: NameOrId, connection: Name, endpoint: EndpointName) -> None:
    """Delete an endpoint with its tool."""
    from csai.cli.installation import in_transaction

    async def work(installation: Installation) -> None:
        client_id, row = await find_connection(installation, name_or_id, connection)
        await _endpoints(installation, client_id, row.id).delete(endpoint, tags=None)

    in_transaction(work)
    typer.echo(f"{endpoint} is deleted.")


def _endpoints(
    installation: Installation, client_id: str, integration_id: str, *, transaction: Any = None
) -> Endpoints:
    from csai.admins.audit import CLI
    from csai.integrations.offering import Endpoints

    return Endpoints(
        transaction or installation.transaction,
        client_id,
        integration_id,
        registry=installation.registry,
        clock=installation.clock,
        actor=CLI,
    )


async def _endpoint_states(
    installation: Installation, client_id: str, row: ConnectionRow
) -> list[EndpointState]:
    from csai.integrations.description import describe_endpoints
    from csai.integrations.repository import EndpointRepository

    stored = await EndpointRepository(installation.transaction, client_id).of(row.id)
    _plugin, integration = installation.registry.integrations.get(row.integration_type, ("", None))
    return describe_endpoints(stored, integration)


def _tool(state: EndpointState) -> str:
    if state.tool is None:
        return ""
    return state.tool.tool_name if state.tool.enabled else f"{state.tool.tool_name} (off)"
