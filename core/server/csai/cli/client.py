"""`csai client`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.clients.service import NewClient

NameOrId = Annotated[str, typer.Argument(metavar="CLIENT", help="Its id, or its name where no other has it.")]

client = typer.Typer(name="client", help="Businesses that use this installation.", no_args_is_help=True)


@client.command()
def create(
    name: Annotated[str, typer.Argument(help="The business' name, as visitors see it.")],
    origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Web origin its chat may be embedded on, such as https://shop.example. Repeatable."
        ),
    ] = None,
    plan: Annotated[str, typer.Option(help="Plan with its limits.")] = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Create a client and show its keys, this once."""
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.clients.service import create_client, embed_code

    async def change(installation: Installation) -> tuple[NewClient, str]:
        made = await create_client(
            installation.transaction,
            name=name,
            origins=origin or [],
            plan_type=plan,
            keyring=installation.keyring,
            clock=installation.clock,
            actor=CLI,
        )
        return made, installation.settings.public_url

    made, public_url = in_transaction(change)
    line = embed_code(public_url, made.publishable_key)
    if as_json:
        shown = {
            "client_id": made.id,
            "publishable_key": made.publishable_key,
            "secret_key": made.secret_key,
            "identity_secret": made.identity_secret,
            "embed_code": line,
        }
        typer.echo(json.dumps(shown))
        return
    typer.echo(f"Client           {made.id}")
    typer.echo(f"Publishable key  {made.publishable_key}   for web pages, in data-api-key")
    typer.echo(f"Secret key       {made.secret_key}   for servers only")
    typer.echo(f"Identity secret  {made.identity_secret}   signs visitors' user_token")
    typer.echo("Keep them now: only what is needed to check them is stored, and they are not shown again.")
    typer.echo(f"\nFor every page of the site:\n{line}")
    if not public_url:
        typer.echo("Put your server's address there, or set CSAI_PUBLIC_URL to see it filled in.")
    if not origin:
        typer.echo("No --origin was given, so the publishable key works on no page yet.")


@client.command("list")
def list_clients(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the clients of this installation."""
    from dataclasses import asdict

    from csai.cli.installation import in_transaction
    from csai.cli.table import print_table
    from csai.clients.repository import client_summaries

    found = in_transaction(lambda installation: client_summaries(installation.transaction))
    if as_json:
        listed = [asdict(each) | {"created_at": each.created_at.isoformat()} for each in found]
        typer.echo(json.dumps({"clients": listed}))
        return
    print_table(
        ("Client", "Name", "Plan", "Status", "Created"),
        [(each.id, each.name, each.plan_type, each.status, f"{each.created_at:%Y-%m-%d}") for each in found],
    )


@client.command()
def tool(
    name_or_id: NameOrId,
    tool_name: Annotated[str, typer.Argument(metavar="TOOL", help="Its name, as in csai tools list.")],
    is_on: Annotated[bool | None, typer.Option("--on/--off", help="Switch it.")] = None,
    webhook: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where it is answered. @- reads standard input."),
    ] = None,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", metavar="S", help="Seconds that a call may take.")
    ] = None,
    asks_first: Annotated[
        bool | None,
        typer.Option("--confirm/--no-confirm", help="Ask the visitor first. For the client's own tools."),
    ] = None,
    is_private: Annotated[
        bool | None,
        typer.Option("--private/--public", help="Only for verified visitors. For the client's own tools."),
    ] = None,
) -> None:
    """Switch a tool of the catalog for a client, and say where it is answered."""
    from csai.admins.audit import CLI
    from csai.cli.argument import need_any, read_value
    from csai.cli.installation import in_transaction
    from csai.clients.repository import ClientRepository
    from csai.clients.service import find_client
    from csai.clients.switch import switch_tool, tool_obstacles

    flags = {
        name: value for name, value in (("confirm", asks_first), ("private", is_private)) if value is not None
    }
    need_any(
        *(is_on is not None, webhook, timeout_s, flags),
        options="--on, --off, --webhook, --timeout, --confirm or --private",
    )
    webhook_url = None if webhook is None else read_value(webhook)

    async def change(installation: Installation) -> tuple[str, bool, list[str]]:
        await installation.catalog()
        found = await find_client(installation.transaction, name_or_id)
        state = await switch_tool(
            installation.transaction,
            found.id,
            tool_name,
            enabled=is_on,
            webhook_url=webhook_url,
            timeout_s=timeout_s,
            flags=flags,
            clock=installation.clock,
            actor=CLI,
        )
        obstacles = tool_obstacles(
            state,
            found.id,
            plugins=await ClientRepository(installation.transaction, found.id).plugins(),
            registry=installation.registry,
            on_by_default=installation.settings.plugins_on_by_default,
        )
        return found.name, state.enabled, obstacles

    name, enabled, obstacles = in_transaction(change)
    typer.echo(f"{tool_name} is {'on' if enabled else 'off'} for {name}.")
    for obstacle in obstacles if enabled else []:
        typer.echo(f"It cannot be used yet: {obstacle}")


@client.command("set")
def set_setting(
    name_or_id: NameOrId,
    setting: Annotated[
        str,
        typer.Argument(
            metavar="provider|model|prompt|tone|response_cache|compression|message_days|tool_log_days|"
            "client_rate|visitor_rate"
        ),
    ],
    value: Annotated[
        str, typer.Argument(help="An empty one takes the setting back; @- reads standard input.")
    ],
) -> None:
    """Say what answers for a client, what it is told, in which tone, and how long its words are kept.

    response_cache: on or off; whether the answer to a first question may be given again for five minutes.
    compression: on or off (the default); whether passages and tool results are sent without padding and cut.
    client_rate, visitor_rate: messages a minute, of all its visitors together and of each.
    """
    from typing import get_args

    from csai.admins.audit import CLI
    from csai.cli.argument import read_value
    from csai.cli.installation import in_transaction
    from csai.clients.service import SettingName, change_setting, find_client

    known = {name: name for name in get_args(SettingName)}
    if setting not in known:
        raise typer.BadParameter(f"'{setting[:64]}' is no setting: use {', '.join(known)}")
    text = read_value(value)

    async def change(installation: Installation) -> str:
        found = await find_client(installation.transaction, name_or_id)
        await change_setting(
            installation.transaction,
            found.id,
            known[setting],
            text,
            providers=installation.registry.providers.keys(),
            default_provider=installation.settings.llm_provider,
            clock=installation.clock,
            actor=CLI,
        )
        return found.name

    name = in_transaction(change)
    typer.echo(f"The {setting} of {name} is {'set' if text else 'taken back'}.")


@client.command()
def knowledge(
    name_or_id: NameOrId,
    files: Annotated[list[Path], typer.Argument(metavar="FILE.md...", help="Markdown or plain text.")],
    is_replacing: Annotated[bool, typer.Option("--replace", help="Forget what was known before.")] = False,
) -> None:
    """Teach a client's assistant what stands in these files. Safe to repeat."""
    from csai.admins.audit import CLI
    from csai.cli.argument import read_text
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client
    from csai.knowledge.ingest import document_passages
    from csai.knowledge.service import teach

    drafts = [draft for path in files for draft in document_passages(read_text(path), name=path.stem)]

    async def change(installation: Installation) -> tuple[str, int]:
        found = await find_client(installation.transaction, name_or_id)
        added = await teach(
            installation.transaction,
            found.id,
            drafts,
            is_replacing=is_replacing,
            at=installation.clock.now(),
            actor=CLI,
        )
        return found.name, added

    name, added = in_transaction(change)
    typer.echo(f"{added} of {len(drafts)} passages were new to {name}.")


@client.command()
def usage(
    name_or_id: NameOrId,
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days back, today included.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show by day (in UTC) what a client used, and what caches saved it."""
    from csai.cli.installation import in_transaction
    from csai.cli.usage import print_usage, usage_report

    report = in_transaction(lambda installation: usage_report(installation, name_or_id, days=days))
    if as_json:
        typer.echo(json.dumps(report))
    else:
        print_usage(report)
