"""Saying with a command how a client's widget looks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

Csai = Callable[..., Result]


def shown(csai: Csai, *arguments: str) -> Any:
    ended = csai("client", "branding", "Shop", *arguments)
    assert ended.exit_code == 0, ended.output + ended.stderr
    return json.loads(ended.stdout)


def test_it_is_set_piece_by_piece_and_taken_back(csai: Csai) -> None:
    assert shown(csai) == {}
    shown(csai, "--set", "title=Kettle & Co", "--set", "handoff=false")
    assert shown(csai, "--set", 'quick_replies=["Where is it?"]') == {
        "title": "Kettle & Co",
        "handoff": False,
        "quick_replies": ["Where is it?"],
    }
    assert shown(csai, "--clear", "title", "--clear", "handoff") == {"quick_replies": ["Where is it?"]}
    assert shown(csai, "--reset", "--set", "theme=dark") == {"theme": "dark"}


def test_what_cannot_be_is_refused(csai: Csai) -> None:
    for arguments, said in (
        (("--set", "colour=#fff"), "there is no 'colour'"),
        (("--clear", "colour"), "there is no 'colour'"),
        (("--set", "primary_color=red"), "primary_color"),
        (("--set", "logo_url=https://evil.example/x.png"), "no host of the client's origins"),
        (("--set", "quick_replies=[1]"), "quick_replies"),
    ):
        refused = csai("client", "branding", "Shop", *arguments)
        assert refused.exit_code != 0, (arguments, refused.output)
        assert said in " ".join(refused.stderr.replace("│", " ").split()), refused.stderr
    assert shown(csai) == {}
