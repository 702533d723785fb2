"""Which addresses may be reached on behalf of a client, whose admin chooses the URLs."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

REFUSED = "this address may not be reached"

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class AddressRefused(OSError):
    """The egress policy refuses the address; nothing was sent."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, REFUSED)


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Public addresses, and those in the networks that the operator allows beside them."""

    allow: Sequence[Network] = ()

    def allows(self, address: Address) -> bool:
        if any(address in network for network in self.allow):
            return True
        if isinstance(address, IPv4Address):
            return not any(address in network for network in _NOT_PUBLIC_V4)
        if carried := _carried(address):
            return all(self.allows(inner) for inner in carried)
        return address in _GLOBAL_UNICAST and not any(address in network for network in _NOT_PUBLIC_V6)


# Written out from IANA's special-purpose registries, since `ipaddress.is_global` differs between Python's
# releases. The last is no special range: on Azure it answers as the host's metadata service.
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


def _carried(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that traffic to this one ends at or passes through."""
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    if address.sixtofour:
        return (address.sixtofour,)
    if address.teredo:
        return address.teredo
    if address in _NAT64 or address in _COMPATIBLE:
        return (IPv4Address(int(address) & 0xFFFF_FFFF),)
    return ()


def guarded_socket(policy: EgressPolicy) -> Callable[[Any], socket.socket]:
    """A maker of sockets for addresses the policy allows.

    It is handed the very address that is connected to next, whether it was a literal or came from a name,
    so that a name that changes its answer gains nothing.
    """

    def open_socket(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, target = info
        if not policy.allows(ip_address(target[0])):
            raise AddressRefused
        return socket.socket(family, kind, protocol)

    return open_socket
