"""Texts of which a model makes no vector: tried alone, after all others, and given up in the end.

A failed batch is halved until one text is left. Where the failure may be due to that text, it is put behind
the others, so that it holds up none of them; what is given up is told to the admin, and found by its words.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from csai_sdk import (
    ProviderAuthError,
    ProviderContextTooLong,
    ProviderError,
    ProviderQuotaExceeded,
    ProviderRateLimited,
    ProviderTimeout,
    ProviderUnavailable,
)

from csai.knowledge import statements
from csai.knowledge.repository import Missing
from csai.statement import Step

MOST_REFUSALS = 4
MOST_TRIES = 24
"""Of a failure that may pass: an hour lies between the later ones, so this is about a day."""


def may_be_of_text(failure: ProviderError) -> bool:
    """Whether another text may be taken where this one was not: not what is wrong with account or network."""
    if isinstance(failure, ProviderAuthError | ProviderQuotaExceeded | ProviderRateLimited | ProviderTimeout):
        return False
    return not (isinstance(failure, ProviderUnavailable) and failure.status is None)


def tried(
    client_id: str,
    found: Missing,
    *,
    model: str,
    failure: ProviderError,
    error: str,
    is_working: bool,
    now: datetime,
) -> list[Step]:
    """Note that a text was tried alone. It counts where the model has made vectors of other texts."""
    counts = is_working or isinstance(failure, ProviderContextTooLong)
    tries = found.tries + 1 if counts else found.tries
    most = MOST_TRIES if failure.retryable else MOST_REFUSALS
    own = {"client": client_id, "passage": found.passage.id}
    values = {
        "model": model,
        "tries": tries,
        "error": error,
        "is_given_up": tries >= most,
        "tried_at": now,
    }
    return [forgotten(client_id, found), Step(statements.KEEP_REFUSAL, own | values)]


def next_ones(found: Sequence[Missing]) -> Sequence[Missing]:
    """Of those that lack a vector, those to ask for together: what was tried before is asked for alone."""
    return found[:1] if found[:1] and found[0].is_tried else [each for each in found if not each.is_tried]


def forgotten(client_id: str, found: Missing) -> Step:
    """It has a vector now."""
    return Step(statements.FORGET_REFUSAL, {"client": client_id, "passage": found.passage.id})
