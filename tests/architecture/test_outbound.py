"""Everything that leaves goes through the one door, which judges addresses.

Prevents the classic hole of products that call addresses which a customer typed: one library, forgotten, that
connects by itself and reaches the metadata service of the cloud.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOOR = "core/server/csai/kit"
# Libraries whose only use is to connect. httpx and httpx2 are judged by how their clients are made.
CONNECTING = {
    *("aiohttp", "aioimaplib", "asyncssh", "curl_cffi", "ftplib", "http.client", "nntplib", "paramiko"),
    *("poplib", "pycurl", "requests", "socketserver", "telnetlib", "urllib.request", "urllib3"),
    *("websocket", "websockets", "xmlrpc.client"),
}
HTTPX = {"httpx", "httpx2"}
CLIENTS = {"Client", "AsyncClient"}
AT_ONCE = {"delete", "get", "head", "options", "patch", "post", "put", "request", "stream"}
DIALS = {"create_connection", "open_connection"}
# A module that needs one of these, with the reason why it still goes through the door.
EXCEPTED: Mapping[str, str] = {
    "core/server/csai/cli/server.py": "hands its listening socket to the workers",
}


def modules() -> list[Path]:
    folders = [
        *ROOT.glob("core/*/csai*/"),
        *(folder for folder in ROOT.glob("plugins/*/*/csai_*/") if folder.is_dir()),
        *ROOT.glob("widget/csai_widget/"),
    ]
    found = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    return [
        path
        for path in found
        # The testkit plays vendors and records them.
        if DOOR not in path.as_posix() and "csai_testkit" not in path.parts
    ]


def ways_around(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name in CONNECTING)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (
                    each
                    for each in (module, *(f"{module}.{alias.name}" for alias in names))
                    if each in CONNECTING
                )
                if module in HTTPX:
                    yield from (f"from {module}" for alias in names if alias.name in CLIENTS | AT_ONCE)
            case ast.Call(func=ast.Attribute(value=value, attr=name), keywords=keywords):
                given = {keyword.arg for keyword in keywords}
                library = value.id if isinstance(value, ast.Name) else ""
                if library in HTTPX and (name in AT_ONCE or (name in CLIENTS and "transport" not in given)):
                    yield f"{library}.{name}"
                elif (name in DIALS and "sock" not in given) or name == "open_unix_connection":
                    yield name
                elif library == "socket" and name == "socket":
                    yield "socket.socket"


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_nothing_connects_by_itself() -> None:
    found = {
        name_of(path): ways
        for path in modules()
        if (ways := sorted(set(ways_around(path.read_text(encoding="utf-8")))))
    }
    strays = {name: ways for name, ways in found.items() if name not in EXCEPTED}
    assert strays == {}, "use ctx.http or ctx.transports (in the server: services.outbound)"
    assert EXCEPTED.keys() <= found.keys(), "an exception that nothing needs any more"


def test_there_is_something_to_judge() -> None:
    assert {name_of(path).partition("/")[0] for path in modules()} == {"core", "plugins", "widget"}
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
    ],
)
def test_a_way_around_is_seen(source: str) -> None:
    assert list(ways_around(source))


@pytest.mark.parametrize(
    "source",
    [
        "import httpx2\nhttpx2.AsyncClient(transport=ctx.transports.httpx2(is_operator_url=False))",
        "import asyncio\nasync def f(sock): await asyncio.open_connection(sock=sock)",
        "from urllib.parse import quote",
        "from socket import socket",
        "async def f(ctx): await ctx.http.request('GET', 'https://shop.example')",
    ],
)
def test_a_way_through_the_door_is_let_be(source: str) -> None:
    assert list(ways_around(source)) == []
