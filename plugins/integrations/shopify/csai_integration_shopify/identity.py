"""Who a verified visitor is in the shop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from csai_integration_shopify.settings import VisitorIds

_GID = "gid://shopify/Customer/"
_CHANNELS: Mapping[str, VisitorIds] = {"whatsapp": "phone", "sms": "phone", "email": "email"}
_PREFIX = re.compile(r"[a-z][a-z0-9_-]*:")
_FORMS: Mapping[VisitorIds, re.Pattern[str]] = {
    "email": re.compile(r"[^\s\"\\():,;<>@]{1,64}@[^\s\"\\():,;<>@]{1,190}"),
    "customer_id": re.compile(r"[1-9][0-9]{0,19}"),
    "phone": re.compile(r"\+[1-9][0-9]{6,14}"),
}
_PHONE_FILLING = str.maketrans("", "", " -.()/")


@dataclass(frozen=True, slots=True)
class Identity:
    """What of an order has to be equal for it to be the visitor's."""

    kind: VisitorIds
    value: str = field(repr=False)

    def owns(self, order: Mapping[str, Any]) -> bool:
        """Whether the order is this customer's, by what the shop says of it and by nothing else."""
        customer = order.get("customer") or {}
        if self.kind == "customer_id":
            return same(self.kind, customer.get("id"), self.value)
        if self.kind == "email":
            own = (customer.get("defaultEmailAddress") or {}).get("emailAddress")
            return same(self.kind, order.get("email"), self.value) or same(self.kind, own, self.value)
        own = (customer.get("defaultPhoneNumber") or {}).get("phoneNumber")
        return same(self.kind, order.get("phone"), self.value) or same(self.kind, own, self.value)


def identify(visitor_id: str | None, site: VisitorIds) -> Identity | None:
    """Who the visitor is; None where the shop can know no customer of that id.

    `site` is what the client's site names visitors by; a channel's sender is known by the channel.
    """
    if visitor_id is None:
        return None
    channel = _PREFIX.match(visitor_id)
    if channel and not visitor_id.startswith(_GID):
        kind = _CHANNELS.get(channel[0][:-1])
        if kind is None:
            return None
        return _identity(kind, visitor_id[channel.end() :])
    return _identity(site, visitor_id)


def known_as(kind: VisitorIds, value: object) -> list[str]:
    """All visitor ids by which somebody may be known to csai who has this in the shop."""
    found = normal(kind, value)
    if found is None:
        return []
    channels = [f"{channel}:{found}" for channel, named in _CHANNELS.items() if named == kind]
    own = [found, str(value).strip()] if kind != "customer_id" else [found, f"{_GID}{found}"]
    return list(dict.fromkeys([*own, *channels]))


def same(kind: VisitorIds, said: object, value: str) -> bool:
    found = normal(kind, said)
    return found is not None and found == value


def normal(kind: VisitorIds, value: object) -> str | None:
    """The value as it is compared; None for what is none of that kind."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    text = str(value).strip()
    if kind == "email":
        # Only within ASCII: elsewhere lower case makes one address of two (the Kelvin sign of k).
        text = text.lower() if text.isascii() else text
    elif kind == "customer_id":
        text = text.removeprefix(_GID)
    else:
        text = text.translate(_PHONE_FILLING)
    return text if _FORMS[kind].fullmatch(text) else None


def _identity(kind: VisitorIds, value: str) -> Identity | None:
    found = normal(kind, value)
    return Identity(kind, found) if found is not None else None
