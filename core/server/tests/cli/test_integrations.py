"""An operator connects a client to a system of its own with commands alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Csai = Callable[..., Result]

ENDPOINT = {
    "name": "order_status",
    "url": "/orders/{order_id}",
    "description": "An order.",
    "parameters_schema": {
        "type": "object",
        "properties": {"order_id": {"type": "string"}},
        "required": ["order_id"],
    },
}
DOCUMENT = {"openapi": "3.1.0", "paths": {"/stock": {"get": {"operationId": "stock"}, "put": {}}}}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an API that takes one key."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_known = self.headers["x-api-key"] == "hunter2"
            answer = json.dumps({"path": self.path}).encode()
            self.send_response(200 if is_known else 401)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- the base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("CSAI_EGRESS_ALLOW", "127.0.0.0/8")
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output + result.stderr
    return result.stdout


def written(folder: Path, content: Any) -> str:
    file = folder / "content.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return str(file)


def test_a_system_is_connected_tried_offered_and_read(csai: Csai, here: Path, api: str) -> None:
    settings = ("--set", f"base_url={api}", "--set", "auth=api_key", "--set", "api_key=@-")
    made = done(
        csai("integrations", "add", "Shop", "rest", "--name", "shop api", *settings, stdin="hunter2\n")
    )
    assert "api_key is set (secret)" in made
    assert "hunter2" not in made
    assert "plugin rest is off" in made
    done(csai("client", "plugin", "Shop", "rest", "--on"))
    done(csai("integrations", "set", "Shop", "shop api", "--set", "check_path=/me"))
    assert "answers" in done(csai("integrations", "test", "Shop", "shop api"))

    done(csai("integrations", "endpoint", "add", "Shop", "shop api", written(here, ENDPOINT)))
    done(csai("integrations", "endpoint", "add", "Shop", "shop api", written(here, [ENDPOINT])))
    imported = done(csai("integrations", "import", "Shop", "shop api", written(here, DOCUMENT)))
    done(csai("integrations", "endpoint", "offer", "Shop", "shop api", "order_status", "--tool", "order"))
    read = done(csai("tools", "test", "Shop", "order", "--arguments", '{"order_id": "7"}'))

    assert "Added: stock" in imported
    assert "PUT /stock" in imported
    assert json.loads(read) == {"path": "/orders/7"}
    listed = json.loads(done(csai("integrations", "endpoint", "list", "Shop", "shop api", "--json")))
    tools = {each["name"]: each["tool"] for each in listed["endpoints"]}
    assert tools == {"order_status": {"tool_name": "order", "enabled": True}, "stock": None}
    (shown,) = json.loads(done(csai("integrations", "list", "Shop", "--json")))["integrations"]
    assert (shown["name"], shown["state"], shown["last_test_ok"]) == ("shop api", "on", True)

    done(csai("integrations", "set", "Shop", "shop api", "--off"))
    gone = csai("tools", "test", "Shop", "order", "--arguments", '{"order_id": "7"}')
    assert "cannot use a tool 'order'" in " ".join((gone.output + gone.stderr).split())
    done(csai("integrations", "endpoint", "remove", "Shop", "shop api", "stock"))
    done(csai("integrations", "remove", "Shop", "shop api"))
    assert json.loads(done(csai("integrations", "list", "Shop", "--json")))["integrations"] == []


def test_a_connection_that_does_not_work_exits_with_1(csai: Csai, api: str) -> None:
    done(csai("client", "plugin", "Shop", "rest", "--on"))
    wrong = ("--set", f"base_url={api}", "--set", "auth=api_key", "--set", "api_key=@-")
    done(csai("integrations", "add", "Shop", "rest", *wrong, stdin="wrong"))

    tried = csai("integrations", "test", "Shop", "rest", "--json")

    assert tried.exit_code == 1
    assert json.loads(tried.stdout)["is_ok"] is False
    assert api not in tried.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "Shop", "fax"), "There is no integration 'fax'"),
        (("add", "Shop", "rest", "--set", "color=red"), "no setting 'color'"),
        (("add", "Shop", "rest", "--set", "auth=bearer"), "needs token"),
        (("test", "Shop", "nothing"), "There is no connection 'nothing'"),
        (("import", "Shop", "nothing"), "FILE or --url"),
        (("set", "Shop", "nothing"), "nothing to change"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(
    csai: Csai, arguments: tuple[str, ...], words: str
) -> None:
    refused = csai("integrations", *arguments)
    assert refused.exit_code != 0
    assert words in " ".join((refused.output + refused.stderr).replace("│", "").split())
