"""Who a verified visitor is in the shop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from csai_integration_woocommerce.settings import VisitorIds, WooCommerceConnection

_CHANNELS: Mapping[str, VisitorIds] = {"whatsapp": "phone", "sms": "phone", "email": "email"}
_CHANNEL = re.compile(r"([a-z][a-z0-9_-]*):(.*)", re.DOTALL)
_EMAIL = re.compile(r"[^\s\"\\():,;<>@]{1,64}@[^\s\"\\():,;<>@]{1,190}")
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_NATIONAL = re.compile(r"[0-9]{4,14}")
_FILLING = str.maketrans("", "", " -.()/")


@dataclass(frozen=True, slots=True)
class Identity:
    """What of an order has to be equal for it to be the visitor's."""

    kind: VisitorIds
    value: str = field(repr=False)
    calling_code: str = ""

    def owns(self, order: Mapping[str, Any]) -> bool:
        """Whether the order is this customer's, by what the shop says of it and by nothing else.

        Orders of guests have the customer id 0, which is nobody's.
        """
        billing = order.get("billing")
        billing = billing if isinstance(billing, Mapping) else {}
        match self.kind:
            case "customer_id":
                return number_of(order.get("customer_id")) == self.value
            case "email":
                return email_of(billing.get("email")) == self.value
            case "phone":
                return phone_of(billing.get("phone"), self.calling_code) == self.value

    @property
    def words(self) -> list[str]:
        """What to search for, as the customer may have written it."""
        if self.kind != "phone":
            return [self.value]
        digits = self.value.removeprefix("+")
        national = digits.removeprefix(self.calling_code) if self.calling_code else ""
        return [digits, national] if national and national != digits else [digits]


def identify(visitor_id: str | None, settings: WooCommerceConnection) -> Identity | None:
    """Who the visitor is; None where the shop can know no customer of that id.

    A channel's sender is known by the channel, all others as the client's site names them.
    """
    if visitor_id is None:
        return None
    kind, said = settings.visitor_ids, visitor_id
    if (of_channel := _CHANNEL.fullmatch(visitor_id)) is not None:
        channel, said = of_channel.groups()
        if channel not in _CHANNELS:
            return None
        kind = _CHANNELS[channel]
    readers = {"email": email_of, "customer_id": number_of, "phone": phone_of}
    found = readers[kind](said)
    return Identity(kind, found, settings.calling_code) if found is not None else None


def email_of(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    text = value.strip()
    # Only within ASCII: elsewhere lower case makes one address of two (the Kelvin sign of k).
    text = text.lower() if text.isascii() else text
    return text if _EMAIL.fullmatch(text) else None


def number_of(value: object) -> str | None:
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    text = str(value).strip()
    return text if _NUMBER.fullmatch(text) else None


def phone_of(value: object, calling_code: str = "") -> str | None:
    """With its calling code; a number written without one is of the shop's country, where that is known."""
    if not isinstance(value, str):
        return None
    text = value.strip().translate(_FILLING)
    if text.startswith("00"):
        text = f"+{text[2:]}"
    elif not text.startswith("+") and calling_code and _NATIONAL.fullmatch(text):
        text = f"+{calling_code}{text.removeprefix('0')}"
    return text if _PHONE.fullmatch(text) else None
