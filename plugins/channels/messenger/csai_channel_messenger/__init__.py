"""csai channel: Facebook Messenger."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import Channel, PluginSettings, hookimpl

from csai_channel_messenger.channel import Messenger
from csai_channel_messenger.settings import MessengerSettings


@hookimpl
def register_settings() -> type[PluginSettings]:
    return MessengerSettings


@hookimpl
def register_channels() -> Sequence[Channel]:
    return [Messenger()]
