"""What a function may call, as its source says it: over the server's own code, with the types it declares.

A call is followed where its target can be told: a name of the module, or a method of something whose class is
declared (a parameter, a field, what a constructor was given). What cannot be told is not followed.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

Function = Callable[..., Any]
PACKAGE = "csai."


def reaches(start: Function, goal: Function) -> bool:
    """Whether a call of `start` may end in one of `goal`."""
    waiting, seen = [start], {start}
    while waiting:
        for called in calls(waiting.pop()):
            if called is goal:
                return True
            if called not in seen:
                seen.add(called)
                waiting.append(called)
    return False


@functools.cache
def calls(function: Function) -> frozenset[Function]:
    scope = _Scope(function)
    found = (_targets(scope.value(node)) for node in ast.walk(_tree(function)) if _is_value(node))
    return frozenset(each for some in found for each in some)


def _is_value(node: ast.AST) -> bool:
    """Also functions that are only named: they are given to somebody who calls them."""
    return isinstance(node, ast.Name | ast.Attribute)


def _targets(value: Any) -> Iterator[Function]:
    if isinstance(value, type):
        value = value.__dict__.get("__init__")
    if inspect.isfunction(value) and value.__module__.startswith(PACKAGE):
        yield inspect.unwrap(value)


class _Instance:
    """Something of a class, as its declaration says."""

    def __init__(self, cls: type) -> None:
        self.cls = cls


class _Scope:
    """What the names in a function stand for: functions, classes, and instances of classes."""

    def __init__(self, function: Function) -> None:
        self._globals = function.__globals__
        self._locals: dict[str, Any] = {
            name: each for name, hint in _hints(function).items() if (each := _instance(hint))
        }
        owner = _owner(function)
        if owner is not None:
            self._locals |= {"self": _Instance(owner), "cls": owner}
        for _ in range(2):  # a name may be bound below its first use, in a loop
            for node in ast.walk(_tree(function)):
                self._bind(node)

    def value(self, node: ast.AST | None) -> Any:
        match node:
            case ast.Name(id=name):
                return self._locals.get(name, self._globals.get(name))
            case ast.Attribute(value=of, attr=name):
                return _attribute(self.value(of), name)
            case ast.Call(func=called):
                return _answer(self.value(called))
            case ast.Await(value=inner):
                return self.value(inner)
            case ast.IfExp(body=one, orelse=other):
                return self.value(one) or self.value(other)
        return None

    def _bind(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=[target], value=value):
                self._bind_to(target, value)
            case ast.AnnAssign(target=ast.Name(id=name), annotation=hint):
                kind = self.value(hint)
                if isinstance(kind, type):
                    self._locals[name] = _Instance(kind)
            case ast.withitem(context_expr=value, optional_vars=ast.Name() as target):
                self._bind_to(target, value)

    def _bind_to(self, target: ast.AST, value: ast.AST) -> None:
        match target, value:
            case ast.Name(id=name), _:
                found = self.value(value)
                if found is not None:
                    self._locals[name] = found
            case ast.Tuple(elts=targets), ast.Tuple(elts=values):
                for one, other in zip(targets, values, strict=False):
                    self._bind_to(one, other)


def _attribute(value: Any, name: str) -> Any:
    if isinstance(value, types.ModuleType):
        return getattr(value, name, None)
    cls = value.cls if isinstance(value, _Instance) else value
    if not isinstance(cls, type):
        return None
    found = inspect.getattr_static(cls, name, None)
    if isinstance(found, property) and found.fget is not None:
        return _answer(found.fget)
    if isinstance(found, staticmethod | classmethod):
        return found.__func__
    if inspect.isfunction(found):
        return found
    return _instance(_fields(cls).get(name))


@functools.cache
def _fields(cls: type) -> dict[str, Any]:
    """The declared types of a class's fields, and of what its constructor keeps under the same name."""
    given = _hints(inspect.getattr_static(cls, "__init__"))
    kept = {f"_{name}": hint for name, hint in given.items()} | given
    return {**kept, **_made(cls), **_hints(cls)}


def _made(cls: type) -> dict[str, Any]:
    """What the constructor makes itself: `self._x = Thing(...)`."""
    made: dict[str, Any] = {}
    init = cls.__dict__.get("__init__")
    if not inspect.isfunction(init):
        return made
    for node in ast.walk(_tree(init)):
        match node:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)],
                value=ast.Call(func=ast.Name(id=kind)),
            ) if isinstance(found := init.__globals__.get(kind), type):
                made[name] = found
    return made


def _answer(value: Any) -> Any:
    if isinstance(value, type):
        return _Instance(value)
    return _instance(_hints(value).get("return")) if inspect.isfunction(value) else None


def _instance(hint: Any) -> _Instance | None:
    """Of `X`, `X | None`, and the first argument of `AsyncIterator[X]` and its like."""
    for part in (hint, *typing.get_args(hint)):
        if isinstance(part, type) and part.__module__.startswith(PACKAGE):
            return _Instance(part)
    return None


@functools.cache
def _hints(of: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(of)
    except (NameError, TypeError, AttributeError):  # a type that is imported for the checker alone
        return {}


def _owner(function: Function) -> type | None:
    """The class that a method stands in."""
    found: Any = inspect.getmodule(function)
    for part in function.__qualname__.split(".")[:-1]:
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None


@functools.cache
def _tree(function: Function) -> ast.AST:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    except OSError:  # a dataclass's constructor has no source, and calls nothing of ours
        return ast.Module([], [])
