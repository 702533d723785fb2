"""Less is sent to the model, and it is told the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from csai.chat.compress import MAX_RESULT_BYTES, compressed_passages, compressed_text
from csai.chat.markup import minified, tidy
from csai.chat.prompt import estimate_tokens
from csai.chat.window import weigh_message
from csai.knowledge.ingest import document_passages
from csai.knowledge.service import teach
from csai.models import Message
from csai_sdk import ModelRequest, Passage, ToolCall, ToolMessage, tool
from csai_testkit.growth import assert_grows_with_length
from csai_testkit.scripted import ScriptedProvider
from hypothesis import given
from hypothesis import strategies as st

from tests.support.server import Server, ServerFactory

RETAIL = Path(__file__).resolve().parents[4].parent / "shared" / "vectors" / "retail"
needs_retail = pytest.mark.skipif(not RETAIL.is_dir(), reason=f"the retail records are not at {RETAIL}")

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


class TestJson:
    @given(st.lists(JSON_VALUES, max_size=4), st.sampled_from([None, 2]), st.booleans())
    def test_it_says_the_same_in_no_more_characters(
        self, value: Any, indent: int | None, ensure_ascii: bool
    ) -> None:
        written = json.dumps(value, indent=indent, ensure_ascii=ensure_ascii)
        shorter = minified(written)
        assert shorter is not None
        assert len(shorter) <= len(written)
        if "<" not in written:
            assert json.loads(shorter) == value

    def test_numbers_keep_their_digits(self) -> None:
        assert minified('{ "price": 10.50, "id": 12345678901234567890123 }') == (
            '{"price":10.50,"id":12345678901234567890123}'
        )

    def test_letters_are_written_as_themselves_but_for_half_a_pair(self) -> None:
        assert minified('["\\u05e9\\u05dc\\u05d5\\u05dd", "\\ud83d"]') == '["שלום","\\ud83d"]'

    def test_a_page_within_it_is_told_as_it_is_seen(self) -> None:
        found = minified(json.dumps({"body": "<p>Soft &amp; <b>warm</b></p>\n\n<p>Wool</p>"}))
        assert found is not None
        assert json.loads(found) == {"body": "Soft & warm\n\nWool"}

    def test_a_long_one_is_cut_between_values_and_says_so(self) -> None:
        cut = compressed_text(json.dumps([{"order": number, "state": "sent"} for number in range(2_000)]))
        kept = json.loads(cut)
        assert len(cut.encode()) <= MAX_RESULT_BYTES
        assert kept[0] == {"order": 0, "state": "sent"}
        assert kept[-1].startswith("(2000 items in all")

    def test_what_only_looks_like_it_is_left_alone(self) -> None:
        assert compressed_text("[see  below] He said so.") == "[see below] He said so."


class TestText:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("| a      |   b |\n|--------|------|", "| a | b |\n|---|---|"),
            ("One.   \n\n\n\n\nTwo.\u200b", "One.\n\nTwo."),
            ("- a\n    - b   c", "- a\n    - b c"),
            ("x\n```\na   b\n\n\n\n\n```\ny   z", "x\n```\na   b\n\n\n\n\n```\ny z"),
            ('See <a href="https://x.example/a">our  terms</a>.', "See our terms (https://x.example/a)."),
            ("<style>p{}</style><p>Hi</p><!-- no --><script>bad()</script>", "Hi"),
            ("a < b and c > d", "a < b and c > d"),
            ("<p>$19<sup>99</sup></p>", "$19 99"),
            ("<span>Qty: 2</span><span>15.00</span>", "Qty: 2 15.00"),
            ("<p><b>w</b>ord, 1<b>a</b></p>", "word, 1a"),
            ("<p><del>$50</del> <s>45</s> $40</p>", "~~$50~~ ~~45~~ $40"),
        ],
    )
    def test_only_what_says_nothing_goes(self, text: str, expected: str) -> None:
        assert tidy(text) == expected

    @given(st.text(max_size=200))
    def test_tidied_twice_is_tidied_once_where_there_are_no_tags(self, text: str) -> None:
        plain = text.replace("<", "").replace("&", "")
        assert tidy(tidy(plain)) == tidy(plain)

    def test_a_long_one_is_cut_between_sentences_and_says_so(self) -> None:
        sentences = [f"Sentence number {number} is here." for number in range(2_000)]
        cut = compressed_text(" ".join(sentences))
        head, _, rest = cut.partition("\n[...")
        tail = rest.partition("...]\n")[2]
        assert len(cut.encode()) <= MAX_RESULT_BYTES
        assert head.endswith("is here.")
        assert tail.startswith("Sentence number ")
        assert tail.endswith(sentences[-1])

    @pytest.mark.parametrize(
        "piece", ["<script", "<!--", "<a ", "<p>", " \t", "\n", "```\n", '"\\', "&lt;", "<a href='", "-"]
    )
    def test_hostile_text_takes_a_time_that_grows_with_its_length(self, piece: str) -> None:
        assert_grows_with_length(lambda text: compressed_text(f"{text}</p>"), piece, 32_000 // len(piece))


def test_passages_that_another_has_all_of_are_sent_once_the_best_first() -> None:
    texts = [
        "Returns  are free.",
        "We ship abroad.",
        "returns are free.",
        "In all shops returns are free. Ask.",
    ]
    kept = compressed_passages([Passage(str(at), "Returns", text) for at, text in enumerate(texts)])
    assert [each.id for each in kept] == ["1", "3"]
    alone = compressed_passages([Passage("a", "", "Same."), Passage("b", "", "same.")])
    assert [each.id for each in alone] == ["a"]


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        (("Shoes", "Returns within 30 days."), ("Lamps", "Returns within 30 days.")),
        (("Blue lamp", "available in stores."), ("Red lamp", "Not available in stores.")),
        (("Delivery", "1 day"), ("Delivery", "21 day")),
        (("Delivery", "5 days"), ("Delivery", "1.5 days")),
        (("Delivery", "costs 10"), ("Delivery", "costs 10.50")),
        (("Delivery", "costs 10"), ("Delivery", "costs 100")),
    ],
)
def test_passages_that_only_look_alike_are_both_sent(part: tuple[str, str], whole: tuple[str, str]) -> None:
    passages = [Passage("whole", *whole), Passage("part", *part)]
    assert [each.id for each in compressed_passages(passages)] == ["whole", "part"]
    assert [each.id for each in compressed_passages(passages[::-1])] == ["part", "whole"]


def test_a_passage_whose_title_another_says_as_well_is_sent_once() -> None:
    passages = [
        Passage("a", "Shop", "Shoes: Returns within 30 days."),
        Passage("b", "Shoes", "Within 60 days."),
    ]
    assert [each.id for each in compressed_passages(passages)] == ["a", "b"]
    passages[1] = Passage("b", "Shoes", "Returns within 30 days.")
    assert [each.id for each in compressed_passages(passages)] == ["a"]


@tool(read_only=True)
def find_product(name: str) -> Any:
    """A product with its variants."""
    return next(each for each in recorded("products").values() if each["name"] == name)


@tool(read_only=True)
def orders(customer: str) -> Any:
    """A customer's orders."""
    return [order for order in recorded("orders").values() if order["user_id"] == customer]


def recorded(name: str) -> Any:
    return json.loads((RETAIL / f"{name}.json").read_text(encoding="utf-8"))


async def asked(make_server: ServerFactory, compression: str) -> tuple[Server, ScriptedProvider, Any]:
    """A client that knows the shop's policy, and a visitor who asks twice."""
    customer = next(iter(recorded("orders").values()))["user_id"]
    provider = ScriptedProvider(
        [
            ToolCall("c1", "orders", {"customer": customer}),
            ToolCall("c2", "find_product", {"name": "T-Shirt"}),
        ],
        ["You have an order."],
        ["As I said."],
    )
    server = await make_server(
        provider, tools=[orders, find_product], client={"settings": {"compression": compression}}
    )
    policy = (RETAIL / "policy_wiki.md").read_text(encoding="utf-8")
    async with server.services.database.write() as transaction:
        await teach(
            transaction,
            server.client.id,
            document_passages(policy, name="policy"),
            is_replacing=False,
            at=server.services.clock.now(),
        )
    first = (await server.say("May I exchange a T-shirt of my order, and how is the rest paid?")).json()
    return server, provider, (first, (await server.say("And again?", first)).json())


@needs_retail
async def test_records_of_a_shop_take_fewer_tokens_and_the_answers_are_the_same(
    make_server: ServerFactory,
) -> None:
    _server, plain, said = await asked(make_server, "off")
    _other, less, also_said = await asked(make_server, "on")

    assert [each["message"]["content"] for each in said] == [each["message"]["content"] for each in also_said]
    assert results_of(less) < 0.93 * results_of(plain), (results_of(less), results_of(plain))
    for before, after in zip(plain.requests, less.requests, strict=True):
        assert len(after.passages) == len(before.passages)
        assert weight(after) <= weight(before)
        assert call_ids(before) == call_ids(after)


def weight(request: ModelRequest) -> int:
    return estimate_tokens(request.system) + sum(weigh_message(message) for message in request.messages)


def results_of(provider: ScriptedProvider) -> int:
    """Tokens that results of tools took in all that was sent."""
    messages = [message for request in provider.requests for message in request.messages]
    return sum(weigh_message(message) for message in messages if isinstance(message, ToolMessage))


def call_ids(request: ModelRequest) -> list[str]:
    answered = [message for message in request.messages if isinstance(message, ToolMessage)]
    return [result.call_id for message in answered for result in message.results]


@needs_retail
async def test_what_is_stored_is_what_the_model_saw(make_server: ServerFactory) -> None:
    server, less, _said = await asked(make_server, "on")
    (seen,) = [each for each in less.requests[1].messages if isinstance(each, ToolMessage)]
    (parts,) = [row["parts"] for row in await server.rows(Message) if row["parts"]]
    stored = [result["content"] for result in parts["rounds"][1]["results"]]
    assert stored == [result.content for result in seen.results]


@needs_retail
@pytest.mark.parametrize("name", ["orders", "users", "products", "tools"])
def test_no_value_of_a_record_is_lost(name: str) -> None:
    written = (RETAIL / f"{name}.json").read_text(encoding="utf-8")
    shorter = minified(written)
    assert shorter is not None
    assert json.loads(shorter) == json.loads(written)
    assert len(shorter) < 0.95 * len(written)
