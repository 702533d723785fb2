"""One invocation of a tool's backend, with every way it may fail told apart."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from csai_sdk import HookRefusal, ToolError, ToolInvocation

from csai.kit.fault_point import FaultPoint, reach
from csai.kit.text import clean
from csai.plugins.health import fault_of
from csai.plugins.left import on_behalf, tasks_of
from csai.plugins.view import EnabledTool
from csai.tools.execution import UNKNOWN_OUTCOME, Status

log = structlog.get_logger(__name__)

TOOL_TIMEOUT_S = 30.0
MAX_RESULT_CHARS = 32_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an invocation, in words for a model; `fault` where the plugin itself is to blame."""

    status: Status
    response: str
    duration_ms: int
    fault: str | None = None


async def invoke(tool: EnabledTool, call: ToolInvocation) -> Outcome:
    """Run it within `call.timeout_s`. Raises nothing but being cancelled, after which nobody knows."""
    began = time.monotonic()
    # Until it answers, nobody knows whether it happened.
    status: Status = "unknown"
    response, fault = UNKNOWN_OUTCOME, None
    try:
        with on_behalf(tasks_of(tool.ctx)):
            async with asyncio.timeout(call.timeout_s):
                output = await tool.backend.run(call, tool.ctx)
        reach(FaultPoint.TOOL_ANSWERED)
        response = _as_text(output.value)
        status = "failed" if output.is_error else "succeeded"
    except HookRefusal as error:
        status, response = "failed", clean(str(error))
    except ToolError as error:
        if error.is_outcome_known or tool.spec.is_read_only:
            status, response = "failed", clean(str(error))
    except TimeoutError as error:
        fault = fault_of(error)
        if tool.spec.is_read_only:
            status, response = "failed", "The tool did not answer in time."
    # `sys.exit` in a tool would take the server with it.
    except (Exception, SystemExit) as error:
        fault = fault_of(error)
        log.exception("tool raised", tool=tool.spec.name, client_id=tool.ctx.client_id)
        if tool.spec.is_read_only:
            status, response = "failed", "The tool failed for a reason of its own."
    return Outcome(status, response, round((time.monotonic() - began) * 1000), fault)


def timeout_s(config: Mapping[str, Any]) -> float:
    """How long a call may take, as the client has the tool."""
    value = config.get("timeout_s")
    return float(value) if isinstance(value, int | float) and 0 < value <= 120 else TOOL_TIMEOUT_S


def _as_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = clean(text)
    if len(text) > MAX_RESULT_CHARS:
        text = text[:MAX_RESULT_CHARS] + f"\n[cut: {len(text) - MAX_RESULT_CHARS} more characters]"
    return text
