"""What the admin's routes for conversations of all clients take and give."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from csai.chat.schemas import AnswerMessage
from csai.conversations.list_repository import ConversationFilter
from csai.kit.problem import Problem
from csai.kit.query import AnId, CleanText, Moment, Text
from csai.usage.schemas import Usd

State = Literal["ai", "queued", "teammate", "closed"]


class ConversationQuery(BaseModel):
    """Which conversations are asked for, as the query says it."""

    client_id: AnId | None = Field(None, description="Only of this client.")
    state: State | None = Field(
        None, description="Who answers: ai, queued (nobody yet), teammate; or closed."
    )
    channel: Annotated[CleanText, Field(max_length=30)] | None = Field(
        None, description="Such as widget, api, email, whatsapp."
    )
    test: bool = Field(False, description="Those of test chats, which are left out otherwise.")
    has_tools: bool | None = Field(None, description="Whether tools ran in it.")
    failed_tool: bool = Field(False, description="Only where a tool failed.")
    thumbs_down: bool = Field(False, description="Only where an answer was not liked.")
    rating: Annotated[int, Field(ge=1, le=5)] | None = Field(None, description="Only those rated so.")
    visitor: Text | None = Field(None, description="Only of whom the host page calls so.")
    since: Moment | None = Field(None, description="Last spoken in at this time or later.")
    until: Moment | None = Field(None, description="Last spoken in before this time.")
    q: Text = Field("", description="All of these words, or beginnings of words, in one message.")

    def check_names(self, given: Iterable[str]) -> None:
        """Raises 422 for what is no filter: misspelt, it would find, or export, everything."""
        unknown = sorted(set(given) - set(type(self).model_fields))
        if unknown:
            raise Problem(
                422, "request_invalid", f"The request does not fit: '{unknown[0][:64]}' is no filter."
            )

    def filter(self, visible: frozenset[str] | None) -> ConversationFilter:
        """With no other clients than those that the admin may see; None: all."""
        clients = visible
        if self.client_id is not None:
            own = frozenset((self.client_id,))
            clients = own if visible is None else own & visible
        return ConversationFilter(
            clients=clients,
            state=self.state,
            channel=self.channel,
            is_test=self.test,
            has_tools=self.has_tools,
            has_failed_tool=self.failed_tool,
            has_thumbs_down=self.thumbs_down,
            rating=self.rating,
            visitor=self.visitor,
            since=self.since,
            until=self.until,
            search=self.q.strip(),
        )

    def told(self) -> dict[str, Any]:
        """For the audit log: what was asked for, without words that visitors said or are called by."""
        asked = self.model_dump(mode="json", exclude_defaults=True)
        return {name: "given" if name in {"q", "visitor"} else value for name, value in asked.items()}


class LastMessage(BaseModel):
    author: str = Field(description="visitor, ai or teammate.")
    text: str = Field(description="Its first 200 characters.")
    created_at: datetime


class ConversationItem(BaseModel):
    """A conversation in the list."""

    id: str
    client_id: str
    client_name: str
    session_id: str
    state: State
    since: datetime | None = Field(description="Null where the AI has answered from the start.")
    teammate: str | None
    ended_at: datetime | None
    channel: str
    visitor: str | None = Field(description="The label that the host page gave.")
    email: str | None = Field(description="Where the visitor wants to be answered when nobody is there.")
    started_at: datetime
    last_message_at: datetime
    messages: int
    tokens: int
    cost: Usd
    tool_calls: int
    failed_tool_calls: int
    thumbs_down: int
    rating: int | None
    last_message: LastMessage | None = Field(description="Null where its messages are kept no more.")


class ConversationItems(BaseModel):
    conversations: list[ConversationItem] = Field(description="The one last spoken in comes first.")
    next: str | None = Field(description="Ask again with `cursor` set to this for more; null at the end.")


class ModelRound(BaseModel):
    """A call of a model, from the ledger. Times are milliseconds since the turn was accepted."""

    provider: str
    model: str
    start_ms: int | None = Field(description="Null where nobody measured it.")
    first_text_ms: int | None = Field(description="When its first text came; null where it said nothing.")
    duration_ms: int | None
    tokens_input: int
    tokens_output: int
    tokens_cache_read: int
    cost: Usd
    is_estimated: bool
    is_embedding: bool


class TurnToolCall(BaseModel):
    """A tool call. What a private tool took and gave is not shown, nor what is kept no more."""

    id: str
    name: str
    status: str
    start_ms: int
    duration_ms: int | None
    arguments: dict[str, Any] | None
    response: str | None
    is_redacted: bool = Field(description="Whether arguments and response are hidden: the tool is private.")


class TurnView(BaseModel):
    """A turn with what took its time."""

    id: str
    status: str
    accepted_at: datetime
    duration_ms: int | None = Field(description="Null while it runs.")
    first_text_ms: int | None = Field(description="When the visitor saw the first text.")
    rounds: list[ModelRound]
    tool_calls: list[TurnToolCall]


class FeedbackView(BaseModel):
    message_id: str | None = Field(description="The answer; null: of the conversation as a whole.")
    value: int = Field(description="1 or -1 for an answer, 1 to 5 for a conversation.")
    comment: str
    updated_at: datetime


class TranscriptMessage(AnswerMessage):
    """A message as the visitor saw it, and the turn it belongs to."""

    turn_id: str | None = Field(description="Null for a teammate's.")


class ConversationDetail(BaseModel):
    conversation: ConversationItem
    messages: list[TranscriptMessage] = Field(description="Oldest first.")
    turns: list[TurnView] = Field(description="Those of these messages, oldest first.")
    feedback: list[FeedbackView]
    next_messages: int | None = Field(
        description="Ask again with `after` set to this for more messages; null at the end."
    )
    previous: str | None = Field(description="The id of the one before it in the list of the same filter.")
    next: str | None = Field(description="The id of the one after it.")
