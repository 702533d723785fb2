"""What plugins rely on does not change without somebody saying so."""

from __future__ import annotations

import csai_sdk
import pytest
from csai_sdk import event, hookspecs

from scripts import public_names


def test_the_public_names_are_those_that_were_announced() -> None:
    difference = public_names.unannounced()
    assert not difference, difference


class Longer(csai_sdk.WebFiles):
    """Public, but made up."""

    def added(self) -> None:
        """Not announced."""


@pytest.mark.parametrize(
    ("module", "name", "made", "told"),
    [
        (csai_sdk, "WebFiles", Longer, "+    def added(self) -> None"),
        (csai_sdk, "Usage", csai_sdk.Payment, "-    tokens_input: int = 0"),
        (csai_sdk, "tool", lambda function: function, "-def tool("),
        (event, "Handoff", None, "-class Handoff"),
        (hookspecs, "handoff", None, "-async def handoff(event: event.Handoff, ctx: PluginContext) -> None"),
    ],
)
def test_a_change_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, made: object, told: str
) -> None:
    monkeypatch.setattr(module, name, made)
    difference = public_names.unannounced()
    assert told in difference
    assert "scripts/public_names.py" in difference
    assert "CHANGELOG.md" in difference
