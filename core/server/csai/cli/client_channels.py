"""`csai client channels`: accounts at messengers, mail and text messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai.channels.schemas import AccountState
    from csai.channels.service import Accounts
    from csai.cli.installation import Installation


def client_channels(
    name_or_id: NameOrId,
    add: Annotated[
        str | None, typer.Option(metavar="CHANNEL", help="Set up an account of this channel.")
    ] = None,
    account: Annotated[
        str | None, typer.Option(metavar="ACCOUNT", help="The id of the account to be changed.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the account is called.")] = None,
    is_on: Annotated[bool | None, typer.Option("--on/--off", help="Switch the account.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting; NAME=@- reads standard input."),
    ] = None,
    cleared: Annotated[
        list[str] | None, typer.Option("--clear", metavar="NAME", help="Take a setting back.")
    ] = None,
    is_test: Annotated[bool, typer.Option("--test", help="Try the account at its vendor.")] = False,
    is_removal: Annotated[bool, typer.Option("--remove", help="Remove it with its messages.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show a client's accounts of channels, set them up, change, try and remove them."""
    from csai.cli.argument import read_pairs

    values: dict[str, Any] = {**read_pairs(settings or []), **dict.fromkeys(cleared or [])}
    is_change = bool(values or name is not None or is_on is not None)
    if (is_test or is_removal or is_change) and not (add or account):
        raise typer.BadParameter("name the account with --account, or set one up with --add")
    if add and (account or is_removal or is_test or is_on is not None):
        raise typer.BadParameter("--add sets up a new account: change and try it with --account afterwards")

    async def work(accounts: Accounts) -> list[AccountState]:
        if add:
            return [await accounts.create(add, name or add, values)]
        if account and is_removal:
            await accounts.remove(account)
            return []
        if account and is_change:
            return [await accounts.change(account, name=name, enabled=is_on, settings=values)]
        return [await accounts.get(account)] if account else await accounts.all()

    found, states = _run(name_or_id, work)
    check = _try(name_or_id, account) if is_test and account else None
    if as_json:
        shown = [state.model_dump(mode="json") for state in states]
        typer.echo(json.dumps({"accounts": shown, **({"test": check.model_dump()} if check else {})}))
        return
    if is_removal:
        typer.echo(f"The account is removed from {found}.")
    elif not states:
        typer.echo(f"{found} has no accounts yet: csai client channels CLIENT --add CHANNEL")
    for state in states:
        _show(state)
    if check is not None:
        typer.echo(f"  {'Works' if check.is_ok else 'Does not work'}: {check.detail}")


def _run(name_or_id: str, work: Any) -> tuple[str, list[AccountState]]:
    from csai.admins.audit import CLI
    from csai.channels.service import Accounts
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client

    async def change(installation: Installation) -> tuple[str, list[AccountState]]:
        found = await find_client(installation.transaction, name_or_id)
        accounts = Accounts(
            installation.transaction,
            found.id,
            registry=installation.registry,
            keyring=installation.keyring,
            clock=installation.clock,
            public_url=installation.settings.public_url,
            actor=CLI,
        )
        return found.name, await work(accounts)

    return in_transaction(change)


def _try(name_or_id: str, account_id: str) -> Any:
    """After the transaction: nothing waits for a vendor within one."""
    from csai.channels.line import Lines
    from csai.channels.repository import AccountRepository
    from csai.channels.service import check_account
    from csai.cli.installation import in_transaction
    from csai.clients.repository import ClientRepository
    from csai.clients.service import find_client
    from csai.kit.problem import not_found

    told: list[Any] = []

    async def look(installation: Installation) -> tuple[Any, int]:
        found = await find_client(installation.transaction, name_or_id)
        row = await AccountRepository(installation.transaction, found.id).find(account_id)
        if row is None:
            raise not_found("account")
        client = await ClientRepository(installation.transaction, found.id).get()
        return row, client.config_version

    async def check(installation: Installation, done: tuple[Any, int]) -> None:
        async with installation.views() as views:
            lines = Lines(
                registry=installation.registry,
                views=views,
                keyring=installation.keyring,
                public_url=installation.settings.public_url,
            )
            told.append(await check_account(lines, *done))

    in_transaction(look, afterwards=check)
    return told[0]


def _show(state: AccountState) -> None:
    typer.echo(f"{state.name}: {state.channel}, {'on' if state.enabled else 'off'}  ({state.id})")
    typer.echo(f"  webhook: {state.webhook_url or f'CSAI_PUBLIC_URL{state.webhook_path}'}")
    for setting, value in state.settings.items():
        typer.echo(f"  {setting} = {json.dumps(value, ensure_ascii=False)}")
    for setting in state.secrets:
        typer.echo(f"  {setting} is set (secret)")
    if state.fault:
        typer.echo(f"  Note: {state.fault}")
