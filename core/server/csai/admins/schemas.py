"""What the routes for admins take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Login(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"email": "ada@example.com", "password": "a sentence of my own"}]},
    )

    email: str = Field(max_length=254)
    password: SecretStr = Field(max_length=256)


class AdminProfile(BaseModel):
    id: str
    email: str
    role: str = Field(description="owner, admin, teammate or viewer.")


class SignedInAnswer(BaseModel):
    """Who is signed in, and until when."""

    admin: AdminProfile
    expires_at: datetime


class LoginAnswer(SignedInAnswer):
    token: str = Field(description="For scripts: `Authorization: Bearer ...`. Browsers have the cookie.")
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 -- the word, not a token


class LoggedOut(BaseModel):
    signed_out: bool


class AuditItem(BaseModel):
    """One change. `before` and `after` name secrets and never hold one."""

    id: str
    actor: str = Field(description="admin, cli or system.")
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
