"""`csai integrations`: a client's connections to its own systems."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai_sdk import ConnectionCheck

    from csai.cli.installation import Installation
    from csai.integrations.repository import ConnectionRow
    from csai.integrations.schemas import ConnectionState

integrations = typer.Typer(
    name="integrations", help="Connections to clients' own systems, read live.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="CONNECTION", help="Its name or id.")]
Given = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting. NAME=@- reads standard input. Repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@integrations.command("list")
def list_integrations(name_or_id: NameOrId, as_json: AsJson = False) -> None:
    """List a client's connections, and what others can be made."""
    from csai.cli.installation import in_transaction
    from csai.cli.table import print_table
    from csai.clients.service import find_client

    async def read(installation: Installation) -> tuple[list[ConnectionState], list[str]]:
        found = await find_client(installation.transaction, name_or_id)
        states = await connection_states(installation, found.id)
        return states, sorted(installation.registry.integrations)

    states, types = in_transaction(read)
    if as_json:
        shown = [each.model_dump(mode="json") for each in states]
        typer.echo(json.dumps({"integrations": shown, "available": types}))
        return
    print_table(
        ("Connection", "Type", "State", "Last test", "In the way"),
        [(each.name, each.type, each.state, _tested(each), "; ".join(each.obstacles)) for each in states],
    )
    typer.echo(f"Types: {', '.join(types) or 'none'}")


@integrations.command()
def add(
    name_or_id: NameOrId,
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="Of what kind: rest, sql and so on.")],
    name: Annotated[str | None, typer.Option(help="What it is called; its type where left out.")] = None,
    given: Given = None,
    as_json: AsJson = False,
) -> None:
    """Connect a client to a system of its own. Secrets are encrypted and not shown again."""
    from csai.admins.audit import CLI
    from csai.cli.argument import read_pairs
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client
    from csai.integrations.offer import connection_settings
    from csai.integrations.service import ConnectionChange, add_connection, find_integration

    texts = read_pairs(given or [])

    async def change(installation: Installation) -> ConnectionState:
        client = await find_client(installation.transaction, name_or_id)
        _plugin, integration = find_integration(installation.registry, type_)
        form = connection_settings(integration, client.id, None, id_="", keyring=installation.keyring)
        integration_id = await add_connection(
            installation.transaction,
            client.id,
            type_,
            ConnectionChange(name, given=form.values(texts)),
            registry=installation.registry,
            keyring=installation.keyring,
            clock=installation.clock,
            actor=CLI,
        )
        return await connection_state(installation, client.id, integration_id)

    _show(in_transaction(change), as_json=as_json)


@integrations.command("set")
def change(
    name_or_id: NameOrId,
    connection: Name,
    is_on: Annotated[bool | None, typer.Option("--on/--off", help="Switch it.")] = None,
    name: Annotated[str | None, typer.Option(help="Call it otherwise.")] = None,
    given: Given = None,
    cleared: Annotated[
        list[str] | None, typer.Option("--unset", metavar="NAME", help="Take a setting back. Repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change or switch a connection; what is not named stays."""
    from csai.admins.audit import CLI
    from csai.cli.argument import need_any, read_pairs
    from csai.cli.installation import in_transaction
    from csai.integrations.offer import connection_settings
    from csai.integrations.service import ConnectionChange, change_connection, find_integration

    texts = read_pairs(given or [])
    need_any(is_on is not None, name, texts, cleared, options="--on, --off, --name, --set or --unset")

    async def work(installation: Installation) -> ConnectionState:
        client_id, row = await find_connection(installation, name_or_id, connection)
        values = {}
        if texts:
            _plugin, integration = find_integration(installation.registry, row.integration_type)
            form = connection_settings(integration, client_id, row, id_=row.id, keyring=installation.keyring)
            values = form.values(texts)
        await change_connection(
            installation.transaction,
            client_id,
            row.id,
            ConnectionChange(name, is_on, values, cleared or []),
            tags=None,
            registry=installation.registry,
            keyring=installation.keyring,
            clock=installation.clock,
            actor=CLI,
        )
        return await connection_state(installation, client_id, row.id)

    _show(in_transaction(work), as_json=as_json)


@integrations.command()
def remove(name_or_id: NameOrId, connection: Name) -> None:
    """Delete a connection with its endpoints and the tools that they are offered as."""
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.integrations.service import delete_connection

    async def work(installation: Installation) -> str:
        client_id, row = await find_connection(installation, name_or_id, connection)
        await delete_connection(
            installation.transaction, client_id, row.id, tags=None, clock=installation.clock, actor=CLI
        )
        return row.name

    typer.echo(f"{in_transaction(work)} is deleted.")


@integrations.command("test")
def try_one(name_or_id: NameOrId, connection: Name, as_json: AsJson = False) -> None:
    """Try a connection, changing nothing there. Exits with 1 where it does not work."""
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.integrations.service import test_connection

    checks: list[ConnectionCheck] = []

    async def find(installation: Installation) -> tuple[str, str]:
        client_id, row = await find_connection(installation, name_or_id, connection)
        return client_id, row.id

    async def run(installation: Installation, found: tuple[str, str]) -> None:
        async with installation.views() as views:
            check = await test_connection(
                *found,
                database=installation.database,
                views=views,
                registry=installation.registry,
                keyring=installation.keyring,
                clock=installation.clock,
                actor=CLI,
            )
            checks.append(check)

    in_transaction(find, afterwards=run)
    (check,) = checks
    if as_json:
        typer.echo(json.dumps({"is_ok": check.is_ok, "detail": check.detail}))
    else:
        typer.echo(check.detail or ("It works." if check.is_ok else "It does not work."))
    if not check.is_ok:
        raise typer.Exit(1)


async def find_connection(
    installation: Installation, name_or_id: str, connection: str
) -> tuple[str, ConnectionRow]:
    """The client's id and its connection of that name or id. Raises `Problem`."""
    from csai.clients.service import find_client
    from csai.integrations.repository import ConnectionRepository
    from csai.kit.problem import Problem

    client = await find_client(installation.transaction, name_or_id)
    rows = await ConnectionRepository(installation.transaction, client.id).all()
    for row in rows:
        if connection in (row.id, row.name):
            return client.id, row
    there = ", ".join(row.name for row in rows) or "none"
    raise Problem(404, "not_found", f"There is no connection '{connection[:64]}'. The client has: {there}.")


async def connection_states(installation: Installation, client_id: str) -> list[ConnectionState]:
    from csai.clients.repository import ClientRepository
    from csai.integrations.description import describe_connection
    from csai.integrations.repository import ConnectionRepository

    plugins = await ClientRepository(installation.transaction, client_id).plugins()
    return [
        describe_connection(
            row,
            client_id,
            plugins=plugins,
            registry=installation.registry,
            on_by_default=installation.settings.plugins_on_by_default,
            keyring=installation.keyring,
        )
        for row in await ConnectionRepository(installation.transaction, client_id).all()
    ]


async def connection_state(
    installation: Installation, client_id: str, integration_id: str
) -> ConnectionState:
    return next(
        each for each in await connection_states(installation, client_id) if each.id == integration_id
    )


def _show(state: ConnectionState, *, as_json: bool) -> None:
    if as_json:
        typer.echo(state.model_dump_json())
        return
    typer.echo(f"{state.name} ({state.type}) is {state.state}.  {state.id}")
    for setting, value in state.settings.items():
        typer.echo(f"  {setting} = {json.dumps(value, ensure_ascii=False)}")
    for setting, source in state.fields.items():
        if source.is_secret and source.is_set:
            typer.echo(f"  {setting} is set (secret)")
    for obstacle in state.obstacles:
        typer.echo(f"It cannot be used yet: {obstacle}")


def _tested(state: ConnectionState) -> str:
    if state.last_sync_test is None:
        return "never"
    return f"{'works' if state.last_test_ok else 'failed'} {state.last_sync_test:%Y-%m-%d %H:%M}"
