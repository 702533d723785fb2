"""Making clients and saying how they answer: the one way in for the command line, the demo and tests."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import SYSTEM, Actor, record
from csai.clients.repository import (
    ClientRepository,
    ClientRow,
    ClientSummary,
    KeyKind,
    client_summaries,
    has_plan,
)
from csai.kit.crypto import Keyring, key_hash, new_key
from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.kit.text import is_clean
from csai.providers.choice import OFFLINE, ModelRef, PlanProviders

SettingName = Literal[
    "provider",
    "model",
    "prompt",
    "tone",
    "response_cache",
    "compression",
    "message_days",
    "tool_log_days",
    "client_rate",
    "visitor_rate",
]

HINT_CHARS = 4
MAX_SETTING_CHARS: Mapping[SettingName, int] = {
    "provider": 50,
    "model": 200,
    "prompt": 16_000,
    "tone": 500,
    "message_days": 4,
    "tool_log_days": 4,
    "client_rate": 5,
    "visitor_rate": 5,
    "response_cache": 3,
    "compression": 3,
}
SWITCHES = frozenset({"response_cache", "compression"})
NUMBERS: Mapping[str, str] = {
    "message_days": "days",
    "tool_log_days": "days",
    "client_rate": "messages a minute",
    "visitor_rate": "messages a minute",
}
"""What each counts."""
MAX_NAME_CHARS = 200
MAX_ORIGIN_CHARS = 300
DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client just made, with the only copies of its secrets: what is stored cannot be shown again."""

    id: str
    publishable_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    identity_secret: str = field(repr=False)


async def create_client(
    transaction: AsyncConnection,
    *,
    name: str,
    origins: Iterable[str],
    domain: str | None = None,
    plan_type: str = "default",
    keyring: Keyring,
    clock: Clock,
    actor: Actor = SYSTEM,
) -> NewClient:
    """Add a client with one key of each kind. Raises `Problem` for a name, origin or plan that cannot be."""
    name = checked_name(name)
    allowed = normalise_origins(origins)
    if not await has_plan(transaction, plan_type):
        raise Problem(
            422,
            "plan_unknown",
            f"There is no plan '{plan_type}'. Use a plan of this installation, such as default.",
        )
    client = NewClient(new_id(), new_key("pk"), new_key("sk"), secrets.token_urlsafe(32))
    repository = ClientRepository(transaction, client.id)
    now = clock.now()
    await repository.add(
        name=name,
        domain=_first_host(allowed) if domain is None else normalise_domain(domain),
        plan_type=plan_type,
        identity_secret=keyring.encrypt(client.identity_secret, f"client:{client.id}/identity"),
        created_at=now,
    )
    kinds: dict[KeyKind, str] = {"publishable": client.publishable_key, "secret": client.secret_key}
    for kind, key in kinds.items():
        await repository.add_key(kind=kind, key_hash=key_hash(key), hint=key[-HINT_CHARS:], now=now)
    await repository.set_origins(allowed)
    await record(
        transaction,
        actor,
        "client.created",
        object=f"client:{client.id}",
        client_id=client.id,
        after={"name": name, "plan_type": plan_type, "origins": allowed},
        at=now,
    )
    return client


def embed_code(public_url: str, publishable_key: str) -> str:
    """The line of HTML that brings the chat into a page; an example's address where none is configured."""
    address = public_url or "https://chat.example.com"
    return f'<script src="{address}/widget.js" data-api-key="{publishable_key}" async></script>'


async def find_client(connection: AsyncConnection, name_or_id: str) -> ClientSummary:
    """The client with this id, or with exactly this name where no other has it. Raises `Problem`."""
    found = await client_summaries(connection, name_or_id=name_or_id) if name_or_id else []
    if len(found) == 1:
        return found[0]
    if not found:
        raise Problem(404, "client_unknown", f"There is no client '{name_or_id[:99]}'. See csai client list.")
    ids = ", ".join(client.id for client in found)
    raise Problem(409, "client_ambiguous", f"Several clients are called '{name_or_id}'; use an id: {ids}.")


async def change_setting(
    transaction: AsyncConnection,
    client_id: str,
    name: SettingName,
    value: str,
    *,
    providers: Collection[str],
    default_provider: str,
    clock: Clock,
    actor: Actor = SYSTEM,
) -> None:
    """Say how the client is answered; an empty value takes back what was said. Raises `Problem`.

    A model belongs to its provider: that of the client, or of the installation where the client names none.
    """
    _check_setting(name, value, providers)
    repository = ClientRepository(transaction, client_id)
    await repository.lock()
    client = await repository.get()
    settings = dict(client.settings)
    before = dict(settings)
    if name in {"provider", "model"} and value:
        _check_may_choose(client)
    if name == "model":
        provider = settings.get("provider") or default_provider
        if not provider:
            raise Problem(
                409, "provider_not_chosen", "A model belongs to a provider: first set the client's provider."
            )
        if value:
            check_allowed(
                PlanProviders.of(client.features), [ModelRef(provider, value)], plan_name=client.plan
            )
        models = dict(settings.get("models", {})) | {provider: value}
        settings["models"] = {key: model for key, model in models.items() if model}
    elif value:
        settings[name] = int(value) if name in NUMBERS else value
    else:
        settings.pop(name, None)
    await repository.update_settings(settings)
    key = "models" if name == "model" else name
    await record(
        transaction,
        actor,
        "client.set",
        object=f"client:{client_id}",
        client_id=client_id,
        before={key: before.get(key)},
        after={key: settings.get(key)},
        at=clock.now(),
    )


def check_allowed(plan: PlanProviders, chain: Iterable[ModelRef], *, plan_name: str) -> None:
    """Raises `Problem` for a model that the plan does not allow."""
    for ref in chain:
        if ref.model and ref.provider != OFFLINE and not plan.allows(ref.provider, ref.model):
            allowed = ", ".join(plan.models or ()) or "none"
            raise Problem(
                422,
                "model_not_allowed",
                f"The plan {plan_name} does not allow {str(ref)[:264]}. It allows: {allowed[:1_000]}.",
            )


def _check_may_choose(client: ClientRow) -> None:
    if client.settings.get("chain"):
        raise Problem(
            409,
            "chain_chosen",
            "The client has a chain of models. Change that: csai client providers CLIENT --use "
            "PROVIDER/MODEL, or take it back with --reset.",
        )
    if not PlanProviders.of(client.features).may_choose:
        raise plan_chooses(client.plan)


def plan_chooses(plan_name: str) -> Problem:
    return Problem(
        409,
        "plan_chooses",
        f"With the plan {plan_name} clients do not choose their models. Change the plan's chain, or let "
        "its clients choose: csai plans providers.",
    )


def _check_setting(name: SettingName, value: str, providers: Collection[str]) -> None:
    if name == "provider" and value and value not in providers:
        there = ", ".join(sorted(providers)) or "none"
        raise Problem(422, "provider_unknown", f"There is no provider '{value[:64]}'. Installed: {there}.")
    if name in NUMBERS and value:
        digits = MAX_SETTING_CHARS[name]
        if not (re.fullmatch(f"[0-9]{{1,{digits}}}", value) and int(value)):
            most = "9" * digits
            raise Problem(
                422, "setting_invalid", f"{name} is a whole number of {NUMBERS[name]}, from 1 to {most}."
            )
    if name in SWITCHES and value not in {"", "on", "off"}:
        raise Problem(422, "setting_invalid", f"The {name} is on or off.")
    if len(value) > MAX_SETTING_CHARS[name] or not is_clean(value):
        raise Problem(
            422,
            "setting_invalid",
            f"The {name} has at most {MAX_SETTING_CHARS[name]} characters, all of which can be stored.",
        )


def normalise_origin(text: str) -> str:
    """The origin as browsers write it in their `Origin` header. Raises `Problem`."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise _no_origin(text) from None
    scheme = parts.scheme.lower()
    host = _host(parts.hostname or "")
    if scheme not in DEFAULT_PORTS or host is None or _has_more(parts) or len(text) > MAX_ORIGIN_CHARS:
        raise _no_origin(text)
    return f"{scheme}://{host}" + (f":{port}" if port not in {None, DEFAULT_PORTS[scheme]} else "")


def normalise_origins(origins: Iterable[str]) -> list[str]:
    """Each once, in order. Raises `Problem`."""
    return sorted({normalise_origin(origin) for origin in origins})


def normalise_domain(text: str) -> str:
    """A host in the form browsers use, or nothing. Raises `Problem`."""
    text = text.strip().lower()
    if text and _host(text) is None:
        raise Problem(422, "domain_invalid", "A domain is a host's name without anything else: shop.example.")
    return text


def _first_host(origins: Sequence[str]) -> str:
    return (urlsplit(origins[0]).hostname or "") if origins else ""


def _has_more(parts: SplitResult) -> bool:
    return parts.path not in {"", "/"} or bool(parts.query or parts.fragment or "@" in parts.netloc)


def _host(host: str) -> str | None:
    """The host in the form browsers use, or None for what is no host."""
    try:
        address = ip_address(host)
    except ValueError:
        return host if _HOST.fullmatch(host) and len(host) <= 253 else None
    return f"[{address.compressed}]" if address.version == 6 else str(address)


def _no_origin(text: str) -> Problem:
    return Problem(
        422,
        "origin_invalid",
        f"'{text[:100]}' is no web origin. Write scheme, host and perhaps a port, with no path: "
        "https://shop.example or http://localhost:3000 (a name with other letters in its xn-- form).",
    )


def checked_name(name: str) -> str:
    """Raises `Problem`."""
    name = name.strip()
    if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise Problem(
            422, "client_name_invalid", f"A client's name has 1 to {MAX_NAME_CHARS} characters on one line."
        )
    return name
