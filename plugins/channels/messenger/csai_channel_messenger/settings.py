"""What the operator may set, and what an account is set up with."""

from __future__ import annotations

from csai_sdk import PluginSettings
from pydantic import Field, SecretStr


class MessengerSettings(PluginSettings):
    """Where Meta answers."""

    base_url: str = Field(
        default="https://graph.facebook.com",
        title="Base URL",
        description="The address of the Graph API.",
        json_schema_extra={"env": "MESSENGER_BASE_URL", "url": True},
    )
    api_version: str = Field(
        default="v23.0",
        pattern=r"^v\d{1,3}\.\d{1,2}$",
        title="Version",
        description="The version of the Graph API.",
        json_schema_extra={"env": "MESSENGER_API_VERSION"},
    )


class MessengerAccount(PluginSettings):
    """One Facebook page."""

    page_id: str = Field(
        default="",
        pattern=r"^\d{0,30}$",
        title="Page ID",
        description="From the page settings.",
    )
    page_token: SecretStr | None = Field(
        default=None,
        title="Page access token",
        description="Of the page, with pages_messaging; one that does not expire.",
    )
    app_secret: SecretStr | None = Field(
        default=None,
        title="App secret",
        description="From the app's basic settings. Without it every delivery is refused.",
    )
    verify_token: SecretStr | None = Field(
        default=None,
        title="Verify token",
        description="Any long random text; type the same into Meta's webhook form.",
    )
    has_human_agent: bool = Field(
        default=False,
        title="Human agent",
        description="Whether Meta has granted the app the Human Agent feature: teammates may then answer for "
        "seven days instead of 24 hours.",
    )
    shows_typing: bool = Field(
        default=True,
        title="Mark as seen",
        description="Show messages as seen, and that an answer is being written.",
    )
