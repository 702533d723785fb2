"""The settings a command runs with, or one line on what is wrong with them."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csai.config import Settings

URL_FORMS = "sqlite+aiosqlite:///path/to/file or postgresql+psycopg://user:password@host/database"
DRIVERS = ("sqlite+aiosqlite", "postgresql+psycopg")


def load_settings(**overrides: Any) -> Settings:
    """Read `CSAI_...` from the environment. Raises `ConfigError`, which quotes no value: it may be secret."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from csai.config import ConfigError, Settings

    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        problems = {
            f"CSAI_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors() if item["loc"]
        }
        raise ConfigError("; ".join(sorted(problems))) from None
    except SettingsError as error:
        raise ConfigError(f"a variable that holds JSON cannot be read: {error}") from None
    if settings.log_level.upper() not in logging.getLevelNamesMapping():
        raise ConfigError("CSAI_LOG_LEVEL: use debug, info, warning or error")
    _check_database_url(settings.effective_database_url)
    return settings


def start_logging(settings: Settings, *, level: str | None = None) -> None:
    """Log to stderr: for people at a terminal, as JSON everywhere else."""
    from csai.logs import configure_logging

    is_json = settings.env == "production" or not sys.stderr.isatty()
    configure_logging(level or settings.log_level, is_json=is_json)


def _check_database_url(url: str) -> None:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    from csai.config import ConfigError

    try:
        driver = make_url(url).drivername
    except (ArgumentError, ValueError):
        raise ConfigError(f"CSAI_DATABASE_URL is no database URL: use {URL_FORMS}") from None
    if driver not in DRIVERS:
        raise ConfigError(f"CSAI_DATABASE_URL names the driver {driver}: use {URL_FORMS}")
