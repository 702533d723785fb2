"""Choosing with a command what makes vectors of a client's knowledge."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

Csai = Callable[..., Result]


def shown(csai: Csai, *arguments: str) -> Any:
    ended = csai("client", "embeddings", "Shop", *arguments, "--json")
    assert ended.exit_code == 0, ended.output + ended.stderr
    return json.loads(ended.stdout)


def test_a_model_is_chosen_told_with_its_reason_and_taken_back(csai: Csai) -> None:
    assert shown(csai)["using"] == "offline/hashed-words-1"
    chosen = shown(csai, "--use", "openai/text-embedding-3-small", "--dimensions", "512")
    assert (chosen["model"], chosen["dimensions"], chosen["source"]) == (
        "openai/text-embedding-3-small",
        512,
        "client",
    )
    assert chosen["using"] is None
    assert "has no key" in chosen["reason"]
    assert "by words alone" in csai("client", "embeddings", "Shop").stdout
    assert shown(csai, "--use", "off")["reason"] is None
    assert shown(csai, "--reset")["source"] == "installation"
    assert "0 of 0 passages" in csai("client", "embeddings", "Shop", "--again").stdout


def test_what_does_not_go_together_or_cannot_be_is_refused(csai: Csai) -> None:
    for arguments, said in (
        (("--use", "claude"), "makes no vectors"),
        (("--use", "openai", "--dimensions", "5000"), "less than or equal to 4000"),
        (("--use", "openai/text-embedding-ada-002", "--dimensions", "64"), "one length only"),
        (("--use", "off", "--dimensions", "64"), "where a model is named"),
        (("--use", "off", "--reset"), "give one of"),
        (("--dimensions", "64"), "belongs to a model"),
    ):
        refused = csai("client", "embeddings", "Shop", *arguments)
        assert refused.exit_code == 2, (arguments, refused.output)
        assert said in " ".join(refused.stderr.replace("│", " ").split())
