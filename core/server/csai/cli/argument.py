"""What people give to commands: files, and values kept out of the shell's history."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from decimal import Decimal

FROM_STDIN = "@-"
MAX_FILE_BYTES = 5_000_000


def read_value(text: str) -> str:
    """The text itself; for `@-` standard input, without the newline at its end."""
    return sys.stdin.read().removesuffix("\n").removesuffix("\r") if text == FROM_STDIN else text


def read_pairs(texts: list[str]) -> dict[str, str]:
    """`name=value` each; a value `@-` stands on standard input, which only one can have."""
    pairs = [text.partition("=") for text in texts]
    for name, sign, _value in pairs:
        if not sign or not name:
            raise typer.BadParameter("write --set name=value; name=@- takes the value from standard input")
    if sum(value == FROM_STDIN for *_, value in pairs) > 1:
        raise typer.BadParameter("only one value can stand on standard input")
    return {name: read_value(value) for name, _sign, value in pairs}


def read_text(path: Path) -> str:
    """A UTF-8 file. The message names the file and quotes nothing of it."""
    try:
        content = path.read_bytes()
        if len(content) > MAX_FILE_BYTES:
            raise typer.BadParameter(f"{path} has more than {MAX_FILE_BYTES} bytes")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror or type(error).__name__}") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{path} is no UTF-8 text") from None


def need_any(*given: object, options: str) -> None:
    """Refuse a command that was told nothing to do."""
    if not any(value not in (None, False) and value != [] and value != {} for value in given):
        raise typer.BadParameter(f"nothing to change: give {options}")


def decimal_of(text: str, option: str) -> Decimal:
    """An amount that was given to `option`."""
    from decimal import Decimal, InvalidOperation

    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{option} is a number, such as 12.50") from None
