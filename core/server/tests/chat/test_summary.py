"""What drops out of the window is told in short, between turns."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from csai.chat.repository import TurnRepository
from csai.chat.summary_request import INSTRUCTIONS, cheapest
from csai.models import Conversation, Counter, LedgerEntry, Message, SummaryFold
from csai.usage import counter
from csai_sdk import ModelRequest, ModelTraits, ProviderUnavailable, Usage, UserMessage
from csai_testkit.context import FakeClock
from csai_testkit.scripted import NO_USAGE, ScriptedProvider, Step
from sqlalchemy import delete, update

from tests.support.server import Server, ServerFactory


class Talker(ScriptedProvider):
    """Answers every question with its number, and is asked for summaries as the test wrote."""

    def __init__(self, *summaries: Sequence[Step], **more: Any) -> None:
        super().__init__(self._say, is_endless=True, **more)
        self._summaries = list(summaries)
        self.folds: list[ModelRequest] = []
        self.turns: list[ModelRequest] = []

    def _say(self, request: ModelRequest) -> Sequence[Step]:
        if request.system != INSTRUCTIONS:
            self.turns.append(request)
            return [f"Answer {len(self.turns)}."]
        self.folds.append(request)
        return self._summaries.pop(0) if self._summaries else [f"Summary {len(self.folds)}."]


async def talk(server: Server, turns: int, before: Any = None) -> Any:
    answer = before
    for number in range(1, turns + 1):
        answer = (await server.say(f"Question {number}", answer)).json()
        assert answer["status"] == "completed"
        await server.services.summaries.idle()
    return answer


async def conversation(server: Server) -> Any:
    (row,) = await server.rows(Conversation)
    return row


async def test_older_turns_are_told_in_short_and_the_next_turn_is_shown_that(
    make_server: ServerFactory,
) -> None:
    talker = Talker(["They asked three things."])
    server = await make_server(talker, history_messages=4)

    answer = await talk(server, 3)
    assert len(talker.folds) == 1
    await talk(server, 1, answer)

    shown = talker.turns[-1].messages
    assert isinstance(shown[0], UserMessage)
    assert shown[0].text.endswith('{"summary": "They asked three things."}\n\nQuestion 3')
    assert "It is data" in shown[0].text
    assert [message.text for message in shown[1:] if hasattr(message, "text")] == ["Answer 3.", "Question 1"]
    # With the visitor's own authority, not that of the instructions.
    assert "three things" not in talker.turns[-1].system
    assert (await conversation(server))["summary_seq"] == 4


async def test_a_summary_grows_by_what_came_after_it(make_server: ServerFactory) -> None:
    talker = Talker()
    server = await make_server(talker, history_messages=4)

    await talk(server, 5)

    assert len(talker.folds) == 2
    (first,), (second,) = (request.messages for request in talker.folds)
    assert isinstance(first, UserMessage)
    assert isinstance(second, UserMessage)
    assert _lines(first.text) == [
        {"summary": ""},
        {"who": "visitor", "text": "Question 1"},
        {"who": "assistant", "text": "Answer 1."},
        {"who": "visitor", "text": "Question 2"},
        {"who": "assistant", "text": "Answer 2."},
    ]
    assert _lines(second.text)[:2] == [{"summary": "Summary 1."}, {"who": "visitor", "text": "Question 3"}]
    row = await conversation(server)
    assert (row["summary"], row["summary_seq"]) == ("Summary 2.", 8)
    assert row["summary_since"] == min(each["timestamp"] for each in await server.rows(Message))


def _lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


async def test_long_turns_are_folded_before_there_are_many(make_server: ServerFactory) -> None:
    talker = Talker()
    server = await make_server(talker, history_tokens=300)

    first = (await server.say("x" * 800)).json()
    second = (await server.say("y" * 800, first)).json()
    await server.say("And now?", second)
    await server.services.summaries.idle()

    assert len(talker.folds) == 1
    assert (await conversation(server))["summary_seq"] > 0


async def test_nothing_that_teammates_said_falls_between_the_summary_and_what_is_shown(
    make_server: ServerFactory,
) -> None:
    talker = Talker()
    server = await make_server(talker, history_messages=6)
    answer = await talk(server, 1)

    async def act(path: str, **body: Any) -> None:
        headers = {"X-API-Key": server.client.secret_key}
        body["session_id"] = answer["session_id"]
        assert (await server.http.post(f"/chat/{path}", json=body, headers=headers)).status_code == 200

    await act("state", state="teammate")
    told = [f"Told {number}" for number in range(4)]
    for text in told:
        await act("reply", message=text)
    await act("state", state="ai")

    await talk(server, 2, answer)

    assert len(talker.folds) == 1
    known = str(talker.folds[0].messages) + str(talker.turns[-1].messages)
    assert [text for text in told if text not in known] == []


async def test_a_summary_is_metered_and_its_reservation_given_back(make_server: ServerFactory) -> None:
    talker = Talker([NO_USAGE, "Short."], usage=Usage(30, 4))
    limits = {"tokens": 1_000_000, "cost": 1_000_000}
    server = await make_server(talker, history_messages=4, limits=limits)

    await talk(server, 3)

    rows = await server.rows(LedgerEntry)
    assert len(rows) == 4
    (own,) = [row for row in rows if row["is_estimated"]]
    used = sum(row["tokens_input"] + row["tokens_output"] for row in rows)
    assert own["tokens_input"] > 100
    assert (await server.counters())["tokens"] == (used, 0)
    assert (await conversation(server))["tokens_total"] == used
    assert (await server.counters())["messages"] == (3, 0)
    assert await server.rows(SummaryFold) == []


async def test_without_room_in_the_plan_older_turns_are_left_out(make_server: ServerFactory) -> None:
    talker = Talker()
    server = await make_server(talker, history_messages=4, limits={"tokens": 8_000})

    await talk(server, 2)
    await _use_up(server)
    with pytest.raises(counter.LimitReached):
        await server.services.summaries.fold(server.client.id, (await conversation(server))["id"], 4)

    assert talker.folds == []
    assert await server.rows(SummaryFold) == []


async def _use_up(server: Server) -> None:
    async with server.services.database.write() as transaction:
        await transaction.execute(
            update(Counter)
            .where(Counter.client_id == server.client.id, Counter.metric == "tokens")
            .values(used=7_900)
        )


async def test_a_vendor_that_fails_leaves_the_plain_cut(make_server: ServerFactory) -> None:
    talker = Talker([ProviderUnavailable("down")], ["Back."])
    server = await make_server(talker, history_messages=4, limits={"tokens": 1_000_000})

    answer = await talk(server, 3)

    assert (await conversation(server))["summary"] is None
    assert (await server.counters())["tokens"][1] == 0
    assert await server.rows(SummaryFold) == []
    await talk(server, 1, answer)
    shown = [message.text for message in talker.turns[-1].messages if hasattr(message, "text")]
    assert shown == ["Question 2", "Answer 2.", "Question 3", "Answer 3.", "Question 1"]
    assert (await conversation(server))["summary"] == "Back."


async def test_a_provider_that_cannot_write_is_not_asked(make_server: ServerFactory) -> None:
    talker = Talker(traits=ModelTraits(can_write=False))
    server = await make_server(talker, history_messages=4)

    await talk(server, 4)

    assert talker.folds == []


async def test_the_cheapest_of_the_clients_models_is_asked(make_server: ServerFactory) -> None:
    dear = Talker(traits=ModelTraits(price_provider="anthropic"), id="dear")
    cheap = Talker(traits=ModelTraits(price_provider="anthropic"), id="cheap")
    unknown = Talker(traits=ModelTraits(price_provider="anthropic"), id="unknown")
    models = {"dear": "claude-opus-4-1", "cheap": "claude-haiku-4-5", "unknown": "nobody-knows"}
    server = await make_server(
        dear, unknown, cheap, history_messages=4, client={"settings": {"models": models}}
    )

    await talk(server, 3)

    assert (len(dear.folds), len(unknown.folds), len(cheap.folds)) == (0, 0, 1)
    assert [row["model"] for row in await server.rows(LedgerEntry, provider="cheap")] == ["claude-haiku-4-5"]
    view = await server.services.views.get(server.client.id, 0)
    chosen = cheapest(view, at=server.services.clock.now())
    assert chosen is not None
    assert chosen.provider is cheap


async def test_under_a_limit_of_cost_no_model_of_unknown_price_is_asked(make_server: ServerFactory) -> None:
    talker = Talker(traits=ModelTraits(price_provider="anthropic"))
    server = await make_server(talker, limits={"cost": 1_000_000})
    limited = await server.services.views.get(server.client.id, 0)
    free = replace(limited, limits={})
    now = server.services.clock.now()
    assert (cheapest(limited, at=now), cheapest(free, at=now)) == (None, free.providers[0])


async def test_asked_for_twice_it_is_made_once(make_server: ServerFactory) -> None:
    may_end = asyncio.Event()
    talker = Talker([may_end, "Once."])
    server = await make_server(talker)
    await talk(server, 8)
    found = (await conversation(server))["id"]
    summaries = server.services.summaries

    first = asyncio.create_task(summaries.fold(server.client.id, found, 16))
    await talker.called(9)
    assert await summaries.fold(server.client.id, found, 16) is False
    may_end.set()

    assert await first is True
    assert await summaries.fold(server.client.id, found, 16) is False
    assert len(talker.folds) == 1


async def test_another_clients_conversation_is_not_found(make_server: ServerFactory) -> None:
    talker = Talker()
    server = await make_server(talker)
    await talk(server, 8)
    other = await server.add_client(settings={"provider": "scripted"})

    assert await server.services.summaries.fold(other.id, (await conversation(server))["id"], 16) is False
    assert talker.folds == []


async def test_what_is_erased_meanwhile_does_not_come_back_in_short(make_server: ServerFactory) -> None:
    may_end = asyncio.Event()
    talker = Talker([may_end, "They are called Anna."])
    server = await make_server(talker)
    await talk(server, 8)
    found = (await conversation(server))["id"]

    folding = asyncio.create_task(server.services.summaries.fold(server.client.id, found, 16))
    await talker.called(9)
    async with server.services.database.write() as transaction:
        await transaction.execute(delete(Message).where(Message.client_id == server.client.id))
    may_end.set()

    assert await folding is False
    assert (await conversation(server))["summary"] is None
    assert len(await server.rows(LedgerEntry)) == 9


async def test_what_a_dead_process_asked_for_is_booked_as_an_estimate_and_the_rest_given_back(
    make_server: ServerFactory,
) -> None:
    server = await make_server(Talker(), limits={"tokens": 1_000_000})
    await talk(server, 1)
    before = await server.counters()
    found = await conversation(server)
    services = server.services
    turns = TurnRepository(server.client.id)

    period = counter.period_of(services.clock.now(), "UTC")
    await services.database.transact(
        turns.begin_fold(
            id=found["session_id"],
            conversation_id=found["id"],
            up_to_seq=2,
            provider="scripted",
            model="scripted-1",
            bytes_input=401,
            period=period,
            reserved={"tokens": 500},
            expires_at=services.clock.now() - timedelta(seconds=1),
        ),
        counter.reserve(server.client.id, period, {"tokens": 500}, {"tokens": 1_000_000}),
    )
    assert (await server.counters())["tokens"] == (before["tokens"][0], 500)

    await asyncio.gather(services.summaries.sweep(), services.summaries.sweep())

    (row,) = await server.rows(LedgerEntry, turn_id=found["session_id"])
    assert (row["tokens_input"], row["tokens_output"], row["is_estimated"]) == (101, 1, True)
    assert (await server.counters())["tokens"] == (before["tokens"][0] + 102, 0)
    assert await server.rows(SummaryFold) == []


async def test_a_summary_that_comes_too_late_takes_the_place_of_its_estimate(
    make_server: ServerFactory,
) -> None:
    clock, gate = FakeClock(), asyncio.Event()
    talker = Talker([gate, "Late."])
    server = await make_server(talker, history_messages=4, limits={"tokens": 1_000_000}, clock=clock)
    answer = await talk(server, 2)
    await server.say("Question 3", answer)
    await talker.called(4)
    clock.advance(181)
    await server.services.summaries.sweep()
    assert any(row["is_estimated"] for row in await server.rows(LedgerEntry))

    gate.set()
    await server.services.summaries.idle()

    rows = await server.rows(LedgerEntry)
    used = sum(row["tokens_input"] + row["tokens_output"] for row in rows)
    assert used == 4 * 15
    assert (await server.counters())["tokens"] == (used, 0)


async def test_a_process_that_stops_gives_back_and_books_what_was_said(make_server: ServerFactory) -> None:
    never = asyncio.Event()
    talker = Talker(["Half a", never])
    server = await make_server(talker, history_messages=4, limits={"tokens": 1_000_000})
    answer = await talk(server, 2)
    await server.say("Question 3", answer)
    await talker.called(4)

    await server.services.summaries.close()

    assert (await conversation(server))["summary"] is None
    assert await server.rows(SummaryFold) == []
    rows = await server.rows(LedgerEntry)
    used = sum(row["tokens_input"] + row["tokens_output"] for row in rows)
    assert (await server.counters())["tokens"] == (used, 0)
