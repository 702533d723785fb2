"""What is known of models by their names."""

from __future__ import annotations

import re

from csai_sdk import ModelTraits

DEFAULT_MODEL = "claude-haiku-5-5"

# Models after 4.6 refuse `temperature`; of these older ones it is known that they take it.
# Source: https://platform.claude.com/docs/en/about-claude/models/migration-guide
_TAKES_TEMPERATURE = re.compile(
    r"(?:.*/)?claude-(?:instant|2|3|(?:opus|sonnet|haiku)-4(?:-[0-6])?(?:$|[@-](?:\d{8}|latest)))"
)

_TRAITS = ModelTraits(takes_temperature=False, price_provider="anthropic")
_OLDER_TRAITS = ModelTraits(price_provider="anthropic")


def traits_of(model: str) -> ModelTraits:
    return _OLDER_TRAITS if _TAKES_TEMPERATURE.match(model) else _TRAITS
