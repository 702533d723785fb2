"""Statements prepared once, so that running one costs the driver's work alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ClauseElement, Dialect, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import DeclarativeBase

Rows = list[tuple[Any, ...]]


class Prepared:
    """A Core statement that is compiled once for a dialect and then handed to the driver as text.

    Values are passed by the names of the statement's parameters; an insert takes every column, since
    Python-side defaults are not applied.
    """

    def __init__(self, statement: ClauseElement, *, columns: Sequence[str] | None = None) -> None:
        self.statement = statement
        self._columns = columns
        self._compiled: dict[tuple[str, str], CompiledStatement] = {}

    def compiled(self, dialect: Dialect) -> CompiledStatement:
        key = dialect.name, dialect.paramstyle
        found = self._compiled.get(key)
        if found is None:
            found = self._compiled[key] = CompiledStatement(self.statement, dialect, self._columns)
        return found


@dataclass(frozen=True, slots=True)
class Step:
    """A prepared statement with its values."""

    statement: Prepared
    values: Mapping[str, Any]

    async def run(self, connection: AsyncConnection) -> None:
        """Do it within a transaction of SQLAlchemy's, beside what else is done there."""
        await connection.execute(cast(Any, self.statement.statement), dict(self.values))


class CompiledStatement:
    __slots__ = ("_defaults", "_positions", "_to_driver", "_to_python", "returns_rows", "sql")

    def __init__(self, statement: ClauseElement, dialect: Dialect, columns: Sequence[str] | None) -> None:
        compiled: Any = statement.compile(dialect=dialect, column_keys=columns)
        self.sql: str = compiled.string
        self._positions: Sequence[str] | None = compiled.positiontup
        self._defaults = {name: bind.value for name, bind in compiled.binds.items()}
        self._to_driver = [
            (name, processor)
            for name, bind in compiled.binds.items()
            if (processor := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
        ]
        exported = list(getattr(statement, "exported_columns", ()))
        self.returns_rows = bool(exported) or " RETURNING " in self.sql
        processors = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in exported
        ]
        self._to_python = [(index, item) for index, item in enumerate(processors) if item is not None]

    def bind(self, values: Mapping[str, Any]) -> Any:
        bound = {**self._defaults, **values}
        for name, processor in self._to_driver:
            bound[name] = processor(bound[name])
        return bound if self._positions is None else [bound[name] for name in self._positions]

    def rows(self, fetched: Sequence[tuple[Any, ...]]) -> Rows:
        if not self._to_python:
            return list(fetched)
        converted = []
        for row in fetched:
            values = list(row)
            for index, processor in self._to_python:
                values[index] = processor(values[index])
            converted.append(tuple(values))
        return converted


def prepared_insert(model: type[DeclarativeBase]) -> Prepared:
    """An insert of one row, every column given."""
    return Prepared(insert(model), columns=[column.name for column in model.__table__.columns])


def upsert(connection: AsyncConnection, model: type[DeclarativeBase]) -> Any:
    """An insert with `on_conflict_do_nothing` and `on_conflict_do_update`, which both databases have."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(model)
