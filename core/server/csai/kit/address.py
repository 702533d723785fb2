"""Where a request came from."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.requests import Request


def client_address(request: Request, trusted_proxies: Sequence[IPv4Network | IPv6Network]) -> str:
    """The visitor's address: the nearest hop that is no proxy of the operator's.

    X-Forwarded-For is read from its end, since everything before the first trusted hop may be made up.
    """
    address = request.client.host if request.client else ""
    if not trusted_proxies or not _is_within(address, trusted_proxies):
        return address
    for hop in reversed(request.headers.get("x-forwarded-for", "").split(",")):
        address = hop.strip() or address
        if not _is_within(address, trusted_proxies):
            break
    return address


def _is_within(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
