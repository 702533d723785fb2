"""Changing what a client set: merged into what was set before, checked as a whole, refused in words."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from csai_sdk import PluginSettings
from pydantic import TypeAdapter, ValidationError

from csai.kit.crypto import Keyring
from csai.kit.problem import Problem
from csai.kit.text import is_clean
from csai.plugins.destination import moved
from csai.plugins.field import from_environment, secret_fields
from csai.plugins.stored import (
    SettingsFault,
    StoredSettings,
    check_settings,
    own_settings,
    split_settings,
)


@dataclass(frozen=True, slots=True)
class OwnedSettings:
    """Settings of a model that belong to an owner, to whom their secrets are bound.

    `title` begins what is said of them. `environment` is where fields that name a variable find it.
    """

    title: str
    model: type[PluginSettings]
    owner: str
    keyring: Keyring
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def own(self, stored: StoredSettings) -> dict[str, Any]:
        """What was set, secrets in plain. Raises `SettingsFault`."""
        return own_settings(self.model, stored, owner=self.owner, keyring=self.keyring)

    def in_force(self, own: Mapping[str, Any]) -> PluginSettings:
        """Raises `SettingsFault`."""
        return check_settings(self.model, own, environment=self.environment)

    def check_names(self, names: Collection[str]) -> None:
        """Raises `Problem` for a setting that there is not."""
        unknown = [name for name in names if name not in self.model.model_fields]
        if unknown:
            there = ", ".join(self.model.model_fields) or "none"
            raise Problem(
                422,
                "setting_unknown",
                f"{self.title} has no setting '{unknown[0][:64]}'. It has: {there}.",
            )

    def changed(
        self,
        stored: StoredSettings,
        *,
        given: Mapping[str, Any],
        cleared: Collection[str] = (),
        is_reset: bool = False,
    ) -> StoredSettings:
        """What is to be stored; what is not named stays as it is. Raises `Problem`.

        A secret that was written for one address is not sent to another unless it is given again: whoever
        may change settings could else have what they may not read sent to a place of their own.
        """
        own = {} if is_reset else self._readable(stored, given)
        changed = self._split(
            {name: value for name, value in {**own, **given}.items() if name not in cleared}
        )
        held = {name for name in secret_fields(self.model) & own.keys() if own[name]}
        kept = sorted(held - {*given, *cleared})
        if kept and (names := self.moved(stored, changed)):
            where = ", ".join(names)
            said = (
                f"It was written for another address: give it anew, or take it back, together with {where}."
            )
            raise Problem(
                422,
                "secrets_needed",
                f"{self.title}: {where} says where its secrets are sent. Give anew, or take back, "
                f"together with it: {', '.join(kept)}.",
                errors=[{"pointer": f"/settings/{name}", "detail": said} for name in kept],
            )
        return changed

    def moved(self, stored: StoredSettings, changed: StoredSettings) -> list[str]:
        """The settings by which what is sent goes to another address than before."""
        return moved(self.model, self._said(stored), self._said(changed))

    def _said(self, stored: StoredSettings) -> dict[str, Any]:
        """What is in force, the environment's with it, as far as it can be read."""
        try:
            own = self.own(stored)
        except SettingsFault:
            own = dict(stored.shown)
        return {**from_environment(self.model, self.environment, own=own), **own}

    def is_same(self, stored: StoredSettings, changed: StoredSettings) -> bool:
        if (stored.shown, stored.version) != (changed.shown, changed.version):
            return False
        if stored.secrets == changed.secrets:
            return True
        try:
            return self.own(stored) == self.own(changed)
        except SettingsFault:
            return False

    def secret_names(self, stored: StoredSettings) -> tuple[str, ...]:
        """Which secrets are set; none where they cannot be read."""
        try:
            own = self.own(stored)
        except SettingsFault:
            return ()
        return tuple(sorted(secret_fields(self.model) & own.keys()))

    def values(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """What settings given as text say: the text itself where it fits, else its JSON. Raises `Problem`."""
        self.check_names(texts)
        return {name: self._value(name, text) for name, text in texts.items()}

    def _readable(self, stored: StoredSettings, given: Mapping[str, Any]) -> dict[str, Any]:
        """What was set until now. Secrets that cannot be read go when one of them is given anew."""
        try:
            return self.own(stored)
        except SettingsFault as fault:
            if fault.code == "secret_unreadable" and secret_fields(self.model) & given.keys():
                return self._readable(StoredSettings(stored.shown, None, stored.version), {})
            raise Problem(
                409, fault.code, f"{self.title}: {fault.cause}. What to do: {fault.remedy}."
            ) from None

    def _split(self, own: Mapping[str, Any]) -> StoredSettings:
        try:
            stored = split_settings(
                self.model, own, owner=self.owner, keyring=self.keyring, environment=self.environment
            )
        except SettingsFault as fault:
            errors = [{"pointer": f"/settings/{name}", "detail": said} for name, said in fault.faults.items()]
            raise Problem(422, fault.code, f"{self.title}: {fault.cause}.", errors=errors) from None
        if not is_storable(stored.shown):
            raise Problem(
                422, "setting_invalid", "A setting holds characters or numbers that cannot be stored."
            )
        return stored

    def _value(self, name: str, text: str) -> Any:
        """The text itself where it fits the setting, else what it says as JSON: a list, an object, null."""
        try:
            TypeAdapter(self.model.model_fields[name].rebuild_annotation()).validate_python(text)
        except ValidationError:
            try:
                return json.loads(text)
            except ValueError:
                return text
        return text


def is_storable(value: Any) -> bool:
    """Whether it is JSON that every database can store."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return all(is_clean(text) for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from (str(name), *_texts(each))
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
