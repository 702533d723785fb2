"""What Meta says when it does not send, and what is to be done about it.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from csai_sdk import ChannelError, HttpResponse, retry_after_s
from csai_sdk.errors import ChannelFault

_FAULTS: Mapping[int, ChannelFault] = {
    **dict.fromkeys((1, 2, 4, 80007, 130429, 131000, 131016, 131048, 131056, 131057, 133016), "busy"),
    **dict.fromkeys((0, 3, 10, 33, 190, 368, 131005, 131031, 131037, 131042, 131045, 133010), "account"),
    # A template that is missing, paused, or does not fit.
    **dict.fromkeys((132000, 132001, 132005, 132007, 132012, 132015, 132016), "account"),
    **dict.fromkeys((131021, 131026, 131030), "address"),
    131047: "window_closed",
    131050: "opted_out",
}
_WORDS: Mapping[ChannelFault, str] = {
    "busy": "WhatsApp asks for fewer messages, or is out of order",
    "account": "WhatsApp refuses the account: check its token, permissions, template and payment",
    "address": "the number has no WhatsApp, or cannot be reached",
    "window_closed": "the visitor has not written for 24 hours: only a template may be sent",
    "opted_out": "the visitor has stopped messages of this business",
    "refused": "WhatsApp refused the message",
}


def failure_of(response: HttpResponse, now: datetime) -> ChannelError:
    """The error that an answer stands for. Nothing of Meta's words is in it: they may quote anything."""
    code, has_code = _code(response.body)
    fault = _FAULTS.get(code, _by_status(response.status)) if has_code else _by_status(response.status)
    if has_code and 200 <= code < 300:
        fault = "account"
    return ChannelError(
        f"{_WORDS[fault]} (HTTP {response.status})",
        fault=fault,
        # What the Graph API itself refuses was not sent; what something before it fails at may have been.
        is_outcome_known=has_code or response.status < 500,
        retry_after_s=retry_after_s(response.headers, now),
        code=str(code) if has_code else f"HTTP {response.status}",
    )


def _by_status(status: int) -> ChannelFault:
    if status in (401, 403):
        return "account"
    return "busy" if status == 429 or status >= 500 else "refused"


def _code(body: bytes) -> tuple[int, bool]:
    try:
        said: Any = json.loads(body)
        return int(said["error"]["code"]), True
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0, False
