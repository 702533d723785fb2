"""The audit of a soak finds each kind of violation, and none where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.soak.audit import INVARIANTS, Evidence
from tests.soak.model import Model, Served, Webhook
from tests.soak.visitors import Asked, Takeover, Tenant

ALPHA = Tenant("alpha", "c1", "key")


def sound() -> Evidence:
    """One message, answered through one booking, on one of two model calls' words."""
    outcome = {"turn_id": "t1", "session_id": "s1", "message": {"content": "Done: number=1 tenant=alpha"}}
    asked = Asked(ALPHA, 1, "k1", outcomes=[outcome])
    model, webhook = Model(0), Webhook(0)
    model.served = [Served(1, 100, 8, is_whole=True)]
    webhook.calls["t1.0.0"] += 1
    webhook.slots["alpha-1"] += 1
    turn = {
        "id": "t1",
        "client_id": "c1",
        "idempotency_key": "k1",
        "status": "completed",
        "outcome": {"message": {"content": "Done: number=1 tenant=alpha"}},
    }
    question = {"turn_id": "t1", "client_id": "c1", "role": "user", "content": "number=1 tenant=alpha"}
    answer = question | {"role": "assistant", "content": "Done: number=1 tenant=alpha"}
    booked = {
        "turn_id": "t1",
        "provider": "openai",
        "model": "soak-0",
        "tokens_input": 100,
        "tokens_output": 8,
        "is_estimated": False,
    }
    return Evidence(
        asked=[asked],
        takeovers=[Takeover("s1", {"m1"}, {"m1"})],
        model=model,
        webhook=webhook,
        turns=[turn],
        messages=[question, answer],
        ledger=[booked],
        executions=[{"call_id": "t1.0.0", "status": "succeeded"}],
        counters=[{"client_id": "c1", "metric": "messages", "used": 1, "reserved": 0}],
        limits={"c1": {"messages": 10}},
    )


def violated(found: Evidence) -> set[str]:
    return {name for name, _promise, check in INVARIANTS if list(check(found))}


def test_a_sound_run_has_no_violation() -> None:
    assert violated(sound()) == set()


def changed(field: str, **values: Any) -> Callable[[Evidence], Evidence]:
    def change(found: Evidence) -> Evidence:
        getattr(found, field)[0].update(values)
        return found

    return change


def without(field: str) -> Callable[[Evidence], Evidence]:
    def change(found: Evidence) -> Evidence:
        getattr(found, field).pop()
        return found

    return change


def twice(field: str) -> Callable[[Evidence], Evidence]:
    def change(found: Evidence) -> Evidence:
        getattr(found, field).append(getattr(found, field)[-1])
        return found

    return change


def told_otherwise(found: Evidence) -> Evidence:
    found.asked[0].outcomes[0]["turn_id"] = "t2"
    return found


def given_up(found: Evidence) -> Evidence:
    found.asked[0].has_given_up = True
    return found


def called_twice(found: Evidence) -> Evidence:
    found.webhook.calls["t1.0.0"] += 1
    return found


def booked_twice(found: Evidence) -> Evidence:
    found.webhook.slots["alpha-1"] += 1
    return found


def crossed(found: Evidence) -> Evidence:
    found.model.crossed.append("alpha and beta")
    return found


def spoke_after_takeover(found: Evidence) -> Evidence:
    found.takeovers[0].said_at_end.add("m2")
    return found


def misshapen(found: Evidence) -> Evidence:
    found.model.misshapen.append("two messages in a row")
    return found


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("I1", changed("turns", status="running")),
        ("I1", changed("turns", outcome=None, status="handed_off")),
        ("I1", without("messages")),
        ("I1", told_otherwise),
        ("I1", given_up),
        ("I2", called_twice),
        ("I2", booked_twice),
        ("I2", without("executions")),
        ("I2", changed("executions", call_id="t1.0.1")),
        ("I3", changed("ledger", tokens_output=9)),
        ("I3", changed("ledger", is_estimated=True)),
        ("I3", without("ledger")),
        ("I3", twice("ledger")),
        ("I4", crossed),
        ("I4", changed("messages", content="number=1 tenant=beta")),
        ("I5", misshapen),
        ("I1", changed("turns", status="handed_off")),
        ("I6", spoke_after_takeover),
        ("I7", changed("counters", used=11)),
        ("I7", changed("counters", reserved=1)),
        ("I7", changed("counters", used=0)),
    ],
)
def test_each_kind_of_violation_is_found(name: str, change: Callable[[Evidence], Evidence]) -> None:
    found = sound()
    assert name in violated(change(found))
