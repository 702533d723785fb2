"""The statements of a turn, prepared once. `repository.py` gives them their values."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Integer,
    String,
    Text,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    update,
)
from sqlalchemy.orm import aliased

from csai.models import Conversation, LedgerEntry, Message, SummaryFold, Turn, WaitingTurn
from csai.models.base import Id, Json, UtcDateTime
from csai.statement import Prepared, prepared_insert

TURN = (
    select(Turn.id, Turn.status, Turn.body_hash, Turn.outcome, Turn.accepted_at, Conversation.session_id)
    .join_from(Turn, Conversation, Conversation.id == Turn.conversation_id)
    .where(Turn.client_id == bindparam("client"))
)
BY_KEY = Prepared(TURN.where(Turn.idempotency_key == bindparam("key")))
BY_ID = Prepared(TURN.where(Turn.id == bindparam("turn")))
LEASE = (
    *(Conversation.id, Conversation.fence, Conversation.next_seq - 2, Conversation.visitor_id),
    # Here and not beside the history: so a later turn needs no query for it.
    *(Conversation.summary, Conversation.summary_seq, Conversation.state, Conversation.started_at),
)
BEGIN_CONVERSATION = Prepared(
    insert(Conversation).returning(*LEASE),
    columns=[column.name for column in Conversation.__table__.columns],
)
TAKE = Prepared(
    update(Conversation)
    .where(
        Conversation.client_id == bindparam("client"),
        Conversation.session_id == bindparam("session"),
        Conversation.ended_at.is_(None),
        Conversation.lease_turn_id.is_(None),
        ~exists().where(
            WaitingTurn.client_id == bindparam("client"),
            WaitingTurn.conversation_id == Conversation.id,
            WaitingTurn.id < bindparam("turn"),
            WaitingTurn.expires_at > bindparam("now"),
        ),
    )
    .values(
        fence=Conversation.fence + 1,
        next_seq=Conversation.next_seq + 2,
        lease_turn_id=bindparam("turn"),
        lease_expires_at=bindparam("expires"),
        last_message_at=bindparam("now"),
        # Who proves an identity in a conversation that was nobody's makes it theirs.
        visitor_id=func.coalesce(Conversation.visitor_id, bindparam("visitor", type_=Id)),
    )
    .returning(*LEASE)
)
OF_SESSION = (
    Conversation.client_id == bindparam("client"),
    Conversation.session_id == bindparam("session"),
)
# Sent together with the taking of the conversation, so they must do nothing where it failed.
TAKEN = (*OF_SESSION, Conversation.lease_turn_id == bindparam("turn"))
BEGAN_WITHIN = Conversation.started_at >= bindparam("since", type_=UtcDateTime)
BEGIN_TURN = Prepared(
    insert(Turn).from_select(
        [
            *("id", "client_id", "conversation_id", "status", "idempotency_key", "body_hash", "fence"),
            *("period", "reserved", "attempts", "is_stop_requested", "saved_tokens", "saved_micros"),
            *("accepted_at", "deadline_at", "experiment_id", "arm"),
        ],
        select(
            bindparam("turn", type_=Id),
            Conversation.client_id,
            Conversation.id,
            literal("running", String),
            bindparam("key", type_=String),
            bindparam("body_hash", type_=String),
            Conversation.fence,
            bindparam("period", type_=String),
            bindparam("reserved", type_=Json),
            bindparam("attempts", type_=Json),
            literal(False, Boolean),
            literal(0, Integer),
            literal(0, Integer),
            bindparam("now", type_=UtcDateTime),
            bindparam("deadline", type_=UtcDateTime),
            # A conversation that began before the experiment did goes on as it was.
            case((BEGAN_WITHIN, bindparam("experiment", type_=Id))),
            case((BEGAN_WITHIN, bindparam("arm", type_=String))),
        ).where(*TAKEN),
        include_defaults=False,
    )
)
MESSAGE_COLUMNS = [
    *("id", "client_id", "conversation_id", "turn_id", "seq", "role", "author", "content", "parts"),
    *("tokens_used", "timestamp"),
]
ASK = Prepared(
    insert(Message).from_select(
        MESSAGE_COLUMNS,
        select(
            bindparam("message", type_=Id),
            Conversation.client_id,
            Conversation.id,
            bindparam("turn", type_=Id),
            Conversation.next_seq - 2,
            literal("user", String),
            literal("visitor", String),
            bindparam("content", type_=Text),
            null(),
            literal(0, Integer),
            bindparam("now", type_=UtcDateTime),
        ).where(*TAKEN),
        include_defaults=False,
    )
)
QUEUE_UP = Prepared(
    insert(WaitingTurn).from_select(
        ["id", "client_id", "conversation_id", "expires_at"],
        select(
            bindparam("turn", type_=Id),
            Conversation.client_id,
            Conversation.id,
            bindparam("expires", type_=UtcDateTime),
        ).where(*OF_SESSION),
        include_defaults=False,
    )
)
OWN_PLACE = (WaitingTurn.client_id == bindparam("client"), WaitingTurn.id == bindparam("turn"))
KEEP_PLACE = Prepared(update(WaitingTurn).where(*OWN_PLACE).values(expires_at=bindparam("expires")))
LEAVE_QUEUE = Prepared(delete(WaitingTurn).where(*OWN_PLACE))
FORGET_PLACES = Prepared(
    delete(WaitingTurn).where(
        WaitingTurn.client_id == bindparam("client"),
        WaitingTurn.conversation_id == bindparam("conversation"),
        WaitingTurn.expires_at < bindparam("now"),
    )
)
HISTORY = Prepared(
    select(Message.role, Message.content, Message.parts)
    .where(
        Message.client_id == bindparam("client"),
        Message.conversation_id == bindparam("conversation"),
        Message.seq > bindparam("after"),
        Message.seq < bindparam("before"),
    )
    .order_by(Message.seq.desc())
    .limit(bindparam("count"))
)
LET_GO = Prepared(
    update(Conversation)
    .where(
        Conversation.client_id == bindparam("client"),
        Conversation.id == bindparam("conversation"),
        Conversation.fence == bindparam("expected_fence"),
        Conversation.lease_turn_id == bindparam("turn"),
    )
    .values(
        lease_turn_id=None,
        lease_expires_at=None,
        last_message_at=bindparam("now"),
        message_count=Conversation.message_count + bindparam("messages"),
        tokens_total=Conversation.tokens_total + bindparam("tokens"),
        tool_call_count=Conversation.tool_call_count + bindparam("tool_calls"),
        failed_tool_count=Conversation.failed_tool_count + bindparam("failed_tools"),
        cost_micros=Conversation.cost_micros + bindparam("cost"),
    )
    .returning(Conversation.id)
)
FINISH = Prepared(
    update(Turn)
    .where(
        Turn.client_id == bindparam("client"),
        Turn.id == bindparam("turn"),
        Turn.status == "running",
    )
    .values(
        status=bindparam("new_status"),
        outcome=bindparam("new_outcome"),
        reserved=bindparam("nothing"),
        saved_tokens=bindparam("tokens"),
        saved_micros=bindparam("micros"),
        attempts=bindparam("nothing"),
        routing=bindparam("route"),
        finished_at=bindparam("now"),
    )
    .returning(Turn.id)
)
ANSWER = prepared_insert(Message)
KEEP_ROUNDS = Prepared(
    update(Message)
    .where(
        Message.client_id == bindparam("client"),
        Message.conversation_id == bindparam("conversation"),
        Message.turn_id == bindparam("turn"),
        Message.role == "user",
    )
    .values(parts=bindparam("rounds"))
)
BOOK = prepared_insert(LedgerEntry)
BOOKED = Prepared(
    select(
        LedgerEntry.provider,
        LedgerEntry.model,
        LedgerEntry.tokens_input,
        LedgerEntry.tokens_output,
        LedgerEntry.tokens_cache_read,
        LedgerEntry.tokens_cache_write,
        LedgerEntry.cost_micros,
        LedgerEntry.saved_micros,
        LedgerEntry.price,
        LedgerEntry.is_estimated,
        LedgerEntry.is_embedding,
        LedgerEntry.created_at,
    )
    .where(LedgerEntry.client_id == bindparam("client"), LedgerEntry.turn_id == bindparam("turn"))
    .order_by(LedgerEntry.attempt)
)
HOLD = (
    *(Conversation.id, Conversation.ended_at, Conversation.state, Conversation.fence),
    *(Conversation.lease_turn_id, Conversation.lease_expires_at),
)
STATE = Prepared(select(*HOLD).where(*OF_SESSION))
KEEP_RESERVED = Prepared(
    update(Turn)
    .where(
        Turn.client_id == bindparam("client"),
        Turn.id == bindparam("turn"),
        Turn.status == "running",
    )
    .values(reserved=bindparam("amounts"), attempts=bindparam("note"))
    .returning(Turn.id)
)
NOTE_ATTEMPTS = Prepared(
    update(Turn)
    .where(
        Turn.client_id == bindparam("client"),
        Turn.id == bindparam("turn"),
        Turn.status == "running",
    )
    .values(attempts=bindparam("note"))
    .returning(Turn.id)
)
NOTES_AS_WRITTEN = cast(Turn.reserved, Text) + cast(Turn.attempts, Text)
LEFT_BEHIND = Prepared(
    select(Turn.fence, Turn.period, Turn.reserved, Turn.attempts, NOTES_AS_WRITTEN).where(
        Turn.client_id == bindparam("client"), Turn.id == bindparam("turn")
    )
)
# Waits for a transaction that may still be writing them.
RESERVED_FINALLY = Prepared(
    select(Turn.period, Turn.reserved)
    .where(Turn.client_id == bindparam("client"), Turn.id == bindparam("turn"))
    .with_for_update()
)
# A process that is only slow may reserve more between the look and the end: then its row is another one.
FINISH_LEFT_BEHIND = Prepared(
    update(Turn)
    .where(
        Turn.client_id == bindparam("client"),
        Turn.id == bindparam("turn"),
        Turn.status == "running",
        bindparam("as_written") == NOTES_AS_WRITTEN,
    )
    .values(
        status=bindparam("new_status"),
        outcome=bindparam("new_outcome"),
        reserved=bindparam("nothing"),
        attempts=bindparam("nothing"),
        finished_at=bindparam("now"),
    )
    .returning(Turn.id)
)
BREAK = Prepared(
    update(Conversation)
    .where(
        Conversation.client_id == bindparam("client"),
        Conversation.id == bindparam("conversation"),
        Conversation.fence == bindparam("expected_fence"),
        Conversation.lease_turn_id == bindparam("turn"),
        Conversation.lease_expires_at < bindparam("now"),
    )
    .values(
        lease_turn_id=None,
        lease_expires_at=None,
        fence=Conversation.fence + 1,
        message_count=Conversation.message_count + bindparam("messages"),
        tokens_total=Conversation.tokens_total + bindparam("tokens"),
        tool_call_count=Conversation.tool_call_count + bindparam("tool_calls"),
        failed_tool_count=Conversation.failed_tool_count + bindparam("failed_tools"),
        cost_micros=Conversation.cost_micros + bindparam("cost"),
    )
    .returning(Conversation.id)
)
FORGET_KEY = Prepared(
    update(Turn)
    .where(Turn.client_id == bindparam("client"), Turn.id == bindparam("turn"))
    .values(idempotency_key=None)
)
RENEW = Prepared(
    update(Conversation)
    .where(
        Conversation.client_id == bindparam("client"),
        Conversation.id == bindparam("conversation"),
        Conversation.lease_turn_id == bindparam("turn"),
    )
    .values(lease_expires_at=bindparam("expires"))
    .returning(Conversation.id)
)
REQUEST_STOP = Prepared(
    update(Turn)
    .where(
        Turn.client_id == bindparam("client"),
        Turn.status == "running",
        Turn.id
        == select(Conversation.lease_turn_id)
        .where(Conversation.client_id == bindparam("client"), Conversation.session_id == bindparam("session"))
        .scalar_subquery(),
    )
    .values(is_stop_requested=True)
)
ABANDONED = Prepared(
    select(Conversation.client_id, *HOLD)
    .where(Conversation.lease_turn_id.is_not(None), Conversation.lease_expires_at < bindparam("now"))
    .order_by(Conversation.lease_expires_at)
    .limit(literal(100))
)
PLACES_OF_THE_DEAD = Prepared(
    select(WaitingTurn.client_id, WaitingTurn.conversation_id)
    .where(WaitingTurn.expires_at < bindparam("now"))
    .distinct()
    .limit(literal(100))
)
_ANSWER = aliased(Message)
APOLOGISE = Prepared(
    insert(Message).from_select(
        MESSAGE_COLUMNS,
        select(
            bindparam("message", type_=Id),
            Message.client_id,
            Message.conversation_id,
            Message.turn_id,
            Message.seq + 1,
            literal("assistant", String),
            literal("ai", String),
            bindparam("content", type_=Text),
            bindparam("parts", type_=Json),
            bindparam("tokens_used", type_=Integer),
            bindparam("now", type_=UtcDateTime),
        ).where(
            Message.client_id == bindparam("client"),
            Message.conversation_id == bindparam("conversation"),
            Message.turn_id == bindparam("turn"),
            Message.role == "user",
            ~exists().where(
                _ANSWER.client_id == bindparam("client"),
                _ANSWER.conversation_id == bindparam("conversation"),
                _ANSWER.seq == Message.seq + 1,
            ),
        ),
        include_defaults=False,
    )
)

TO_FOLD = Prepared(
    select(
        *(Message.seq, Message.turn_id, Message.role, Message.content, Message.timestamp),
        *(Conversation.summary, Conversation.summary_seq),
    )
    .join_from(Conversation, Message, Message.conversation_id == Conversation.id)
    .where(
        Conversation.client_id == bindparam("client"),
        Conversation.id == bindparam("conversation"),
        Message.client_id == bindparam("client"),
        Message.seq > Conversation.summary_seq,
        Message.seq <= bindparam("last"),
    )
    .order_by(Message.seq.desc())
    .limit(bindparam("count"))
)
BEGIN_FOLD = prepared_insert(SummaryFold)
END_FOLD = Prepared(
    delete(SummaryFold)
    .where(SummaryFold.client_id == bindparam("client"), SummaryFold.id == bindparam("fold"))
    .returning(SummaryFold.id)
)
KEEP_SUMMARY = Prepared(
    update(Conversation)
    .where(
        Conversation.client_id == bindparam("client"),
        Conversation.id == bindparam("conversation"),
        Conversation.summary_seq == bindparam("folded_before"),
        # What has been erased meanwhile must not come back in short.
        exists().where(
            Message.client_id == bindparam("client"),
            Message.conversation_id == bindparam("conversation"),
            Message.seq == bindparam("up_to"),
        ),
    )
    .values(
        summary=bindparam("new_summary"),
        summary_seq=bindparam("up_to"),
        summary_since=func.coalesce(Conversation.summary_since, bindparam("since", type_=UtcDateTime)),
        tokens_total=Conversation.tokens_total + bindparam("tokens"),
        cost_micros=Conversation.cost_micros + bindparam("cost"),
    )
    .returning(Conversation.id)
)
EXPIRED_FOLDS = Prepared(
    select(
        *(SummaryFold.client_id, SummaryFold.id, SummaryFold.period, SummaryFold.reserved),
        *(SummaryFold.provider, SummaryFold.model, SummaryFold.bytes_input),
    )
    .where(SummaryFold.expires_at < bindparam("now"))
    .limit(literal(100))
)
