"""Plugins that are broken in one way each: small, real distributions, and what is to be said of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HOOK = """
import asyncio, ctypes, os, sys, threading, time
from csai_sdk import hookimpl

@hookimpl
async def before_model_call(event, ctx):
    {body}
"""
TOOL = """
import os, sys, time
from csai_sdk import hookimpl, tool

@tool(read_only=True)
def {name}() -> str:
    "Fails."
    {body}

@hookimpl
def register_tools():
    return [{name}]
"""
REGISTER = """
import os, sys, time
from csai_sdk import hookimpl

@hookimpl
def register_tools():
    {body}
"""
GOOD = "from csai_sdk import hookimpl\n@hookimpl\nasync def reply_sent(event):\n    pass\n"
MODEL = """
from csai_sdk import ModelReply, Provider, ToolCall, Usage, UserMessage, hookimpl

class Model(Provider):
    "Calls the tools that the last message names, and then says hello."

    id = "test_model"
    default_model = "test-1"

    async def stream(self, request, ctx):
        last = request.messages[-1]
        words = last.text.split() if isinstance(last, UserMessage) else []
        names = [tool.name for tool in request.tools if tool.name in words]
        if names and request.tool_choice == "auto":
            calls = tuple(ToolCall(f"c{number}", name, {}) for number, name in enumerate(names))
            yield ModelReply("", "tool_calls", Usage(1, 1), "test-1", tool_calls=calls)
            return
        yield "Hello!"
        yield ModelReply("Hello!", "end", Usage(1, 1), "test-1")

@hookimpl
def register_providers():
    return [Model()]
"""
SLEEP = "time.sleep(3600)"
CRASH = "ctypes.string_at(0)"


@dataclass(frozen=True)
class Fault:
    """`id` is the plugin's; `title` and `says` stand in the operators' table."""

    id: str
    title: str
    code: str
    says: str
    """Stands in the cause."""
    state: str = "quarantined"
    requires: str = "csai-sdk>=0.1"


AT_START = (
    Fault(
        "import_raises", "raises at import", "raise RuntimeError('no licence')", "RuntimeError: no licence"
    ),
    Fault("import_hangs", "hangs at import", f"import time\n{SLEEP}", "importing it was not done after"),
    Fault("import_exits", "calls sys.exit at import", "import sys\nsys.exit(3)", "SystemExit: 3"),
    Fault(
        "import_os_exits",
        "calls os._exit at import",
        "import os\nos._exit(4)",
        "importing it ended the process (exit code 4)",
    ),
    Fault(
        "import_crashes",
        "crashes the interpreter at import",
        f"import ctypes\n{CRASH}",
        "importing it crashed the interpreter (SIGSEGV)",
    ),
    Fault(
        "register_raises",
        "raises at registration",
        REGISTER.format(body="raise KeyError('token')"),
        "registering it raised KeyError",
    ),
    Fault(
        "register_hangs",
        "hangs at registration",
        REGISTER.format(body=SLEEP),
        "registering it was not done after",
    ),
    Fault(
        "register_os_exits",
        "calls os._exit at registration",
        REGISTER.format(body="os._exit(0)"),
        "registering it ended the process (exit code 0)",
    ),
    Fault(
        "misspelled_hook",
        "misspells a hook",
        GOOD.replace("reply_sent", "reply_send"),
        "reply_send (did you mean reply_sent?)",
    ),
    Fault(
        "other_sdk",
        "needs another SDK version",
        GOOD,
        "it needs csai-sdk >=9.1, and csai-sdk 0.1.0 is installed",
        requires="csai-sdk>=9.1",
    ),
    Fault("claimed_twice", "claims another plugin's name", GOOD, "the name is claimed by"),
    Fault(
        "zz_taken_tool",
        "registers another plugin's tool",
        TOOL.format(name="tool_raises", body="return 'ok'"),
        "the tool 'tool_raises' is already registered by plugin 'tool_raises'",
    ),
)
IN_CALLS = (
    Fault(
        "hook_raises",
        "raises in a hook",
        HOOK.format(body="raise ValueError('never')"),
        "hook before_model_call failed",
        "degraded",
    ),
    Fault(
        "hook_hangs",
        "hangs in a hook",
        HOOK.format(body="await asyncio.sleep(3600)"),
        "it was late",
        "degraded",
    ),
    Fault(
        "hook_exits",
        "calls sys.exit in a hook",
        HOOK.format(body="sys.exit(5)"),
        "it tried to end the server's process",
        "degraded",
    ),
    Fault(
        "hook_os_exits",
        "calls os._exit in a hook",
        HOOK.format(body="os._exit(6)"),
        "it tried to end the server's process",
        "degraded",
    ),
    Fault(
        "tool_raises",
        "raises in a tool",
        TOOL.format(name="tool_raises", body="raise ValueError('never')"),
        "tool tool_raises failed",
        "degraded",
    ),
    Fault(
        "tool_hangs",
        "hangs in a tool",
        TOOL.format(name="tool_hangs", body=SLEEP),
        "it was late",
        "degraded",
    ),
    Fault(
        "tool_os_exits",
        "calls os._exit in a tool",
        TOOL.format(name="tool_os_exits", body="os._exit(7)"),
        "it tried to end the server's process",
        "degraded",
    ),
    Fault(
        "leaks_tasks",
        "leaves tasks behind",
        HOOK.format(body="[asyncio.create_task(asyncio.sleep(3600)) for _ in range(30)]"),
        "more than 20 tasks that its calls for one client started still run",
        "degraded",
    ),
    Fault(
        "leaks_threads",
        "leaves threads behind",
        HOOK.format(
            body="[threading.Thread(target=lambda: time.sleep(3600), daemon=True).start() for _ in range(30)]"
        ),
        "more than 20 threads run its code",
        "degraded",
    ),
)
DEADLY = (
    Fault(
        "blocks",
        "blocks the event loop in a hook",
        HOOK.format(body=SLEEP),
        "it kept the server standing still",
    ),
    Fault(
        "hook_crashes",
        "crashes the interpreter in a hook",
        HOOK.format(body=CRASH),
        "its code crashed the server (Fatal Python error: Segmentation fault)",
    ),
)
FAULTS = (*AT_START, *IN_CALLS, *DEADLY)


def install(site: Path, plugin: str, code: str, *, requires: str = "csai-sdk>=0.1", suffix: str = "") -> None:
    """A distribution of one module with one plugin, as pip would leave it."""
    module = f"test_{plugin}{suffix}"
    info = site / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{module}.py").write_text(code)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\nRequires-Dist: {requires}\n"
    )
    (info / "entry_points.txt").write_text(f"[csai.plugins]\n{plugin} = {module}\n")
