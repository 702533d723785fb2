"""What every table shares: naming, ids, time, references within one client."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    Uuid,
)
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from csai.kit.identifier import new_id

naming = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, stored in UTC. SQLite drops time zones, so a naive value would come back wrong."""

    impl = SqlDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone: use the clock")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Id = Uuid(as_uuid=False)
# None is SQL NULL here, not the JSON value null, which no `IS NULL` would find.
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
BigInt = BigInteger().with_variant(Integer(), "sqlite")
Name = String(200)


class Base(DeclarativeBase):
    """Base of the models. They are read and written by Core statements in repositories."""

    metadata = MetaData(naming_convention=naming)
    type_annotation_map = {  # noqa: RUF012 -- read by SQLAlchemy at class creation
        datetime: UtcDateTime,
        dict[str, Any]: Json,
        list[Any]: Json,
    }


def primary_id() -> Mapped[str]:
    return mapped_column(Id, primary_key=True, default=new_id)


def within_client(column: str, target: str, *, ondelete: str | None = "CASCADE") -> ForeignKeyConstraint:
    """A reference that cannot leave its client: (client_id, column) -> target(client_id, id)."""
    return ForeignKeyConstraint(
        ["client_id", column], [f"{target}.client_id", f"{target}.id"], ondelete=ondelete
    )
