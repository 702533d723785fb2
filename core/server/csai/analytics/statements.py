"""What a dashboard asks of the roll-ups, built once: that takes longer than the asking.

Each is of all clients, or of those whose `client_ids` it is given.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    case,
    cast,
    desc,
    func,
    literal,
    null,
    select,
    true,
    union_all,
)

from csai.analytics.rollup import TOOL_COUNTS
from csai.analytics.row import SAVED, SUMS
from csai.models import (
    ApiUsage,
    AuditEntry,
    Client,
    Conversation,
    Counter,
    Incident,
    ModelDay,
    OutcomeDay,
    Plan,
    ToolDay,
    UsageHour,
)
from csai.models.base import Id

Statement = Select[*tuple[Any, ...]]

SPENT = ("calls", "tokens_input", "tokens_output", "cost_micros")


def total(column: Any) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0)


@cache
def clients(*, are_all: bool) -> Statement:
    """How many there are, by status."""
    return select(Client.status, func.count()).where(_seen(Client.id, are_all)).group_by(Client.status)


@cache
def usage(*, are_all: bool) -> Statement:
    """What was used and saved on each day from `first` on, and under null on all days before."""
    since = case((ApiUsage.date >= bindparam("first"), ApiUsage.date)).label("since")
    days = select(since, ApiUsage).where(_seen(ApiUsage.client_id, are_all)).subquery()
    return select(days.c.since, *(total(days.c[name]) for name in (*SUMS, *SAVED))).group_by(days.c.since)


@cache
def hours(*, are_all: bool) -> Statement:
    return (
        select(UsageHour.hour, *(total(getattr(UsageHour, name)) for name in SUMS))
        .where(_seen(UsageHour.client_id, are_all), UsageHour.hour >= bindparam("since"))
        .group_by(UsageHour.hour)
    )


@cache
def outcomes(*, are_all: bool) -> Statement:
    return (
        select(OutcomeDay.status, total(OutcomeDay.message_count))
        .where(_seen(OutcomeDay.client_id, are_all), OutcomeDay.date >= bindparam("first"))
        .group_by(OutcomeDay.status)
    )


@cache
def tools(*, are_all: bool) -> Statement:
    """At most so many as `most` says, the most called first."""
    calls = total(ToolDay.calls).label("all_calls")
    return (
        select(ToolDay.tool_name, calls, *(total(getattr(ToolDay, name)) for name in TOOL_COUNTS[1:]))
        .where(_seen(ToolDay.client_id, are_all), ToolDay.date >= bindparam("first"))
        .group_by(ToolDay.tool_name)
        .order_by(calls.desc(), ToolDay.tool_name)
        .limit(bindparam("most"))
    )


@cache
def spent(*, are_all: bool) -> Statement:
    """What each model cost, and each of the `most` clients that cost most; the dearest first."""
    each = (
        select(ModelDay.client_id, ModelDay.provider, ModelDay.model, *_spent(ModelDay))
        .where(_seen(ModelDay.client_id, are_all), ModelDay.date >= bindparam("first"))
        .group_by(ModelDay.client_id, ModelDay.provider, ModelDay.model)
        .cte("each")
    )
    models = select(
        cast(null(), Id).label("client_id"), each.c.provider, each.c.model.label("name"), *_spent(each.c)
    ).group_by(each.c.provider, each.c.model)
    owners = select(each.c.client_id, *_spent(each.c)).group_by(each.c.client_id)
    dearest = (
        owners.order_by(desc("cost_micros"), each.c.client_id).limit(bindparam("most")).subquery("dearest")
    )
    spenders = select(Client.id, literal(""), Client.name, *(dearest.c[name] for name in SPENT)).join(
        dearest, dearest.c.client_id == Client.id
    )
    both = models.union_all(spenders).subquery()
    return select(both).order_by(both.c.cost_micros.desc(), both.c.client_id, both.c.provider, both.c.name)


@cache
def counted(*, are_all: bool) -> Statement:
    """What is used in `periods`, beside the limits of the client's plan."""
    return (
        select(
            *(Client.id, Client.name, Client.timezone),
            *(Counter.metric, Counter.period, Counter.used, Plan.limits),
        )
        .join_from(Client, Counter, Counter.client_id == Client.id)
        .join(Plan, Plan.name == Client.plan_type)
        .where(_seen(Client.id, are_all), Counter.period.in_(bindparam("periods", expanding=True)))
    )


@cache
def happened(*, are_all: bool) -> Statement:
    """The newest of every kind, at most so many as `most` says: `HappenedRow`. Signing in changes nothing."""
    every = union_all(
        *(
            select(part.limit(bindparam("most")).subquery())
            for part in (_begun(are_all), _queued(are_all), _changed(are_all), _befell(are_all))
        )
    ).subquery()
    newest = (every.c.at.desc(), every.c.kind, every.c.id.desc(), every.c.object, every.c.title)
    return select(every).order_by(*newest).limit(bindparam("most"))


def _begun(are_all: bool) -> Statement:
    """Their ids are in the order of time."""
    return (
        select(
            *(literal("conversation").label("kind"), Conversation.client_id),
            *(Conversation.channel.label("title"), Conversation.id.label("id")),
            *(
                literal("").label("object"),
                literal("").label("actor_name"),
                Conversation.started_at.label("at"),
            ),
        )
        .where(_seen(Conversation.client_id, are_all), Conversation.is_test.is_(False))
        .order_by(Conversation.id.desc())
    )


def _queued(are_all: bool) -> Statement:
    """Those that wait for a teammate for the shortest time first."""
    return (
        select(
            *(literal("handoff"), Conversation.client_id, Conversation.channel, Conversation.id),
            *(literal(""), literal(""), Conversation.state_since),
        )
        .where(
            _seen(Conversation.client_id, are_all),
            Conversation.state == "queued",
            Conversation.ended_at.is_(None),
        )
        .order_by(Conversation.state_since.desc(), Conversation.id.desc())
    )


def _changed(are_all: bool) -> Statement:
    return (
        select(
            *(literal("change"), AuditEntry.client_id, AuditEntry.action, AuditEntry.id),
            *(AuditEntry.object, AuditEntry.actor_name, AuditEntry.created_at),
        )
        .where(
            _seen(AuditEntry.client_id, are_all),
            AuditEntry.action.not_in(("admin.logged_in", "admin.logged_out")),
        )
        .order_by(AuditEntry.created_at.desc(), AuditEntry.id.desc())
    )


def _befell(are_all: bool) -> Statement:
    """What befell the installation is for who sees all of it."""
    return (
        select(
            *(Incident.kind, Incident.client_id, Incident.subject, cast(null(), Id)),
            *(literal(""), literal(""), Incident.created_at),
        )
        .where(_seen(Incident.client_id, are_all))
        .order_by(Incident.created_at.desc(), Incident.key)
    )


def _seen(owner: Any, are_all: bool) -> ColumnElement[bool]:
    return true() if are_all else owner.in_(bindparam("client_ids", expanding=True))


def _spent(found: Any) -> list[ColumnElement[int]]:
    return [total(getattr(found, name)).label(name) for name in SPENT]
