"""csai channel: WhatsApp, through Meta's Cloud API."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import Channel, PluginSettings, hookimpl

from csai_channel_whatsapp.channel import WhatsApp
from csai_channel_whatsapp.settings import WhatsAppSettings


@hookimpl
def register_settings() -> type[PluginSettings]:
    return WhatsAppSettings


@hookimpl
def register_channels() -> Sequence[Channel]:
    return [WhatsApp()]
