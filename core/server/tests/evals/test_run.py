"""Conversations tried on a throw-away copy of a client, as it is and as it would be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from csai.evals.result import Result, compare
from csai.evals.run import run
from csai.evals.stage import Variant, stage
from csai.evals.suite import Suite, parse_suite
from csai.kit.problem import Problem
from csai.models import Conversation, LedgerEntry, Message, ToolExecution
from csai.plugins.discovery import Found
from csai.plugins.registry import PluginRegistry
from csai_sdk import ModelRequest, Provider, ToolCall, event, hookimpl, tool
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import PluginOf, Server, ServerFactory
from tests.support.tools import look_up

SUITE = {
    "tools": {"look_up": [{"when": {"order_id": "ORD-1"}, "answer": {"status": "mocked"}}]},
    "cases": [
        {
            "name": "an order",
            "steps": [{"say": "Where is ORD-1?", "expect": {"tools": ["look_up"], "contains": ["MOCKED"]}}],
        }
    ],
}


class Effects:
    """A tool whose real function must never run here."""

    def __init__(self) -> None:
        self.done = 0

        @tool(confirm=True)
        def order(item: str) -> str:
            """Orders."""
            self.done += 1
            return item

        self.tool = order


class Terse:
    @hookimpl
    async def before_model_call(self, event: event.BeforeModelCall) -> str:
        return "Say it in capitals."


def parrot(request: ModelRequest) -> list[Any]:
    """A model that looks an order up and repeats what it was told."""
    last = request.messages[-1]
    if hasattr(last, "results"):
        said = " ".join(result.content for result in last.results)
        return [said.upper() if "capitals" in request.system else said]
    if "Order" in last.text:
        return [ToolCall("c", "order", {"item": "tea"})]
    return [ToolCall("c", "look_up", {"order_id": last.text.split()[-1].strip("?")})]


class Trial:
    """A server with a client, and suites that are tried with it."""

    def __init__(self, server: Server, load: Callable[[], PluginRegistry]) -> None:
        self.server = server
        self._load = load

    async def run(self, suite: Suite | dict[str, Any], variant: Variant | None = None) -> Result:
        if isinstance(suite, dict):
            suite = Suite.model_validate(suite)
        async with stage(
            self.server.client.id,
            variant or Variant(),
            settings=self.server.services.settings,
            database=self.server.services.database,
            load=self._load,
            at=suite.at,
        ) as ready:
            return await run(suite, ready)


@pytest.fixture
async def trial(make_server: ServerFactory) -> Trial:
    provider: Provider = ScriptedProvider(parrot, is_endless=True)
    effects = Effects()
    tools = [look_up, effects.tool]

    def load() -> PluginRegistry:
        registry = PluginRegistry()
        registry.register(Found("test", PluginOf(providers=[provider], tools=tools), "test", "0"))
        registry.register(Found("terse", Terse(), "test", "0"))
        assert not registry.quarantined
        return registry

    server = await make_server(provider, tools=tools, plugins={"terse": Terse()})
    async with server.services.database.write() as transaction:
        from csai.clients.repository import ClientRepository

        await ClientRepository(transaction, server.client.id).set_plugin(
            "terse", enabled=False, settings={}, secrets=None, now=server.services.clock.now()
        )
    made = Trial(server, load)
    made.effects = effects  # type: ignore[attr-defined]
    return made


async def test_a_suite_that_is_met_is_met(trial: Trial) -> None:
    result = await trial.run(SUITE)

    (step,) = result.steps
    assert step.faults == ()
    assert [(use.name, use.success) for use in step.tools] == [("look_up", True)]
    assert '"mocked"' in step.text
    assert step.tokens_input > 0


async def test_a_case_s_own_answers_come_before_those_of_the_suite(trial: Trial) -> None:
    say = {"say": "Where is ORD-1?"}
    own = {"look_up": [{"answer": {"status": "its own"}}]}
    cases = [
        {"name": "one", "steps": [say | {"expect": {"contains": ["mocked"]}}]},
        {"name": "two", "tools": own, "steps": [say | {"expect": {"contains": ["its own"]}}]},
        {"name": "three", "steps": [say | {"expect": {"contains": ["mocked"], "lacks": ["its own"]}}]},
    ]

    result = await trial.run({**SUITE, "cases": cases})

    assert [step.faults for step in result.steps] == [(), (), ()]


async def test_the_installation_keeps_nothing_of_it(trial: Trial) -> None:
    await trial.run(SUITE)

    for model in (Conversation, Message, LedgerEntry, ToolExecution):
        assert await trial.server.rows(model) == []


async def test_two_runs_that_are_alike_have_one_hash(trial: Trial) -> None:
    first, second = await trial.run(SUITE), await trial.run(SUITE)
    other = await trial.run({**SUITE, "tools": {"look_up": [{"answer": "else"}]}})

    assert first.hash == second.hash != other.hash


async def test_a_plugin_s_difference_is_shown(trial: Trial) -> None:
    before = await trial.run(SUITE)
    after = await trial.run(SUITE, Variant(plugins={"terse": True}))

    (difference,) = compare(before, after)
    assert difference.changed == ("text",)
    assert difference.after.text == difference.before.text.upper()
    assert difference.regressions == ()


async def test_a_prompt_that_breaks_an_expectation_is_a_regression(trial: Trial) -> None:
    suite = {
        **SUITE,
        "cases": [
            {"name": "quiet", "steps": [{"say": "Where is ORD-1?", "expect": {"lacks": ['STATUS":']}}]}
        ],
    }
    # `lacks` is of any case, so the words are there in both: nothing gets worse.
    same = compare(await trial.run(suite), await trial.run(suite, Variant(settings={"prompt": "capitals"})))
    assert [each.regressions for each in same] == [()]

    (gone,) = compare(await trial.run(SUITE), await trial.run(SUITE, Variant(plugins={"test": False})))
    assert gone.regressions
    assert "status is failed, expected completed" in gone.regressions


async def test_a_write_action_is_asked_about_decided_and_never_done(trial: Trial) -> None:
    suite = {
        "tools": {"order": [{"answer": "ordered"}]},
        "cases": [
            {
                "name": "ordering",
                "steps": [
                    {"say": "Order tea", "expect": {"asks": ["order"], "tools": []}},
                    {"decide": "approve", "expect": {"tools": ["order"], "contains": ["ordered"]}},
                ],
            }
        ],
    }

    result = await trial.run(suite)

    assert [step.faults for step in result.steps] == [(), ()]
    assert trial.effects.done == 0  # type: ignore[attr-defined]


async def test_a_call_without_an_answer_and_nothing_to_decide_are_faults(trial: Trial) -> None:
    suite = {"cases": [{"name": "x", "steps": [{"say": "Where is ORD-9?"}, {"decide": "decline"}]}]}

    result = await trial.run(suite)

    said = [[fault.words for fault in step.faults] for step in result.steps]
    assert said == [
        ["no answer in the suite for look_up(order_id='ORD-9')"],
        ["the turn before asks nothing to be decided"],
    ]


async def test_what_was_not_met_before_either_is_no_regression(trial: Trial) -> None:
    """It may be missed in another way, which is a difference."""
    step = {"say": "Order tea", "expect": {"tools": ["sell"]}}
    suite = {**SUITE, "cases": [{"name": "x", "steps": [step]}]}
    before = await trial.run(suite)
    step["say"] = "Where is ORD-1?"
    (difference,) = compare(before, await trial.run(suite))

    assert difference.before.faults != difference.after.faults
    assert difference.changed
    assert difference.regressions == ()


@pytest.mark.parametrize(
    ("variant", "code"),
    [
        (Variant(plugins={"nothing": True}), "plugin_unknown"),
        (Variant(settings={"provider": "nothing"}), "provider_unknown"),
    ],
)
async def test_a_change_that_cannot_be_made_is_refused(trial: Trial, variant: Variant, code: str) -> None:
    with pytest.raises(Problem) as refused:
        await trial.run(SUITE, variant)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cases: []",
        "cases: [{name: a, steps: []}]",
        "cases: [{name: a, steps: [{say: x, decide: approve}]}]",
        "cases: [{name: a, steps: [{}]}]",
        "cases: [{name: a, steps: [{say: x}]}, {name: a, steps: [{say: x}]}]",
        "cases: [{name: a, steps: [{say: x, wants: y}]}]",
        "at: 2026-01-05T10:00:00\ncases: [{name: a, steps: [{say: x}]}]",
        "cases: [",
        "!!python/object/apply:os.system [ls]",
        "[" * 3_000,
        "at: 2026-02-30\ncases: [{name: a, steps: [{say: x}]}]",
        "at: 2026-01-05T25:00:00Z\ncases: [{name: a, steps: [{say: x}]}]",
        "cases: !!int x",
        "cases: !!bool x",
        "cases: !!timestamp x",
        "cases: " + "9" * 5_000,
    ],
)
def test_a_suite_that_does_not_fit_is_explained(text: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_suite(text)
    assert refused.value.code == "suite_invalid"
