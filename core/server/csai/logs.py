"""Logging: one line an event, a static sentence with fields, never a variable's content in a traceback."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def _without_colors(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """uvicorn hands its messages on a second time, with terminal colours in them."""
    event.pop("color_message", None)
    return event


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.ExtraAdder(),
    _without_colors,
]
# One list for good: a logger keeps the one it was first used with, and whoever looks on changes it in place.
PROCESSORS: list[Any] = [
    structlog.stdlib.filter_by_level,
    *SHARED,
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]


def configure_logging(level: str, *, is_json: bool) -> None:
    """Send everything, the libraries' records too, to stderr."""
    structlog.configure(
        processors=PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # Plain tracebacks: pretty ones print local variables, and those hold keys and customers' words.
    last: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if is_json
        else [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # Their informational records carry URLs and statements, one or more for every request.
    for name in ("httpx", "httpx2", "httpcore", "anthropic", "openai", "stevedore", "aiosqlite", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # Its warnings quote the values of statements that failed.
    logging.getLogger("psycopg").setLevel(max(logging.ERROR, root.level))
