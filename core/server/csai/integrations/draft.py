"""An endpoint as an admin, or a document, has it: what may be stored, and what cannot work."""

from __future__ import annotations

from dataclasses import dataclass

from csai_sdk import Endpoint, Integration, SettingsError

from csai.integrations.offer import VISITOR_ID
from csai.kit.problem import Problem
from csai.kit.text import clean
from csai.plugins.owned import is_storable
from csai.tools.name import TOOL_NAME
from csai.tools.schema import InvalidSchema, check_tool_schema

MAX_CACHE_S = 300
MAX_URL_CHARS = 2_000
MAX_DESCRIPTION_CHARS = 4_000
MAX_REQUEST_CHARS = 64_000
DEFAULT_CACHE_S = 30


@dataclass(frozen=True, slots=True)
class EndpointDraft:
    """An endpoint as an admin wrote it."""

    endpoint: Endpoint
    cache_s: int = DEFAULT_CACHE_S


def fault_of(draft: EndpointDraft, integration: Integration) -> str:
    """Why it cannot work; empty where it can."""
    try:
        check_draft(draft, integration)
    except Problem as problem:
        return problem.detail
    return ""


def check_draft(draft: EndpointDraft, integration: Integration) -> None:
    """Refuse what cannot work, with a sentence on what to write instead. Raises `Problem`."""
    endpoint = draft.endpoint
    if not TOOL_NAME.fullmatch(endpoint.name):
        raise _invalid("the name is 1 to 64 of the characters A-Z a-z 0-9 _ -")
    if not 1 <= len(endpoint.description) <= MAX_DESCRIPTION_CHARS:
        raise _invalid(
            f"describe what is read in 1 to {MAX_DESCRIPTION_CHARS} characters: the model chooses by it"
        )
    if len(endpoint.url) > MAX_URL_CHARS or not 0 <= draft.cache_s <= MAX_CACHE_S:
        raise _invalid(f"the url has at most {MAX_URL_CHARS} characters, cache_s is 0 to {MAX_CACHE_S}")
    said = [endpoint.url, endpoint.description, dict(endpoint.request), dict(endpoint.parameters_schema)]
    if not is_storable(said) or len(str(endpoint.request)) > MAX_REQUEST_CHARS:
        raise _invalid("it is too large, or holds characters or numbers that cannot be stored")
    try:
        check_tool_schema(endpoint.parameters_schema)
    except InvalidSchema as error:
        raise _invalid(f"parameters_schema: {error}") from None
    _check_visitor_parameters(endpoint)
    try:
        integration.check_endpoint(endpoint)
    except SettingsError as error:
        raise _invalid(clean(str(error))) from None


def _check_visitor_parameters(endpoint: Endpoint) -> None:
    properties = endpoint.parameters_schema.get("properties", {})
    if VISITOR_ID in properties:
        raise _invalid(
            f"parameters_schema: no argument can be called {VISITOR_ID}; name another in visitor_parameters"
        )
    if endpoint.visitor_parameters and not endpoint.is_private:
        raise _invalid("visitor_parameters belong to a private endpoint: set is_private")
    for name in endpoint.visitor_parameters:
        declared = properties.get(name)
        if not isinstance(declared, dict) or declared.get("type") not in ("string", "integer"):
            raise _invalid(
                f"visitor_parameters: '{name[:64]}' is to be a property of parameters_schema, "
                "of type string or integer"
            )


def _invalid(detail: str) -> Problem:
    return Problem(422, "endpoint_invalid", f"The endpoint cannot work so: {detail.rstrip('.')}.")
