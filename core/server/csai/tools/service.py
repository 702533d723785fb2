"""The shared catalog of tools as an operator changes it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from csai_sdk import Clock
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.action import Action
from csai.admins.audit import Actor, record
from csai.kit.precondition import check_tag
from csai.kit.problem import Problem
from csai.kit.text import is_clean
from csai.tools.name import MAX_CATEGORY_CHARS, TOOL_NAME
from csai.tools.python import PythonBackend
from csai.tools.repository import Catalog, CatalogRow
from csai.tools.schema import check_tool_schema

MAX_DESCRIPTION_CHARS = 4_000


EXAMPLE: dict[str, Any] = {
    "description": "Look up where an order is.",
    "parameters_schema": {
        "type": "object",
        "properties": {"order_id": {"type": "string", "maxLength": 40}},
        "required": ["order_id"],
        "additionalProperties": False,
    },
    "category": "orders",
    "backend": "n8n",
    "read_only": True,
}


class ToolDefinition(BaseModel):
    """What a shared tool is, but for its name."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [EXAMPLE]}
    )

    description: Annotated[str, Field(min_length=1, max_length=MAX_DESCRIPTION_CHARS)]
    parameters_schema: dict[str, Any]
    category: Annotated[str, Field(min_length=1, max_length=MAX_CATEGORY_CHARS)] = "general"
    backend: str
    read_only: bool = False
    idempotent: bool = False
    private: bool = False
    confirm: bool = False

    @field_validator("description", "category")
    @classmethod
    def _is_storable(cls, value: str) -> str:
        if not is_clean(value):
            raise ValueError("it holds characters that cannot be stored")
        return value

    @field_validator("parameters_schema")
    @classmethod
    def _is_schema(cls, value: dict[str, Any]) -> dict[str, Any]:
        check_tool_schema(value)
        text = json.dumps(value, ensure_ascii=False)
        if "\\u0000" in text or not is_clean(text):
            raise ValueError("it holds characters that cannot be stored")
        return value


class Named(BaseModel):
    """What a tool is called."""

    tool_name: str

    @field_validator("tool_name")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if not TOOL_NAME.fullmatch(value):
            raise ValueError("use 1 to 64 of the characters A-Z a-z 0-9 _ -; vendors take no others")
        return value


# The last one's fields come first.
class CatalogTool(ToolDefinition, Named):
    """A tool as it stands in a catalog file."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"examples": [{"tool_name": "get_order_status", **EXAMPLE}]},
    )


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """What a catalog file has done."""

    added: tuple[str, ...]
    updated: tuple[str, ...]


async def add_tools(
    catalog: Catalog, content: object, *, backends: Collection[str], clock: Clock
) -> CatalogChange:
    """Add the tools of a catalog file, an object or a list of them, and update those that are there.

    Raises `Problem` when one of them cannot be; the caller's transaction then keeps none.
    """
    tools = _parsed(content)
    known = {row.tool_name: row for row in await catalog.rows()}
    added, updated = [], []
    for tool in tools:
        _check_changeable(tool.tool_name, known.get(tool.tool_name))
        _check_backend(tool.tool_name, tool.backend, backends)
        values = tool.model_dump(exclude={"tool_name"})
        if tool.tool_name in known:
            await catalog.update(tool.tool_name, **values)
            updated.append(tool.tool_name)
        else:
            await catalog.add(tool.tool_name, now=clock.now(), **values)
            added.append(tool.tool_name)
    return CatalogChange(tuple(added), tuple(updated))


async def create_tool(
    transaction: AsyncConnection, tool: CatalogTool, *, backends: Collection[str], actor: Actor, clock: Clock
) -> None:
    """Add one shared tool. Raises `Problem`."""
    catalog = Catalog(transaction)
    if await catalog.find(tool.tool_name) is not None:
        raise tool_exists(tool.tool_name)
    _check_backend(tool.tool_name, tool.backend, backends)
    values = tool.model_dump(exclude={"tool_name"})
    await catalog.add(tool.tool_name, now=clock.now(), **values)
    await _record(transaction, actor, "tool.created", tool.tool_name, after=values, clock=clock)


async def change_tool(
    transaction: AsyncConnection,
    tool_name: str,
    definition: ToolDefinition,
    *,
    tags: Collection[str] | None,
    backends: Collection[str],
    actor: Actor,
    clock: Clock,
) -> None:
    """Make a shared tool another one, from the next turn on of every client that has it. Raises `Problem`."""
    before = await shared_tool(transaction, tool_name, is_locking=True)
    check_tag(asdict(before), tags)
    _check_changeable(tool_name, before)
    _check_backend(tool_name, definition.backend, backends)
    values = definition.model_dump()
    await Catalog(transaction).update(tool_name, **values)
    had = {name: getattr(before, name) for name in values}
    await _record(transaction, actor, "tool.changed", tool_name, before=had, after=values, clock=clock)


async def delete_tool(
    transaction: AsyncConnection,
    tool_name: str,
    *,
    tags: Collection[str] | None,
    actor: Actor,
    clock: Clock,
) -> None:
    """Take a shared tool from the catalog and from every client that has it. Raises `Problem`."""
    before = await shared_tool(transaction, tool_name, is_locking=True)
    check_tag(asdict(before), tags)
    _check_changeable(tool_name, before)
    await Catalog(transaction).delete(tool_name)
    had = {name: getattr(before, name) for name in ToolDefinition.model_fields}
    await _record(transaction, actor, "tool.deleted", tool_name, before=had, clock=clock)


def tool_exists(tool_name: str) -> Problem:
    return Problem(409, "tool_exists", f"The catalog has a tool '{tool_name}' already: change that one.")


async def shared_tool(connection: AsyncConnection, tool_name: str, *, is_locking: bool = False) -> CatalogRow:
    """Raises 404 for what is not in the shared catalog."""
    is_name = TOOL_NAME.fullmatch(tool_name)
    row = await Catalog(connection).find(tool_name, is_locking=is_locking) if is_name else None
    if row is None:
        raise Problem(404, "tool_unknown", "The shared catalog has no such tool. See GET /admin/tools.")
    return row


async def _record(
    transaction: AsyncConnection,
    actor: Actor,
    action: Action,
    tool_name: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    clock: Clock,
) -> None:
    await record(
        transaction,
        actor,
        action,
        object=f"tool:{tool_name}",
        before=before,
        after=after,
        at=clock.now(),
    )


def _parsed(content: object) -> list[CatalogTool]:
    entries: Sequence[object] = content if isinstance(content, list) else [content]
    tools = [_tool(entry, position) for position, entry in enumerate(entries, start=1)]
    names = [tool.tool_name for tool in tools]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise _invalid(f"the file names '{twice[0]}' twice" if twice else "the file holds no tool")
    return tools


def _tool(entry: object, position: int) -> CatalogTool:
    name = entry.get("tool_name") if isinstance(entry, dict) else None
    which = f"'{name[:64]}'" if isinstance(name, str) else f"number {position}"
    try:
        return CatalogTool.model_validate(entry)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, item['loc'])) or 'the tool'}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise _invalid(f"tool {which}: " + "; ".join(faults)) from None


def _check_changeable(tool_name: str, row: CatalogRow | None) -> None:
    if row is not None and row.backend == PythonBackend.id:
        raise Problem(
            409,
            "tool_of_plugin",
            f"'{tool_name}' is a function of the plugin {row.plugin}, which alone can change it. "
            "Give the tool another name.",
        )


def _check_backend(tool_name: str, backend: str, backends: Collection[str]) -> None:
    if backend not in backends:
        there = ", ".join(sorted(backends)) or "none"
        raise Problem(
            422,
            "tool_backend_unknown",
            f"tool '{tool_name}': there is no tool backend '{backend[:64]}'. Installed: {there}.",
        )


def _invalid(detail: str) -> Problem:
    return Problem(422, "tool_invalid", detail)
