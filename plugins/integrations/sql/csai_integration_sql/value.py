"""What a database holds, as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from csai_sdk import IntegrationError
from psycopg.adapt import AdaptersMap, Buffer, Loader
from psycopg.types import datetime as times

MAX_TEXT_CHARS = 4_000


def read_all_times(adapters: AdaptersMap) -> None:
    """Also those that Python has no value for, such as infinity: as the database says them."""
    for name, loader in _LOADERS.items():
        adapters.register_loader(name, _or_text(loader))


_LOADERS: Mapping[str, type[Loader]] = {
    "date": times.DateLoader,
    "time": times.TimeLoader,
    "timetz": times.TimetzLoader,
    "timestamp": times.TimestampLoader,
    "timestamptz": times.TimestamptzLoader,
}


def _or_text(loader: type[Loader]) -> type[Loader]:
    class OrText(loader):  # type: ignore[valid-type,misc]
        def load(self, data: Buffer) -> Any:
            try:
                return super().load(data)
            except psycopg.DataError:
                return bytes(data).decode()

    return OrText


def to_json(value: Any, column: str) -> Any:
    """Numbers that are exact stay so, as text. Raises `IntegrationError` for bytes."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT_CHARS else value[:MAX_TEXT_CHARS] + "..."
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        raise IntegrationError(f"The column '{column[:64]}' holds bytes, which cannot be given.")
    if isinstance(value, Mapping):
        return {str(name): to_json(each, column) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each, column) for each in value]
    if isinstance(value, Decimal | timedelta):
        return str(value)
    return str(value)[:MAX_TEXT_CHARS]
