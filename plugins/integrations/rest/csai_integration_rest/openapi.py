"""Endpoints of an OpenAPI document, 3.0 or 3.1, in JSON or YAML.

Source: https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from csai_sdk import Endpoint, EndpointImport, SettingsError

from csai_integration_rest.document import parsed
from csai_integration_rest.reference import References, Unusable
from csai_integration_rest.request import check_endpoint
from csai_integration_rest.schema import is_scalar, plain_schema, words

MAX_OPERATIONS = 2_000
MAX_PARAMETERS = 100
READ_MARK = "x-csai-read"
"""On a POST operation: that it changes nothing, as searches that take a body."""

_VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
_NAME_PARTS = re.compile(r"[^A-Za-z0-9]+")
_PATH_PARAMETER = re.compile(r"\{([^{}/]+)\}")


def read_openapi(document: str) -> EndpointImport:
    """What of it can be read, and what was left out with the reason. Raises `SettingsError`."""
    root = parsed(document)
    version = str(root.get("openapi", root.get("swagger", "")))
    if not version.startswith(("3.0", "3.1")):
        raise SettingsError("this is no OpenAPI document of version 3.0 or 3.1")
    endpoints: dict[str, Endpoint] = {}
    skipped: list[tuple[str, str]] = []
    references = References(root)
    for label, path, verb, item in _operations(root, references, skipped):
        references.begin()
        try:
            endpoint = _Operation(references, path, verb, item).endpoint(endpoints)
            _check(endpoint)
        except Unusable as error:
            skipped.append((label, str(error)))
        else:
            endpoints[endpoint.name] = endpoint
    return EndpointImport(list(endpoints.values()), skipped)


def _check(endpoint: Endpoint) -> None:
    try:
        check_endpoint(endpoint)
    except SettingsError as error:
        raise Unusable(str(error)) from None


def _operations(
    root: Mapping[str, Any], references: References, skipped: list[tuple[str, str]]
) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Those that read, each with the label it is reported by and its path item."""
    paths = root.get("paths")
    if not isinstance(paths, Mapping) or not paths:
        raise SettingsError("the document describes no paths")
    if len(paths) > MAX_OPERATIONS:
        raise SettingsError(f"the document describes more than {MAX_OPERATIONS} paths")
    count = 0
    for path, raw in paths.items():
        try:
            references.begin()
            item = references.resolve(raw)
        except Unusable as error:
            skipped.append((str(path)[:200], str(error)))
            continue
        for verb in _VERBS:
            if not isinstance(item.get(verb), Mapping):
                continue
            count += 1
            if count > MAX_OPERATIONS:
                raise SettingsError(f"the document describes more than {MAX_OPERATIONS} operations")
            label = f"{verb.upper()} {str(path)[:200]}"
            if verb == "get" or (verb == "post" and item[verb].get(READ_MARK) is True):
                yield label, str(path), verb, item
            else:
                reason = f"it may change something (mark a search with {READ_MARK}: true)"
                skipped.append((label, reason if verb == "post" else "it changes something"))


@dataclass
class _Operation:
    """One operation on its way to an endpoint."""

    references: References
    path: str
    verb: str
    item: Mapping[str, Any]
    properties: dict[str, Any] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    path_names: dict[str, str] = field(default_factory=dict)

    def endpoint(self, taken: Mapping[str, Any]) -> Endpoint:
        """Raises `Unusable`."""
        for parameter in self._parameters():
            self._take(parameter)
        request: dict[str, Any] = {"query": self.query, "headers": self.headers}
        if self.verb == "post":
            request["body"] = self._body()
        said = self._operation
        description = words(said.get("summary")) or words(said.get("description")) or f"Reads {self.path}."
        more = words(said.get("description"))
        return Endpoint(
            name=self._name(taken),
            url=_PATH_PARAMETER.sub(self._placeholder, self.path),
            method=self.verb.upper(),
            description=description if more in ("", description) else f"{description.rstrip('.')}. {more}",
            parameters_schema={
                "type": "object",
                "properties": self.properties,
                "required": self.required,
                "additionalProperties": False,
            },
            request={name: each for name, each in request.items() if each not in ({}, None)},
        )

    @property
    def _operation(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.item[self.verb]
        return found

    def _parameters(self) -> list[Mapping[str, Any]]:
        """The operation's own, which win over those of its path."""
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        for level in (self.item, self._operation):
            listed = level.get("parameters") or []
            if not isinstance(listed, list):
                raise Unusable("its parameters are no list")
            if len(listed) > MAX_PARAMETERS:
                raise Unusable(f"it has more than {MAX_PARAMETERS} parameters")
            for each in listed:
                parameter = self.references.resolve(each)
                found[str(parameter.get("name")), str(parameter.get("in"))] = parameter
        return list(found.values())

    def _take(self, parameter: Mapping[str, Any]) -> None:
        name, place = self.references.name(parameter.get("name", "")), parameter.get("in")
        is_required = parameter.get("required") is True or place == "path"
        try:
            schema = self._schema(parameter, place)
        except Unusable:
            if is_required:
                raise
            return
        if place == "header" and name.lower() in ("accept", "authorization", "content-type", "cookie"):
            return
        argument = self._argument(name)
        self.properties[argument] = schema
        if is_required:
            self.required.append(argument)
        if place == "path":
            self.path_names[name] = argument
        elif place == "query":
            self.query[name] = f"{{{argument}}}"
        else:
            self.headers[name] = f"{{{argument}}}"

    def _schema(self, parameter: Mapping[str, Any], place: Any) -> dict[str, Any]:
        name = str(parameter.get("name", ""))[:64]
        if place not in ("path", "query", "header"):
            raise Unusable(f"the parameter '{name}' stands in no place that can be filled")
        schema = plain_schema(parameter.get("schema") or {"type": "string"}, self.references)
        is_list = schema.get("type") == "array" and is_scalar(schema["items"]) and place == "query"
        is_repeated = parameter.get("style", "form") == "form" and parameter.get("explode", True) is True
        if "content" in parameter or not (is_scalar(schema) or (is_list and is_repeated)):
            raise Unusable(f"the parameter '{name}' is written in a way that cannot be filled")
        if description := words(parameter.get("description")):
            schema["description"] = description
        return schema

    def _body(self) -> Any:
        raw = self._operation.get("requestBody")
        if raw is None:
            return None
        content = self.references.resolve(raw).get("content")
        media = content.get("application/json") if isinstance(content, Mapping) else None
        if not isinstance(media, Mapping):
            raise Unusable("its body is no JSON")
        schema = plain_schema(media.get("schema") or {}, self.references)
        if schema.get("type") != "object":
            raise Unusable("its body is no object")
        body = {}
        for name, each in schema["properties"].items():
            argument = self._argument(name)
            self.properties[argument] = each
            body[name] = f"{{{argument}}}"
            if name in schema.get("required", ()):
                self.required.append(argument)
        return body

    def _argument(self, name: str) -> str:
        """A name for the argument, as templates and vendors of models take it."""
        made = _NAME_PARTS.sub("_", name).strip("_")[:50] or "value"
        made = f"p_{made}" if made[0].isdigit() or made == "visitor_id" else made
        number, unique = 2, made
        while unique in self.properties:
            unique, number = f"{made}_{number}", number + 1
        return unique

    def _placeholder(self, match: re.Match[str]) -> str:
        if match.group(1) not in self.path_names:
            raise Unusable(f"its path names '{match.group(1)[:64]}', which is no parameter")
        return f"{{{self.path_names[match.group(1)]}}}"

    def _name(self, taken: Mapping[str, Any]) -> str:
        said = self._operation.get("operationId")
        made = _NAME_PARTS.sub("_", said if isinstance(said, str) else f"{self.verb}_{self.path}").strip("_")
        made = made[:60] or self.verb
        number, unique = 2, made
        while unique in taken:
            unique, number = f"{made}_{number}", number + 1
        return unique
