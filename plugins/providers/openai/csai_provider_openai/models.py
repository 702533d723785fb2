"""What is known of models by their names."""

from __future__ import annotations

import re

from csai_sdk import ModelTraits

DEFAULT_MODEL = "gpt-5.4-mini"

# A proxy writes the vendor in front: `openai/o3`.
_REASONING = re.compile(r"(?:.*/)?(?:o\d|codex-|gpt-(?:[5-9]|\d\d)(?![\w.-]*-chat))")

_PLAIN_TRAITS = ModelTraits(price_provider="openai")
_REASONING_TRAITS = ModelTraits(takes_temperature=False, price_provider="openai")


def is_reasoning(model: str) -> bool:
    """Whether the model refuses `temperature` and `max_tokens`, as OpenAI's reasoning models do.

    Source: https://platform.openai.com/docs/guides/reasoning
    """
    return _REASONING.match(model) is not None


def traits_of(model: str) -> ModelTraits:
    return _REASONING_TRAITS if is_reasoning(model) else _PLAIN_TRAITS
