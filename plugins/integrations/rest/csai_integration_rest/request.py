"""An endpoint of an API: what is sent, and which part of the answer the model is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from csai_sdk import Endpoint, IntegrationError, SettingsError
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from csai_integration_rest.mapping import Mapped, check_path
from csai_integration_rest.template import (
    HEADER_NAME,
    beside,
    fill_body,
    fill_headers,
    fill_path,
    fill_query,
    placeholders,
)

VISITOR_ID = "visitor_id"
METHODS = ("GET", "POST")
# Who signs in, where to, and where a message ends is no endpoint's affair.
_TAKEN_HEADERS = frozenset(
    {"authorization", "connection", "content-length", "content-type", "cookie", "host", "transfer-encoding"}
)


class RestRequest(BaseModel):
    """What `request` of an endpoint may hold."""

    model_config = ConfigDict(extra="forbid")

    query: dict[str, JsonValue] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    body: JsonValue = None
    rows: str = ""
    """Where in the answer the rows are: names and numbers with dots between them."""
    fields: dict[str, str] | list[str] = Field(default_factory=dict)
    """What of a row the model is given: by the name it gets, the path in the row. Everything where empty."""
    limit: int = Field(20, ge=1, le=100)

    @property
    def mapped(self) -> Mapped:
        fields = self.fields
        named = {path: path for path in fields} if isinstance(fields, list) else fields
        return Mapped(self.rows, named, self.limit)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request, ready to be sent below the address of the API."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    content: bytes | None


def parsed(request: Mapping[str, Any]) -> RestRequest:
    """Raises `SettingsError`."""
    try:
        return RestRequest.model_validate(dict(request))
    except ValidationError as error:
        item = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, item["loc"]))
        raise SettingsError(f"request.{where}: {item['msg']}") from None


def check_endpoint(endpoint: Endpoint) -> None:
    """Raises `SettingsError` for what cannot work."""
    request = parsed(endpoint.request)
    if endpoint.method not in METHODS:
        raise SettingsError("method is GET, or POST for a search that changes nothing")
    if request.body is not None and endpoint.method != "POST":
        raise SettingsError("request.body belongs to the method POST")
    _check_path(endpoint.url)
    for name, each in request.query.items():
        if not name or isinstance(each, dict | list) or each is None:
            raise SettingsError(f"request.query.{name}: write text, a number, true or false")
    for name in request.headers:
        if not HEADER_NAME.fullmatch(name) or name.lower() in _TAKEN_HEADERS:
            raise SettingsError(f"request.headers: {name[:64]} cannot be set here")
        if not request.headers[name].isascii() or not request.headers[name].isprintable():
            raise SettingsError(f"request.headers.{name}: only printable ASCII")
    for path in (request.rows, *request.mapped.fields.values()):
        check_path(path)
    _check_placeholders(endpoint, request)


def prepare(endpoint: Endpoint, arguments: Mapping[str, Any], visitor_id: str | None) -> Prepared:
    """Raises `IntegrationError` for arguments that cannot stand where they would, and `SettingsError`."""
    request = parsed(endpoint.request)
    _check_apart(endpoint, request)
    values = {name: value for name, value in arguments.items() if name != VISITOR_ID}
    if endpoint.is_private:
        if visitor_id is None:
            raise IntegrationError("This needs a visitor whose identity is verified.")
        values[VISITOR_ID] = visitor_id
    headers, content = fill_headers(request.headers, values), None
    if endpoint.method == "POST":
        body = fill_body(request.body, values) if request.body is not None else {}
        content = _json(body)
        headers["content-type"] = "application/json"
    path = fill_path(endpoint.url, values) if endpoint.url else ""
    return Prepared(endpoint.method, path, fill_query(request.query, values), headers, content)


def _json(body: Any) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except ValueError:
        raise IntegrationError("An argument holds a number that cannot be sent.") from None


def _of_visitor(endpoint: Endpoint) -> frozenset[str]:
    """The placeholders by which a private endpoint says whose records it reads."""
    return frozenset({VISITOR_ID, *endpoint.visitor_parameters} if endpoint.is_private else ())


def _check_apart(endpoint: Endpoint, request: RestRequest) -> None:
    """A text that says whose records are read holds nothing of the model's.

    It could make another's id of it, or widen what is searched for; and a text whose other argument is
    missing is left out as a whole.
    """
    texts = [endpoint.url.split("/"), request.query, request.headers, request.body]
    for name in beside(_of_visitor(endpoint), texts):
        raise SettingsError(
            f"{{{name}}} stands in one text with the visitor's id: give each a place of its own"
        )


def _check_path(url: str) -> None:
    if url and not url.startswith("/"):
        raise SettingsError("url is a path below the connection's address, such as /orders/{order_id}")
    if any(char in url for char in "?#\\") or not url.isascii() or not url.isprintable() or " " in url:
        raise SettingsError("url is a path alone, escaped: parameters go to request.query")
    for segment in url.split("/"):
        literal = unquote(segment)
        if literal and literal.strip(".") == "":
            raise SettingsError("url can have no segment of dots alone")


def _check_placeholders(endpoint: Endpoint, request: RestRequest) -> None:
    known = set(endpoint.parameters_schema.get("properties", {}))
    used = {
        name
        for template in (endpoint.url, request.query, request.headers, request.body)
        for name in placeholders(template)
    }
    if VISITOR_ID in used and not endpoint.is_private:
        raise SettingsError("{visitor_id} belongs to a private endpoint: set is_private")
    unknown = sorted(used - known - {VISITOR_ID})
    if unknown:
        raise SettingsError(f"{{{unknown[0]}}} is no property of parameters_schema")
    of_visitor = _of_visitor(endpoint)
    required = set(endpoint.parameters_schema.get("required", [])) | of_visitor
    optional = sorted(set(placeholders(endpoint.url)) - required)
    if optional:
        raise SettingsError(f"{{{optional[0]}}} stands in the path: make it required")
    _check_apart(endpoint, request)
    if endpoint.is_private and not used & of_visitor:
        raise SettingsError(
            "a private endpoint reads by the visitor: use {visitor_id}, or a property of visitor_parameters"
        )
