"""One client of an installation: its visitors' conversations, and what is written of them afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from tests.support.installation import Installation, Running
from tests.support.model_server import TOKENS_INPUT, TOKENS_OUTPUT, ModelServer
from tests.support.waiting import PATIENCE_S, until

PLENTY = dict.fromkeys(("conversations", "messages", "tokens", "cost"), 1_000_000_000)


class Shop:
    """Has limits of every kind, so that every counter is kept. Its model repeats what it is told."""

    def __init__(self, installation: Installation, server: Running, model: ModelServer) -> None:
        self._installation = installation
        self._server = server
        self._model = model
        self.client_id, self._key = installation.create_client(PLENTY)
        model.script = _echo
        model.requests.clear()
        model.reported = 0

    def talk(self, name: str) -> Talk:
        """A conversation to come. No other's name may begin with this one's."""
        return Talk(self, name)

    def say(self, text: str, key: str | None = None, **body: Any) -> httpx.Response:
        """On a connection of its own."""
        return httpx.post(
            f"{self._server.url}/chat/message",
            json={"message": text, **body},
            headers={"X-API-Key": self._key} | ({"Idempotency-Key": key} if key else {}),
            timeout=PATIENCE_S,
        )

    def shown(self, name: str) -> list[list[str]]:
        """The lines that a conversation's model was sent, each time that it was asked."""
        requests = [
            [str(message["content"]) for message in request["messages"] if message["role"] != "system"]
            for request in self._model.requests
        ]
        return [lines for lines in requests if lines[-1].startswith(name)]

    def check_books(self, *, turns: int) -> None:
        """Each message was answered, counted and paid for once. Nothing may run any more."""
        query = self._installation.query
        # An answer may have come before the thread that sent it has counted it.
        until(lambda: self._model.reported == len(self._model.requests))
        reported = self._model.reported
        statuses = "SELECT status, count(*) FROM turns WHERE client_id = %s GROUP BY status"
        assert query(statuses, self.client_id) == [("completed", turns)]
        faults = self._installation.faults()
        assert not faults, faults
        spent = (
            "SELECT count(*), sum(tokens_input), sum(tokens_output), bool_or(is_estimated) "
            "FROM ledger WHERE client_id = %s"
        )
        assert query(spent, self.client_id) == [
            (reported, reported * TOKENS_INPUT, reported * TOKENS_OUTPUT, False)
        ]
        counters = self._installation.counters(self.client_id)
        assert counters["messages"] == (turns, 0)
        assert counters["tokens"] == (reported * (TOKENS_INPUT + TOKENS_OUTPUT), 0)


class Talk:
    """One visitor's conversation."""

    def __init__(self, shop: Shop, name: str) -> None:
        self._shop = shop
        self._name = name
        self.questions: list[str] = []
        self.session: Mapping[str, str] = {}

    def go_on(self, key: str | None = None) -> dict[str, Any]:
        """Say the next thing, and be answered."""
        self.questions.append(f"{self._name} {len(self.questions)}")
        answer = self._answered(self.questions[-1], self._shop.say(self.questions[-1], key, **self.session))
        self.session = {"session_id": answer["session_id"]}
        return answer

    def repeat(self, number: int, key: str) -> dict[str, Any]:
        """Say again what was said before, with the key it had."""
        text = self.questions[number]
        return self._answered(text, self._shop.say(text, key, **(self.session if number else {})))

    def check_context(self) -> None:
        """The model saw each time all that had been said, and nothing of anybody else."""
        lines = [line for text in self.questions for line in (text, _reply_to(text))]
        wanted = [lines[: 2 * number + 1] for number in range(len(self.questions))]
        assert self._shop.shown(self._name) == wanted

    def _answered(self, text: str, response: httpx.Response) -> dict[str, Any]:
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        assert (answer["status"], answer["message"]["content"]) == ("completed", _reply_to(text))
        return answer


def _reply_to(text: str) -> str:
    return f"You said: {text}"


def _echo(messages: Sequence[Mapping[str, Any]]) -> Sequence[dict[str, Any]]:
    asked = messages[-1]["content"]
    text = asked if isinstance(asked, str) else asked[-1]["text"]
    return [{"content": "You said: "}, {"content": text}]
