"""A channel in use: its plugin, as one account of one client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from csai_sdk import Channel, ChannelAccount, PluginContext

from csai.channels.account import AccountRow, open_account
from csai.kit.crypto import Keyring
from csai.plugins.registry import PluginRegistry
from csai.plugins.stored import SettingsFault
from csai.plugins.view import ClientView, ClientViews


@dataclass(frozen=True, slots=True)
class Line:
    """Who is asked to do what, and as which account."""

    channel: Channel
    ctx: PluginContext
    account: ChannelAccount
    view: ClientView


class LineClosed(Exception):
    """The account cannot be used now: its plugin is off, or its settings cannot be read."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Lines:
    """Opens lines."""

    def __init__(
        self, *, registry: PluginRegistry, views: ClientViews, keyring: Keyring, public_url: str
    ) -> None:
        self._registry = registry
        self._views = views
        self._keyring = keyring
        self._public_url = public_url

    @asynccontextmanager
    async def open(self, account: AccountRow, config_version: int) -> AsyncIterator[Line]:
        """The account's line, with the client's view held meanwhile. Raises `LineClosed`."""
        view = await self._views.get(account.client_id, config_version)
        self._views.hold(view)
        try:
            yield self._line(view, account)
        finally:
            await self._views.release(view)

    def _line(self, view: ClientView, account: AccountRow) -> Line:
        enabled = view.channels.get(account.channel)
        if enabled is None:
            raise LineClosed("channel_off", "The channel's plugin is off for this client.")
        _plugin_id, channel = self._registry.channels[account.channel]
        try:
            opened = open_account(
                channel,
                account,
                keyring=self._keyring,
                public_url=self._public_url,
            )
        except SettingsFault as fault:
            raise LineClosed(fault.code, fault.cause) from None
        return Line(channel, enabled.ctx, opened, view)
