"""What the routes for API tokens take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from csai.admins.api_token import MAX_NAME_CHARS
from csai.admins.service import Role, Scope
from csai.kit.query import CleanText


class NewApiToken(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "nightly report", "expires_in_days": 30}]}
    )

    name: Annotated[CleanText, Field(min_length=1, max_length=MAX_NAME_CHARS)]
    role: Role = Field("viewer", description="Not above your own.")
    scope: Scope = Field("read", description="read: GET alone; write: all that the role may.")
    client_ids: list[str] | None = Field(
        None, min_length=1, max_length=1_000, description="Left out or null: all that you may operate."
    )
    expires_in_days: int = Field(90, ge=1, le=366)


class ApiTokenItem(BaseModel):
    """A token without what is shown of it once."""

    id: str
    name: str
    owner: str = Field(description="The e-mail address of the admin that it acts for.")
    role: str = Field(description="What it may do now: never more than its owner.")
    scope: Scope
    client_ids: list[str] | None = Field(
        description="The clients that it may operate now; null is the whole installation."
    )
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")
    revoked_at: datetime | None


class ApiTokenList(BaseModel):
    tokens: list[ApiTokenItem]


class MadeApiToken(ApiTokenItem):
    token: str = Field(
        description="Shown this once: `Authorization: Bearer csai_...`.", examples=["csai_..."]
    )


class RevokedApiToken(BaseModel):
    revoked: str = Field(description="The token's id.")
