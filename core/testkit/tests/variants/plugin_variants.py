"""A sound plugin of hooks and settings, and others with one thing wrong each."""

from __future__ import annotations

import logging
import os
import socket
from contextlib import suppress
from typing import Any

from csai_sdk import PluginContext, PluginSettings, event, hookimpl
from pydantic import BaseModel, Field, SecretStr, field_validator

from core.testkit.tests.variants.variant import Plugin, VendorSettings, breaks


class Notes:
    """What visitors said, by visitor."""

    def __init__(self) -> None:
        self.by_visitor: dict[str, list[str]] = {}


class Sound(Plugin):
    """Notes what verified visitors say, and tells the model."""

    @hookimpl
    async def message_received(self, event: event.MessageReceived, ctx: PluginContext) -> None:
        if event.visitor_id is not None:
            ctx.resource("notes", Notes).by_visitor.setdefault(event.visitor_id, []).append(event.text)

    @hookimpl
    async def before_model_call(self) -> str | None:
        return "Be kind."

    @hookimpl
    async def erase_visitor(self, event: event.EraseVisitor, ctx: PluginContext) -> None:
        ctx.resource("notes", Notes).by_visitor.pop(event.visitor_id, None)


sound = Sound()


@breaks("registers_without_side_effects")
class ConnectsWhenRegistered(Sound):
    @hookimpl
    def register_settings(self) -> type[PluginSettings]:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", 9)).close()
        return VendorSettings


@breaks("registers_without_side_effects")
class ChangesTheEnvironment(Sound):
    @hookimpl
    def register_settings(self) -> type[PluginSettings]:
        os.environ["CANARY_OF_THE_VARIANTS"] = "1"
        return VendorSettings


@breaks("registers_without_side_effects")
class TakesTheLogOver(Sound):
    @hookimpl
    def register_settings(self) -> type[PluginSettings]:
        if not any(isinstance(each, logging.NullHandler) for each in logging.root.handlers):
            logging.root.addHandler(logging.NullHandler())
        return VendorSettings


@breaks("registers_what_the_server_takes")
class MisspellsAHook(Sound):
    @hookimpl
    async def message_recieved(self) -> None: ...


@breaks("registers_what_the_server_takes")
class LeavesTheProcess(Sound):
    @hookimpl
    def register_settings(self) -> type[PluginSettings]:
        raise SystemExit(3)


class Undescribed(VendorSettings):
    colour: str = Field(default="red", title="Colour")


@breaks("describes_its_settings")
class DescribesTooLittle(Sound):
    def __init__(self) -> None:
        super().__init__(settings=Undescribed)


class Growing(VendorSettings):
    name: str = Field(default="Anna", title="Name", description="Whose name it is.", validate_default=True)

    @field_validator("name")
    @classmethod
    def _grow(cls, value: str) -> str:
        return f"{value}!"


@breaks("settings_survive_storage")
class ChangesWhatIsStored(Sound):
    def __init__(self) -> None:
        super().__init__(settings=Growing)


class Open(VendorSettings):
    webhook_secret: str = Field(default="", title="Secret", description="Signs deliveries.")


@breaks("settings_hide_secrets")
class HidesNothing(Sound):
    def __init__(self) -> None:
        super().__init__(settings=Open)


class Quoting(VendorSettings):
    @field_validator("api_key")
    @classmethod
    def _check(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().isprintable():
            raise ValueError(f"{value.get_secret_value()} is no key")
        return value


@breaks("settings_hide_secrets")
class QuotesAWrongKey(Sound):
    def __init__(self) -> None:
        super().__init__(settings=Quoting)


class Server(BaseModel):
    host: str = ""


class Unmarked(VendorSettings):
    servers: list[Server] = Field(default=[], title="Servers", description="Where the vendor answers.")


@breaks("settings_say_where_secrets_go")
class SaysNotWhereSecretsGo(Sound):
    def __init__(self) -> None:
        super().__init__(settings=Unmarked)


@breaks("answers_its_events")
class RaisesInAHook(Sound):
    @hookimpl
    async def reply_sent(self, event: event.ReplySent) -> None:
        raise KeyError(event.status)


@breaks("answers_its_events")
class ReturnsAnythingToTheModel(Sound):
    @hookimpl
    async def before_model_call(self) -> Any:
        return ["Be kind."]


@breaks("erases_visitors")
class ErasesNobody(Sound):
    @hookimpl
    async def erase_visitor(self) -> None: ...  # type: ignore[override]


@breaks("erases_visitors")
class ErasesEverybody(Sound):
    @hookimpl
    async def erase_visitor(self, ctx: PluginContext) -> None:  # type: ignore[override]
        ctx.resource("notes", Notes).by_visitor.clear()


@breaks("erases_visitors")
class NotesAndHasNoHook(Plugin):
    @hookimpl
    async def message_received(self, event: event.MessageReceived, ctx: PluginContext) -> None:
        ctx.resource("notes", Notes).by_visitor.setdefault("all", []).append(event.text)
