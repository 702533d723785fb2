"""Making clients: the one way in for the command line, the demo and tests."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.clients.repository import ClientRepository, KeyKind, has_plan
from csai.kit.crypto import Keyring, key_hash, new_key
from csai.kit.identifier import new_id
from csai.kit.problem import Problem

HINT_CHARS = 4
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
    plan_type: str = "default",
    keyring: Keyring,
    clock: Clock,
) -> NewClient:
    """Add a client with one key of each kind. Raises `Problem` for a name, origin or plan that cannot be."""
    name = _checked_name(name)
    allowed = sorted({normalise_origin(origin) for origin in origins})
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
        domain=urlsplit(allowed[0]).hostname or "" if allowed else "",
        plan_type=plan_type,
        identity_secret=keyring.encrypt(client.identity_secret, f"client:{client.id}/identity"),
        created_at=now,
    )
    kinds: dict[KeyKind, str] = {"publishable": client.publishable_key, "secret": client.secret_key}
    for kind, key in kinds.items():
        await repository.add_key(kind=kind, key_hash=key_hash(key), hint=key[-HINT_CHARS:], now=now)
    await repository.set_origins(allowed)
    return client


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


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise Problem(
            422, "client_name_invalid", f"A client's name has 1 to {MAX_NAME_CHARS} characters on one line."
        )
    return name
