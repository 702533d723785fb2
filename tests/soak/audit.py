"""What the database, the model, the webhook and the visitors say of the seven invariants, held together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.soak.model import NUMBER, TENANT, Model, Webhook
from tests.soak.visitors import Asked, Takeover

Row = dict[str, Any]
TERMINAL = frozenset({"completed", "handed_off", "stopped", "blocked", "failed"})
COUNTED = frozenset({"completed", "stopped", "handed_off"})


@dataclass(frozen=True)
class Evidence:
    """All there is to look at after a soak."""

    asked: Sequence[Asked]
    takeovers: Sequence[Takeover]
    model: Model
    webhook: Webhook
    turns: list[Row]
    messages: list[Row]
    ledger: list[Row]
    executions: list[Row]
    counters: list[Row]
    limits: dict[str, dict[str, int]]
    """By client id."""


def collect(
    url: str, asked: Sequence[Asked], takeovers: Sequence[Takeover], model: Model, webhook: Webhook
) -> Evidence:
    """Read everything; `url` as libpq takes it."""
    with psycopg.connect(url, row_factory=dict_row) as connection:

        def rows(sql: str) -> list[Row]:
            return connection.execute(sql.encode()).fetchall()

        limits = rows("SELECT c.id::text, p.limits FROM clients c JOIN plans p ON p.name = c.plan_type")
        return Evidence(
            asked=asked,
            takeovers=takeovers,
            model=model,
            webhook=webhook,
            turns=rows("SELECT * FROM turns ORDER BY id"),
            messages=rows("SELECT * FROM messages ORDER BY conversation_id, seq"),
            ledger=rows("SELECT * FROM ledger ORDER BY id"),
            executions=rows("SELECT * FROM tool_executions ORDER BY id"),
            counters=rows("SELECT * FROM counters"),
            limits={row["id"]: row["limits"] for row in limits},
        )


def one_outcome(found: Evidence) -> Iterator[str]:
    """I1: each accepted message gets exactly one terminal outcome, and everybody hears the same."""
    by_key = {turn["idempotency_key"]: turn for turn in found.turns}
    for turn in found.turns:
        if turn["status"] not in TERMINAL or turn["outcome"] is None:
            yield f"turn {turn['id']} is {turn['status']}"
    roles = Counter((str(each["turn_id"]), each["role"]) for each in found.messages)
    for turn in found.turns:
        for role, number in (("user", 1), ("assistant", int(turn["status"] != "handed_off"))):
            if roles[str(turn["id"]), role] != number:
                yield f"turn {turn['id']} has {roles[str(turn['id']), role]} messages by {role}"
    for asked in found.asked:
        stored = by_key.get(asked.key, {})
        for outcome in asked.outcomes:
            if outcome["turn_id"] != str(stored.get("id")):
                yield f"message {asked.number} was answered by a turn that is not stored for it"
            elif outcome["message"]["content"] != (stored["outcome"] or outcome)["message"]["content"]:
                yield f"message {asked.number} was told what is not stored"
        if asked.has_given_up:
            yield f"message {asked.number} never got an outcome ({', '.join(asked.refusals[-3:])})"
        yield from (f"message {asked.number} got {fault}" for fault in asked.faults)


def tools_once(found: Evidence) -> Iterator[str]:
    """I2: a side effect happens at most once a logical call, and the log tells of it."""
    yield from (f"call {call} came {n} times" for call, n in found.webhook.calls.items() if n > 1)
    yield from (f"{slot} was booked {n} times" for slot, n in found.webhook.slots.items() if n > 1)
    logged = {row["call_id"]: row["status"] for row in found.executions}
    for call in found.webhook.calls:
        if logged.get(call) not in {"succeeded", "failed", "unknown"}:
            yield f"call {call} happened and is logged as {logged.get(call)}"
    for call, status in logged.items():
        if status == "succeeded" and call not in found.webhook.calls:
            yield f"call {call} is logged as done and never happened"


def billed_as_reported(found: Evidence) -> Iterator[str]:
    """I3: what is billed equals what the model reported, to the token; the rest is marked as estimated."""
    turns = {str(turn["id"]): turn for turn in found.turns}
    questions = {
        str(each["turn_id"]): int(NUMBER.findall(each["content"])[-1])
        for each in found.messages
        if each["role"] == "user"
    }
    reported = [row for row in found.ledger if not row["is_estimated"] and row["provider"] != "offline"]
    booked = Counter(row["model"] for row in reported)
    for row in reported:
        served = found.model.served[int(row["model"].removeprefix("soak-"))]
        if (row["tokens_input"], row["tokens_output"]) != (served.tokens_input, served.tokens_output):
            yield f"{row['model']} is billed with other tokens than it reported"
        if questions.get(str(row["turn_id"])) not in {None, served.number}:
            yield f"{row['model']} is billed to another turn"
    yield from (f"{name} is billed {n} times" for name, n in booked.items() if n > 1)
    completed = {questions[turn] for turn, row in turns.items() if row["status"] == "completed"}
    for serial, served in enumerate(found.model.served):
        if served.is_whole and served.number in completed and not booked[f"soak-{serial}"]:
            yield f"soak-{serial} was reported whole and is not billed"


def clients_apart(found: Evidence) -> Iterator[str]:
    """I4: nothing of one client reaches another."""
    yield from found.model.crossed
    names = {asked.tenant.id: asked.tenant.name for asked in found.asked}
    for message in found.messages:
        others = set(TENANT.findall(message["content"])) - {names.get(str(message["client_id"]))}
        if others:
            yield f"a message of {names.get(str(message['client_id']))} holds words of {sorted(others)}"
    for asked in found.asked:
        for outcome in asked.outcomes:
            if set(TENANT.findall(str(outcome))) - {asked.tenant.name}:
                yield f"message {asked.number} was answered with another client's words"


def valid_requests(found: Evidence) -> Iterator[str]:
    """I5: what the model is sent alternates, and every call has its result."""
    yield from found.model.misshapen


def teammates_undisturbed(found: Evidence) -> Iterator[str]:
    """I6: no message of the AI between a takeover and the handing back."""
    for takeover in found.takeovers:
        late = takeover.said_at_end - takeover.said_at_takeover
        if late:
            yield f"session {takeover.session_id}: {len(late)} messages of the AI after a takeover"


def limits_kept(found: Evidence) -> Iterator[str]:
    """I7: no limit is overshot, nothing stays set aside, and counters agree with the turns."""
    for row in found.counters:
        limit = found.limits[str(row["client_id"])].get(row["metric"])
        if limit is not None and row["used"] + row["reserved"] > limit:
            yield f"{row['metric']}: {row['used']} used of {limit}"
        if row["reserved"]:
            yield f"{row['metric']}: {row['reserved']} still set aside"
    counted = Counter(str(turn["client_id"]) for turn in found.turns if turn["status"] in COUNTED)
    used = {str(row["client_id"]): row["used"] for row in found.counters if row["metric"] == "messages"}
    for client, number in counted.items():
        if used.get(client, 0) != number:
            yield f"{number} messages counted as {used.get(client, 0)}"


INVARIANTS: Sequence[tuple[str, str, Callable[[Evidence], Iterator[str]]]] = (
    ("I1", "one outcome for each message", one_outcome),
    ("I2", "a side effect at most once", tools_once),
    ("I3", "billed as reported", billed_as_reported),
    ("I4", "clients apart", clients_apart),
    ("I5", "valid requests to the model", valid_requests),
    ("I6", "no AI after a takeover", teammates_undisturbed),
    ("I7", "limits kept", limits_kept),
)
