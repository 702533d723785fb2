"""`csai client webhook` and `csai client deliveries`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.config import Settings
    from csai.outbox.delivery import Answer
    from csai.outbox.repository import DeliveryRow
    from csai.outbox.service import WebhookState

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def webhook(
    name_or_id: NameOrId,
    given_url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Tell events to this address. @- reads standard input."),
    ] = None,
    is_on: Annotated[bool | None, typer.Option("--on/--off", help="Switch it.")] = None,
    is_rotating: Annotated[
        bool,
        typer.Option("--rotate-secret", help="Make a new signing secret; the old one signs too for a day."),
    ] = False,
    is_testing: Annotated[
        bool, typer.Option("--test", help="Send a webhook.test event now, and say what is answered.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say where a client's own system is told of events. Without options: show it."""
    import asyncio

    from csai.admins.audit import CLI
    from csai.cli.argument import read_value
    from csai.cli.configuration import load_settings
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client
    from csai.kit.egress import EgressPolicy
    from csai.outbox.service import WebhookState, change_webhook, find_webhook, signing_secrets

    url = None if given_url is None else read_value(given_url)

    async def change(installation: Installation) -> tuple[str, WebhookState, list[str]]:
        transaction, keyring = installation.transaction, installation.keyring
        found = await find_client(transaction, name_or_id)
        if url is not None or is_on is not None or is_rotating:
            state = await change_webhook(
                transaction,
                found.id,
                url=url,
                enabled=is_on,
                is_rotating=is_rotating,
                keyring=keyring,
                policy=EgressPolicy(installation.settings.egress_allow),
                clock=installation.clock,
                actor=CLI,
            )
        else:
            row = await find_webhook(transaction, found.id)
            state = WebhookState(row.url, row.enabled)
        if not is_testing:
            return found.name, state, []
        row = await find_webhook(transaction, found.id)
        return found.name, state, signing_secrets(row, found.id, keyring, now=installation.clock.now())

    name, state, secrets = in_transaction(change)
    answer = asyncio.run(_send_test(load_settings(), state.url, secrets)) if is_testing else None
    if as_json:
        typer.echo(json.dumps(_as_object(state, answer)))
    else:
        _print_webhook(name, state, answer)
    if answer is not None and not answer.is_success:
        raise typer.Exit(1)


def deliveries(
    name_or_id: NameOrId,
    repeated: Annotated[
        str | None, typer.Option("--retry", metavar="ID", help="Send this one again, whatever became of it.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many of the latest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what a client's webhook was told, and have it told again."""
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client
    from csai.outbox.repository import OutboxRepository
    from csai.outbox.service import repeat_delivery

    async def work(installation: Installation) -> list[DeliveryRow]:
        found = await find_client(installation.transaction, name_or_id)
        if repeated is not None:
            await repeat_delivery(installation.transaction, found.id, repeated, clock=installation.clock)
        return await OutboxRepository(installation.transaction, found.id).recent(count=count)

    rows = in_transaction(work)
    if as_json:
        typer.echo(json.dumps({"deliveries": [_delivery(row) for row in rows]}))
        return
    if repeated is not None:
        typer.echo("It is sent again by whoever does the jobs, within seconds.")
    _print_deliveries(rows)


async def _send_test(settings: Settings, url: str, secrets: list[str]) -> Answer:
    from csai.kit.clock import SystemClock
    from csai.kit.egress import EgressPolicy
    from csai.kit.identifier import new_id
    from csai.kit.outbound import Outbound
    from csai.outbox.delivery import event_body, post

    now = SystemClock().now()
    outbound = Outbound(EgressPolicy(settings.egress_allow))
    try:
        return await post(
            outbound.http,
            url,
            secrets,
            message_id=new_id(),
            at=now,
            body=event_body("webhook.test", now, {}),
            timeout_s=settings.webhook_timeout_s,
        )
    finally:
        await outbound.aclose()


def _as_object(state: WebhookState, answer: Answer | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"url": state.url, "enabled": state.enabled}
    if state.new_secret is not None:
        shown["secret"] = state.new_secret
    if answer is not None:
        shown["test"] = {"success": answer.is_success, "status": answer.status, "error": answer.error}
    return shown


def _print_webhook(name: str, state: WebhookState, answer: Answer | None) -> None:
    typer.echo(
        f"{name} is told of events at {state.url}" if state.enabled else f"The webhook of {name} is off."
    )
    if state.url.startswith("http:"):
        typer.echo("Anybody on the way can read what is sent there: https keeps it private.")
    if state.new_secret is not None:
        typer.echo(f"Signing secret  {state.new_secret}")
        typer.echo("Give it to the receiver now: it is stored encrypted, and not shown again.")
    if answer is not None:
        typer.echo("The test was taken." if answer.is_success else f"The test was not taken: {answer.error}.")


def _delivery(row: DeliveryRow) -> dict[str, Any]:
    from dataclasses import asdict

    times = ("created_at", "next_attempt_at", "delivered_at")
    shown = asdict(row)
    return shown | {name: shown[name] and shown[name].isoformat() for name in times}


def _print_deliveries(rows: list[DeliveryRow]) -> None:
    from csai.cli.table import print_table

    print_table(
        ("Id", "Event", "Created", "Status", "Attempts", "Last answer", "Next attempt"),
        [
            (
                row.id,
                row.event,
                f"{row.created_at:%Y-%m-%d %H:%M:%S}",
                row.status,
                str(row.attempts),
                row.last_error or (f"HTTP {row.last_status}" if row.last_status else ""),
                f"{row.next_attempt_at:%Y-%m-%d %H:%M:%S}" if row.status == "pending" else "",
            )
            for row in rows
        ],
    )
