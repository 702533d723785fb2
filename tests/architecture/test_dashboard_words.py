"""What the server calls by a code, the dashboard calls by words, in each of its languages.

Prevents an operator who reads `channel.account_added`. Codes that the API's document lists need no test
here: the dashboard's words for them are of its types, and do not compile where one is missing.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args
from unittest.mock import Mock

import csai
import pytest
from csai.admins import action
from csai.admins.action import Action
from csai.admins.audit import CLI, SYSTEM
from csai.jobs.work import Work
from csai.knowledge.embedding import error_code
from csai.plugins.registry import Plugin
from csai_sdk import ProviderError

from tests.architecture.test_workflows import node_binary

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("en", "he")
TELL = """
  const { messages } = await import(`${process.cwd()}/src/messages/${process.argv[1]}/index.ts`);
  console.log(JSON.stringify(messages));
"""


@functools.cache
def _sources() -> str:
    modules = Path(csai.__file__).parent.rglob("*.py")
    return "\n".join(path.read_text() for path in modules if str(path) != action.__file__)


def _objects() -> set[str]:
    """The kinds of what `record` is told of: before the colon where an id follows."""
    return set(re.findall(r'object=f?"(\w+)[":]', _sources()))


def _jobs() -> set[str]:
    return set(Work(**{name: Mock() for name in inspect.signature(Work).parameters}).jobs)


def _plugin_kinds() -> set[str]:
    parts: dict[str, Any] = {
        field.name: (Mock(),) for field in dataclasses.fields(Plugin) if field.default == ()
    }
    return {*Plugin("x", "x", "1", **parts).kinds, *Plugin("x", "x", "1").kinds}


def _embedding_errors() -> set[str]:
    own = set(re.findall(r'error="(\w+)"', _sources()))
    return own | {error_code(kind.__new__(kind)) for kind in _kinds_of(ProviderError)}


def _kinds_of(cls: type[ProviderError]) -> Iterator[type[ProviderError]]:
    yield cls
    for kind in cls.__subclasses__():
        if kind.__module__.startswith("csai_sdk"):
            yield from _kinds_of(kind)


CODES = {
    "audit.actions": set(get_args(Action)),
    "audit.actors": {CLI.kind, SYSTEM.kind},
    "audit.objects": _objects(),
    "conversations.channels": {"widget", "api"} | {path.name for path in ROOT.glob("plugins/channels/*/")},
    "jobs.names": _jobs(),
    "knowledge.errors": _embedding_errors(),
    "plugins.kindNames": _plugin_kinds(),
}


@functools.cache
def _words(language: str) -> Any:
    told = subprocess.run(
        [node_binary(), "--input-type=module", "--eval", TELL, language],
        cwd=ROOT / "admin",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", CODES)
def test_a_code_of_the_server_has_words(place: str, language: str) -> None:
    section, name = place.split(".")
    words: dict[str, str] = _words(language)[section][name]
    assert set(words) == CODES[place]
    assert all(words.values())


def test_what_the_audit_log_may_say_is_recorded_somewhere() -> None:
    assert [each for each in get_args(Action) if f'"{each}"' not in _sources()] == []
