"""Write actions that wait for the visitor's word: what is asked, what is decided, what the model hears."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from csai_sdk import ToolCall

from csai.tools.execution import vendor_id

Word = Literal["approve", "decline"]

# As tools answer: what to do for a model, and words for one that passes a tool's message on.
WAITING = json.dumps(
    {
        "status": "awaiting_confirmation",
        "message": "I have not done this yet. Please look at what would be done, and confirm it.",
        "instruction": "The visitor is being shown the values, with buttons to confirm or decline. Do not "
        "call this again. Say briefly what will be done, and ask the visitor to confirm.",
    }
)
DECLINED = json.dumps(
    {
        "status": "declined",
        "message": "All right, it was not done.",
        "instruction": "The visitor declined. Do not call this again unless the visitor asks for it anew.",
    }
)

# Beyond these it is said how much is not shown, so that nobody agrees to less than is done.
MAX_DETAILS = 40
MAX_VALUE_CHARS = 2_000
_MAX_LABEL_CHARS = 100
# By which what stands there reads as something else.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class WaitingCall:
    """A stored call that waits, or waited, for the visitor."""

    call_id: str
    tool_name: str
    parameters: Mapping[str, Any]
    status: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Decision:
    """The visitor's word on a call that waits for it."""

    confirmation_id: str
    word: Word

    @property
    def is_approval(self) -> bool:
        return self.word == "approve"

    @property
    def key(self) -> str:
        """The question is its own idempotency key: two clicks, two tabs or a repeat are one decision."""
        return f"confirm:{self.confirmation_id}"


@dataclass(frozen=True, slots=True)
class DecidedCall:
    """A call as it was stored when the visitor was asked, and what the visitor said."""

    call_id: str
    tool_name: str
    parameters: Mapping[str, Any]
    is_approved: bool

    @property
    def call(self) -> ToolCall:
        """As the model made it, for the turn that carries the word out."""
        return ToolCall(vendor_id(self.call_id), self.tool_name, self.parameters)


def confirmation(
    call_id: str,
    tool_name: str,
    arguments: Mapping[str, Any],
    schema: Mapping[str, Any],
    expires_at: datetime | None,
) -> dict[str, Any]:
    """What the visitor is asked, as `confirm.requested` and a turn's answer carry it.

    `details` are the very arguments that are stored, so the visitor agrees to what is then done.
    """
    properties = schema.get("properties")
    return {
        "id": call_id,
        "tool": tool_name,
        "title": _words(tool_name),
        "details": list(_details(arguments, properties if isinstance(properties, Mapping) else {})),
        "expires_at": expires_at.isoformat() if expires_at else "",
    }


def _details(arguments: Mapping[str, Any], properties: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    shown = list(arguments.items())[:MAX_DETAILS]
    for name, value in shown:
        described = properties.get(name)
        title = described.get("title") if isinstance(described, Mapping) else None
        label = title if isinstance(title, str) and title else _words(name)
        yield {"label": _TURNING.sub("", label)[:_MAX_LABEL_CHARS], "value": _text(value)}
    if len(arguments) > len(shown):
        yield {"label": "…", "value": f"+{len(arguments) - len(shown)}"}


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    hidden = len(text) - MAX_VALUE_CHARS
    return _TURNING.sub("\ufffd", text[:MAX_VALUE_CHARS]) + (f"… (+{hidden})" if hidden > 0 else "")


def _words(name: str) -> str:
    """`cancel_order` as a person reads it."""
    return name.replace("_", " ").replace("-", " ").strip().capitalize()
