"""References within a document, followed within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from csai_sdk import SettingsError

MAX_DEPTH = 12
MAX_NODES = 5_000
MAX_NODES_IN_ALL = 200_000
MAX_TARGET_CHARS = 500
MAX_NAME_CHARS = 100


class Unusable(Exception):
    """A part of a document that no endpoint can be made of; the message says why."""


class References:
    """One document. What it follows is counted, for each operation and in all, so that none takes long:
    a few lines that refer to one another may say a thousand times what a large document says.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._left = MAX_NODES
        self._left_in_all = MAX_NODES_IN_ALL

    def begin(self) -> None:
        """From here on it is followed for the next operation."""
        self._left = MAX_NODES

    def resolve(self, node: Any) -> Mapping[str, Any]:
        """The object that a node is, or refers to. Raises `Unusable`."""
        seen: set[str] = set()
        while isinstance(node, Mapping) and "$ref" in node:
            target = node["$ref"]
            if not isinstance(target, str) or not target.startswith("#/"):
                raise Unusable("it refers to another document")
            if len(target) > MAX_TARGET_CHARS:
                raise Unusable("a reference is too long")
            if target in seen or len(seen) > MAX_DEPTH:
                raise Unusable("a reference leads to itself")
            seen.add(target)
            node = self._at(target)
        if not isinstance(node, Mapping):
            raise Unusable("an object was expected where there is none")
        self.count()
        return node

    def count(self, parts: int = 1) -> None:
        """Raises `Unusable`, and `SettingsError` where the document as a whole says too much."""
        self._left -= parts
        self._left_in_all -= parts
        if self._left_in_all < 0:
            raise SettingsError("the document refers too often to what it holds: give a part of it")
        if self._left < 0:
            raise Unusable("it is too large")

    @staticmethod
    def name(said: Any) -> str:
        """The name of a parameter or a property. Raises `Unusable`."""
        name = str(said)
        if len(name) > MAX_NAME_CHARS:
            raise Unusable(f"the name '{name[:50]}...' is too long")
        return name

    def _at(self, target: str) -> Any:
        node: Any = self._document
        for part in target.removeprefix("#/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, Mapping) or name not in node:
                raise Unusable("a reference leads nowhere")
            node = node[name]
        return node
