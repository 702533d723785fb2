"""Endpoints that an integration reads from a document, such as OpenAPI's."""

from __future__ import annotations

import asyncio

import structlog
from csai_sdk import EndpointImport, HttpClient, HttpError, Integration, SettingsError

from csai.integrations.draft import EndpointDraft, fault_of
from csai.kit.problem import Problem
from csai.kit.text import clean

log = structlog.get_logger(__name__)

MAX_BYTES = 2_500_000
FETCH_TIMEOUT_S = 20.0
READ_TIMEOUT_S = 60.0


async def fetch_document(url: str, http: HttpClient) -> str:
    """What is at an address that a client's admin gave. Raises `Problem`."""
    try:
        answer = await http.request("GET", url, timeout_s=FETCH_TIMEOUT_S, max_bytes=MAX_BYTES)
    except HttpError as error:
        raise Problem(422, "document_unreachable", f"The document cannot be fetched: {error}.") from None
    if answer.status != 200:
        raise Problem(
            422,
            "document_unreachable",
            f"The document's address answered with status {answer.status}, not 200.",
        )
    if answer.is_truncated:
        raise Problem(422, "document_invalid", f"The document has more than {MAX_BYTES} bytes.")
    try:
        return answer.body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problem(422, "document_invalid", "The document is no UTF-8 text.") from None


async def read_document(integration: Integration, document: str) -> EndpointImport:
    """What an integration reads in it, without endpoints that cannot work. Raises `Problem`."""
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            return await asyncio.to_thread(_read, integration, document)
    except SettingsError as error:
        raise Problem(422, "document_invalid", f"The document: {clean(str(error))}.") from None
    except TimeoutError:
        raise Problem(
            422, "document_invalid", "Reading the document takes too long. Give a part of it."
        ) from None
    except Exception:
        log.exception("an integration could not read a document", integration=integration.id)
        raise Problem(422, "document_invalid", "Reading the document failed; the log says how.") from None


def _read(integration: Integration, document: str) -> EndpointImport:
    """In a thread of its own: hundreds of schemas take a while to look at."""
    found = integration.read_document(document)
    usable, skipped = [], list(found.skipped)
    for endpoint in found.endpoints:
        reason = fault_of(EndpointDraft(endpoint), integration)
        if reason:
            skipped.append((endpoint.name, reason))
        else:
            usable.append(endpoint)
    return EndpointImport(usable, skipped)
