"""What the admin's routes for clients take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from csai.usage.schemas import Usd

ClientStatus = Literal["active", "inactive"]
ClientSort = Literal["name", "-name", "created", "-created", "activity", "-activity"]
KeyKindName = Literal["publishable", "secret"]

Name = Annotated[str, Field(min_length=1, max_length=200, description="As visitors see it.")]
Domain = Annotated[str, Field(max_length=253, description="The business' site, for people: `shop.example`.")]
Origins = Annotated[
    list[Annotated[str, Field(max_length=300)]],
    Field(max_length=100, description="Web origins its publishable keys work on: `https://shop.example`."),
]
Days = Annotated[int, Field(ge=1, le=9_999)]

_STRICT = ConfigDict(extra="forbid", strict=True)


class ListedClient(BaseModel):
    """A client in the list. What it used is that of the last 30 days, as counted by day."""

    id: str
    name: str
    domain: str
    plan: str
    status: ClientStatus
    created_at: datetime
    last_activity_at: datetime | None = Field(description="Its newest message; null before the first.")
    conversations: int
    messages: int
    cost: Usd


class StatusCounts(BaseModel):
    """How many clients fit the filter, whatever their status."""

    active: int
    inactive: int


class ClientPage(BaseModel):
    clients: list[ListedClient]
    counts: StatusCounts
    next: str | None = Field(description="Ask again with `after` set to this for more; null at the end.")


class NewClientBody(BaseModel):
    """A business that is to use this installation."""

    model_config = ConfigDict(
        **_STRICT,
        json_schema_extra={
            "examples": [{"name": "Your Shop", "origins": ["https://shop.example"], "plan": "default"}]
        },
    )

    name: Name
    origins: Origins = Field(default_factory=list)
    domain: Domain | None = Field(None, description="Left out: the host of its first origin.")
    plan: str = Field("default", max_length=50)


class MadeClient(BaseModel):
    """The only time that its keys and its identity secret are shown."""

    id: str
    publishable_key: str = Field(description="For web pages.")
    secret_key: str = Field(description="For servers only.")
    identity_secret: str = Field(description="Signs visitors' `user_token`.")
    embed_code: str


class ClientSettings(BaseModel):
    """How it answers; null is what the installation does."""

    provider: str | None
    model: str | None = Field(description="Of that provider.")
    prompt: str | None = Field(description="Told to the model beside csai's own instructions.")
    tone: str | None
    response_cache: bool | None = Field(description="Whether first questions may be answered again.")
    compression: bool | None
    message_days: int | None = Field(description="How long visitors' words are kept.")
    tool_log_days: int | None
    client_rate: int | None = Field(description="Messages a minute, of all its visitors together.")
    visitor_rate: int | None = Field(description="Messages a minute, of each visitor.")


class ClientProfile(BaseModel):
    id: str
    name: str
    domain: str
    origins: list[str]
    plan: str
    status: ClientStatus
    timezone: str
    created_at: datetime
    settings: ClientSettings
    defaults: ClientSettings = Field(description="What holds where a setting is null.")


class SettingsChange(BaseModel):
    """What to change; what is left out stays, null takes it back."""

    model_config = _STRICT

    provider: Annotated[str, Field(max_length=50)] | None = None
    model: Annotated[str, Field(max_length=200)] | None = None
    prompt: Annotated[str, Field(max_length=16_000)] | None = None
    tone: Annotated[str, Field(max_length=500)] | None = None
    response_cache: bool | None = None
    compression: bool | None = None
    message_days: Days | None = None
    tool_log_days: Days | None = None
    client_rate: Annotated[int, Field(ge=1, le=99_999)] | None = None
    visitor_rate: Annotated[int, Field(ge=1, le=99_999)] | None = None


class ClientChange(BaseModel):
    """What to change; what is left out stays. The plan is changed where it is billed."""

    model_config = ConfigDict(
        **_STRICT,
        json_schema_extra={
            "examples": [{"name": "Your Shop", "settings": {"tone": "Be brief.", "prompt": None}}]
        },
    )

    name: Name | None = None
    domain: Domain | None = None
    origins: Origins | None = None
    settings: SettingsChange | None = None


class ClientKey(BaseModel):
    """A key; only its last characters are known."""

    id: str
    kind: KeyKindName
    hint: str = Field(description="Its last characters.")
    created_at: datetime
    expires_at: datetime | None = Field(description="Until when it works; null without an end.")
    is_valid: bool


class ClientKeys(BaseModel):
    keys: list[ClientKey] = Field(description="Newest first; those that ended are listed for 30 days.")


class NewKeyBody(BaseModel):
    """A new key in place of those of its kind, which go on working for a while."""

    model_config = ConfigDict(
        **_STRICT, json_schema_extra={"examples": [{"kind": "publishable", "overlap_hours": 24}]}
    )

    kind: KeyKindName
    overlap_hours: int = Field(24, ge=0, le=720, description="How long the old ones work; 0 ends them now.")


class MadeKey(BaseModel):
    key: str = Field(description="Shown this once.")
    id: str
    old_keys_until: datetime
    embed_code: str | None = Field(description="For web pages; null for a secret key.")


class ClientDay(BaseModel):
    date: str
    conversations: int
    messages: int
    tool_calls: int
    tokens_input: int
    tokens_output: int
    cost: Usd


class ClientStatistics(BaseModel):
    """As counted by day, in UTC; today's newest messages join within minutes."""

    client_id: str
    first: str
    last: str
    total: ClientDay = Field(description="Its `date` is the first day.")
    days: list[ClientDay] = Field(description="Those on which anything happened, oldest first.")
