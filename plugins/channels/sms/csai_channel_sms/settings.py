"""What the operator may set, and what an account is set up with."""

from __future__ import annotations

from csai_sdk import PluginSettings
from pydantic import Field, SecretStr


class SmsSettings(PluginSettings):
    """Where Twilio answers."""

    base_url: str = Field(
        default="https://api.twilio.com",
        title="Base URL",
        description="The address of Twilio's API; that of another region, such as https://api.ie1.twilio.com.",
        json_schema_extra={"env": "TWILIO_BASE_URL", "url": True},
    )


class SmsAccount(PluginSettings):
    """One number, or one messaging service."""

    account_sid: str = Field(
        default="",
        pattern=r"^(AC[0-9a-f]{32})?$",
        title="Account SID",
        description="From the console; begins with AC.",
    )
    auth_token: SecretStr | None = Field(
        default=None,
        title="Auth token",
        description="Signs what comes in, and sends unless there is an API key. Without it every delivery is "
        "refused.",
    )
    api_key_sid: str = Field(
        default="",
        pattern=r"^(SK[0-9a-f]{32})?$",
        title="API key SID",
        description="Begins with SK; with it messages are sent by the API key instead of the auth token.",
    )
    api_key_secret: SecretStr | None = Field(
        default=None, title="API key secret", description="Belongs to the API key SID."
    )
    sender: str = Field(
        default="",
        pattern=r"^(\+\d{5,15}|MG[0-9a-f]{32}|\d{4,8})?$",
        title="Sender",
        description="The number that messages come from, such as +3545550100, a short code, or the SID of a "
        "messaging service (MG...).",
    )
