"""The SDK says of each of its names what it is for, and does not grow unnoticed."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import csai_sdk
import pytest
from csai_sdk import event, hookspecs

from scripts import hook_reference

ROOT = Path(__file__).resolve().parents[2]
MAX_PUBLIC_NAMES = 100
HOOKS = sorted(
    name for name, item in vars(hookspecs).items() if hasattr(item, "csai_spec") and callable(item)
)
EVENTS = sorted(
    name for name, item in vars(event).items() if getattr(item, "__module__", "") == event.__name__
)
ALIASES = {"Message", "hookimpl"}
"""A union of types and a marker, which can carry no docstring of their own."""


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_says_when_it_is_called(name: str) -> None:
    assert is_said(getattr(hookspecs, name))


def test_there_are_no_hooks_but_these() -> None:
    """A new hook is a promise to every plugin's author: write it into the documents, then here."""
    contributing = [name for name in HOOKS if name.startswith("register_")]
    assert len(contributing) == 9
    assert len(HOOKS) - len(contributing) == 11
    for name in HOOKS:
        function = getattr(hookspecs, name)
        assert inspect.iscoroutinefunction(function) is (name not in contributing), name
        if name not in contributing:
            assert list(inspect.signature(function).parameters) == ["event", "ctx"], name


def test_the_reference_page_is_as_the_specifications_say() -> None:
    text = hook_reference.PAGE.read_text(encoding="utf-8")
    assert text == hook_reference.page()
    assert [name for name in HOOKS if f"### {name}\n" not in text] == []


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_is_tested(name: str) -> None:
    """By a plugin that implements it. What nothing calls yet is listed in test_turn_hooks.py."""
    pattern = re.compile(rf'\bdef {name}\(|"{name}"|\b{name}=hookimpl')
    tests = (ROOT / "core" / "server" / "tests").rglob("test_*.py")
    assert any(pattern.search(path.read_text(encoding="utf-8")) for path in tests)


@pytest.mark.parametrize("name", sorted(set(csai_sdk.__all__) - ALIASES))
def test_each_public_name_says_what_it_is(name: str) -> None:
    item = getattr(csai_sdk, name)

    assert is_said(item)
    if inspect.isclass(item):
        unsaid = [each for each in own_methods(item) if not is_said(getattr(item, each))]
        assert unsaid == []


def own_methods(item: type[Any]) -> list[str]:
    return [
        name for name, member in vars(item).items() if not name.startswith("_") and inspect.isfunction(member)
    ]


def is_said(item: Any) -> bool:
    """Has a docstring of its own, and not the one that a dataclass writes itself."""
    text = item.__doc__ or ""
    return bool(text.strip()) and not text.startswith(f"{getattr(item, '__name__', '')}(")


@pytest.mark.parametrize("name", EVENTS)
def test_each_event_says_what_happened(name: str) -> None:
    assert is_said(getattr(event, name))


def test_each_event_has_a_hook_and_each_hook_its_event() -> None:
    hooks = {name for name in HOOKS if not name.startswith("register_")}
    told = {"".join(part.title() for part in name.split("_")) for name in hooks}

    assert set(EVENTS) - {"TurnRef"} == told


def test_the_public_names_are_all_there_and_not_too_many() -> None:
    assert sorted(csai_sdk.__all__) == csai_sdk.__all__
    assert len(set(csai_sdk.__all__)) == len(csai_sdk.__all__) <= MAX_PUBLIC_NAMES
    assert [name for name in csai_sdk.__all__ if not hasattr(csai_sdk, name)] == []
    public = {
        name
        for name, item in vars(csai_sdk).items()
        if not name.startswith("_") and not isinstance(item, ModuleType)
    }
    assert public <= set(csai_sdk.__all__)
