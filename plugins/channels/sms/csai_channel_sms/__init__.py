"""csai channel: text messages, through Twilio."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import Channel, PluginSettings, hookimpl

from csai_channel_sms.channel import Sms
from csai_channel_sms.settings import SmsSettings


@hookimpl
def register_settings() -> type[PluginSettings]:
    return SmsSettings


@hookimpl
def register_channels() -> Sequence[Channel]:
    return [Sms()]
