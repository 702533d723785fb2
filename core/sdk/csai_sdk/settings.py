"""Settings of a plugin, as a pydantic model the admin's form is drawn from."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class PluginSettings(BaseModel):
    """Base of a plugin's settings. Every field has a default, a `title` and a `description`.

    Values come, later ones winning, from the fields' defaults, from the environment (a field's
    `json_schema_extra={"env": "VENDOR_API_KEY"}` names a vendor's own variable), and from what an admin
    set for the client. Fields of type `SecretStr` are encrypted at rest and never shown again.
    A field whose value is a URL that only the operator may set freely carries
    `json_schema_extra={"url": True}`: a client's own value is then subject to the egress guard.
    """

    # What does not fit its field may be a key, and messages reach logs.
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)
