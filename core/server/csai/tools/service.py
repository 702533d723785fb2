"""The shared catalog of tools as an operator changes it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from csai_sdk import Clock
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from csai.kit.problem import Problem
from csai.kit.text import is_clean
from csai.tools.name import MAX_CATEGORY_CHARS, TOOL_NAME
from csai.tools.python import PythonBackend
from csai.tools.repository import Catalog, CatalogRow
from csai.tools.schema import check_tool_schema

MAX_DESCRIPTION_CHARS = 4_000


class CatalogTool(BaseModel):
    """A tool as it stands in a catalog file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    tool_name: str
    description: Annotated[str, Field(min_length=1, max_length=MAX_DESCRIPTION_CHARS)]
    parameters_schema: dict[str, Any]
    category: Annotated[str, Field(min_length=1, max_length=MAX_CATEGORY_CHARS)] = "general"
    backend: str
    read_only: bool = False
    idempotent: bool = False
    private: bool = False
    confirm: bool = False

    @field_validator("tool_name")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if not TOOL_NAME.fullmatch(value):
            raise ValueError("use 1 to 64 of the characters A-Z a-z 0-9 _ -; vendors take no others")
        return value

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
        _check_place(tool, known.get(tool.tool_name), backends)
        values = tool.model_dump(exclude={"tool_name"})
        if tool.tool_name in known:
            await catalog.update(tool.tool_name, **values)
            updated.append(tool.tool_name)
        else:
            await catalog.add(tool.tool_name, now=clock.now(), **values)
            added.append(tool.tool_name)
    return CatalogChange(tuple(added), tuple(updated))


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


def _check_place(tool: CatalogTool, row: CatalogRow | None, backends: Collection[str]) -> None:
    if row is not None and row.backend == PythonBackend.id:
        raise Problem(
            409,
            "tool_of_plugin",
            f"'{tool.tool_name}' is a function of the plugin {row.plugin}, which alone can change it. "
            "Give the tool another name.",
        )
    if tool.backend not in backends:
        there = ", ".join(sorted(backends)) or "none"
        raise Problem(
            422,
            "tool_backend_unknown",
            f"tool '{tool.tool_name}': there is no tool backend '{tool.backend[:64]}'. Installed: {there}.",
        )


def _invalid(detail: str) -> Problem:
    return Problem(422, "tool_invalid", detail)
