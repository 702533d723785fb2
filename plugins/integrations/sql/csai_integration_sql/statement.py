"""An admin's query: its parameters, found outside of literals and comments, become numbered ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from csai_sdk import Endpoint, SettingsError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

VISITOR_ID = "visitor_id"
MAX_QUERY_CHARS = 20_000

# Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html
_PART = re.compile(
    r"""
      (?P<literal>
          [eE]'(?:[^'\\]|\\.|'')*'            # with escapes of its own
        | '(?:[^']|'')*'
        | "(?:[^"]|"")*"
        | \$(?P<tag>[A-Za-z_\x80-\uffff]*[A-Za-z0-9_\x80-\uffff]*)\$.*?\$(?P=tag)\$
        | --[^\n]*
        | [A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*   # a word whole: E and $ within begin nothing
      )
    | (?P<comment>/\*)
    | (?P<cast>::)
    | :(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<end>;)
    | (?P<number>\$[0-9]+)
    | (?P<stray>['"])
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_BEGINNING = re.compile(r"(select|with|values|table)\b", re.IGNORECASE)


MAX_ROW_BYTES = 1_000_000
TOO_LARGE = "2201G"
"""The SQLSTATE, of a function that hardly anybody calls, by which the server refuses a row that is too large.

A row is in the memory of csai before it can be looked at there.
"""
_SIZE = "pg_catalog.octet_length(CAST(csai_row AS pg_catalog.text))"
_IS_SMALL = (
    f"CASE WHEN {_SIZE} <= {MAX_ROW_BYTES} THEN true "
    f"ELSE pg_catalog.width_bucket(0::float8, 1, 1, {_SIZE}) IS NULL END"
)


class SqlRequest(BaseModel):
    """What `request` of an endpoint holds."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=1, max_length=MAX_QUERY_CHARS)
    limit: int = Field(20, ge=1, le=200)


@dataclass(frozen=True, slots=True)
class Statement:
    """`text` has `$1`, `$2` and so on in the places of `names`, and gives at most `limit` rows and one."""

    text: str
    names: tuple[str, ...]
    limit: int

    def values(self, arguments: Mapping[str, Any], visitor_id: str | None) -> list[Any]:
        """In the order of the numbers, the limit last; what is missing is null."""
        given = {name: value for name, value in arguments.items() if name != VISITOR_ID}
        if visitor_id is not None:
            given[VISITOR_ID] = visitor_id
        return [*(given.get(name) for name in self.names), self.limit + 1]


def parse(request: Mapping[str, Any]) -> Statement:
    """Raises `SettingsError`."""
    try:
        asked = SqlRequest.model_validate(dict(request))
    except ValidationError as error:
        item = error.errors(include_input=False, include_url=False)[0]
        raise SettingsError(f"request.{'.'.join(map(str, item['loc']))}: {item['msg']}") from None
    query = asked.query.strip().removesuffix(";").strip()
    if not _BEGINNING.match(query):
        raise SettingsError("request.query begins with SELECT, WITH, VALUES or TABLE")
    text, names = _numbered(query)
    # As a part of another statement it can be but one that reads; the server refuses two in one message.
    rows = f"SELECT * FROM (\n{text}\n) AS asked LIMIT ${len(names) + 1}"  # noqa: S608 -- the admin's own query
    # Of the rows that are left: before the limit, a row of somebody else's could be what is too large.
    wrapped = f"SELECT * FROM ({rows}) AS csai_row WHERE {_IS_SMALL}"  # noqa: S608
    return Statement(wrapped, names, asked.limit)


def check_endpoint(endpoint: Endpoint) -> None:
    """Raises `SettingsError` for what cannot work."""
    if endpoint.url or endpoint.method != "GET":
        raise SettingsError("a query needs no url and no method: write it into request.query")
    used = set(parse(endpoint.request).names)
    known = set(endpoint.parameters_schema.get("properties", {}))
    if VISITOR_ID in used and not endpoint.is_private:
        raise SettingsError(":visitor_id belongs to a private endpoint: set is_private")
    unknown = sorted(used - known - {VISITOR_ID})
    if unknown:
        raise SettingsError(f":{unknown[0]} is no property of parameters_schema")
    if endpoint.is_private and not used & {VISITOR_ID, *endpoint.visitor_parameters}:
        raise SettingsError(
            "a private query reads by the visitor: use :visitor_id, or a property of visitor_parameters"
        )


def _numbered(query: str) -> tuple[str, tuple[str, ...]]:
    parts, names, position = [], list[str](), 0
    while position < len(query):
        match = _PART.match(query, position)
        assert match is not None  # noqa: S101 -- the last alternative takes any character
        position = match.end()
        if match["comment"]:
            position = _after_comment(query, match.start())
            parts.append(" ")
        elif match["name"]:
            if match["name"] not in names:
                names.append(match["name"])
            parts.append(f"${names.index(match['name']) + 1}")
        elif match["end"]:
            raise SettingsError("request.query is one statement: it holds a semicolon")
        elif match["number"] or match["stray"]:
            raise SettingsError("request.query: name parameters as :order_id, and close every quotation")
        else:
            parts.append(match.group())
    return "".join(parts), tuple(names)


def _after_comment(query: str, start: int) -> int:
    """Where a comment ends; they nest."""
    depth, position = 0, start
    for match in re.finditer(r"/\*|\*/", query[start:]):
        depth += 1 if match.group() == "/*" else -1
        position = start + match.end()
        if depth == 0:
            return position
    raise SettingsError("request.query: close every comment")
