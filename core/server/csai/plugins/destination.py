"""Whether changed settings send secrets elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from csai.plugins.field import address_fields, says_where

_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


def moved(model: type[BaseModel], before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The settings that name an address which they did not name before.

    Both are in the form of JSON. One that is named no longer is no harm: nothing is sent there.
    """
    addresses = address_fields(model)
    return [
        name
        for name in model.model_fields
        if name in addresses and _named(model, name, after) - _named(model, name, before)
    ]


def _named(model: type[BaseModel], name: str, values: Mapping[str, Any]) -> set[str]:
    field = model.model_fields[name]
    value = values[name] if name in values else _default(field)
    found = [value] if says_where(name, field) else _inside(field.annotation, value)
    return {json.dumps(each, sort_keys=True) for each in found}


def _inside(annotation: Any, value: Any) -> Iterator[Any]:
    """What models within it name, each as a whole: in a list, a name belongs to the address beside it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if isinstance(value, Mapping):
            yield {name: sorted(_named(annotation, name, value)) for name in address_fields(annotation)}
        return
    origin = get_origin(annotation)
    for argument in get_args(annotation):
        if isinstance(value, list):
            for item in value:
                yield from _inside(argument, item)
        elif isinstance(value, Mapping) and isinstance(origin, type) and issubclass(origin, Mapping):
            for key, item in value.items():
                yield from ([key, each] for each in _inside(argument, item))
        else:
            yield from _inside(argument, value)


def _default(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True, validated_data={})
    return _ANYTHING.dump_python(value, mode="json", fallback=str)
