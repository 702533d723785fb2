"""The commands that the operator lets clients' servers be started by, from the variable `CSAI_MCP_COMMANDS`.

Not a setting of the plugin: what a client's admin may set must never come to be a command line.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from csai_sdk import SettingsError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

VARIABLE = "CSAI_MCP_COMMANDS"


class AllowedCommand(BaseModel):
    """A server that is started as a process of its own and spoken to over its standard input and output."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    command: Annotated[list[str], Field(min_length=1)]
    """Program and arguments; no shell reads them."""
    env: dict[str, str] = {}
    """Beside HOME, PATH and the like, which are all that it gets of the server's environment."""
    secret_env: str = ""
    """The variable in which it is handed the client's secret."""
    cwd: str | None = None


_COMMANDS = TypeAdapter(dict[str, AllowedCommand])


def allowed_commands(environment: Mapping[str, str] = os.environ) -> Mapping[str, AllowedCommand]:
    """By the name that clients' admins use. Raises `SettingsError`."""
    text = environment.get(VARIABLE, "").strip()
    if not text:
        return MappingProxyType({})
    try:
        return MappingProxyType(_COMMANDS.validate_json(text))
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        like = '{"files": {"command": ["program", "argument"]}}'
        raise SettingsError(f"{VARIABLE} is not like {like}: {where} {fault['msg']}") from None
