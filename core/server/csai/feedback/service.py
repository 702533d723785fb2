"""Taking what a visitor thinks, and telling the client's own systems that it was said."""

from __future__ import annotations

from datetime import datetime, timedelta

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.feedback.repository import FeedbackRepository, FeedbackRow, Kind
from csai.feedback.schemas import (
    THUMBS,
    FeedbackEntry,
    FeedbackGiven,
    FeedbackRequest,
    FeedbackSummary,
    thumb_of,
)
from csai.handoffs.repository import HandoffRepository
from csai.kit.identifier import is_id
from csai.kit.problem import Problem, not_found
from csai.outbox.event import Outbox


async def give_feedback(
    transaction: AsyncConnection,
    client_id: str,
    conversation_id: str,
    asked: FeedbackRequest,
    *,
    outbox: Outbox,
    clock: Clock,
) -> FeedbackGiven:
    """Store it, in place of what was given of the same before. Raises `Problem`.

    Repeating it changes nothing, and is told to nobody.
    """
    kind, value = _said(asked)
    repository = FeedbackRepository(transaction, client_id)
    # An erasure that is under way is over when this goes on: then there is nothing left to think of.
    await HandoffRepository(transaction, client_id).lock(conversation_id)
    about_id, turn_id = conversation_id, None
    if kind == "answer":
        about_id = asked.message_id or ""
        answer = await repository.answer(conversation_id, about_id) if is_id(about_id) else None
        if answer is None:
            raise not_found("answer")
        turn_id = answer.turn_id
    elif not await repository.has_messages(conversation_id):
        raise Problem(409, "nothing_to_rate", "Nothing was said in this conversation, or it is kept no more.")
    given = await repository.put(
        conversation_id,
        kind=kind,
        about_id=about_id,
        turn_id=turn_id,
        value=value,
        comment=asked.comment.strip(),
        now=clock.now(),
    )
    row = await repository.get(about_id)
    if given is not None:
        await repository.count(conversation_id)
        await outbox.event(
            client_id,
            "feedback.given",
            {
                "session_id": asked.session_id,
                "message_id": asked.message_id,
                **thumb_of(kind, value),
                "has_comment": bool(row.comment),
            },
            f"feedback.given:{given.id}:{given.revision}",
        ).run(transaction)
    return FeedbackGiven(**_given(row))


async def feedback_summary(
    connection: AsyncConnection, client_id: str, *, days: int, now: datetime
) -> FeedbackSummary:
    counts = await FeedbackRepository(connection, client_id).counts(since=now - timedelta(days=days))
    thumbs = {value: count for kind, value, count in counts if kind == "answer"}
    ratings = {value: count for kind, value, count in counts if kind == "conversation"}
    rated = sum(ratings.values())
    total = sum(value * count for value, count in ratings.items())
    return FeedbackSummary(
        days=days,
        thumbs_up=thumbs.get(THUMBS["up"], 0),
        thumbs_down=thumbs.get(THUMBS["down"], 0),
        ratings={str(value): ratings.get(value, 0) for value in range(1, 6)},
        average_rating=round(total / rated, 2) if rated else None,
    )


def entry(row: FeedbackRow) -> FeedbackEntry:
    return FeedbackEntry(**_given(row), id=row.id, author=row.author, answer=row.answer)


def _given(row: FeedbackRow) -> dict[str, object]:
    return {
        "session_id": row.session_id,
        "message_id": row.about_id if row.kind == "answer" else None,
        **thumb_of(row.kind, row.value),
        "comment": row.comment,
        "updated_at": row.updated_at,
    }


def _said(asked: FeedbackRequest) -> tuple[Kind, int]:
    """What it is of, and what is thought of that. Raises 422 unless it is one or the other."""
    is_of_answer = asked.message_id is not None and asked.thumb is not None and asked.rating is None
    is_of_all = asked.message_id is None and asked.thumb is None and asked.rating is not None
    if is_of_answer and asked.thumb is not None:
        return "answer", THUMBS[asked.thumb]
    if is_of_all and asked.rating is not None:
        return "conversation", asked.rating
    raise Problem(
        422, "feedback_unclear", "Send message_id and thumb for an answer, or rating for the conversation."
    )
