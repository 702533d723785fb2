"""A document that somebody sent, in JSON or YAML, taken apart within bounds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml
from csai_sdk import SettingsError

MAX_CHARS = 2_000_000
MAX_DEPTH = 100
MAX_PARTS = 300_000

# The one in C where PyYAML was built with it: twenty times as fast.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# YAML 1.1 reads 1:30:00 as a number to the base of 60; a long one takes minutes.
_LONG_NUMBER = re.compile(r"[-+0-9:_.]{40,}")


def parsed(document: str) -> Mapping[str, Any]:
    """Raises `SettingsError`."""
    if len(document) > MAX_CHARS:
        raise SettingsError(f"the document has more than {MAX_CHARS} characters")
    try:
        root = json.loads(document) if document.lstrip().startswith("{") else _yaml(document)
    except (ValueError, yaml.YAMLError, RecursionError):
        raise SettingsError("the document is neither JSON nor YAML") from None
    if not isinstance(root, Mapping):
        raise SettingsError("the document is no object")
    return root


def _yaml(document: str) -> Any:
    _check(document)
    return yaml.load(document, Loader=_Loader)  # noqa: S506 -- one of the safe ones


def _check(document: str) -> None:
    """Look at the parts one after the other: what is nested deep ends the process when it is composed."""
    depth = 0
    for count, event in enumerate(yaml.parse(document, Loader=_Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
            if event.value == "<<":
                raise SettingsError("the document merges with <<, which doubles what it holds: write it out")
            if _LONG_NUMBER.fullmatch(event.value):
                raise SettingsError("the document holds a number that is too long")
        if depth > MAX_DEPTH or count > MAX_PARTS:
            raise SettingsError("the document is too deep, or has too many parts")
