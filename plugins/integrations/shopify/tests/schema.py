"""Whether the shop's Admin API would take a query, by what it says of itself (admin_api.graphql)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphql import GraphQLSyntaxError, build_schema, get_operation_ast, parse, validate
from graphql.execution import get_variable_values

SCHEMA = build_schema((Path(__file__).parent / "admin_api.graphql").read_text())


def refusals(document: str, operation: str, variables: Mapping[str, Any] | None = None) -> list[str]:
    """Why the document is refused; nothing where it is valid.

    Its variables count only where they are given.
    """
    try:
        parsed = parse(document)
    except GraphQLSyntaxError as error:
        return [error.message]
    if errors := validate(SCHEMA, parsed):
        return [error.message for error in errors]
    named = get_operation_ast(parsed, operation)
    if named is None:
        return [f"No operation named {operation!r}"]
    if variables is None:
        return []
    coerced = get_variable_values(SCHEMA, named.variable_definitions or (), dict(variables))
    return [error.message for error in coerced] if isinstance(coerced, list) else []
