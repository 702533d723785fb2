"""What a settings model says of its fields: what is secret, where secrets go, what the environment sets."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args

from csai_sdk import PluginSettings
from pydantic import AnyUrl, BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

# The plugin suite of the testkit has authors mark these.
_SOUNDS_ADDRESS = re.compile(r"(^|_)(url|uri|host|hostname|port|endpoint|issuer|domain)s?$")


def hints_of(field: FieldInfo) -> Mapping[str, Any]:
    """What its author wrote into `json_schema_extra`."""
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def secret_fields(model: type[BaseModel]) -> set[str]:
    """The fields that hold a secret, however deep."""
    return {
        name
        for name, field in model.model_fields.items()
        if _is_of(field, SecretStr, SecretBytes) or any(map(secret_fields, _models_in(field)))
    }


def address_fields(model: type[BaseModel]) -> set[str]:
    """The fields that say where secrets are sent, however deep."""
    return {
        name
        for name, field in model.model_fields.items()
        if says_where(name, field) or any(map(address_fields, _models_in(field)))
    }


def says_where(name: str, field: FieldInfo) -> bool:
    """Whether its author marked it so; of one that is not marked, whether it looks like an address."""
    hints = hints_of(field)
    looks_so = _is_of(field, AnyUrl) or _SOUNDS_ADDRESS.search(name) is not None
    return bool(hints.get("url") or hints.get("address", looks_so))


def from_environment(
    model: type[PluginSettings], environment: Mapping[str, str], *, own: Collection[str]
) -> dict[str, str]:
    """What variables give beside a client's `own` settings.

    The operator's secrets are not among it where the client chose an address: they would be sent there.
    """
    withheld = secret_fields(model) if own and address_fields(model) & set(own) else set()
    variables = {name: hints_of(field).get("env") for name, field in model.model_fields.items()}
    return {
        name: environment[variable]
        for name, variable in variables.items()
        if isinstance(variable, str) and environment.get(variable) and not {name} & {*own, *withheld}
    }


def _is_of(field: FieldInfo, *types: type) -> bool:
    return any(isinstance(each, type) and issubclass(each, types) for each in _types_in(field.annotation))


def _models_in(field: FieldInfo) -> list[type[BaseModel]]:
    found = _types_in(field.annotation)
    return [each for each in found if isinstance(each, type) and issubclass(each, BaseModel)]


def _types_in(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        yield from _types_in(argument)
