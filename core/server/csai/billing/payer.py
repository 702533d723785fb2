"""How a client pays: its gateway, and what it saved at that vendor."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import Actor, record
from csai.billing.repository import BillingRepository
from csai.clients.repository import ClientRepository
from csai.kit.precondition import check_tag, tag_of
from csai.kit.problem import Problem

FIELDS = ("gateway", "customer", "method")
MAX_CHARS = 255


async def client_payer(connection: AsyncConnection, client_id: str) -> tuple[dict[str, str], str]:
    """What is kept of how the client pays, and its tag. Raises 404."""
    state = _state(await BillingRepository(connection, client_id).payer())
    return state, tag_of(state)


async def set_payer(
    transaction: AsyncConnection,
    client_id: str,
    wanted: Mapping[str, str],
    *,
    gateways: Collection[str],
    tags: Collection[str] | None = None,
    clock: Clock,
    actor: Actor,
) -> None:
    """Say how the client pays from its next charge on. The vendor's ids are no secrets. Raises `Problem`."""
    await ClientRepository(transaction, client_id).lock()
    billing = BillingRepository(transaction, client_id)
    kept = await billing.payer()
    before = _state(kept)
    check_tag(before, tags)
    after = {name: wanted.get(name, "").strip() for name in FIELDS}
    if after["gateway"] and after["gateway"] not in gateways:
        there = ", ".join(sorted(gateways)) or "none"
        raise Problem(
            422, "gateway_unknown", f"There is no gateway '{after['gateway'][:50]}'. Installed: {there}."
        )
    is_fit = all(
        len(value) <= MAX_CHARS and value.isascii() and value.isprintable() for value in after.values()
    )
    is_whole = (not after["customer"] or after["gateway"]) and (not after["method"] or after["customer"])
    if not is_fit or not is_whole:
        raise Problem(
            422,
            "payer_invalid",
            "Give a gateway, beside it the vendor's id of the customer, and beside that one of its methods.",
        )
    if after == before:
        return
    await billing.set_payer({**kept, **after})
    await record(
        transaction,
        actor,
        "client.payer_set",
        object=f"client:{client_id}",
        client_id=client_id,
        before=before,
        after=after,
        at=clock.now(),
    )


def _state(billing: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(billing.get(name, "")) for name in FIELDS}
