"""One call of a tool: what the model wished, what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from csai_sdk import ToolCall, ToolResult

UNKNOWN_OUTCOME = "It is not known whether this call took effect. Do not repeat it; tell the visitor so."
NOT_RUN = "The call was not run."

Status = Literal["refused", "waiting", "intended", "succeeded", "failed", "unknown"]


@dataclass(slots=True)
class Execution:
    """One call of a tool, from the model's wish to its result."""

    call_id: str
    call: ToolCall
    at: datetime
    status: Status = "refused"
    response: str = ""
    duration_ms: int = 0
    has_intent: bool = False
    """Whether its row is there already."""
    expires_at: datetime | None = None
    """Until when it waits for the visitor's word."""

    @property
    def has_run(self) -> bool:
        return self.status not in {"refused", "waiting"}

    @property
    def is_success(self) -> bool:
        return self.status == "succeeded"

    def result(self) -> ToolResult:
        text = self.response if self.has_run else self.response or NOT_RUN
        is_error = not self.is_success and self.status != "waiting"
        return ToolResult(self.call.id, self.call.name, text, is_error=is_error)


def vendor_id(call_id: str) -> str:
    """A call's own id in the form that every vendor takes: letters, digits, `_` and at most 40 of them."""
    return call_id.replace("-", "").replace(".", "_")[:40]
