"""A server's own worker answers what came in, through durable runs, on both databases."""

from __future__ import annotations

import asyncio

from csai.models import ChannelInbound
from csai_sdk import ChannelAccount, OutboundMessage, PluginContext
from csai_testkit.scripted import ScriptedProvider

from tests.support.channel import Pigeon, Pigeonry, open_coop, said
from tests.support.server import ServerFactory

PATIENCE_S = 60


class Watched(Pigeon):
    """Says when it has sent as much as is waited for."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.has_sent = asyncio.Event()
        self._count = count

    async def send(self, message: OutboundMessage, account: ChannelAccount, ctx: PluginContext) -> str:
        vendor_id = await super().send(message, account, ctx)
        if len(self.sent) >= self._count:
            self.has_sent.set()
        return vendor_id


async def test_a_delivery_is_answered_without_anybody_asking(make_server: ServerFactory) -> None:
    pigeon = Watched(2)
    server = await make_server(
        ScriptedProvider(["Hello!"], is_endless=True), plugins={"pigeonry": Pigeonry(pigeon)}
    )
    coop = await open_coop(server, pigeon)
    await coop.deliver(said("Hi"))
    server.services.jobs.start("worker")
    await coop.deliver(said("Hi"), said("Hi again", "m-2"))
    async with asyncio.timeout(PATIENCE_S):
        await pigeon.has_sent.wait()
    assert coop.texts == ["Hello!", "Hello!"]
    assert {row["status"] for row in await server.rows(ChannelInbound)} == {"done"}
