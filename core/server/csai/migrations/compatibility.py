"""Whether this version's code may work on a database as it is, also one that a newer version has migrated.

A revision says from which one on code can live with it (`serves_from = "0007"` in its file; without it, only
from itself on). Migrating writes that into the database, where servers that do not know the revision read it.
"""

from __future__ import annotations

from dataclasses import dataclass

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, delete, insert, inspect, select

from csai.models import SchemaState


@dataclass(frozen=True, slots=True)
class Found:
    """The revision a database is at (None: no tables yet), and from which on code can live with it."""

    revision: str | None
    serves_from: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """The revisions of this version."""

    head: str
    revisions: frozenset[str]

    def is_served(self, found: Found) -> bool:
        """Whether this version may serve on that database: its own, or a newer one that allows it."""
        if found.revision in self.revisions:
            return found.revision == self.head
        return found.serves_from in self.revisions


def known(script: ScriptDirectory) -> Known:
    head = script.get_current_head()
    if head is None:
        raise RuntimeError("csai/migrations/versions holds no revision: install csai again")
    return Known(head, frozenset(item.revision for item in script.walk_revisions()))


def declare(connection: Connection, script: ScriptDirectory) -> None:
    """Write down, after a migration, who may serve on the schema as it now is."""
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None or not inspect(connection).has_table(SchemaState.__tablename__):
        return
    module = script.get_revision(revision).module
    connection.execute(delete(SchemaState))
    connection.execute(
        insert(SchemaState).values(
            revision=revision, serves_from=getattr(module, "serves_from", None) or revision
        )
    )


def find(connection: Connection) -> Found:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None or not inspect(connection).has_table(SchemaState.__tablename__):
        return Found(revision, None)
    return Found(revision, connection.scalar(select(SchemaState.serves_from)))
