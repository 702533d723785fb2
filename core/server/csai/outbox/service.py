"""Saying where a client is told of events. What comes of it is in `delivery`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address

from csai_sdk import Clock, HttpError
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import SYSTEM, Actor, record
from csai.clients.repository import ClientRepository
from csai.kit.crypto import DecryptError, Keyring
from csai.kit.egress import EgressPolicy
from csai.kit.outbound import BAD_URL, http_target
from csai.kit.problem import Problem
from csai.outbox.repository import DeliveryRow, OutboxRepository, WebhookRepository, WebhookRow
from csai.outbox.signature import new_secret

MAX_URL_CHARS = 2_000
# For so long a receiver may still check with the secret from before.
BOTH_SECRETS = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class WebhookState:
    """A client's webhook; `new_secret` is the only copy of one just made."""

    url: str
    enabled: bool
    new_secret: str | None = field(default=None, repr=False)


async def change_webhook(
    transaction: AsyncConnection,
    client_id: str,
    *,
    url: str | None = None,
    enabled: bool | None = None,
    is_rotating: bool = False,
    keyring: Keyring,
    policy: EgressPolicy,
    clock: Clock,
    actor: Actor = SYSTEM,
) -> WebhookState:
    """Set the address, switch it, replace its secret; a new address is switched on. Raises `Problem`."""
    repository = WebhookRepository(transaction, client_id)
    row = await repository.get()
    if url is not None:
        _check_url(url, policy)
    elif row is None:
        raise _no_webhook()
    secret = new_secret() if is_rotating or row is None else None
    now = clock.now()
    changed = WebhookRow(
        url=url or (row.url if row else ""),
        enabled=enabled if enabled is not None else url is not None or bool(row and row.enabled),
        secret=keyring.encrypt(secret, _owner(client_id)) if secret else row.secret if row else "",
        previous_secret=(row.secret if secret else row.previous_secret) if row else None,
        previous_until=(now + BOTH_SECRETS if secret else row.previous_until) if row else None,
    )
    await repository.put(changed, now=now)
    await ClientRepository(transaction, client_id).bump()
    await record(
        transaction,
        actor,
        "webhook.set",
        object="webhook",
        client_id=client_id,
        before={"enabled": row.enabled} if row else None,
        # Without the address: who knows it may need no more to be believed there.
        after={
            "enabled": changed.enabled,
            "is_new_address": row is None or changed.url != row.url,
            "is_new_secret": secret is not None,
        },
        at=now,
    )
    return WebhookState(changed.url, changed.enabled, secret)


async def find_webhook(connection: AsyncConnection, client_id: str) -> WebhookRow:
    """Raises `Problem`."""
    row = await WebhookRepository(connection, client_id).get()
    if row is None:
        raise _no_webhook()
    return row


def signing_secrets(webhook: WebhookRow, client_id: str, keyring: Keyring, *, now: datetime) -> list[str]:
    """What its requests are signed with, the newest first. Raises `DecryptError`."""
    secrets = [keyring.decrypt(webhook.secret, _owner(client_id))]
    if webhook.previous_secret and webhook.previous_until and now < webhook.previous_until:
        # That it cannot be read may be why there is a new one.
        with suppress(DecryptError):
            secrets.append(keyring.decrypt(webhook.previous_secret, _owner(client_id)))
    return secrets


async def repeat_delivery(
    transaction: AsyncConnection, client_id: str, event_id: str, *, clock: Clock
) -> DeliveryRow:
    """Have an event sent again, from now on. Raises `Problem`."""
    found = await OutboxRepository(transaction, client_id).repeat(event_id.lower(), now=clock.now())
    if found is None:
        raise Problem(
            404,
            "delivery_unknown",
            f"There is no delivery '{event_id[:64]}' of this client, or its payload is kept no longer. "
            "See csai client deliveries.",
        )
    return found


def _owner(client_id: str) -> str:
    return f"client:{client_id}/webhook"


def _no_webhook() -> Problem:
    return Problem(
        409, "webhook_missing", "This client has no webhook yet: csai client webhook CLIENT --url https://..."
    )


def _check_url(url: str, policy: EgressPolicy) -> None:
    try:
        host = http_target(url).raw_host or ""
    except HttpError:
        raise _bad_url(f"{BAD_URL}, such as https://shop.example/hooks/csai") from None
    if len(url) > MAX_URL_CHARS or not url.isprintable() or "#" in url:
        raise _bad_url(f"it has at most {MAX_URL_CHARS} printable characters and no #")
    # Names are judged when they are connected to, by the addresses that they then have.
    try:
        is_refused = not policy.allows(ip_address(host))
    except ValueError:
        is_refused = host == "localhost" and not policy.allows(ip_address("127.0.0.1"))
    if is_refused:
        raise _bad_url(f"{host} is no public address; the operator can allow its network: CSAI_EGRESS_ALLOW")


def _bad_url(reason: str) -> Problem:
    return Problem(422, "webhook_url_invalid", f"The webhook: {reason}.")
