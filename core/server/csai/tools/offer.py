"""What a client's own systems offer as tools, checked before any of it is kept: nobody here wrote it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from csai_sdk import ListedTool, ToolListing

from csai.kit.text import clean, is_clean
from csai.tools.name import TOOL_NAME
from csai.tools.schema import InvalidSchema, check_tool_schema

MAX_TOOLS = 200
MAX_DESCRIPTION_CHARS = 4_000
MAX_SOURCE_CHARS = 64
MAX_PROBLEM_CHARS = 300
_MAX_TARGET_CHARS = 2_000
_MAX_REFUSED = 20
# Of processor time; one schema alone may take a second.
_CHECK_S = 10.0


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool that may stand in the client's catalog."""

    tool_name: str
    description: str
    parameters_schema: Mapping[str, Any]
    read_only: bool
    idempotent: bool
    source: str
    target: Mapping[str, Any]
    fingerprint: str


@dataclass(slots=True)
class SourceOffer:
    """What one system offers; with a `problem` it could not be asked."""

    source: str
    problem: str = ""
    tools: list[Offered] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    """Names, and why they cannot be kept."""

    def refuse(self, name: str, reason: str) -> None:
        if len(self.refused) < _MAX_REFUSED:
            self.refused.append({"name": clean(name)[:64], "reason": reason})


def check_offers(listings: Sequence[ToolListing], taken: Collection[str]) -> list[SourceOffer]:
    """The listings without what cannot be kept; `taken` are names of the shared catalog.

    Takes seconds of processor time at the worst: to be run in a thread.
    """
    end = time.thread_time() + _CHECK_S
    seen = set(taken)
    room = MAX_TOOLS
    offers = []
    for listing in listings:
        offer = SourceOffer(
            clean(listing.source)[:MAX_SOURCE_CHARS], clean(listing.problem)[:MAX_PROBLEM_CHARS]
        )
        offers.append(offer)
        for listed in () if offer.problem else listing.tools:
            if not room:
                fault = f"a client has at most {MAX_TOOLS} tools of its own"
            elif time.thread_time() >= end:
                fault = "checking all schemas takes too long"
            else:
                fault = next(_faults(listed, seen), "")
            if fault:
                offer.refuse(listed.spec.name, fault)
                continue
            room -= 1
            seen.add(listed.spec.name)
            offer.tools.append(_offered(offer.source, listed))
    return offers


def _faults(listed: ListedTool, seen: Collection[str]) -> Iterator[str]:
    """Why it cannot be kept."""
    if not TOOL_NAME.fullmatch(listed.spec.name):
        yield "vendors of models do not take its name"
    if listed.spec.name in seen:
        yield "the catalog has another tool of this name"
    if not listed.spec.description.strip():
        yield "it has no description"
    try:
        check_tool_schema(listed.spec.parameters_schema)
        kept = json.dumps([dict(listed.spec.parameters_schema), dict(listed.config)], allow_nan=False)
    except InvalidSchema as error:
        yield str(error)
    except (TypeError, ValueError, RecursionError):
        yield "its target is no JSON"
    else:
        if "\\u0000" in kept or not is_clean(json.dumps(json.loads(kept), ensure_ascii=False)):
            yield "it holds characters that cannot be stored"
        if len(json.dumps(dict(listed.config))) > _MAX_TARGET_CHARS:
            yield "its target is too long"


def _offered(source: str, listed: ListedTool) -> Offered:
    spec = listed.spec
    description = clean(spec.description).strip()[:MAX_DESCRIPTION_CHARS]
    definition = [
        description,
        spec.parameters_schema,
        spec.is_read_only,
        listed.is_idempotent,
        source,
        listed.config,
    ]
    text = json.dumps(definition, sort_keys=True, default=dict)
    return Offered(
        tool_name=spec.name,
        description=description,
        parameters_schema=dict(spec.parameters_schema),
        read_only=spec.is_read_only,
        idempotent=listed.is_idempotent or spec.is_read_only,
        source=source,
        target=dict(listed.config),
        fingerprint=hashlib.sha256(text.encode()).hexdigest(),
    )
