"""An admin splits a client's conversations between arms, and reads what became of each."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from csai.experiments.arm import drawn
from csai.kit.identifier import new_id
from csai.models import AuditEntry, Conversation, Feedback, LedgerEntry, Turn
from csai_sdk import ModelTraits, ProviderError
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory

ARMS = [{"name": "now"}, {"name": "cheap", "chain": ["scripted/small"]}]
BODY = {"name": "Small or large", "arms": ARMS}


@pytest.fixture
async def server(make_server: ServerFactory) -> Server:
    return await make_server(
        ScriptedProvider(lambda request: [request.model], is_endless=True),
        client={"settings": {"chain": ["scripted/large"]}},
    )


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)


def path_of(server: Server, *more: str) -> str:
    return "/".join((f"/admin/clients/{server.client.id}/experiments", *more))


async def add(operator: Operator, **body: Any) -> Any:
    added = await operator.ask("POST", path_of(operator.server), json=BODY | body)
    assert added.status_code == 201, added.text
    return added


async def switch(operator: Operator, experiment: Any, what: str, if_match: str = "*") -> Any:
    path = path_of(operator.server, experiment.json()["id"], what)
    return await operator.ask("POST", path, headers={"If-Match": if_match})


async def started(operator: Operator, **body: Any) -> Any:
    added = await add(operator, **body)
    assert (await switch(operator, added, "start")).status_code == 200
    return added


async def results(operator: Operator, experiment: Any) -> Any:
    return await operator.get(path_of(operator.server, experiment.json()["id"], "results"))


async def conversations_of_both(server: Server) -> list[Any]:
    """Answers to as many as it takes for chance to give each arm two: a fixed number may all be of one."""
    answers: list[Any] = []
    arms: Counter[str] = Counter()
    for _ in range(50):
        answers.append((await server.say("Hi")).json())
        (turn,) = await server.rows(Turn, id=answers[-1]["turn_id"])
        arms[turn["arm"]] += 1
        if len(arms) == 2 and min(arms.values()) == 2:
            return answers
    raise AssertionError(f"fifty conversations came to {arms}")


class TestDrawing:
    def test_conversations_are_spread_by_weight_and_anew_in_each_experiment(self) -> None:
        # The same in each run: of random ones, one run in four thousand would have another spread.
        sessions = [f"session {number}" for number in range(4_000)]
        first = [drawn("one", session, [1, 3]) for session in sessions]
        second = [drawn("two", session, [1, 3]) for session in sessions]
        assert 900 < first.count(0) < 1_100
        both = sum(pair == (0, 0) for pair in zip(first, second, strict=True))
        assert 180 < both < 320

    async def test_a_conversation_keeps_its_arm_and_its_turns_tell_it(
        self, server: Server, operator: Operator
    ) -> None:
        experiment = await started(operator)
        answers = await conversations_of_both(server)
        again = [(await server.say("And?", answer)).json() for answer in answers]
        says = {"now": "large", "cheap": "small"}
        said = {each["turn_id"]: each["message"]["content"] for each in (*answers, *again)}
        turns = await server.rows(Turn)
        assert {row["experiment_id"] for row in turns} == {experiment.json()["id"]}
        assert all(said[row["id"]] == says[row["arm"]] for row in turns)
        assert {row["arm"] for row in turns} == {"now", "cheap"}
        by_conversation = Counter((row["conversation_id"], row["arm"]) for row in turns)
        assert set(by_conversation.values()) == {2}

    async def test_one_that_began_before_goes_on_as_it_was(self, server: Server, operator: Operator) -> None:
        before = (await server.say("Hi")).json()
        await started(operator, arms=[{"name": "a", "chain": ["scripted/small"]}, {"name": "b"}])
        after = (await server.say("And?", before)).json()
        assert after["message"]["content"] == "large"
        assert [row["arm"] for row in await server.rows(Turn)] == [None, None]

    async def test_after_the_stop_all_go_on_as_the_client_is(
        self, server: Server, operator: Operator
    ) -> None:
        arms = [{"name": name, "chain": ["scripted/small"]} for name in "ab"]
        experiment = await started(operator, arms=arms)
        answer = (await server.say("Hi")).json()
        assert answer["message"]["content"] == "small"
        await switch(operator, experiment, "stop")
        assert (await server.say("And?", answer)).json()["message"]["content"] == "large"
        assert sorted(str(row["arm"]) for row in await server.rows(Turn)).count("None") == 1

    async def test_an_arm_of_which_nobody_can_be_asked_has_no_part_in_what_others_answer(
        self, server: Server, operator: Operator
    ) -> None:
        arms = [{"name": name, "chain": ["scripted/small"]} for name in "ab"]
        experiment = await started(operator, arms=arms)
        allowed = {"models": ["scripted/large"]}
        plan = "/admin/plans/default/providers"
        await operator.ask("PUT", plan, json=allowed, headers={"If-Match": "*"})
        answer = (await server.say("Hi")).json()
        assert answer["message"]["content"] == "large"
        (turn,) = await server.rows(Turn)
        assert (turn["experiment_id"], turn["arm"]) == (None, None)
        assert [each["conversations"] for each in (await results(operator, experiment))["arms"]] == [0, 0]

    async def test_an_arm_may_have_a_prompt_and_a_temperature(self, make_server: ServerFactory) -> None:
        provider = ScriptedProvider(["Hi."], is_endless=True)
        server = await make_server(provider)
        arms = [{"name": name, "prompt": "Speak like a pirate.", "temperature": 1.5} for name in "ab"]
        await started(await sign_in(server), arms=arms)
        await server.say("Hi")
        (request,) = provider.requests
        assert request.temperature == 1.5
        assert "Speak like a pirate." in request.system[: request.steady_chars]

    async def test_an_answer_of_one_arm_is_not_given_again_in_another(
        self, make_server: ServerFactory
    ) -> None:
        server = await make_server(
            ScriptedProvider(lambda request: [str(request.temperature)], is_endless=True),
            response_cache_s=300,
        )
        arms = [{"name": "cold", "temperature": 0}, {"name": "hot", "temperature": 2}]
        await started(await sign_in(server), arms=arms)
        said = await conversations_of_both(server)
        turns = {row["id"]: row["arm"] for row in await server.rows(Turn)}
        assert set(turns.values()) == {"cold", "hot"}
        for each in said:
            expected = {"cold": "0.0", "hot": "2.0"}[turns[each["turn_id"]]]
            assert each["message"]["content"] == expected


class TestSettingUp:
    async def test_it_is_changed_while_a_draft_and_audited(self, server: Server, operator: Operator) -> None:
        added = await add(operator)
        path = path_of(server, added.json()["id"])
        tag = added.headers["ETag"]
        changed = await operator.ask("PUT", path, json=BODY | {"name": "New"}, headers={"If-Match": tag})
        late = await operator.ask("PUT", path, json=BODY, headers={"If-Match": tag})
        missing = await operator.ask("PUT", path, json=BODY)
        stale = await switch(operator, added, "start", tag)
        begun = await switch(operator, added, "start", changed.headers["ETag"])
        fixed = await operator.ask("PUT", path, json=BODY, headers={"If-Match": "*"})
        ended = await switch(operator, added, "stop", begun.headers["ETag"])
        again = await switch(operator, added, "start")
        codes = [each.status_code for each in (changed, late, missing, stale, begun, fixed, ended, again)]
        assert codes == [200, 412, 428, 412, 200, 409, 200, 409]
        assert [begun.json()["status"], ended.json()["status"]] == ["running", "stopped"]
        actions = [row["action"] for row in await server.rows(AuditEntry) if "experiment" in row["action"]]
        assert actions == [f"experiment.{what}" for what in ("created", "changed", "started", "stopped")]

    async def test_a_client_runs_one_at_a_time(self, server: Server, operator: Operator) -> None:
        first, second = await started(operator), await add(operator, name="Another")
        refused = await switch(operator, second, "start")
        assert (refused.status_code, refused.json()["code"]) == (409, "experiment_running")
        await switch(operator, first, "stop")
        assert (await switch(operator, second, "start")).status_code == 200

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({"arms": ARMS[:1]}, 422, "request_invalid"),
            ({"arms": [ARMS[0], ARMS[0]]}, 422, "experiment_invalid"),
            ({"arms": [*ARMS, {"name": "x", "chain": ["nobody/x"]}]}, 422, "provider_unknown"),
            ({"arms": [*ARMS, {"name": "x", "weight": 0}]}, 422, "request_invalid"),
            ({"name": "a\nb"}, 422, "experiment_invalid"),
            ({"name": "Taken"}, 409, "experiment_exists"),
        ],
    )
    async def test_what_cannot_be_is_refused(
        self, operator: Operator, body: dict[str, Any], status: int, code: str
    ) -> None:
        await add(operator, name="Taken")
        refused = await operator.ask("POST", path_of(operator.server), json=BODY | body)
        assert (refused.status_code, refused.json()["code"]) == (status, code)

    async def test_a_plan_that_came_to_forbid_a_model_keeps_it_from_starting(
        self, server: Server, operator: Operator
    ) -> None:
        added = await add(operator)
        await operator.ask(
            "PUT",
            "/admin/plans/default/providers",
            json={"models": ["scripted/large"]},
            headers={"If-Match": "*"},
        )
        refused = await switch(operator, added, "start")
        assert (refused.status_code, refused.json()["code"]) == (422, "model_not_allowed")

    async def test_another_clients_experiment_is_not_found(self, server: Server, operator: Operator) -> None:
        added = await add(operator)
        other = await server.add_client()
        theirs = f"/admin/clients/{other.id}/experiments/{added.json()['id']}"
        nobodys = f"/admin/clients/{other.id}/experiments/01890000-0000-7000-8000-000000000000"
        for path in (theirs, nobodys):
            assert (await operator.ask("GET", path)).status_code == 404
            assert (await operator.ask("GET", f"{path}/results")).status_code == 404
            for what in ("start", "stop"):
                asked = await operator.ask("POST", f"{path}/{what}", headers={"If-Match": "*"})
                assert asked.status_code == 404

    async def test_a_viewer_looks_and_changes_nothing(self, server: Server, operator: Operator) -> None:
        added = await add(operator)
        viewer = await sign_in(server, email="viewer@example.com", role="viewer")
        assert (await viewer.ask("GET", path_of(server))).status_code == 200
        assert (await viewer.ask("POST", path_of(server), json=BODY)).status_code == 403
        assert (await switch(viewer, added, "start")).status_code == 403


class TestResults:
    async def test_they_count_what_the_arms_did_and_cost(self, make_server: ServerFactory) -> None:
        def play(request: Any) -> list[Any]:
            return [ProviderError("busy")] if request.model == "small" else ["Yes."]

        server = await make_server(
            ScriptedProvider(play, is_endless=True, traits=ModelTraits(price_provider="vendor")),
            client={"settings": {"chain": ["scripted/large"]}},
            price_overrides={"vendor:large": {"input": "10", "output": "10"}},
            model_retries=0,
        )
        operator = await sign_in(server)
        experiment = await started(operator)
        asked = len(await conversations_of_both(server))
        turns, ledger = await server.rows(Turn), await server.rows(LedgerEntry)
        now, cheap = (await results(operator, experiment))["arms"]
        assert now["conversations"] == sum(row["arm"] == "now" for row in turns) > 0
        assert (now["completed"]["value"], cheap["completed"]["value"]) == (1.0, 0.0)
        assert cheap["turns_by_status"] == {"failed": asked - now["conversations"]}
        assert Decimal(now["cost"]) == Decimal(sum(row["cost_micros"] for row in ledger)) / 1_000_000
        assert now["tokens_input"] == sum(row["tokens_input"] for row in ledger)
        assert now["latency_p95_ms"] >= now["latency_p50_ms"] >= 0
        assert cheap["latency_p50_ms"] is None

    async def test_nothing_is_said_of_too_few(self, server: Server, operator: Operator) -> None:
        experiment = await started(operator)
        await server.say("Hi")
        found = await results(operator, experiment)
        assert {each["verdict"] for each in found["comparisons"]} == {"too_few"}
        assert found["statement"].startswith("Too few conversations to tell")

    async def test_nothing_is_said_where_one_arm_has_enough_and_the_other_has_not(
        self, server: Server, operator: Operator
    ) -> None:
        experiment = await started(operator)
        await fill(server, experiment.json()["id"], {"now": (40, 0), "cheap": (0, 29)})
        found = await results(operator, experiment)
        assert {each["verdict"] for each in found["comparisons"]} == {"too_few"}
        assert "cheap has 29" in found["statement"]

    async def test_a_difference_that_is_shown_is_told(self, server: Server, operator: Operator) -> None:
        experiment = await started(operator)
        await fill(server, experiment.json()["id"], {"now": (40, 0), "cheap": (20, 20)})
        found = await results(operator, experiment)
        verdicts = {each["measure"]: each["verdict"] for each in found["comparisons"]}
        assert verdicts == {
            "completed": "lower",
            "failed": "higher",
            "handed_off": "no_difference_shown",
            "cost_per_conversation": "no_difference_shown",
            "rating": "too_few",
        }
        assert "completed is lower in cheap than in now" in found["statement"]

    async def test_what_visitors_thought_is_told_by_arm(self, server: Server, operator: Operator) -> None:
        experiment = await started(operator)
        await fill(server, experiment.json()["id"], {"now": (40, 0), "cheap": (40, 0)})
        turns = await server.rows(Turn)
        for number, turn in enumerate(turns):
            is_cheap = turn["arm"] == "cheap"
            await think(server, turn, "conversation", (1, 2)[number % 2] if is_cheap else (4, 5)[number % 2])
            await think(server, turn, "answer", -1 if is_cheap else 1)
        # A teammate's answer is not the arm's, and a conversation outside is nobody's.
        await think(server, {**turns[0], "id": None}, "answer", -1)
        outside = (await server.say("Hi", client=await server.add_client())).json()
        assert outside["status"] == "completed"

        found = await results(operator, experiment)

        now, cheap = found["arms"]
        assert (now["thumbs_up"], now["thumbs_down"], now["rated"], now["rating"]["value"]) == (
            40,
            0,
            40,
            4.5,
        )
        assert (cheap["thumbs_up"], cheap["thumbs_down"], cheap["rating"]["value"]) == (0, 40, 1.5)
        verdicts = {each["measure"]: each["verdict"] for each in found["comparisons"]}
        assert verdicts["rating"] == "lower"
        assert "rating is lower in cheap than in now" in found["statement"]


async def think(server: Server, turn: Any, kind: str, value: int) -> None:
    now = server.services.clock.now()
    await server.insert(
        Feedback,
        client_id=server.client.id,
        conversation_id=turn["conversation_id"],
        kind=kind,
        about_id=new_id(),
        turn_id=turn["id"] if kind == "answer" else None,
        value=value,
        comment="",
        created_at=now,
        updated_at=now,
    )


async def fill(server: Server, experiment_id: str, arms: dict[str, tuple[int, int]]) -> None:
    """Conversations of one turn each, by arm: completed ones, and failed ones."""
    now = server.services.clock.now()
    for arm, counts in arms.items():
        for status, count in zip(("completed", "failed"), counts, strict=True):
            for _ in range(count):
                conversation = new_id()
                own = {"client_id": server.client.id}
                await server.insert(
                    Conversation,
                    id=conversation,
                    session_id=new_id(),
                    channel="api",
                    started_at=now,
                    last_message_at=now,
                    **own,
                )
                await server.insert(
                    Turn,
                    id=new_id(),
                    conversation_id=conversation,
                    status=status,
                    body_hash="",
                    fence=1,
                    period="2026-01",
                    reserved={},
                    accepted_at=now,
                    deadline_at=now,
                    finished_at=now,
                    experiment_id=experiment_id,
                    arm=arm,
                    **own,
                )
