"""Which version may serve on which schema."""

from __future__ import annotations

from pathlib import Path

import pytest
from csai import migrations
from csai.cli.migrate import ensure_migrated
from csai.config import ConfigError, Settings
from csai.migrations.compatibility import Found, Known
from sqlalchemy import create_engine, make_url, text

from tests.support.backend import Backend

KNOWN = Known("0003", frozenset({"0001", "0002", "0003"}))


@pytest.mark.parametrize(
    ("found", "is_served"),
    [
        (Found("0003", "0003"), True),
        (Found("0003", "0002"), True),
        (Found("0004", "0003"), True),
        (Found("0005", "0002"), True),
        (Found("0004", "0004"), False),
        (Found("0004", None), False),
        (Found("0002", "0001"), False),
        (Found(None, None), False),
    ],
)
def test_a_version_serves_its_own_schema_and_a_newer_one_that_allows_it(
    found: Found, is_served: bool
) -> None:
    assert KNOWN.is_served(found) is is_served


def test_migrating_writes_down_who_may_serve(backend: Backend) -> None:
    assert migrations.found(backend.database_url) == Found(migrations.head(), migrations.head())


@pytest.mark.parametrize(("serves_from", "is_refused"), [("0001", False), ("9998", True)])
def test_a_start_beside_a_newer_schema_depends_on_what_that_allows(
    backend: Backend, tmp_path: Path, serves_from: str, is_refused: bool
) -> None:
    driver = migrations.SYNC_DRIVERS[make_url(backend.database_url).get_backend_name()]
    engine = create_engine(make_url(backend.database_url).set(drivername=driver))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text(f"UPDATE schema_state SET revision = '9999', serves_from = '{serves_from}'"))
    engine.dispose()
    settings = Settings(database_url=backend.database_url, data_dir=tmp_path)

    if is_refused:
        with pytest.raises(ConfigError, match="of a newer csai"):
            ensure_migrated(settings)
    else:
        ensure_migrated(settings)
