"""An operator gives a client what it needs, with commands alone, while the server runs."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from csai.cli import app
from typer.testing import CliRunner, Result

from tests.support.backend import Backend
from tests.support.program import running

SECRET = "0123456789abcdef0123456789abcdef"
SIGNING = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="
CATALOG = Path(__file__).resolve().parents[4] / "workflows" / "n8n" / "tools.json"


@dataclass
class Operator:
    """Runs commands on one database."""

    folder: Path
    variables: dict[str, str]

    def csai(self, *arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), env=self.variables, input=stdin)

    def do(self, *arguments: str, stdin: str | None = None) -> str:
        ended = self.csai(*arguments, stdin=stdin)
        assert ended.exit_code == 0, ended.output + ended.stderr
        return ended.stdout

    def add_tools(self, content: Any) -> Result:
        file = self.folder / "tools.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return self.csai("tools", "add", str(file))


@pytest.fixture
def operator(backend: Backend, here: Path) -> Operator:
    variables = {"CSAI_DATABASE_URL": backend.database_url, "CSAI_SECRET_KEYS": SECRET, "COLUMNS": "200"}
    if backend.redis_url:
        variables["CSAI_REDIS_URL"] = backend.redis_url
    return Operator(here, variables)


@dataclass
class Workflow:
    """A webhook on the loopback interface that answers every call alike."""

    url: str = ""
    calls: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)


@pytest.fixture
def workflow() -> Iterator[Workflow]:
    made = Workflow()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.calls.append(({k.lower(): v for k, v in self.headers.items()}, json.loads(body)))
            answer = json.dumps({"found": True, "message": "Order ORD-1001 is on its way."}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- the base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/webhook/csai-get-order-status"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_running_server_uses_the_tools_that_commands_give_its_client(
    operator: Operator, workflow: Workflow
) -> None:
    key = json.loads(operator.do("client", "create", "Shop", "--json"))["secret_key"]
    served = {**operator.variables, "CSAI_EGRESS_ALLOW": "127.0.0.0/8"}
    with running("serve", "--port", "0", cwd=operator.folder, **served) as program:
        base = json.loads(program.err.until('"serving"'))["url"]

        def ask(question: str) -> dict[str, Any]:
            said = httpx.post(
                f"{base}/chat/message", headers={"X-API-Key": key}, json={"message": question}, timeout=60
            )
            answer: dict[str, Any] = said.json()
            assert answer["status"] == "completed", answer
            return answer

        assert "on its way" not in json.dumps(ask("Where is my order ORD-1001?"))

        operator.do("tools", "add", str(CATALOG))
        operator.do("client", "plugin", "Shop", "n8n", "--on", "--set", "signing_secret=@-", stdin=SIGNING)
        operator.do("client", "tool", "Shop", "n8n_get_order_status", "--on", "--webhook", workflow.url)
        assert "Order ORD-1001 is on its way." in json.dumps(ask("Where is my order ORD-1001?"))
        ((headers, body),) = workflow.calls
        assert body["tool"] == "n8n_get_order_status"
        assert body["arguments"] == {"order_id": "ORD-1001"}
        assert headers["webhook-signature"].startswith("v1,")

        operator.do("client", "tool", "Shop", "n8n_get_order_status", "--off")
        (operator.folder / "opening-hours.md").write_text("We are open from ten to six on every day.")
        operator.do("client", "knowledge", "Shop", "opening-hours.md")
        assert "from ten to six" in json.dumps(ask("When are you open?"))
        assert len(workflow.calls) == 1


def test_lists_show_the_catalog_and_the_clients(operator: Operator) -> None:
    made = json.loads(operator.do("client", "create", "[b]Shop[/b]", "--json"))
    operator.do("tools", "add", str(CATALOG))
    tools = {row["tool_name"]: row for row in json.loads(operator.do("tools", "list", "--json"))["tools"]}
    assert tools["get_order_status"]["plugin"] == "demo_shop"
    assert tools["n8n_book_appointment"]["idempotent"]
    clients = json.loads(operator.do("client", "list", "--json"))["clients"]
    assert [(each["id"], each["name"], each["status"]) for each in clients] == [
        (made["client_id"], "[b]Shop[/b]", "active")
    ]
    assert all(name in operator.do("tools", "list") for name in tools)
    assert "[b]Shop[/b]" in operator.do("client", "list")


def test_a_secret_is_neither_shown_nor_stored_readably(operator: Operator, backend: Backend) -> None:
    operator.do("client", "create", "Shop")
    shown = operator.do(
        *("client", "plugin", "Shop", "n8n", "--on", "--set", "timeout_s=5", "--set", "signing_secret=@-"),
        stdin=f"{SIGNING}\n",
    )
    assert "timeout_s = 5.0" in shown
    assert "signing_secret is set (secret)" in shown
    refused = operator.csai("client", "plugin", "Shop", "n8n", "--set", "signing_secret=@-", stdin="aGVsbG8=")
    assert refused.exit_code == 2
    assert "base64 of 24 to 64 bytes" in refused.stderr
    assert not {SIGNING, "aGVsbG8="} & set((shown + refused.output + refused.stderr).split())
    from sqlalchemy import create_engine, text

    engine = create_engine(backend.database_url.replace("sqlite+aiosqlite", "sqlite"))
    with engine.connect() as connection:
        stored = str(list(connection.execute(text("SELECT * FROM client_plugins"))))
    engine.dispose()
    assert SIGNING not in stored


def test_a_file_that_changes_a_plugins_tool_is_refused_in_one_line(operator: Operator) -> None:
    entry = json.loads(CATALOG.read_text(encoding="utf-8"))[0]
    refused = operator.add_tools({**entry, "tool_name": "get_order_status"})
    assert refused.exit_code == 2
    assert refused.stderr == (
        "csai: 'get_order_status' is a function of the plugin demo_shop, which alone can change it. "
        "Give the tool another name.\n"
    )


@pytest.mark.parametrize(
    "content", ["{", "[" * 100_000, '{"a": NaN}', "\udcff".encode("utf-8", "surrogatepass")]
)
def test_what_is_no_catalog_file_is_refused(operator: Operator, content: str | bytes) -> None:
    file = operator.folder / "bad.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert operator.csai("tools", "add", str(file)).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tools", "add", "missing.json"), "cannot be read"),
        (("client", "plugin", "Nobody", "n8n", "--on"), "There is no client 'Nobody'"),
        (("client", "plugin", "Shop", "n9n", "--on"), "There is no plugin 'n9n'"),
        (("client", "plugin", "Shop", "n8n"), "nothing to change"),
        (("client", "plugin", "Shop", "n8n", "--set", "timeout_s"), "--set name=value"),
        (("client", "plugin", "Shop", "n8n", "--set", "a=@-", "--set", "b=@-"), "only one value"),
        (("client", "tool", "Shop", "get_order_status"), "nothing to change"),
        (("client", "tool", "Shop", "fly", "--on"), "The catalog has no tool 'fly'"),
        (("client", "tool", "Shop", "get_order_status", "--webhook", "ftp://x"), "http or https"),
        (("client", "set", "Shop", "colour", "red"), "provider, model, prompt, tone"),
        (("client", "set", "Shop", "provider", "gemini"), "There is no provider 'gemini'"),
        (("client", "knowledge", "Shop", "missing.md"), "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_do(
    operator: Operator, arguments: tuple[str, ...], words: str
) -> None:
    operator.do("client", "create", "Shop")
    refused = operator.csai(*arguments)
    assert refused.exit_code == 2
    assert words in " ".join(refused.stderr.replace("│", " ").split())


def test_a_tool_that_cannot_be_used_yet_says_what_is_missing(operator: Operator) -> None:
    operator.do("client", "create", "Shop")
    operator.do("tools", "add", str(CATALOG))
    shown = operator.do("client", "tool", "Shop", "n8n_get_order_status", "--on")
    assert "It cannot be used yet: it has no address to call" in shown
    assert "It cannot be used yet: the plugin n8n is off for this client: csai client plugin" in shown
    operator.do("client", "plugin", "Shop", "n8n", "--on")
    ready = operator.do(
        "client", "tool", "Shop", "n8n_get_order_status", "--webhook", "https://n8n.example/w"
    )
    assert ready == "n8n_get_order_status is on for Shop.\n"


def test_provider_model_prompt_and_tone_are_set_and_taken_back(operator: Operator) -> None:
    operator.do("client", "create", "Shop")
    assert operator.do("client", "set", "Shop", "provider", "openai") == "The provider of Shop is set.\n"
    operator.do("client", "set", "Shop", "model", "gpt-x")
    operator.do("client", "set", "Shop", "prompt", "@-", stdin="Mention the sale.\n")
    operator.do("client", "set", "Shop", "tone", "Kind.")
    assert operator.do("client", "set", "Shop", "tone", "") == "The tone of Shop is taken back.\n"


def test_what_a_client_used_and_what_the_cache_saved_is_shown(operator: Operator) -> None:
    key = json.loads(operator.do("client", "create", "Shop", "--json"))["secret_key"]
    assert json.loads(operator.do("client", "usage", "Shop", "--json"))["days"] == []
    with running("serve", "--port", "0", cwd=operator.folder, **operator.variables) as program:
        base = json.loads(program.err.until('"serving"'))["url"]
        for _ in range(2):
            httpx.post(
                f"{base}/chat/message", headers={"X-API-Key": key}, json={"message": "Hello"}, timeout=60
            ).raise_for_status()

    report = json.loads(operator.do("client", "usage", "Shop", "--days", "2", "--json"))

    assert report["total"]["message_count"] == 2
    assert report["total"]["response_cache_count"] == 1
    assert (
        report["total"]["response_cache_tokens"]
        == report["total"]["tokens_input"] + report["total"]["tokens_output"]
    )
    assert report["total"]["response_cache_cost"] == "0.000000"
    assert "In all" in operator.do("client", "usage", "Shop")


def shop(operator: Operator) -> str:
    client: str = json.loads(operator.do("client", "create", "Shop", "--json"))["client_id"]
    operator.do("client", "plugin", client, "demo_shop", "--on")
    for tool in ("get_order_status", "cancel_order"):
        operator.do("client", "tool", client, tool, "--on")
    return client


class TestTrying:
    def test_a_tool_is_tried_by_command(self, operator: Operator) -> None:
        arguments = json.dumps({"order_id": "ORD-1001"})
        said = operator.do("tools", "test", shop(operator), "get_order_status", "--arguments", arguments)
        assert json.loads(said)["status"] == "shipped"

    def test_a_tool_that_changes_something_wants_to_be_told_so(self, operator: Operator) -> None:
        client, arguments = shop(operator), json.dumps({"order_id": "ORD-1002"})
        refused = operator.csai("tools", "test", client, "cancel_order", "--arguments", arguments)
        assert refused.exit_code == 2
        assert "--may-act" in refused.stderr
        done = operator.do(
            "tools", "test", client, "cancel_order", "--arguments", arguments, "--may-act", "--json"
        )
        assert json.loads(done)["status"] == "succeeded"

    @pytest.mark.parametrize("arguments", ["{", "[]", "@-", '{"order": 1}'])
    def test_arguments_that_do_not_fit_are_explained(self, operator: Operator, arguments: str) -> None:
        ended = operator.csai(
            "tools", "test", shop(operator), "get_order_status", "--arguments", arguments, stdin="7"
        )
        assert ended.exit_code == 2
        assert "arguments" in ended.stderr

    def test_a_client_without_calls_has_an_empty_log(self, operator: Operator) -> None:
        said = operator.do("tools", "calls", shop(operator), "--status", "failed", "--json")
        assert json.loads(said) == {"calls": []}

    def test_a_status_that_there_is_not_is_refused(self, operator: Operator) -> None:
        ended = operator.csai("tools", "calls", shop(operator), "--status", "lost")
        assert ended.exit_code == 2
        assert "succeeded" in ended.stderr


class TestEval:
    SUITE = json.dumps(
        {
            "tools": {"get_order_status": [{"answer": {"message": "It is on its way."}}]},
            "cases": [
                {
                    "name": "order",
                    "steps": [
                        {
                            "say": "Where is my order ORD-1001?",
                            "expect": {"tools": ["get_order_status"], "contains": ["on its way"]},
                        }
                    ],
                }
            ],
        }
    )

    def test_a_suite_that_is_met_exits_with_0_and_a_regression_with_1(self, operator: Operator) -> None:
        client, file = shop(operator), operator.folder / "suite.json"
        file.write_text(self.SUITE, encoding="utf-8")
        met = json.loads(operator.do("eval", "run", client, str(file), "--json"))
        again = json.loads(operator.do("eval", "run", client, str(file), "--json"))
        assert met["result"]["hash"] == again["result"]["hash"]
        assert met["result"]["steps"][0]["faults"] == []

        worse = operator.csai("eval", "run", client, str(file), "--without", "demo_shop")

        assert worse.exit_code == 1
        assert "WORSE  order" in worse.stdout
        assert "does not say 'on its way'" in worse.stdout

    def test_a_suite_that_is_none_is_explained(self, operator: Operator) -> None:
        file = operator.folder / "suite.json"
        file.write_text('{"cases": []}', encoding="utf-8")
        ended = operator.csai("eval", "run", shop(operator), str(file))
        assert ended.exit_code == 2
        assert "cases" in ended.stderr


MCP_SERVER = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    if asked["method"] == "initialize":
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                  "serverInfo": {"name": "crm", "version": "1"}}
    elif asked["method"] == "tools/list":
        result = {"tools": [{"name": "cancel", "description": "Cancels.", "inputSchema": {"type": "object"}}]}
    elif asked["method"] == "tools/call":
        result = {"content": [{"type": "text", "text": "cancelled"}]}
    else:
        error = {"code": -32601, "message": "?"}
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}), flush=True)
        continue
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""


class TestListing:
    def test_an_mcp_servers_tools_are_listed_switched_and_tried(self, operator: Operator) -> None:
        script = operator.folder / "server.py"
        script.write_text(MCP_SERVER)
        commands = {"crm": {"command": [sys.executable, str(script)]}}
        operator.variables["CSAI_MCP_COMMANDS"] = json.dumps(commands)
        client = json.loads(operator.do("client", "create", "Shop", "--json"))["client_id"]
        servers = json.dumps([{"name": "crm", "command": "crm"}])
        said = operator.do("client", "plugin", client, "mcp", "--on", "--set", f"servers={servers}")
        assert "mcp crm: 1 tools" in said
        assert "New, and off: crm__cancel" in said
        assert "is on for Shop" in operator.do(
            "client", "tool", client, "crm__cancel", "--on", "--no-confirm"
        )
        assert operator.do("tools", "test", client, "crm__cancel", "--may-act").strip() == "cancelled"
        (source,) = json.loads(operator.do("tools", "refresh", client, "--json"))["sources"]
        assert (source["tools"], source["added"], source["problem"]) == (1, [], "")

    def test_a_server_that_cannot_be_asked_ends_with_1(self, operator: Operator) -> None:
        client = json.loads(operator.do("client", "create", "Shop", "--json"))["client_id"]
        servers = json.dumps([{"name": "crm", "command": "sh"}])
        operator.do("client", "plugin", client, "mcp", "--on", "--set", f"servers={servers}")
        ended = operator.csai("tools", "refresh", client)
        assert ended.exit_code == 1
        assert "could not be asked: the operator of this installation allows no command 'sh'" in ended.stdout
