"""docs/plugins/hooks.md from the hook specifications: `python scripts/hook_reference.py` writes it,
`--check` ends with 1 where it is stale. `make check` asks for the latter.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from csai_sdk import event, hookspecs

PAGE = Path(__file__).resolve().parent.parent / "docs" / "plugins" / "hooks.md"
HEAD = """# Hooks

<!-- Written by scripts/hook_reference.py from csai_sdk.hookspecs and csai_sdk.event: change those. -->

{about}

A plugin implements a hook by a function of its name, decorated with `csai_sdk.hookimpl`; parameters that it
does not need it may leave out. A hook that does not exist, or that is async where it should not be, keeps the
plugin out, and `csai plugins doctor` names it.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    text = page()
    if not parser.parse_args().check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE.name} is stale: run .venv/bin/python scripts/hook_reference.py")


def page() -> str:
    hooks = [item for item in vars(hookspecs).values() if hasattr(item, "csai_spec")]
    contributing = [hook for hook in hooks if hook.__name__.startswith("register_")]
    events = [hook for hook in hooks if hook not in contributing]
    about = "\n\n".join(_text(hookspecs).split("\n\n")[1:])
    parts = [HEAD.format(about=about), "## Contributing hooks\n"]
    parts += [_section(hook) for hook in contributing]
    parts += ["## Event hooks\n"]
    parts += [_section(hook) for hook in events]
    return "\n".join(parts)


def _section(hook: Callable[..., Any]) -> str:
    prefix = "async def" if inspect.iscoroutinefunction(hook) else "def"
    signature = str(inspect.signature(hook)).replace("'", "")  # around what is not evaluated
    lines = [
        f"### {hook.__name__}\n",
        f"```python\n{prefix} {hook.__name__}{signature}\n```\n",
        f"{_text(hook)}\n",
    ]
    told = hook.__annotations__.get("event")
    if told is not None:
        lines += _fields(getattr(event, told.removeprefix("event.")))
    return "\n".join(lines)


def _fields(kind: type[Any]) -> list[str]:
    """What an event tells, with what its source says of each."""
    rows = [f"| `{name}` | `{type_}` | {said} |" for name, type_, said in _attributes(kind)]
    return [f"`{kind.__name__}`: {_text(kind)}\n", "| field | type | |", "|---|---|---|", *rows, ""]


def _attributes(kind: type[Any]) -> Iterator[tuple[str, str, str]]:
    tree = ast.parse(inspect.getsource(kind)).body[0]
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    for number, node in enumerate(body):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        after = body[number + 1] if number + 1 < len(body) else None
        is_said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        said = str(after.value.value) if is_said else ""  # type: ignore[union-attr]
        yield node.target.id, ast.unparse(node.annotation).replace("|", "\\|"), " ".join(said.split())


def _text(item: Any) -> str:
    return inspect.getdoc(item) or ""


if __name__ == "__main__":
    main()
