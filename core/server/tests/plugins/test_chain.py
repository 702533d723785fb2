"""Which providers are asked, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from csai.plugins.chain import provider_chain


@pytest.mark.parametrize(
    ("usable", "wanted", "fallbacks", "asked"),
    [
        ("claude openai offline", "openai", ["claude"], "openai claude offline"),
        ("claude openai offline", "openai", ["openai", "offline"], "openai offline"),
        ("claude offline", "openai", ["claude"], "claude offline"),
        ("claude ollama offline", "openai", ["gone"], "claude offline"),
        ("offline claude ollama", "", [], "claude offline"),
        ("claude offline", "offline", [], "offline"),
        ("offline", "", [], "offline"),
        ("claude", "", [], "claude"),
        ("", "claude", [], ""),
    ],
)
def test_the_wanted_one_comes_first_and_the_offline_one_last(
    usable: str, wanted: str, fallbacks: Sequence[str], asked: str
) -> None:
    assert provider_chain(usable.split(), wanted=wanted, fallbacks=fallbacks) == asked.split()
