"""What the route for the audit log takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from csai.admins.repository import AuditFilter
from csai.kit.cursor import MAX_CHARS
from csai.kit.query import AnId, CleanText, Moment, Text

Address = Annotated[CleanText, Field(max_length=254)]
Object = Annotated[CleanText, Field(max_length=300)]


class AuditQuery(BaseModel):
    """Which changes are asked for, as the query says it."""

    client_id: AnId | None = Field(None, description="Only of this client.")
    object: Object | None = Field(None, description="Only of this object.", examples=["plugin:n8n"])
    action: Text | None = Field(None, description="Only this.", examples=["tool.switched"])
    actor: Address | None = Field(
        None,
        description="Only by the admin with this address, and their tokens; or by all of `cli`, `system`.",
    )
    since: Moment | None = Field(None, description="Made at this time or later.")
    until: Moment | None = Field(None, description="Made before this time.")
    before: str | None = Field(None, max_length=MAX_CHARS, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=200)

    def filter(self, client_ids: frozenset[str] | None) -> AuditFilter:
        """Of no other clients than those that the admin may see; None: all, and the installation."""
        return AuditFilter(client_ids=client_ids, **self.model_dump(exclude={"before", "limit"}))


class AuditItem(BaseModel):
    """One change. `before` and `after` name secrets and never hold one."""

    id: str
    actor: str = Field(description="admin, token, cli or system.")
    actor_id: str | None
    actor_name: str
    action: str
    object: str
    client_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None
    created_at: datetime


class AuditPage(BaseModel):
    entries: list[AuditItem]
    next: str | None = Field(description="Give it as `before` to read on; null at the end.")
