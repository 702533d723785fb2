"""`csai migrate`, and whether it has been run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from csai.config import Settings


def migrate() -> None:
    """Bring the database up to this version's schema. Safe to repeat, and from many machines at once."""
    from csai.cli.configuration import load_settings, start_logging

    settings = load_settings()
    start_logging(settings, level="warning")
    before = current_revision(settings)
    after = upgrade(settings)
    if before == after:
        typer.echo(f"The database is up to date (revision {after}).")
    else:
        typer.echo(f"The database is now at revision {after} (before: {before or 'empty'}).")


def ensure_migrated(settings: Settings) -> None:
    """Refuse a database of another version, unless it is a newer one that lets this version go on.

    A development SQLite file is simply brought up to date.
    """
    from csai.config import ConfigError
    from csai.migrations import found, known_revisions

    known = known_revisions()
    with _reaching(settings):
        at = found(settings.effective_database_url)
    if known.is_served(at):
        return
    if at.revision is not None and at.revision not in known.revisions:
        raise ConfigError(
            f"the database is at revision {at.revision} of a newer csai, on which this version "
            f"({known.head}) cannot work: install that version"
        )
    if settings.env == "development" and settings.effective_database_url.startswith("sqlite"):
        upgrade(settings)
        return
    state = f"is at revision {at.revision}" if at.revision else "has no tables yet"
    raise ConfigError(f"the database {state} and this version needs {known.head}: run csai migrate")


def current_revision(settings: Settings) -> str | None:
    """Raises `ConfigError` when the database cannot be reached."""
    from csai.migrations import current

    with _reaching(settings):
        return current(settings.effective_database_url)


def upgrade(settings: Settings) -> str:
    """Migrate to the newest revision and name it. Raises `ConfigError` for a database of a newer csai."""
    from alembic.util import CommandError

    from csai import migrations
    from csai.config import ConfigError

    try:
        with _reaching(settings):
            migrations.upgrade(settings.effective_database_url)
    except CommandError:
        raise ConfigError(
            f"the database is at revision {current_revision(settings)}, which this version does not know: "
            "a newer csai migrated it. Install that version, or restore a backup"
        ) from None
    return migrations.head()


@contextmanager
def _reaching(settings: Settings) -> Iterator[None]:
    """Say in one line, and without the password, why the database does not answer."""
    from sqlalchemy.exc import DBAPIError

    from csai.config import ConfigError

    try:
        yield
    except (DBAPIError, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
        advice = "check CSAI_DATABASE_URL" if settings.database_url else "choose another data folder"
        raise ConfigError(f"the database cannot be reached ({reason}): {advice}") from None
