"""Test chats: an admin's turns, and what their models were asked and answered.

That is kept by this process alone, for its last test turns: the database gets no second place for words.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from csai_sdk import AssistantMessage, Message, ModelReply, ModelRequest, ProviderError, UserMessage
from pydantic import BaseModel, SecretBytes, SecretStr

from csai.plugins.answering import ChosenProvider
from csai.plugins.view import ClientView

MOST_TURNS = 20
MOST_ROUNDS = 40
"""Of a turn, tries that failed included."""
SHORTEST_SECRET = 4
"""What is shorter stands in any text, and to hide it would only make that unreadable."""
HIDDEN = "(secret)"


@dataclass(frozen=True, slots=True)
class ModelRound:
    """One call of a model, without secrets: its request as it was handed to the provider, and what came."""

    provider: str
    duration_ms: int
    request: Mapping[str, Any]
    response: Mapping[str, Any] | None
    """None where there was no whole reply; `error` then says why."""
    error: str | None


@dataclass(frozen=True, slots=True)
class TrialTurn:
    client_id: str
    session_id: str
    turn_id: str
    rounds: list[ModelRound] = field(default_factory=list)

    def note(
        self,
        view: ClientView,
        provider: str,
        request: ModelRequest,
        *,
        reply: ModelReply | None,
        failure: ProviderError | None,
        duration_ms: int,
    ) -> None:
        """Keep a call that has ended, as long as there is room for it."""
        if len(self.rounds) == MOST_ROUNDS:
            return
        hide = _hider(view)
        self.rounds.append(
            ModelRound(
                provider,
                duration_ms,
                request=_request(request, hide),
                response=_plain(reply, hide) if reply is not None else None,
                error=_error(failure) if reply is None else None,
            )
        )


class TrialLog:
    """The last test turns of this process."""

    def __init__(self) -> None:
        self._turns: deque[TrialTurn] = deque(maxlen=MOST_TURNS)

    def open(self, client_id: str, session_id: str, turn_id: str) -> TrialTurn:
        turn = TrialTurn(client_id, session_id, turn_id)
        self._turns.append(turn)
        return turn

    def of(self, client_id: str, session_id: str) -> Sequence[TrialTurn]:
        """Those of one conversation, oldest first."""
        return [turn for turn in self._turns if (turn.client_id, turn.session_id) == (client_id, session_id)]


@dataclass(frozen=True, slots=True)
class Trial:
    """That a message is an admin's, in a test chat."""

    log: TrialLog
    chain: tuple[ChosenProvider, ...] = ()
    """Who is asked instead of those whom the client has chosen; empty: those."""


def _request(request: ModelRequest, hide: Callable[[str], str]) -> dict[str, Any]:
    told: dict[str, Any] = _plain(request, hide)
    roles = [_role(message) for message in request.messages]
    told["messages"] = [
        {"role": role, **message} for role, message in zip(roles, told["messages"], strict=True)
    ]
    return told


def _role(message: Message) -> str:
    if isinstance(message, UserMessage):
        return "user"
    return "assistant" if isinstance(message, AssistantMessage) else "tool"


def _error(failure: ProviderError | None) -> str:
    """Its kind alone: a vendor's words may quote the key they refuse."""
    if failure is None:
        return "stopped"
    return type(failure).__name__ + (f" ({failure.status})" if failure.status is not None else "")


def _plain(value: Any, hide: Callable[[str], str]) -> Any:
    """As JSON has it, each text with what is secret in it hidden."""
    if isinstance(value, str):
        return hide(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name), hide) for each in fields(value)}
    if isinstance(value, Mapping):
        return {hide(str(name)): _plain(item, hide) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(item, hide) for item in value]
    return f"({type(value).__name__})"


def _hider(view: ClientView) -> Callable[[str], str]:
    found = {view.identity_secret or ""}
    for context in view.contexts.values():
        found.update(_secrets(context.settings))
    # The longest first: one may be part of another.
    secrets = sorted((each for each in found if len(each) >= SHORTEST_SECRET), key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, HIDDEN)
        return text

    return hide


def _secrets(value: Any) -> list[str]:
    """The values of a plugin's settings that are stored encrypted."""
    if isinstance(value, SecretStr):
        return [value.get_secret_value()]
    if isinstance(value, SecretBytes):
        return [value.get_secret_value().decode("utf-8", "replace")]
    if isinstance(value, BaseModel):
        return [secret for name in type(value).model_fields for secret in _secrets(getattr(value, name))]
    if isinstance(value, Mapping):
        return [secret for item in value.values() for secret in _secrets(item)]
    if isinstance(value, list | tuple | set | frozenset):
        return [secret for item in value for secret in _secrets(item)]
    return []
