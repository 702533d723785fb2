"""Arguments of tools, brought into the forms of a country before they are checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from csai_sdk import Locale

log = structlog.get_logger(__name__)

Form = Callable[[str], str]
_MAX_DEPTH = 6


class Unreadable(ValueError):
    """An argument that cannot be meant; the message tells the model what is wanted."""


def forms_of(locales: Sequence[Locale]) -> Mapping[str, Form]:
    """By name; where two locales have one of the same name, the first one's."""
    forms: dict[str, Form] = {}
    for locale in locales:
        try:
            forms = {**locale.forms(), **forms}
        except Exception:
            log.exception("locale failed", locale=getattr(locale, "code", ""))
    return forms


def in_form(arguments: Mapping[str, Any], schema: Mapping[str, Any], forms: Mapping[str, Form]) -> Any:
    """The arguments, with each text whose schema names a form of `forms` as `format` in that form.

    Looks at `properties` and `items`, and follows no reference. Raises `Unreadable`.
    """
    return _read(arguments, schema, forms, name="", depth=0) if forms else arguments


def _read(value: Any, schema: Any, forms: Mapping[str, Form], *, name: str, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return value
    if isinstance(value, str):
        form = forms.get(str(schema.get("format")))
        return value if form is None else _formed(value, form, str(schema["format"]), name)
    if isinstance(value, Mapping) and isinstance(properties := schema.get("properties"), Mapping):
        return {
            key: _read(
                each, properties.get(key), forms, name=f"{name}.{key}" if name else key, depth=depth + 1
            )
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_read(each, schema.get("items"), forms, name=name, depth=depth + 1) for each in value]
    return value


def _formed(text: str, form: Form, format_name: str, name: str) -> str:
    try:
        read: Any = form(text)
    except ValueError as error:
        raise Unreadable(f"{name}: {error}") from None
    except Exception:
        log.exception("form of a locale failed", form=format_name)
        return text
    return read if isinstance(read, str) else text
