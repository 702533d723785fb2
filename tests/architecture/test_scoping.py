"""Every query on what a client owns is scoped to that client.

Prevents the classic leak of multi-tenant systems: an id from a request, looked up without its owner.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import csai
import pytest
from csai.models import Base
from csai.statement import Prepared
from sqlalchemy.dialects import postgresql

SERVER = Path(csai.__file__).parent
# Where statements are written, beside the repositories: each takes a client's id and has tests of its own.
STATEMENT_MODULES = {
    "analytics/incident.py",
    "analytics/rollup.py",
    "admins/api_token_repository.py",
    "admins/oidc_repository.py",
    "admins/session_repository.py",
    "clients/pause_repository.py",
    "channels/heard_repository.py",
    "channels/inbox.py",
    "channels/outbox.py",
    "channels/outcome.py",
    "channels/piece_repository.py",
    "channels/task_repository.py",
    "chat/statements.py",
    "clients/profile_repository.py",
    "conversations/detail_repository.py",
    "conversations/list_repository.py",
    "handoffs/desk_repository.py",
    "handoffs/follow_up_repository.py",
    "outbox/statements.py",
    "usage/counter.py",
    "usage/rollup.py",
    "knowledge/search.py",
    "knowledge/statements.py",
    "plugins/store.py",
    "privacy/channel_repository.py",
    "privacy/erasure_repository.py",
    "tools/execution_repository.py",
    "tools/listing_repository.py",
}
# For operators: which clients may be seen is the filter they are given.
STATEMENT_MODULES |= {"analytics/statements.py", "clients/list_repository.py"}
# Readiness asks nothing of a table; models and migrations define tables.
WITHOUT_CLIENTS = {"app.py", "statement.py"}
# Of people, whom no client owns.
ADMINS = {
    *("admins", "admin_identities", "admin_links", "admin_recovery_codes", "admin_sessions", "api_tokens"),
    "oidc_sign_ins",
}
VERBS = {"select", "insert", "update", "delete", "text"}


def modules() -> list[Path]:
    return [
        path
        for path in sorted(SERVER.rglob("*.py"))
        if not {"migrations", "models"} & set(path.relative_to(SERVER).parts)
    ]


def writes_sql(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "sqlalchemy"
        and VERBS & {alias.name for alias in node.names}
        for node in ast.walk(tree)
    )


def test_sql_is_written_in_repositories_only() -> None:
    elsewhere = {
        name
        for path in modules()
        if writes_sql(path)
        and path.name != "repository.py"
        and (name := path.relative_to(SERVER).as_posix()) not in STATEMENT_MODULES | WITHOUT_CLIENTS
    }
    assert elsewhere == set(), "put the query into a repository that is built from a client's id"


def prepared() -> dict[str, Prepared]:
    found = {}
    for info in pkgutil.walk_packages(csai.__path__, "csai."):
        if ".migrations" in info.name:
            continue
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if isinstance(value, Prepared):
                found[f"{info.name}.{name}"] = value
    return found


@pytest.mark.parametrize(("name", "statement"), prepared().items(), ids=prepared())
def test_a_prepared_statement_names_the_client(name: str, statement: Prepared) -> None:
    dialect = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
    sql = statement.compiled(dialect).sql
    owned = {table.name for table in Base.metadata.sorted_tables if "client_id" in table.columns}
    owned.add("knowledge_vectors")  # no model describes it: it differs by database
    assert any(table in sql for table in owned), f"{name} touches no client's table: list it with its reason"
    assert "client_id" in sql, f"{name} is not scoped to a client"


def test_every_client_owned_table_says_whose_it_is() -> None:
    shared = {"plans", "switches", "model_prices", "clients", "schema_state", "workers", "job_runs", *ADMINS}
    # Where a client owns some of the rows, or is only what a row tells of.
    partly = {"tools", "audit_log", "incidents"}
    for table in Base.metadata.sorted_tables:
        if table.name in shared:
            continue
        column = table.columns["client_id"]
        assert not column.nullable or table.name in partly, f"{table.name}.client_id may be null"


def test_a_query_outside_a_repository_would_be_found(tmp_path: Path) -> None:
    leak = tmp_path / "endpoints.py"
    leak.write_text("from sqlalchemy import select\n")

    assert writes_sql(leak)
