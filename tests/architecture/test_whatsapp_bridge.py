"""The n8n workflow that bridges WhatsApp: importable as it is, and what its code does with a delivery."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import subprocess
from typing import Any
from uuid import UUID

import pytest

from tests.architecture.test_workflows import BRIDGE, FOLDER, VERSIONS, WORKFLOWS, node_binary, nodes

FLOW: dict[str, Any] = json.loads((FOLDER / BRIDGE).read_text(encoding="utf-8"))
MORE_VERSIONS = VERSIONS | {"n8n-nodes-base.crypto": 1, "n8n-nodes-base.httpRequest": 4.2}
SECRET = "the app's secret"
# Runs the Code nodes one after the other, as n8n would: Crypto and HTTP nodes are played.
HARNESS = """
const { code, deliveries, answer, signatures } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const crypto = require('crypto');
const kept = {};
const Async = (async () => {}).constructor;
const run = (name, items, self, at) =>
  new Async('$input', '$getWorkflowStaticData', '$', code[name]).call(
    self, { first: () => items[0], all: () => items }, () => kept, () => ({ all: () => at }));
(async () => {
  const told = [];
  for (const [at, body] of deliveries.entries()) {
    const headers = { 'x-hub-signature-256': signatures[at] };
    const signature = crypto.createHmac('sha256', "the app's secret").update(body).digest('hex');
    const self = { helpers: { getBinaryDataBuffer: async () => Buffer.from(body) } };
    const [{ json }] = await run('Settings', [{ json: { headers, signature } }], self);
    if (json.problem) { told.push({ problem: json.problem }); continue; }
    const fresh = await run('New messages', [{ json }]);
    const hash = (text) => crypto.createHash('sha256').update(text).digest('hex');
    const hashed = fresh.map((item) => ({ json: { ...item.json, digest: hash(item.json.wamid) } }));
    const asked = await run('Message', hashed);
    const said = await run('Answers', asked.map(() => ({ json: answer })), null, asked);
    told.push({ bodies: asked.map((item) => item.json.body), replies: said.map((item) => item.json.reply) });
  }
  console.log(JSON.stringify(told));
})();
"""


def delivery(message_id: str, text: str = "Hi", number: str = "YOUR_PHONE_NUMBER_ID") -> str:
    message = {"id": message_id, "from": "3545550143", "type": "text", "text": {"body": text}}
    value = {"metadata": {"phone_number_id": number}, "messages": [message]}
    return json.dumps({"entry": [{"changes": [{"field": "messages", "value": value}]}]})


def signed(body: str, secret: str = SECRET) -> str:
    return f"sha256={hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()}"


def bridged(
    *deliveries: str, answer: dict[str, Any] | None = None, signatures: list[str] | None = None
) -> Any:
    code = {node["name"]: node["parameters"]["jsCode"] for node in nodes(FLOW, ".code")}
    good = {
        "statusCode": 200,
        "body": {"session_id": "session-1", "message": {"content": "**Hello!**"}},
    }
    given = {
        "code": code,
        "deliveries": deliveries,
        "answer": answer or good,
        "signatures": signatures or [signed(each) for each in deliveries],
    }
    done = subprocess.run(
        [node_binary(), "-e", HARNESS],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_bridge_can_be_imported_as_it_is() -> None:
    assert re.fullmatch(r"[A-Za-z0-9]{16}", FLOW["id"])
    assert FLOW["id"] not in {each["id"] for each in WORKFLOWS.values()}
    assert {(node["type"], node["typeVersion"]) for node in nodes(FLOW)} <= MORE_VERSIONS.items()
    assert not any("credentials" in node for node in nodes(FLOW))
    assert FLOW["active"] is False
    names = [node["name"] for node in nodes(FLOW)]
    assert len(set(names)) == len(names)
    targets = [each["node"] for out in FLOW["connections"].values() for way in out["main"] for each in way]
    assert {*FLOW["connections"], *targets} == set(names) - {"About"}
    ways = {node["parameters"]["httpMethod"] for node in nodes(FLOW, ".webhook")}
    assert ways == {"GET", "POST"}
    assert BRIDGE in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_a_message_becomes_a_question_with_a_key_made_of_its_id_and_is_answered() -> None:
    (told,) = bridged(delivery("wamid.1", "Are you open?"))
    (body,) = told["bodies"]
    assert (body["message"], body["user_identifier"]) == ("Are you open?", "whatsapp:+3545550143")
    assert str(UUID(body["message_id"])) == body["message_id"]
    assert "session_id" not in body
    (reply,) = told["replies"]
    assert (reply["to"], reply["text"], reply["context"]) == (
        "3545550143",
        {"body": "*Hello!*"},
        {"message_id": "wamid.1"},
    )


def test_a_repeat_ends_at_the_bridge_and_the_next_message_goes_on() -> None:
    first, repeat, second = bridged(delivery("wamid.1"), delivery("wamid.1"), delivery("wamid.2"))
    assert repeat == {"bodies": [], "replies": []}
    assert second["bodies"][0]["session_id"] == "session-1"
    assert second["bodies"][0]["message_id"] != first["bodies"][0]["message_id"]


@pytest.mark.parametrize("signature", ["", "sha256=0", signed(delivery("wamid.1"), "another secret")])
def test_what_is_not_signed_goes_no_further(signature: str) -> None:
    assert bridged(delivery("wamid.1"), signatures=[signature]) == [
        {"problem": "the signature is missing or wrong"}
    ]


def test_another_number_is_passed_over() -> None:
    assert bridged(delivery("wamid.1", number="999")) == [{"bodies": [], "replies": []}]


def test_where_csai_refuses_the_visitor_is_told_and_the_session_let_go() -> None:
    first, second = bridged(
        delivery("wamid.1"), delivery("wamid.2"), answer={"statusCode": 409, "body": {"code": "x"}}
    )
    assert first["replies"][0]["text"]["body"].startswith("Sorry")
    assert "session_id" not in second["bodies"][0]


@pytest.mark.parametrize(
    "again",
    [
        {"headers": {"idempotency-replayed": "true"}},
        {"statusCode": 409, "body": {"code": "turn_in_flight"}},
        {"statusCode": 422, "body": {"code": "idempotency_key_reused"}},
    ],
)
def test_what_is_answered_elsewhere_is_not_answered_here(again: dict[str, Any]) -> None:
    good = {"statusCode": 200, "body": {"session_id": "s", "message": {"content": "Hello!"}}}
    (told,) = bridged(delivery("wamid.1"), answer={**good, **again})
    assert len(told["bodies"]) == 1
    assert told["replies"] == []
