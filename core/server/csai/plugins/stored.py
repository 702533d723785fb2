"""What a client set of a plugin or a connection: from the database into the model as it is now, and back."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from csai_sdk import PluginSettings, SettingsError
from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError

from csai.kit.crypto import DecryptError, Keyring
from csai.kit.text import clean
from csai.plugins.context import resolve_settings
from csai.plugins.field import secret_fields


@dataclass(frozen=True, slots=True)
class StoredSettings:
    """What a row holds: what may be shown, the rest encrypted, and which version of the model wrote it."""

    shown: Mapping[str, Any]
    secrets: str | None
    version: int


class SettingsFault(Exception):
    """Stored settings that cannot be used. What they are of is off for that client until this is mended."""

    def __init__(
        self, code: str, cause: str, remedy: str, *, faults: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(cause)
        self.code = code
        self.cause = cause
        self.remedy = remedy
        self.faults = dict(faults or {})
        """What is wrong, by the name of the setting."""

    @property
    def fields(self) -> list[str]:
        return sorted(self.faults)


def owner_of(client_id: str | None, plugin_id: str) -> str:
    """Whom a client's secrets of a plugin belong to, for the keyring."""
    return f"client:{client_id}/plugin:{plugin_id}"


def own_settings(
    model: type[PluginSettings], stored: StoredSettings, *, owner: str, keyring: Keyring
) -> dict[str, Any]:
    """What the client set, secrets in plain, in the form of the model as it is. Raises `SettingsFault`."""
    secrets: dict[str, Any] = {}
    if stored.secrets:
        try:
            secrets = json.loads(keyring.decrypt(stored.secrets, owner))
        except DecryptError as error:
            raise SettingsFault("secret_unreadable", "its secrets do not decrypt", str(error)) from None
    own = {**stored.shown, **secrets}
    if not own or stored.version == model.settings_version:
        return own
    return _migrated(model, own, stored.version, secrets=[str(value) for value in secrets.values()])


def check_settings(
    model: type[PluginSettings], own: Mapping[str, Any], *, environment: Mapping[str, str] = os.environ
) -> PluginSettings:
    """The settings in force, with the environment's. Raises `SettingsFault` when they do not fit."""
    try:
        return resolve_settings(model, own=own, environment=environment)[0]
    except ValidationError as error:
        faults = faults_of(error, secrets_in(model, own))
        said = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
        raise SettingsFault(
            "setting_invalid",
            f"its settings do not fit: {said}",
            "give these settings anew, or take them back",
            faults=faults,
        ) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- a plugin's validator; its words may hold a secret
        raise SettingsFault(
            "setting_invalid",
            f"reading its settings raised {type(error).__name__}",
            "give the settings anew, or report this to the plugin's author",
        ) from None


def split_settings(
    model: type[PluginSettings],
    own: Mapping[str, Any],
    *,
    owner: str,
    keyring: Keyring,
    environment: Mapping[str, str] = os.environ,
) -> StoredSettings:
    """What is stored of a client's settings. Raises `SettingsFault` when they do not fit."""
    settings = check_settings(model, own, environment=environment)
    secret_names = secret_fields(model)
    shown = settings.model_dump(mode="json", include=set(own) - secret_names)
    secrets = {
        name: _revealed(value)
        for name in secret_names & own.keys()
        if (value := getattr(settings, name)) is not None
    }
    token = keyring.encrypt(json.dumps(secrets), owner) if secrets else None
    return StoredSettings(shown, token, model.settings_version)


def secrets_in(model: type[PluginSettings], own: Mapping[str, Any]) -> list[str]:
    """The secret texts among a client's settings, for keeping them out of messages."""
    return [str(own[name]) for name in secret_fields(model) & own.keys()]


def faults_of(error: ValidationError, secrets: Collection[str]) -> dict[str, str]:
    """What does not fit, by setting, without the words of a validator that quotes a secret."""
    faults: dict[str, list[str]] = {}
    for item in error.errors(include_input=False, include_url=False):
        name = str(item["loc"][0]) if item["loc"] else "settings"
        is_quoting = any(secret in item["msg"] for secret in secrets if secret)
        said = "does not fit" if is_quoting else item["msg"].removeprefix("Value error, ")
        faults.setdefault(name, []).append(said)
    return {name: "; ".join(dict.fromkeys(said)) for name, said in faults.items()}


def _migrated(
    model: type[PluginSettings], own: Mapping[str, Any], version: int, *, secrets: Collection[str]
) -> dict[str, Any]:
    if version > model.settings_version:
        raise SettingsFault(
            "settings_too_new",
            f"its settings were stored by a newer release (settings version {version}, "
            f"this one knows {model.settings_version})",
            "install the newer release again, undo the last change, or give all settings anew",
        )
    try:
        # A copy of its own: what a plugin changes in it is nobody else's.
        migrated = dict(model.migrate(json.loads(json.dumps(own)), version))
    except SettingsError as error:
        quoted = any(secret and secret in str(error) for secret in secrets)
        remedy = "give its settings anew" if quoted else clean(str(error))
        raise SettingsFault(
            "settings_not_migrated", f"its settings of version {version} cannot be carried over", remedy
        ) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- a plugin's fault keeps only it out
        raise SettingsFault(
            "settings_not_migrated",
            f"carrying its settings over from version {version} raised {type(error).__name__}",
            "give its settings anew, or report this to the plugin's author",
        ) from None
    return {name: value for name, value in migrated.items() if name in model.model_fields}


def _revealed(value: Any) -> Any:
    """A secret value in the form of JSON."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, SecretBytes):
        return value.get_secret_value().decode()
    if isinstance(value, BaseModel):
        return {name: _revealed(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {name: _revealed(each) for name, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_revealed(each) for each in value]
    return value
