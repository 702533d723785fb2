"""docs/plugins/public-names.md, what plugins may rely on: `python scripts/public_names.py` writes it,
`--check` ends with 1 where csai_sdk is no longer as it says. `make check` asks for the latter.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import csai_sdk
from csai_sdk import event, hookspecs, store
from csai_sdk.channel import Author, Consent, Delivery, MediaKind, SendingMode
from csai_sdk.errors import ChannelFault
from csai_sdk.gateway import PaymentStatus
from csai_sdk.integration import TokenStore
from csai_sdk.provider import StopReason

PAGE = Path(__file__).resolve().parent.parent / "docs" / "plugins" / "public-names.md"
HEAD = """# Public names

<!-- Written by scripts/public_names.py from csai_sdk. A change here is one for every author of plugins. -->

All that a plugin may rely on, as [the version policy](versions.md) means it: what `csai_sdk` exports, what
events hold, and the hooks. Anything else in this package may change at any time.
"""
STALE = """The public names of csai_sdk are not what {page} says:

{difference}

Plugins rely on them: docs/plugins/versions.md says what may change when. If the change may be made, run
.venv/bin/python scripts/public_names.py and announce it with a line in CHANGELOG.md."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    if not parser.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
    elif difference := unannounced():
        sys.exit(difference)


def unannounced() -> str:
    """How the names differ from the page, and what to do about it; nothing where they do not."""
    written = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    lines = list(difflib.unified_diff(written.splitlines(), page().splitlines(), lineterm="", n=0))[2:]
    changed = [line for line in lines if not line.startswith("@@")]
    return STALE.format(page=PAGE.name, difference="\n".join(changed)) if changed else ""


def page() -> str:
    hooks = {name: item for name, item in vars(hookspecs).items() if hasattr(item, "csai_spec")}
    events = {name: item for name, item in vars(event).items() if _is_of(item, event.__name__)}
    reached = {
        "Store": store.Store,
        "TokenStore": TokenStore,
        "StopReason": StopReason,
        "PaymentStatus": PaymentStatus,
        "Author": Author,
        "Consent": Consent,
        "Delivery": Delivery,
        "MediaKind": MediaKind,
        "SendingMode": SendingMode,
        "ChannelFault": ChannelFault,
    }
    sections = {
        "csai_sdk": {name: getattr(csai_sdk, name) for name in csai_sdk.__all__},
        "csai_sdk.event": events,
        "csai_sdk.hookspecs": hooks,
        "What these refer to": reached,
    }
    parts = [HEAD]
    for title, items in sections.items():
        lines = [line for name, item in items.items() for line in described(name, item)]
        parts.append(f"## {title}\n\n```text\n" + "\n".join(lines) + "\n```\n")
    return "\n".join(parts)


def described(name: str, item: Any) -> Iterator[str]:
    """A name with all that a caller can see of it."""
    if inspect.isclass(item):
        bases = [base.__name__ for base in item.__bases__ if base is not object]
        yield f"class {name}({', '.join(bases)})" if bases else f"class {name}"
        yield from (f"    {line}" for line in _members(item))
    elif inspect.isroutine(item):
        yield _function(name, item)
    elif inspect.ismodule(item):
        yield f"module {name}"
    elif type(item).__module__ == "typing" or type(item).__name__ == "UnionType":
        yield f"{name} = {' | '.join(getattr(each, '__name__', repr(each)) for each in item.__args__)}"
    else:
        yield f"{name}: {type(item).__name__}"


def _members(item: type[Any]) -> Iterator[str]:
    fields = {field.name: field for field in dataclasses.fields(item)} if _is_own_dataclass(item) else {}
    for name, annotation in inspect.get_annotations(item).items():
        if not name.startswith("_"):
            yield f"{name}: {annotation}{_default(fields.get(name), vars(item).get(name))}"
    for name, member in vars(item).items():
        if name.startswith("_") and (name != "__init__" or fields or _is_protocol(item)):
            continue
        if isinstance(member, property):
            yield f"property {name}: {inspect.get_annotations(member.fget).get('return', '')}"  # type: ignore[arg-type]
        elif isinstance(member, classmethod | staticmethod):
            yield f"{type(member).__name__} {_function(name, member.__func__)}"
        elif inspect.isfunction(member):
            is_abstract = getattr(member, "__isabstractmethod__", False)
            yield f"{'abstract ' if is_abstract else ''}{_function(name, member)}"


def _default(field: dataclasses.Field[Any] | None, value: object) -> str:
    if field is not None:
        if field.default is not dataclasses.MISSING:
            return f" = {field.default!r}"
        return " = ..." if field.default_factory is not dataclasses.MISSING else ""
    return f" = {value!r}" if isinstance(value, str | int | float | bool) else ""


def _function(name: str, function: Any) -> str:
    prefix = "async def" if inspect.iscoroutinefunction(function) else "def"
    return f"{prefix} {name}{_signature(function)}"


def _signature(function: Any) -> str:
    # Without the quotes around what is not evaluated.
    return re.sub(r"(: |-> )([\"'])(.*?)\2(?=[,)]| =|$)", r"\1\3", str(inspect.signature(function)))


def _is_own_dataclass(item: type[Any]) -> bool:
    return "__dataclass_fields__" in vars(item)


def _is_protocol(item: type[Any]) -> bool:
    return bool(getattr(item, "_is_protocol", False))


def _is_of(item: Any, module: str) -> bool:
    return inspect.isclass(item) and item.__module__ == module


if __name__ == "__main__":
    main()
