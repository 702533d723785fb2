"""What the operator may set, and what an account is set up with."""

from __future__ import annotations

from csai_sdk import PluginSettings
from pydantic import Field, SecretStr


class WhatsAppSettings(PluginSettings):
    """Where Meta answers."""

    base_url: str = Field(
        default="https://graph.facebook.com",
        title="Base URL",
        description="The address of the Graph API.",
        json_schema_extra={"env": "WHATSAPP_BASE_URL", "url": True},
    )
    api_version: str = Field(
        default="v23.0",
        pattern=r"^v\d{1,3}\.\d{1,2}$",
        title="Version",
        description="The version of the Graph API.",
        json_schema_extra={"env": "WHATSAPP_API_VERSION"},
    )


class WhatsAppAccount(PluginSettings):
    """One telephone number."""

    phone_number_id: str = Field(
        default="",
        pattern=r"^\d{0,30}$",
        title="Phone number ID",
        description="From API Setup in the Meta app; not the number itself.",
        json_schema_extra={"group": "Number"},
    )
    access_token: SecretStr | None = Field(
        default=None,
        title="Access token",
        description="A system user's permanent token with whatsapp_business_messaging.",
        json_schema_extra={"group": "Number"},
    )
    app_secret: SecretStr | None = Field(
        default=None,
        title="App secret",
        description="From the app's basic settings. Without it every delivery is refused.",
        json_schema_extra={"group": "Webhook"},
    )
    verify_token: SecretStr | None = Field(
        default=None,
        title="Verify token",
        description="Any long random text; type the same into Meta's webhook form.",
        json_schema_extra={"group": "Webhook"},
    )
    template_name: str = Field(
        default="",
        pattern=r"^[a-z0-9_]{0,512}$",
        title="Template",
        description="An approved template whose body has one variable. It carries an answer when the visitor "
        "has not written for 24 hours. Without it such answers are not sent.",
        json_schema_extra={"group": "After 24 hours"},
    )
    template_language: str = Field(
        default="en",
        pattern=r"^[a-zA-Z_]{2,10}$",
        title="Template language",
        description="As the template has it, such as en or pt_BR.",
        json_schema_extra={"group": "After 24 hours"},
    )
    shows_typing: bool = Field(
        default=True,
        title="Mark as read",
        description="Show messages as read, and that an answer is being written.",
        json_schema_extra={"group": "Number"},
    )
