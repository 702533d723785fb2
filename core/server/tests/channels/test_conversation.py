"""What a visitor on a channel may count on: order, wishes, questions, limits, people; on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from csai.models import (
    ChannelAccount,
    ChannelContact,
    ChannelInbound,
    ChannelOutbound,
    Conversation,
    Message,
    Turn,
)
from csai_sdk import ChannelError, ToolCall, english_labels, tool
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider

from tests.support.channel import ADDRESS, Coop, Pigeon, Pigeonry, open_coop, said, status
from tests.support.operator import sign_in
from tests.support.server import Server, ServerFactory

HOUR_S = 3_600
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


class CoopFactory:
    def __init__(self, make_server: ServerFactory) -> None:
        self._make_server = make_server
        self.clock = FakeClock(NOW)

    async def __call__(
        self, script: Any = ("Hello!",), *, pigeon: Pigeon | None = None, **server: Any
    ) -> Coop:
        pigeon = pigeon or Pigeon()
        made = await self._make_server(
            ScriptedProvider(
                *([each] if isinstance(each, str) else each for each in script), is_endless=True
            ),
            plugins={"pigeonry": Pigeonry(pigeon)},
            clock=self.clock,
            **server,
        )
        return await open_coop(made, pigeon)


@pytest.fixture
def make_coop(make_server: ServerFactory) -> CoopFactory:
    return CoopFactory(make_server)


async def outbox(coop: Coop) -> list[tuple[str, str]]:
    rows = await coop.server.rows(ChannelOutbound)
    return [(row["status"], row["code"]) for row in sorted(rows, key=lambda row: row["id"])]


async def test_messages_of_one_delivery_are_answered_in_order(make_coop: CoopFactory) -> None:
    coop = await make_coop(["One.", "Two.", "Three."])
    await coop.deliver(*(said(f"Question {number}", f"m-{number}") for number in (1, 2, 3)))
    assert len(await coop.server.services.channels.claim()) == 1, "the others wait for the first"
    make_coop.clock.advance(HOUR_S)
    await coop.work()
    turns = await coop.server.rows(Turn)
    assert [turn["idempotency_key"] for turn in sorted(turns, key=lambda turn: turn["accepted_at"])]
    assert [each.in_reply_to for each in coop.pigeon.sent] == ["m-1", "m-2", "m-3"]
    assert coop.texts == ["One.", "Two.", "Three."]


async def test_a_verified_address_is_a_verified_visitor(make_coop: CoopFactory) -> None:
    class Vouched(Pigeon):
        is_address_verified = True

    coop = await make_coop(pigeon=Vouched())
    await coop.deliver(said("Hi"))
    await coop.work()
    (conversation,) = await coop.server.rows(Conversation)
    assert conversation["visitor_id"] is not None
    assert conversation["user_identifier"] is None


async def test_after_a_long_silence_a_new_conversation_begins(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    for number, hours in ((1, 0), (2, 23), (3, 25)):
        make_coop.clock.advance(hours * HOUR_S)
        await coop.deliver(said("Hi", f"m-{number}"))
        await coop.work()
    assert len(await coop.server.rows(Conversation)) == 2


async def test_who_says_stop_hears_nothing_until_they_say_start(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    for number, words in enumerate(("Hi", "STOP!", "Are you there?", "Arrêt", " start ", "Hi again")):
        await coop.deliver(said(words, f"m-{number}"))
        await coop.work()
    assert coop.texts == [
        "Hello!",
        "Shop: you will get no more messages from us here. Reply START to get them again.",
        "Shop: you will get messages from us again. Reply STOP to get none.",
        "Hello!",
    ]
    assert len(await coop.server.rows(Turn)) == 2


async def test_while_the_ai_is_off_they_hear_once_that_a_person_answers(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    operator = await sign_in(coop.server)
    await operator.ask("POST", f"/admin/clients/{coop.server.client.id}/pause")
    for number, words in enumerate(("Hi", "Hello?")):
        await coop.deliver(said(words, f"m-{number}"))
        await coop.work()
    assert coop.texts == [english_labels()["server.queued"]]
    (conversation,) = await coop.server.rows(Conversation)
    assert conversation["state"] == "queued"


async def test_what_is_on_its_way_is_not_sent_after_stop(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    await coop.deliver(said("Hi"))
    coop.pigeon.outcomes = [ChannelError("later", fault="busy")]
    await coop.work()
    await coop.deliver(said("stop", "m-2"))
    await coop.work()
    make_coop.clock.advance(HOUR_S)
    await coop.work()
    assert len(coop.texts) == 1
    assert coop.texts[0].startswith("Shop: you will get no more")
    assert ("failed", "opted_out") in await outbox(coop)


async def test_the_vendors_word_of_an_opt_out_is_kept(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    coop.pigeon.outcomes = [ChannelError("unsubscribed", fault="opted_out", code="21610")]
    for number in (1, 2):
        await coop.deliver(said("Hi", f"m-{number}"))
        await coop.work()
    assert coop.texts == []
    (contact,) = await coop.server.rows(ChannelContact)
    assert contact["opted_out_at"] == NOW
    assert [row["status"] for row in await coop.server.rows(ChannelInbound)] == ["done", "ignored"]


async def test_help_says_who_this_is(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    await coop.deliver(said("HELP"))
    await coop.work()
    assert "assistant of Shop" in coop.texts[0]
    assert await coop.server.rows(Turn) == []


def asking(order: str = "O-1") -> list[Any]:
    return [[ToolCall("c1", "cancel_order", {"order_id": order})], ["I can cancel it."]]


@pytest.mark.parametrize(("word", "cancelled"), [("Yes!", ["O-1"]), ("no", [])])
async def test_a_write_action_is_done_after_a_yes_alone(
    make_coop: CoopFactory, word: str, cancelled: list[str]
) -> None:
    done: list[str] = []

    @tool(name="cancel_order", confirm=True)
    def cancel_order(order_id: str) -> dict[str, str]:
        """Cancels an order."""
        done.append(order_id)
        return {"cancelled": order_id}

    coop = await make_coop([*asking(), ["As you wish."]], tools=[cancel_order])
    await coop.deliver(said("Cancel my order"))
    await coop.work()
    assert coop.texts[-1] == (
        "I can cancel it.\n\nCancel order?\n- Order Id: O-1\nReply YES to confirm, or NO."
    )
    assert done == []
    await asyncio.gather(*(coop.deliver(said(word, "m-2")) for _ in range(5)))
    await coop.work()
    await coop.deliver(said(word, "m-3"))
    await coop.work()
    assert done == cancelled
    assert coop.texts[1:] == ["As you wish.", "As you wish."]


async def test_a_yes_that_comes_too_late_says_so(make_coop: CoopFactory) -> None:
    done: list[str] = []

    @tool(name="cancel_order", confirm=True)
    def cancel_order(order_id: str) -> dict[str, str]:
        """Cancels an order."""
        done.append(order_id)
        return {"cancelled": order_id}

    coop = await make_coop([*asking(), ["As you wish."]], tools=[cancel_order], confirmation_s=60)
    await coop.deliver(said("Cancel my order"))
    await coop.work()
    make_coop.clock.advance(61)
    await coop.deliver(said("yes", "m-2"))
    await coop.work()
    assert coop.texts[-1].startswith("That can no longer be confirmed.")
    assert done == []


async def test_a_limit_is_told_once(make_coop: CoopFactory) -> None:
    coop = await make_coop(limits={"messages": 1})
    for number in range(4):
        await coop.deliver(said("Hi", f"m-{number}"))
        await coop.work()
    assert coop.texts == [
        "Hello!",
        "The assistant is not available at the moment. Please contact us another way.",
    ]
    states = [row["status"] for row in await coop.server.rows(ChannelInbound)]
    assert sorted(states) == ["done", "refused", "refused", "refused"]


async def test_a_visitor_who_writes_too_fast_is_told_once(make_coop: CoopFactory) -> None:
    coop = await make_coop(rate_limit_visitor=2)
    await coop.deliver(*(said("Hi", f"m-{number}") for number in range(5)))
    await coop.work()
    assert coop.texts.count("Hello!") == 2
    assert len(coop.texts) == 3


async def test_what_a_teammate_says_goes_out_too(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    await coop.deliver(said("A person, please"))
    await coop.work()
    (conversation,) = await coop.server.rows(Conversation)
    session = {"session_id": conversation["session_id"]}
    headers = {"X-API-Key": coop.server.client.secret_key}
    taken = await coop.server.http.post("/chat/state", json=session | {"state": "teammate"}, headers=headers)
    assert taken.status_code == 200
    words = session | {"message": "This is Ada.", "message_id": "t-1"}
    for _ in range(3):
        answer = await coop.server.http.post("/chat/reply", json=words, headers=headers)
        assert answer.status_code == 200, answer.text
    await coop.work()
    await coop.deliver(said("Thanks", "m-2"))
    await coop.work()
    assert [(each.author, each.text) for each in coop.pigeon.sent] == [
        ("ai", "Hello!"),
        ("teammate", "This is Ada."),
    ]


async def test_an_unknown_outcome_is_recorded_and_not_repeated(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    coop.pigeon.outcomes = [ChannelError("no answer", is_outcome_known=False)]
    await coop.deliver(said("Hi"))
    await coop.work()
    make_coop.clock.advance(24 * HOUR_S)
    await coop.work()
    assert coop.texts == []
    assert await outbox(coop) == [("unknown", "refused")]


async def test_an_unknown_outcome_is_tried_again_where_the_vendor_knows_repeats(
    make_coop: CoopFactory,
) -> None:
    class Careful(Pigeon):
        is_idempotent = True

    coop = await make_coop(pigeon=Careful())
    coop.pigeon.outcomes = [ChannelError("no answer", is_outcome_known=False)]
    await coop.deliver(said("Hi"))
    await coop.work()
    make_coop.clock.advance(60)
    await coop.work()
    assert coop.texts == ["Hello!"]


async def test_a_piece_whose_sending_was_interrupted_is_left_alone(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    await coop.deliver(said("Hi"))
    (task,) = await coop.server.services.channels.claim()
    await coop.server.services.channels.do(task.kind, task.client_id, task.item_id, task.number)
    coop.pigeon.outcomes = [KeyboardInterrupt()]
    (piece,) = await coop.server.services.channels.claim()
    with pytest.raises(KeyboardInterrupt):
        await coop.server.services.channels.do(piece.kind, piece.client_id, piece.item_id, piece.number)
    # Whoever takes the run over makes the same attempt again.
    again = await coop.server.services.channels.do(piece.kind, piece.client_id, piece.item_id, piece.number)
    assert again == "unknown"
    assert coop.texts == []


async def test_a_busy_vendor_is_asked_again_in_its_time(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    coop.pigeon.outcomes = [ChannelError("slow down", fault="busy", retry_after_s=90)]
    await coop.deliver(said("Hi"))
    await coop.work()
    make_coop.clock.advance(60)
    await coop.work()
    assert coop.texts == []
    make_coop.clock.advance(60)
    await coop.work()
    assert coop.texts == ["Hello!"]


async def test_statuses_never_go_back(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    await coop.deliver(said("Hi"))
    await coop.work()
    seen = []
    for what in ("delivered", "sent", "read", "delivered", "failed"):
        await coop.deliver(status("sent-1", what))
        seen += [row[0] for row in await outbox(coop)]
    assert seen == ["delivered", "delivered", "read", "read", "read"]


async def test_a_status_tells_what_became_of_an_unknown_piece(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    coop.pigeon.outcomes = [ChannelError("no answer", is_outcome_known=False)]
    await coop.deliver(said("Hi"))
    await coop.work()
    (row,) = await coop.server.rows(ChannelOutbound)
    await coop.deliver(status("vendor-7", "delivered", reference=row["id"]))
    assert await outbox(coop) == [("delivered", "")]
    await coop.deliver(status("vendor-7", "read"))
    assert await outbox(coop) == [("read", "")]


async def test_an_answer_in_pieces_arrives_in_order_and_ends_with_what_fails(make_coop: CoopFactory) -> None:
    text = " ".join(f"This is sentence number {number}." for number in range(30))
    coop = await make_coop([text])
    await coop.deliver(said("Tell me"))
    await coop.work()
    assert len(coop.texts) > 2
    assert " ".join(coop.texts) == text
    assert all(len(each) <= 200 and each.endswith(".") for each in coop.texts)
    coop.pigeon.outcomes = [ChannelError("gone", fault="address", code="131026")]
    await coop.deliver(said("Again", "m-2"))
    await coop.work()
    rest = (await outbox(coop))[len(coop.texts) :]
    assert set(rest) == {("failed", "131026")}


async def test_outside_the_window_a_template_carries_the_whole_answer(make_coop: CoopFactory) -> None:
    coop = await make_coop([" ".join(f"Sentence {number}." for number in range(40))])
    coop.pigeon.modes = {"ai": "template"}
    await coop.deliver(said("Hi"))
    await coop.work()
    (sent,) = coop.pigeon.sent
    assert sent.mode == "template"
    assert sent.text.startswith("Sentence 0.")
    assert sent.text.endswith("Sentence 39.")
    assert {state for state, _ in await outbox(coop)} == {"sent"}


async def test_where_nothing_may_be_sent_nothing_is(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    coop.pigeon.modes = {"ai": "never"}
    await coop.deliver(said("Hi"))
    make_coop.clock.advance(2 * HOUR_S)
    await coop.work()
    assert coop.texts == []
    assert await outbox(coop) == [("failed", "window_closed")]
    assert coop.pigeon.silences == [timedelta(hours=2)]


async def test_the_model_is_told_of_files(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    files = [
        {"kind": "image", "ref": "i-1", "mime_type": "image/jpeg", "size_bytes": 120_000, "name": "box.jpg"},
        {"kind": "document", "ref": "d-1", "mime_type": "text/plain", "size_bytes": 20},
    ]
    await coop.deliver(said("Look", media=files))
    await coop.work()
    question = (await coop.server.rows(Message))[0]["content"]
    assert question == (
        "Look\n\n[Attached: image box.jpg (image/jpeg, 120 kB)]\n\n"
        "[Attached: document (text/plain, 1 kB)]\nthe words of d-1"
    )


async def test_what_the_vendor_has_against_the_account_is_noted(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    coop.pigeon.outcomes = [ChannelError("the token is no longer valid", fault="account", code="190")]
    await coop.deliver(said("Hi"))
    await coop.work()
    (account,) = await coop.server.rows(ChannelAccount)
    assert account["fault"] == "190: the token is no longer valid"


async def test_clients_with_the_same_visitor_stay_apart(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    server: Server = coop.server
    other_client = await server.add_client()
    other = await open_coop(server, coop.pigeon, client_id=other_client.id)
    await coop.deliver(said("stop"))
    await other.deliver(said("Hi"))
    await coop.work()
    opted_out = {
        row["client_id"]: row["opted_out_at"] is not None for row in await server.rows(ChannelContact)
    }
    assert opted_out == {server.client.id: True, other_client.id: False}
    assert "Hello!" in coop.texts
    assert all(each.address == ADDRESS for each in coop.pigeon.sent)
