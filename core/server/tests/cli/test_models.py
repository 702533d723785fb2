"""Models and their prices with commands."""

from __future__ import annotations

import json
from collections.abc import Callable

from typer.testing import Result

Csai = Callable[..., Result]


def test_a_price_is_set_shown_and_taken_back(csai: Csai) -> None:
    assert "Nobody knows" in csai("models", "price", "openai/ours").stdout
    listed = csai("models", "list", "--search", "gpt-4o-mini", "--json")
    assert {each["provider"] for each in json.loads(listed.stdout)["models"]} == {"openai"}
    done = csai("models", "price", "openai/ours", "--input", "1.25", "--output", "10", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["price"]["source"] == "own"
    assert "openai/ours" in csai("models", "list", "--search", "ours").stdout
    assert "$1.25" in csai("models", "price", "openai/ours").stdout
    assert "Nobody knows" in csai("models", "price", "openai/ours", "--reset").stdout


def test_a_price_that_is_no_number_or_half_a_price_is_refused(csai: Csai) -> None:
    assert "number of US dollars" in csai("models", "price", "openai/ours", "--input", "cheap").stderr
    assert "one for output" in csai("models", "price", "openai/ours", "--input", "1").stderr
    assert "There is no provider" in csai("models", "price", "nobody/ours").stderr
