"""Errors that a person at the terminal can act on, in one line and without a traceback."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

EXIT_CODE = 2


class Commands(TyperGroup):
    """The commands. What a command raises for a reason is said; anything else is a defect and stays loud."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            line = _expected(error)
            if line is None:
                raise
            typer.echo(f"csai: {line}", err=True)
            raise typer.Exit(EXIT_CODE) from None


def _expected(error: Exception) -> str | None:
    if type(error).__module__.startswith("typer."):
        return None  # --help and wrong usage end here, which should not pay for the imports below
    from csai.config import ConfigError
    from csai.kit.problem import Problem

    if isinstance(error, ConfigError):
        return str(error)
    return error.detail if isinstance(error, Problem) else None
