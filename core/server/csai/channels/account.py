"""A client's account at a channel's vendor, as its plugin is handed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from csai_sdk import Channel, ChannelAccount

from csai.kit.crypto import Keyring
from csai.plugins.owned import OwnedSettings
from csai.plugins.stored import StoredSettings, owner_of


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A stored account."""

    id: str
    client_id: str
    channel: str
    name: str
    public_id: str
    enabled: bool
    stored: StoredSettings
    revision: int
    fault: str | None
    created_at: datetime


def account_owner(client_id: str, account_id: str) -> str:
    """Whom an account's secrets belong to, for the keyring."""
    return owner_of(client_id, f"channel_account:{account_id}")


def account_settings(channel: Channel, client_id: str, account_id: str, *, keyring: Keyring) -> OwnedSettings:
    """The settings of an account, for whoever stores or reads them. No variable of the environment is one."""
    owner = account_owner(client_id, account_id)
    return OwnedSettings("The account", channel.account_model, owner, keyring, environment={})


def open_account(channel: Channel, row: AccountRow, *, keyring: Keyring, public_url: str) -> ChannelAccount:
    """The account with its secrets in plain. Raises `SettingsFault` where they cannot be used."""
    settings = account_settings(channel, row.client_id, row.id, keyring=keyring)
    in_force = settings.in_force(settings.own(row.stored))
    return ChannelAccount(row.id, in_force, webhook_url(public_url, row.channel, row.public_id))


def webhook_url(public_url: str, channel: str, public_id: str) -> str:
    """Where the vendor is to send its deliveries; empty where nobody has said what the server is called."""
    return f"{public_url}{webhook_path(channel, public_id)}" if public_url else ""


def webhook_path(channel: str, public_id: str) -> str:
    return f"/channels/{channel}/{public_id}/webhook"
