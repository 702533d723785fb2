"""A suite of conversations as a file has it: what is said, what the tools answer, what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from csai.kit.document import NoDocument, read_document
from csai.kit.problem import Problem

MAX_CASES = 1_000


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Expectation(_Part):
    """What is checked of an answer; what is left out is not."""

    status: Literal["completed", "handed_off", "stopped", "blocked", "failed"] = "completed"
    tools: list[str] | None = Field(None, description="The tools called, in their order.")
    asks: list[str] | None = Field(None, description="The tools that the visitor is asked to confirm.")
    contains: list[str] = Field(default_factory=list, description="Words of the answer, in any case.")
    lacks: list[str] = Field(default_factory=list, description="Words that it must not have.")


class Step(_Part):
    """One turn: something said, or the word on what the turn before asked to confirm."""

    say: Annotated[str, Field(min_length=1, max_length=16_000)] | None = None
    decide: Literal["approve", "decline"] | None = None
    expect: Expectation = Field(default_factory=Expectation)

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Step:
        if (self.say is None) == (self.decide is None):
            raise ValueError("a step has either `say` or `decide`")
        return self


class Mock(_Part):
    """What a tool answers where the arguments hold all of `when`."""

    when: dict[str, JsonValue] = Field(default_factory=dict)
    answer: JsonValue = None
    error: str | None = Field(None, description="Instead of an answer: the call fails with these words.")

    def fits(self, arguments: Mapping[str, Any]) -> bool:
        return all(name in arguments and arguments[name] == value for name, value in self.when.items())


Mocks = dict[str, list[Mock]]


class Case(_Part):
    """One conversation."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    visitor: str | None = Field(None, description="The verified visitor, for private tools.")
    tools: Mocks = Field(default_factory=dict, description="Before those of the suite.")
    steps: Annotated[list[Step], Field(min_length=1, max_length=100)]


class Suite(_Part):
    """Conversations, and what they share."""

    name: str = ""
    at: datetime = Field(datetime(2026, 1, 5, 10, tzinfo=UTC), description="When they take place.")
    tools: Mocks = Field(default_factory=dict)
    cases: Annotated[list[Case], Field(min_length=1, max_length=MAX_CASES)]

    @model_validator(mode="after")
    def _is_unambiguous(self) -> Suite:
        names = [case.name for case in self.cases]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two cases are named '{twice[0]}'")
        if self.at.tzinfo is None:
            raise ValueError("`at` needs a time zone, such as 2026-01-05T10:00:00Z")
        return self


def parse_suite(text: str) -> Suite:
    """A suite of YAML or JSON. Raises `Problem`."""
    try:
        return Suite.model_validate(read_document(text))
    except NoDocument as error:
        raise Problem(422, "suite_invalid", f"The suite is neither YAML nor JSON{error.where}.") from None
    except (ValidationError, RecursionError) as error:
        raise Problem(422, "suite_invalid", f"The suite does not fit: {_faults(error)}") from None


def _faults(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    faults = [
        f"{'.'.join(map(str, item['loc'])) or 'the suite'}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors(include_input=False, include_url=False)[:5]
    ]
    return "; ".join(faults)
