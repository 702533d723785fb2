"""Arguments of tools in the forms of a country."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import pytest
from csai.locales.form import Unreadable, forms_of, in_form
from csai_sdk import Locale, ToolCall, hookimpl, tool
from csai_testkit.scripted import ScriptedProvider
from pydantic import Field

from tests.support.server import ServerFactory

called: list[Mapping[str, Any]] = []


@tool()
def call_back(phone: Annotated[str, Field(json_schema_extra={"format": "phone-XX"})]) -> str:
    """Has the visitor called back."""
    called.append({"phone": phone})
    return "soon"


def read_phone(text: str) -> str:
    digits = text.replace("-", "").replace(" ", "").removeprefix("+99")
    if not digits.isdigit():
        raise ValueError("a number of our country is wanted, such as 12-34")
    return f"+99{digits}"


def fail(text: str) -> str:
    raise RuntimeError(text)


class Ours(Locale):
    code = "xx"

    def matches(self, text: str) -> float:
        return 0.0

    def forms(self) -> Mapping[str, Callable[[str], str]]:
        return {"phone-XX": read_phone, "odd-XX": fail}


class Broken(Ours):
    def forms(self) -> Mapping[str, Callable[[str], str]]:
        raise RuntimeError("broken")


class Plugin:
    @hookimpl
    def register_locales(self) -> list[Locale]:
        return [Broken(), Ours()]

    @hookimpl
    def register_tools(self) -> list[object]:
        return [call_back]


async def test_a_tool_is_given_the_one_form_and_a_model_told_of_what_has_none(
    make_server: ServerFactory,
) -> None:
    called.clear()
    provider = ScriptedProvider(
        [ToolCall("1", "call_back", {"phone": "soon please"})],
        [ToolCall("2", "call_back", {"phone": "12-34"})],
        ["We will call."],
    )
    server = await make_server(provider, plugins={"ours": Plugin()})

    await server.say("call me")

    assert called == [{"phone": "+991234"}]
    (refused,) = provider.requests[1].messages[-1].results  # type: ignore[union-attr]
    assert refused.content.endswith("phone: a number of our country is wanted, such as 12-34")
    assert "soon please" not in refused.content


FORMS = forms_of([Ours()])
PHONE = {"type": "string", "format": "phone-XX"}


def test_forms_are_found_in_objects_and_lists() -> None:
    schema = {"properties": {"who": {"properties": {"phones": {"items": PHONE}}}, "note": {"type": "string"}}}
    given = {"who": {"phones": ["1-2", "+993"], "more": 1}, "note": "1-2", "extra": "1-2"}

    assert in_form(given, schema, FORMS) == {
        "who": {"phones": ["+9912", "+993"], "more": 1},
        "note": "1-2",
        "extra": "1-2",
    }


def test_what_is_no_text_is_left_to_the_schema() -> None:
    assert in_form({"phone": 12}, {"properties": {"phone": PHONE}}, FORMS) == {"phone": 12}


def test_a_form_that_breaks_leaves_the_text() -> None:
    schema = {"properties": {"odd": {"format": "odd-XX"}}}
    assert in_form({"odd": "x"}, schema, FORMS) == {"odd": "x"}


@pytest.mark.parametrize("schema", [{}, {"properties": []}, {"properties": {"a": True}}, {"items": PHONE}])
def test_any_schema_will_do(schema: Mapping[str, Any]) -> None:
    assert in_form({"a": "1-2"}, schema, FORMS) == {"a": "1-2"}


def test_the_argument_is_named_where_it_stands() -> None:
    schema = {"properties": {"who": {"properties": {"phone": PHONE}}}}
    with pytest.raises(Unreadable, match=r"^who\.phone: "):
        in_form({"who": {"phone": "?"}}, schema, FORMS)
