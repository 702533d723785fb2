"""What the routes of feedback take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from csai.chat.schemas import Text
from csai.conversations.schemas import SessionRef

MAX_COMMENT_CHARS = 2_000

Thumb = Literal["up", "down"]
THUMBS: dict[Thumb, int] = {"up": 1, "down": -1}


class FeedbackRequest(SessionRef):
    """A thumb for one answer, or a rating of the conversation; a later one takes the place of an earlier."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "session_id": "0190a0b0-0000-7000-8000-000000000000",
                    "message_id": "0190a0b0-0000-7000-8000-000000000001",
                    "thumb": "down",
                    "comment": "That is last year's price.",
                },
                {"session_id": "0190a0b0-0000-7000-8000-000000000000", "rating": 5},
            ]
        },
    )

    message_id: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="The answer that `thumb` is for."
    )
    thumb: Thumb | None = Field(None, description="What the visitor thinks of that answer.")
    rating: Annotated[int, Field(ge=1, le=5)] | None = Field(
        None, description="What the visitor thinks of the conversation: 1 (bad) to 5 (good)."
    )
    comment: Annotated[Text, StringConstraints(max_length=MAX_COMMENT_CHARS)] = Field(
        "", description="Why, in the visitor's words."
    )


class FeedbackGiven(BaseModel):
    """As it is stored now."""

    session_id: str
    message_id: str | None = Field(description="The answer; null where it is of the conversation.")
    thumb: Thumb | None
    rating: int | None
    comment: str
    updated_at: datetime


class FeedbackEntry(FeedbackGiven):
    """Feedback as an admin reads it."""

    id: str
    author: str | None = Field(description="Whose answer it was: `ai` or `teammate`, as long as it is kept.")
    answer: str | None = Field(description="What is thought so of, as long as it is kept.")


class FeedbackPage(BaseModel):
    feedback: list[FeedbackEntry] = Field(description="What was given or changed last comes first.")
    next: str | None = Field(description="Ask again with `before` set to this for more; null at the end.")


class FeedbackSummary(BaseModel):
    """What visitors thought, counted by when they last said so."""

    days: int
    thumbs_up: int
    thumbs_down: int
    ratings: dict[str, int] = Field(description="How many conversations were rated so, from `1` to `5`.")
    average_rating: float | None = Field(description="Null where none was rated.")


def thumb_of(kind: str, value: int) -> dict[str, Any]:
    """The stored value as `thumb` and `rating`."""
    if kind == "answer":
        return {"thumb": "up" if value > 0 else "down", "rating": None}
    return {"thumb": None, "rating": value}
