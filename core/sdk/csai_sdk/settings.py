"""Settings of a plugin, as a pydantic model the admin's form is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class PluginSettings(BaseModel):
    """Base of a plugin's settings. Every field has a default, a `title` and a `description`.

    Values come, later ones winning, from the fields' defaults, from the environment, and from what an admin
    set for the client. Fields of type `SecretStr` are encrypted at rest and never shown again. The form
    shows the fields in the order in which they are defined. `json_schema_extra` of a field may hold:

    - `"env": "VENDOR_API_KEY"`: a variable of the environment, which sets it for the whole installation.
    - `"url": True`: a URL that only the operator may set freely; a client's own value is subject to the
      egress guard. A change of it asks for the stored secrets anew: they were written for another address.
      Where a client has set one, the environment's secrets are not in force.
    - `"address": True`: what else says where secrets are sent, such as a host, a port, whether a connection
      is encrypted, or a name that binds a secret to an address; likewise. `False` says that what looks like
      an address (by its type or its name) is none that secrets are sent to. Both also count in models within.
    - `"group": "Connection"`: the heading under which the form shows it.
    - `"labels": {"adaptive": "As the model sees fit"}`: what the form shows for the values of a `Literal` or
      an enumeration; a value without one is shown as it is.

    What a client has set is stored together with `settings_version`. A release that renames a field, or reads
    an old value differently, raises that number and says in `migrate` what becomes of older values. New
    fields, and fields that are gone, need neither.
    """

    # What does not fit its field may be a key, and messages reach logs.
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    settings_version: ClassVar[int] = 1

    @classmethod
    def migrate(cls, old: Mapping[str, Any], from_version: int) -> Mapping[str, Any]:
        """What `old`, set under `from_version`, is in the model as it is now.

        Called whenever stored values are older than `settings_version`, and kept at the next change. `old`
        holds only what the client set, in the form it has in JSON, secrets as plain text. Raise
        `SettingsError` with a sentence on what to do where old values cannot be carried over: the plugin is
        then off for that client, and the sentence is shown to its admin. Must not do I/O.
        """
        return old
