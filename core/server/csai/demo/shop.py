"""The shop as a client of csai: its name, looks, knowledge and tools."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from csai.clients.repository import ClientRepository
from csai.clients.service import create_client, normalise_origin
from csai.config import ConfigError
from csai.demo.keys import DemoClient, load, store
from csai.kit.crypto import key_hash
from csai.knowledge.ingest import split_passages
from csai.knowledge.repository import KnowledgeRepository
from csai.services import Services
from csai.tools.repository import ToolRepository

NAME = "Kettle & Cloth"
BRANDING = {
    "primary_color": "#23568f",
    "greeting": "Hello! Ask me about an order, what is in stock, or a time to visit the shop.",
}
PLUGIN = "demo_shop"
KNOWLEDGE = Path(__file__).parent / "knowledge.md"


async def ensure_shop(services: Services, *, keys: Path, origins: Iterable[str]) -> DemoClient:
    """The shop, made at the first time and found again later; usable from `origins`, with all new tools."""
    await services.start()  # the catalog must hold the tools that are to be enabled
    known = load(keys)
    async with services.database.write() as transaction:
        if known is not None:
            repository = ClientRepository(transaction, known.client_id)
            if await repository.has_keys([key_hash(known.publishable_key), key_hash(known.secret_key)]):
                await _allow(repository, origins)
                await _enable_tools(services, transaction, known.client_id)
                return known
        client = await _create(services, transaction, origins)
        # Before the commit: keys without their client are noticed, a client without its keys is of no use.
        store(keys, client)
    return client


async def _allow(repository: ClientRepository, origins: Iterable[str]) -> None:
    """Add origins and take none away: a second demo on another port must not shut out the first."""
    have = set(await repository.origins())
    wanted = have | {normalise_origin(origin) for origin in origins}
    if wanted != have:
        await repository.set_origins(sorted(wanted))


async def _create(services: Services, transaction: AsyncConnection, origins: Iterable[str]) -> DemoClient:
    if PLUGIN not in services.registry.plugins:
        raise ConfigError(
            f"the demo needs the plugin {PLUGIN}: install csai-tool-demo-shop and leave it in CSAI_PLUGINS, "
            "or see csai plugins doctor"
        )
    new = await create_client(
        transaction, name=NAME, origins=origins, keyring=services.keyring, clock=services.clock
    )
    await ClientRepository(transaction, new.id).set_branding(BRANDING)
    await _enable_tools(services, transaction, new.id)
    passages = split_passages(KNOWLEDGE.read_text(encoding="utf-8"), title="")
    await KnowledgeRepository(transaction, new.id).add(passages, at=services.clock.now())
    return DemoClient(new.id, new.publishable_key, new.secret_key)


async def _enable_tools(services: Services, transaction: AsyncConnection, client_id: str) -> None:
    """Give the shop the tools of plugins it has not met yet, so that a new plugin can be tried at once."""
    repository = ClientRepository(transaction, client_id)
    met = await repository.plugins()
    for plugin in services.registry.plugins.values():
        if plugin.id in met or not plugin.tools:
            continue
        for tool in plugin.tools:
            await ToolRepository(transaction, client_id).enable(tool.spec.name)
        # Last, for it makes the change known to every process.
        await repository.set_plugin(
            plugin.id, enabled=True, settings={}, secrets=None, now=services.clock.now()
        )
