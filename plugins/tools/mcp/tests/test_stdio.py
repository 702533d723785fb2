"""Servers that are started by a command of the operator's."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from csai_sdk import PluginContext, SettingsError, ToolError, ToolInvocation, ToolOutput, ToolSpec
from csai_testkit.context import KeptResources
from csai_tool_mcp.backend import McpBackend
from csai_tool_mcp.command import allowed_commands
from csai_tool_mcp.settings import McpSettings
from mcp.client.stdio import DEFAULT_INHERITED_ENV_VARS

from tests.support.waiting import PATIENCE_S

Make = Callable[..., PluginContext]
# The protocol by hand: the SDK takes a second to load.
SERVER = """
import json, os, sys
tools = [{"name": name, "description": name, "inputSchema": {"type": "object"}}
         for name in ("environment", "die", "hang", "grow", "pid", "flood", "long", "bytes", "wants")]
wanted = []
def say(**what):
    print(json.dumps({"jsonrpc": "2.0", **what}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    method, params = asked["method"], asked.get("params", {})
    if method == "initialize":
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {"listChanged": True}},
                  "serverInfo": {"name": "files", "version": "1"}}
    elif method == "tools/list":
        result = {"tools": tools}
    elif method == "tools/call":
        name = params["name"]
        if name == "die":
            print("a visitor's words", file=sys.stderr)
            sys.exit(3)
        if name == "hang":
            continue
        if name == "grow":
            say(method="notifications/tools/list_changed")
        while name == "flood":
            sys.stdout.write("x" * 65536)
        if name == "bytes":
            sys.stdout.buffer.write(b"\\xff\\xfe\\n")
        if name == "wants":
            for number, method in enumerate(("sampling/createMessage", "elicitation/create", "roots/list")):
                schema = {"type": "object", "properties": {}}
                say(id=f"w{number}", method=method,
                    params={"messages": [], "maxTokens": 1, "message": "Pin?", "requestedSchema": schema})
                wanted.append(json.loads(sys.stdin.readline()))
        text = json.dumps(dict(os.environ)) if name == "environment" else str(os.getpid())
        text = "x" * 2_000_000 if name == "long" else json.dumps(wanted) if name == "wants" else text
        result = {"content": [{"type": "text", "text": text}]}
    else:
        say(id=asked["id"], error={"code": -32601, "message": "what?"})
        continue
    say(id=asked["id"], result=result)
"""


@pytest.fixture
def backend(tmp_path: Path) -> McpBackend:
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    command = {
        "command": [sys.executable, str(script)],
        "env": {"FOLDER": "/srv"},
        "secret_env": "FILES_TOKEN",
    }
    return McpBackend(allowed_commands({"CSAI_MCP_COMMANDS": json.dumps({"files": command})}))


def client_of(plugin_context: Make, command: str = "files", **how: Any) -> PluginContext:
    settings = McpSettings(servers=[{"name": "disk", "command": command}], secrets={"disk": "tok-51"})
    return plugin_context(settings, **how)


async def run(backend: McpBackend, ctx: PluginContext, tool: str, **how: Any) -> ToolOutput:
    spec, config = ToolSpec(f"disk__{tool}", "", {}), {"server": "disk", "tool": tool}
    return await backend.run(ToolInvocation("c1", spec, {}, config=config, **how), ctx)


async def test_an_allowed_command_is_started_with_nothing_of_the_servers_environment(
    plugin_context: Make, backend: McpBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CSAI_SECRET_KEYS", "ANTHROPIC_API_KEY", "DATABASE_URL", "PYTHONPATH"):
        monkeypatch.setenv(name, "the server's own")
    answered = await run(backend, client_of(plugin_context), "environment")
    environment = json.loads(answered.value.replace("[hidden]", "tok-51"))
    assert environment["FOLDER"] == "/srv"
    assert environment["FILES_TOKEN"] == "tok-51"
    assert "the server's own" not in environment.values()
    assert environment.keys() <= {"FOLDER", "FILES_TOKEN", "LC_CTYPE", *DEFAULT_INHERITED_ENV_VARS}


async def test_the_secret_it_repeats_is_hidden(plugin_context: Make, backend: McpBackend) -> None:
    assert "tok-51" not in (await run(backend, client_of(plugin_context), "environment")).value


async def test_a_command_that_is_not_allowed_is_not_started(
    plugin_context: Make, backend: McpBackend
) -> None:
    ctx = client_of(plugin_context, command="sh")
    (listing,) = await backend.list_tools(ctx)
    assert listing.problem == "the operator of this installation allows no command 'sh'; allowed: files"
    with pytest.raises(ToolError, match="not set up"):
        await run(backend, ctx, "environment")
    assert McpBackend(allowed_commands({}))._commands == {}


async def test_a_process_that_dies_is_started_anew(
    plugin_context: Make, backend: McpBackend, capfd: pytest.CaptureFixture[str]
) -> None:
    ctx = client_of(plugin_context)
    first = (await run(backend, ctx, "pid")).value
    with pytest.raises(ToolError) as caught:
        await run(backend, ctx, "die")
    assert not caught.value.is_outcome_known
    assert (await run(backend, ctx, "pid")).value != first
    assert "a visitor's words" not in "".join(capfd.readouterr())


async def test_a_process_that_hangs_is_ended(plugin_context: Make, backend: McpBackend) -> None:
    ctx = client_of(plugin_context)
    first = int((await run(backend, ctx, "pid")).value)
    with pytest.raises(ToolError) as caught:
        await run(backend, ctx, "hang", timeout_s=0.2)
    assert not caught.value.is_outcome_known
    assert int((await run(backend, ctx, "pid")).value) != first


@pytest.mark.parametrize("tool", ["flood", "long"])
async def test_a_line_without_end_ends_the_process(
    plugin_context: Make, backend: McpBackend, tool: str
) -> None:
    ctx = client_of(plugin_context)
    first = int((await run(backend, ctx, "pid")).value)
    with pytest.raises(ToolError) as caught:
        await run(backend, ctx, tool, timeout_s=1.0)
    assert not caught.value.is_outcome_known
    assert int((await run(backend, ctx, "pid")).value) != first


async def test_bytes_that_are_no_text_are_passed_over(plugin_context: Make, backend: McpBackend) -> None:
    ctx = client_of(plugin_context)
    first = (await run(backend, ctx, "pid")).value
    assert (await run(backend, ctx, "bytes")).value == first
    assert (await run(backend, ctx, "pid")).value == first


async def test_what_a_server_wants_of_us_it_does_not_get(plugin_context: Make, backend: McpBackend) -> None:
    """Neither our model's words, nor a visitor's, nor folders."""
    answers = json.loads((await run(backend, client_of(plugin_context), "wants")).value)
    assert [answer["id"] for answer in answers] == ["w0", "w1", "w2"]
    assert all("result" not in answer and answer["error"]["code"] for answer in answers)


async def test_closing_ends_the_process(plugin_context: Make, backend: McpBackend) -> None:
    resources = KeptResources()
    pid = int((await run(backend, client_of(plugin_context, resources=resources), "pid")).value)
    await resources.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_changed_list_is_told(plugin_context: Make, backend: McpBackend) -> None:
    told = asyncio.Event()
    await run(backend, client_of(plugin_context, tools_changed=told.set), "grow")
    await asyncio.wait_for(told.wait(), PATIENCE_S)


async def test_there_are_no_more_processes_than_may_be(plugin_context: Make, backend: McpBackend) -> None:
    backend._processes._free = 1
    await run(backend, client_of(plugin_context), "pid")
    other = client_of(plugin_context)
    with pytest.raises(ToolError, match="cannot be reached") as caught:
        await run(backend, other, "pid")
    assert caught.value.is_outcome_known
    (listing,) = await backend.list_tools(other)
    assert listing.problem == "too many servers are running on this machine at the moment"


async def test_a_command_that_is_not_there_says_so(plugin_context: Make) -> None:
    command = {"files": {"command": ["/nowhere/server"]}}
    backend = McpBackend(allowed_commands({"CSAI_MCP_COMMANDS": json.dumps(command)}))
    (listing,) = await backend.list_tools(client_of(plugin_context))
    assert listing.problem == "it cannot be started (No such file or directory)"


@pytest.mark.parametrize(
    "text", ["no json", "[]", '{"files": {"command": "sh -c x"}}', '{"files": {"command": []}}']
)
def test_a_list_of_commands_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="CSAI_MCP_COMMANDS is not like"):
        allowed_commands({"CSAI_MCP_COMMANDS": text})
