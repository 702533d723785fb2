"""What a call of a model used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one model call as the vendor reported them.

    `tokens_input` counts every input token, cached ones included; `tokens_cache_read` and
    `tokens_cache_write` say how many of those were read from or written to the vendor's prompt cache.
    `tokens_output` counts reasoning tokens too.
    """

    tokens_input: int = 0
    tokens_output: int = 0
    tokens_cache_read: int = 0
    tokens_cache_write: int = 0
