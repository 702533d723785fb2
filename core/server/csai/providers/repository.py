"""What plans say of providers, models' own prices, and how hard one client's questions were judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from csai_sdk import Usage
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.problem import not_found
from csai.models import Client, LedgerEntry, ModelPrice, Plan, Turn
from csai.providers.choice import ModelRef, PlanProviders, Routing, own_chain, own_routing
from csai.usage.price_list import OwnPrice, PriceList
from csai.usage.prices import Overrides
from csai.usage.rates import Rates

RATE_COLUMNS = ("input_micros", "output_micros", "cache_read_micros", "cache_write_micros")


@dataclass(frozen=True, slots=True)
class PlanRow:
    name: str
    title: str
    limits: Mapping[str, Any]
    features: Mapping[str, Any]
    clients: int
    """That are on it."""


async def installation_plans(connection: AsyncConnection) -> list[PlanRow]:
    """For the operator, whom no client scopes: by name."""
    statement = (
        select(Plan.name, Plan.title, Plan.limits, Plan.features, func.count(Client.id))
        .join_from(Plan, Client, Client.plan_type == Plan.name, isouter=True)
        .group_by(Plan.name)
        .order_by(Plan.name)
    )
    return [PlanRow(*row) for row in await connection.execute(statement)]


class PlanFeatures:
    """The features of one plan."""

    def __init__(self, connection: AsyncConnection, plan: str) -> None:
        self._connection = connection
        self._plan = plan

    async def get(self, *, is_locking: bool = False) -> Mapping[str, Any]:
        """What it gives beside its limits. Raises 404 where there is no such plan."""
        statement = select(Plan.features).where(Plan.name == self._plan)
        row = (
            await self._connection.execute(statement.with_for_update() if is_locking else statement)
        ).first()
        if row is None:
            raise not_found("plan")
        features: Mapping[str, Any] = row[0]
        return features

    async def put(self, features: Mapping[str, Any]) -> None:
        """Change them, for every client on the plan from its next turn on."""
        await self._connection.execute(
            update(Plan).where(Plan.name == self._plan).values(features=dict(features))
        )
        await self._connection.execute(
            update(Client)
            .where(Client.plan_type == self._plan)
            .values(config_version=Client.config_version + 1)
        )


class PriceRepository:
    """Admins' own prices. They belong to the installation; every client follows at its next turn."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self) -> list[OwnPrice]:
        columns = (
            *(ModelPrice.provider, ModelPrice.model, ModelPrice.effective_from),
            *(getattr(ModelPrice, name) for name in RATE_COLUMNS),
        )
        rows = await self._connection.execute(select(*columns).order_by(ModelPrice.effective_from))
        return [OwnPrice(row[0], row[1], row[2], _rates(*row[3:])) for row in rows]

    async def price_list(self, defaults: Overrides | None = None) -> PriceList:
        """Those above the operator's `defaults` and the published ones."""
        return PriceList(defaults=defaults, own=await self.all())

    async def lock(self) -> None:
        """Let all clients follow what is set; until this transaction ends no other sets a price."""
        await self._connection.execute(update(Client).values(config_version=Client.config_version + 1))

    async def put(self, price: OwnPrice) -> None:
        """Set a price from its moment on, in place of what was set for later."""
        same_model = (ModelPrice.provider == price.provider, ModelPrice.model == price.model)
        await self._connection.execute(
            delete(ModelPrice).where(*same_model, ModelPrice.effective_from >= price.effective_from)
        )
        await self._connection.execute(
            insert(ModelPrice).values(
                provider=price.provider,
                model=price.model,
                effective_from=price.effective_from,
                **_columns(price.rates),
            )
        )

    async def models_chosen(self) -> set[ModelRef]:
        """The models that plans and clients of the installation name."""
        found: set[ModelRef] = set()
        for (features,) in await self._connection.execute(select(Plan.features)):
            plan = PlanProviders.of(features)
            found.update((*plan.chain, *plan.routing.simple))
        for (settings,) in await self._connection.execute(select(Client.settings)):
            found.update(own_chain(settings))
            found.update((own_routing(settings) or Routing()).simple)
            found.update(ModelRef(*item) for item in settings.get("models", {}).items())
        return {ref for ref in found if ref.model}


@dataclass(frozen=True, slots=True)
class DecisionRow:
    turn_id: str
    accepted_at: datetime
    status: str
    routing: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BookedCall:
    usage: Usage
    cost_micros: int
    at: datetime


@dataclass(frozen=True, slots=True)
class DecidedTurn:
    routing: Mapping[str, Any]
    calls: list[BookedCall] = field(default_factory=list)


class DecisionRepository:
    """How hard one client's questions were judged, as its turns keep it."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def page(self, *, before: str | None, count: int) -> Sequence[DecisionRow]:
        """Newest first; `before` is a turn's id."""
        statement = select(Turn.id, Turn.accepted_at, Turn.status, Turn.routing).where(
            Turn.client_id == self._client_id, Turn.routing.is_not(None)
        )
        if before is not None:
            statement = statement.where(Turn.id < before)
        rows = await self._connection.execute(statement.order_by(Turn.id.desc()).limit(count))
        return [DecisionRow(*row) for row in rows]

    async def since(self, moment: datetime, *, most: int) -> list[DecidedTurn]:
        """The newest turns that were decided since then, with the calls that were to answer, in order."""
        chosen = (
            select(Turn.id, Turn.routing)
            .where(Turn.client_id == self._client_id, Turn.accepted_at >= moment, Turn.routing.is_not(None))
            .order_by(Turn.accepted_at.desc())
            .limit(most)
        )
        turns = {row.id: DecidedTurn(row.routing) for row in await self._connection.execute(chosen)}
        newest = chosen.subquery()
        calls = (
            select(
                LedgerEntry.turn_id,
                LedgerEntry.tokens_input,
                LedgerEntry.tokens_output,
                LedgerEntry.tokens_cache_read,
                LedgerEntry.tokens_cache_write,
                LedgerEntry.cost_micros,
                LedgerEntry.created_at,
            )
            .join_from(newest, LedgerEntry, LedgerEntry.turn_id == newest.c.id)
            .where(LedgerEntry.client_id == self._client_id, LedgerEntry.is_embedding.is_(False))
            .order_by(LedgerEntry.turn_id, LedgerEntry.attempt)
        )
        for row in await self._connection.execute(calls):
            # One that was booked since the turns were read is left for the next time.
            if row.turn_id in turns:
                turns[row.turn_id].calls.append(BookedCall(Usage(*row[1:5]), row[5], row[6]))
        return list(turns.values())


def _rates(*micros: int | None) -> Rates | None:
    given, received, read, write = micros
    if given is None or received is None:
        return None
    return Rates(
        Decimal(given).scaleb(-6),
        Decimal(received).scaleb(-6),
        None if read is None else Decimal(read).scaleb(-6),
        None if write is None else Decimal(write).scaleb(-6),
    )


def _columns(rates: Rates | None) -> dict[str, int | None]:
    values = (rates.input, rates.output, rates.cache_read, rates.cache_write) if rates else (None,) * 4
    return {
        name: None if value is None else int(value.scaleb(6))
        for name, value in zip(RATE_COLUMNS, values, strict=True)
    }
