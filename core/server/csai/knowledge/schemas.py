"""What the admin's routes for embeddings take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_DIMENSIONS = 4_000
"""What pgvector compares at most."""


class GivenUpPassage(BaseModel):
    """A passage that the model refused whenever it was asked for it alone."""

    id: str
    title: str
    error: str = Field(description="Why, as a code.")
    tries: int
    tried_at: datetime


class ClientEmbeddings(BaseModel):
    """What makes vectors of a client's knowledge, and how far that is."""

    model: str | None = Field(description="The client's own choice, provider/model or off; null: none.")
    dimensions: int | None = Field(description="The length asked for; null: the model's own.")
    min_similarity: float | None = Field(
        description="The cosine below which a passage has nothing to do with a question, as it is in use."
    )
    source: Literal["client", "installation"] = Field(description="Whose choice is in use.")
    using: str | None = Field(description="The model in use; null: only words are searched.")
    reason: str | None = Field(description="Why none is in use, where one is asked for.")
    passages: int
    embedded: int = Field(description="Those that have a vector of the model in use.")
    given_up: int = Field(description="Those that the model in use makes no vector of; found by words.")
    latest_given_up: list[GivenUpPassage] = Field(description="At most 20 of them, the latest first.")
    is_complete: bool = Field(description="Whether nothing is left to embed.")
    error: str | None = Field(description="Why the last try came to nothing, as a code.")
    retry_at: datetime | None = Field(description="When it is tried again, after an error.")


class EmbeddingsChange(BaseModel):
    """The client's choice as a whole."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"model": "openai/text-embedding-3-small", "dimensions": 512}]},
    )

    model: str | None = Field(
        None,
        description="provider/model, a provider alone for its own, off, or null for the installation's.",
    )
    dimensions: int | None = Field(None, ge=1, le=MAX_DIMENSIONS)
    min_similarity: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The cosine below which a passage has nothing to do with a question; null: what the "
        "model's plugin takes for that. Models differ: try questions about what the knowledge does not know.",
    )
