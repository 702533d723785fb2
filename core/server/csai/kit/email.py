"""Addresses that visitors leave."""

from __future__ import annotations

import re

MAX_EMAIL_CHARS = 254

# What browsers take in a field for an address, with at least two labels after the @: nothing that could end
# a header or begin another recipient.
# https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL = re.compile(
    rf"[a-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+", re.IGNORECASE | re.ASCII
)


def visitor_email(text: str) -> str:
    """The address with its domain in lower case. Raises `ValueError`."""
    local, sign, domain = text.strip().rpartition("@")
    email = f"{local}{sign}{domain.lower()}"
    if len(email) > MAX_EMAIL_CHARS or not _EMAIL.fullmatch(email):
        raise ValueError("write an e-mail address, such as ada@example.com")
    return email
