"""What a visitor wrote, while arguments are taken out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Source:
    """A text of which no piece is read twice."""

    text: str
    now: datetime
    is_bare_answer: bool = False
    """Whether the visitor was asked for a value just now, so that plain words may be that value."""
    intent: frozenset[str] = frozenset()
    """Stems that say what is wanted rather than of what."""
    taken: list[tuple[int, int]] = field(default_factory=list)

    def take(self, start: int, end: int) -> None:
        self.taken.append((start, end))

    def is_free(self, start: int, end: int) -> bool:
        return all(end <= taken_start or start >= taken_end for taken_start, taken_end in self.taken)

    @property
    def rest(self) -> str:
        """The text with the taken pieces cut out."""
        text = self.text
        for start, end in sorted(self.taken, reverse=True):
            text = f"{text[:start]}\n{text[end:]}"
        return text
