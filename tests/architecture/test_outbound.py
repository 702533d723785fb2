"""Everything that leaves goes through the one door, which judges addresses.

Prevents the classic hole of products that call addresses which a customer typed: one library, forgotten, that
connects by itself and reaches the metadata service of the cloud. It guards against forgetting, not against an
author who means to hide: a plugin's code runs in the server, and whoever installs it trusts it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOOR = "core/server/csai/kit"
# Whose only use is to connect, with all that is in them. httpx and httpx2 are judged by how they are used.
CONNECTING = {
    *("aiohttp", "aioimaplib", "asyncssh", "boto3", "botocore", "curl_cffi", "grpc", "httpcore", "httpcore2"),
    *("paramiko", "pycurl", "requests", "tornado", "twisted", "urllib3", "websocket", "websockets"),
    *("_socket", "asyncore", "ftplib", "http.client", "http.server", "imaplib", "logging.handlers"),
    *("multiprocessing.connection", "multiprocessing.managers", "nntplib", "poplib", "smtplib"),
    *("socketserver", "telnetlib", "urllib.request", "webbrowser", "wsgiref", "xmlrpc"),
}
HTTPX = {"httpx", "httpx2"}
CLIENTS = {"Client", "AsyncClient"}
AT_ONCE = {"delete", "get", "head", "options", "patch", "post", "put", "request", "stream"}
DIALS = {
    *("create_connection", "create_datagram_endpoint", "create_unix_connection", "open_connection"),
    *("open_unix_connection", "sock_connect", "sock_sendto"),
}
# By which a plugin could reach for something that no reader of its imports sees.
UNSEEN_MODULES = {"cffi", "ctypes", "pty", "runpy", "subprocess"}
UNSEEN_CALLS = {"__import__", "compile", "eval", "exec", "importlib.import_module"}
UNSEEN_IN_OS = ("exec", "popen", "posix_spawn", "spawn", "system")
# What plugins may import beside the SDK of csai, themselves, Python's own and httpx: it connects to nothing.
HARMLESS = {"bs4", "jiter", "markdown_it", "mcp_types", "pydantic", "yaml"}
# Libraries that connect, each with how the door is put under them.
SDKS: Mapping[str, Mapping[str, str]] = {
    "plugins/billing/stripe": {"stripe": "its HTTP client is ours, over a guarded transport"},
    "plugins/channels/email": {
        "aiosmtplib": "is handed a socket of ctx.transports.connect",
        "imaplib": "its socket is one of ctx.transports.connect",
    },
    "plugins/integrations/sql": {"psycopg": "connects to an address of ctx.transports.resolve"},
    "plugins/providers/claude": {"anthropic": "its HTTP client is ours, over a guarded transport"},
    "plugins/providers/ollama": {"ollama": "its HTTP client is ours, over a guarded transport"},
    "plugins/providers/openai": {"openai": "its HTTP client is ours, over a guarded transport"},
    "plugins/tools/mcp": {"mcp": "its HTTP client is ours; programs are the operator's own choice"},
}
# A module that needs one of these, with the reason why it still goes through the door.
EXCEPTED: Mapping[str, str] = {
    "core/server/csai/cli/server.py": "hands its listening socket to the workers",
}


def modules() -> list[Path]:
    folders = [
        *ROOT.glob("core/*/csai*/"),
        *(folder for folder in ROOT.glob("plugins/*/*/csai_*/") if folder.is_dir()),
        *ROOT.glob("widget/csai_widget/"),
        *ROOT.glob("admin/csai_dashboard/"),
    ]
    found = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    return [
        path
        for path in found
        # The testkit plays vendors and records them.
        if DOOR not in path.as_posix() and "csai_testkit" not in path.parts
    ]


class Reader(ast.NodeVisitor):
    """Finds the ways around the door in one module, whatever it calls what it imports."""

    def __init__(self, *, own: str = "", allowed: Collection[str] = (), is_plugin: bool = False) -> None:
        self.found: list[str] = []
        self._own, self._allowed, self._is_plugin = own, allowed, is_plugin
        self._names: dict[str, str] = {}
        """What a name of the module stands for, as it is called where it comes from."""

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._names[alias.asname or alias.name.partition(".")[0]] = (
                alias.name if alias.asname else alias.name.partition(".")[0]
            )
            self._imported(alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or node.module is None:
            return
        for alias in node.names:
            name = f"{node.module}.{alias.name}"
            self._names[alias.asname or alias.name] = name
            if not self._imported(node.module):
                self._imported(name)
            if _root(name) in HTTPX and alias.name in CLIENTS | AT_ONCE:
                self.found.append(f"from {node.module}")

    def _imported(self, module: str) -> bool:
        root = _root(module)
        is_known = root in sys.stdlib_module_names or root in {self._own, "csai_sdk", *HTTPX, *self._allowed}
        if _is_within(module, CONNECTING - set(self._allowed)) or (
            self._is_plugin and (_is_within(module, UNSEEN_MODULES) or not (is_known or root in HARMLESS))
        ):
            self.found.append(module)
            return True
        return False

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self._called(node)
        # Reached through a package that something else has loaded.
        is_reached = "." in name and _is_within(name, CONNECTING - set(self._allowed))
        if is_reached or (_root(name) in HTTPX and name.endswith("HTTPTransport")):
            self.found.append(name)
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for base in node.bases:
            if _is_client(self._called(base)):
                self._names[node.name] = self._called(base)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = self._called(node.func)
        root, _, last = name.rpartition(".")
        given = {
            each.arg
            for each in node.keywords
            if not (isinstance(each.value, ast.Constant) and each.value.value is None)
        }
        is_bare_client = _is_client(name) and ("transport" not in given or given & {"mounts", "proxy"})
        if (_root(name) in HTTPX and root in HTTPX and last in AT_ONCE) or is_bare_client:
            self.found.append(name)
        elif (
            (last or name) in DIALS
            and not name.startswith("csai_")
            and (name.startswith("socket.") or "sock" not in given)
        ):
            self.found.append(last or name)
        elif name == "socket.socket":
            self.found.append(name)
        elif self._is_plugin:
            self._judge_unseen(node, name)
        self.generic_visit(node)

    def _judge_unseen(self, node: ast.Call, name: str) -> None:
        is_program = name.startswith("asyncio.") and "create_subprocess" in name
        is_of_system = _root(name) == "os" and name.rpartition(".")[2].startswith(UNSEEN_IN_OS)
        if name in UNSEEN_CALLS or is_program or is_of_system:
            self.found.append(name)

    def _called(self, node: ast.expr) -> str:
        """The dotted name, from where it comes; for what is no name, its last part."""
        match node:
            case ast.Name(id=name):
                return self._names.get(name, name)
            case ast.Attribute(value=value, attr=name):
                return f"{self._called(value)}.{name}"
        return ""


def _root(name: str) -> str:
    return name.partition(".")[0]


def _is_within(name: str, modules: Collection[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in modules)


def _is_client(name: str) -> bool:
    last = name.rpartition(".")[2]
    return (_root(name) in HTTPX and last in CLIENTS) or (name.startswith("csai_") and last in _clients())


@cache
def _clients() -> frozenset[str]:
    """Classes of ours that are clients of httpx or httpx2."""
    source = "".join(path.read_text(encoding="utf-8") for path in modules())
    return frozenset(re.findall(r"class (\w+)\(httpx2?\.(?:Async)?Client\)", source))


def ways_around(source: str, **how: Any) -> list[str]:
    reader = Reader(**how)
    reader.visit(ast.parse(source))
    return reader.found


def ways_in(path: Path) -> list[str]:
    parts = path.relative_to(ROOT).parts
    how: dict[str, Any] = {}
    if parts[0] == "plugins":
        how = {"own": parts[3], "allowed": SDKS.get("/".join(parts[:3]), {}), "is_plugin": True}
    elif parts[0] in ("admin", "widget"):
        how = {"own": parts[1], "is_plugin": True}
    return sorted(set(ways_around(path.read_text(encoding="utf-8"), **how)))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_nothing_connects_by_itself() -> None:
    found = {name_of(path): ways for path in modules() if (ways := ways_in(path))}
    strays = {name: ways for name, ways in found.items() if name not in EXCEPTED}
    assert strays == {}, "use ctx.http or ctx.transports (in the server: services.outbound)"
    assert EXCEPTED.keys() <= found.keys(), "an exception that nothing needs any more"


def test_no_library_is_excepted_that_is_not_used() -> None:
    for folder, libraries in SDKS.items():
        text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / folder).glob("csai_*/*.py"))
        unused = [name for name in libraries if f"import {name}" not in text and f"from {name}" not in text]
        assert unused == [], folder


def test_there_is_something_to_judge() -> None:
    assert {name_of(path).partition("/")[0] for path in modules()} == {"admin", "core", "plugins", "widget"}
    assert len(modules()) > 100


@pytest.mark.parametrize(
    "source",
    [
        "import requests",
        "import urllib.request",
        "from urllib import request",
        "from http.client import HTTPConnection",
        "def f():\n    import aiohttp",
        "from httpx import AsyncClient",
        "import httpx\nhttpx.get('http://inside')",
        "import httpx2\nasync with httpx2.AsyncClient(timeout=3) as client: pass",
        "import asyncio\nasync def f(): await asyncio.open_connection('inside', 80)",
        "async def f(loop): await loop.create_connection(Protocol, 'inside', 80)",
        "import socket\nsocket.create_connection(('inside', 80))",
        "import socket\nsocket.socket()",
        "from socket import socket\nsocket()",
        "import socket as s\ns.socket()",
        "from socket import create_connection as dial\ndial(('inside', 80))",
        "from asyncio import open_connection\nasync def f(): await open_connection('inside', 80)",
        "from asyncio import streams\nasync def f(): await streams.open_connection('inside', 80)",
        "async def f(loop): await loop.create_datagram_endpoint(Protocol, remote_addr=('inside', 53))",
        "async def f(loop, sock): await loop.sock_connect(sock, ('inside', 80))",
        "import asyncio\nasync def f(): await asyncio.open_connection('inside', 80, sock=None)",
        "import requests.sessions",
        "from aiohttp.client import ClientSession",
        "from aiohttp import client as harmless",
        "from urllib3 import connection",
        "import http\nhttp.client.HTTPConnection('inside')",
        "import urllib\nurllib.request.urlopen('http://inside')",
        "import logging.handlers",
        "import httpx as h\nh.get('http://inside')",
        "import httpx2 as h\nh.AsyncClient()",
        "import httpx2\nhttpx2.AsyncClient(transport=None)",
        "import httpx2\nhttpx2.AsyncClient(transport=guarded, mounts={'http://': mine})",
        "import httpx2\nhttpx2.AsyncClient(transport=guarded, proxy='http://inside')",
        "import httpx2\nhttpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport())",
        "from httpx._client import AsyncClient",
        "import httpx2\nclass Mine(httpx2.AsyncClient): pass\nMine()",
        "from csai_tool_mcp.transport import TokenClient\nTokenClient()",
    ],
)
def test_a_way_around_is_seen(source: str) -> None:
    assert ways_around(source)


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess",
        "import ctypes",
        "import treq",
        "from pip._vendor import urllib3",
        "import stripe",
        "import importlib\nimportlib.import_module('requests')",
        "from importlib import import_module as load\nload('requests')",
        "__import__('requests')",
        "exec('import requests')",
        "import os\nos.system('curl http://inside')",
        "from os import popen\npopen('curl http://inside')",
        "import asyncio\nasync def f(): await asyncio.create_subprocess_exec('curl', 'http://inside')",
        "from csai_other_plugin import client",
    ],
)
def test_what_hides_a_way_around_is_seen_in_a_plugin(source: str) -> None:
    assert ways_around(source, own="csai_x", allowed={"openai": ""}, is_plugin=True)


@pytest.mark.parametrize(
    "source",
    [
        "import httpx2\nhttpx2.AsyncClient(transport=ctx.transports.httpx2(is_operator_url=False))",
        "import asyncio\nasync def f(sock): await asyncio.open_connection(sock=sock)",
        "from urllib.parse import quote",
        "from http import HTTPStatus",
        "from socket import socket\ndef f(opened: socket): opened.close()",
        "import httpx2\nclass Mine(httpx2.AsyncClient): pass\nMine(transport=guarded)",
        "from csai_x.api import Api\nimport openai, pydantic",
        "async def f(ctx): await ctx.http.request('GET', 'https://shop.example')",
    ],
)
def test_a_way_through_the_door_is_let_be(source: str) -> None:
    assert ways_around(source, own="csai_x", allowed={"openai": ""}, is_plugin=True) == []
