"""Whose code it is: a module's plugin, and the plugin that a stack of frames runs in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint
from types import FrameType


class Owners:
    """Tells plugins by the module of their entry point, and the package around it."""

    def __init__(self, points: Iterable[EntryPoint]) -> None:
        self._plugins: dict[str, str] = {}
        tops: dict[str, set[str]] = {}
        for point in points:
            self._plugins.setdefault(point.module, point.name)
            tops.setdefault(point.module.partition(".")[0], set()).add(point.name)
        # A package that several share, such as a namespace, tells nothing.
        self._plugins |= {top: names.copy().pop() for top, names in tops.items() if len(names) == 1}

    def of(self, module: str) -> str | None:
        """The plugin that a module belongs to, if any."""
        while module:
            if module in self._plugins:
                return self._plugins[module]
            module = module.rpartition(".")[0]
        return None

    def of_frame(self, frame: FrameType | None) -> tuple[str, str] | None:
        """The plugin whose code is innermost in the stack, and the place in it."""
        for each in frames(frame):
            module = str(each.f_globals.get("__name__", ""))
            plugin = self.of(module)
            if plugin is not None:
                return plugin, f"{module}, line {each.f_lineno}, in {each.f_code.co_name}"
        return None


def frames(frame: FrameType | None) -> Iterator[FrameType]:
    """From the innermost on."""
    while frame is not None:
        yield frame
        frame = frame.f_back
