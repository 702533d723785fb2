"""Choosing what makes vectors of a client's knowledge: one way in for the HTTP API and the command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import Actor, record
from csai.clients.repository import ClientRepository, ClientRow
from csai.clients.service import check_allowed
from csai.kit.precondition import check_tag, tag_of
from csai.kit.problem import Problem
from csai.kit.text import is_clean
from csai.knowledge.embedder import OFF, EmbeddingChoice
from csai.knowledge.repository import EmbeddingRepository
from csai.knowledge.schemas import MAX_DIMENSIONS, ClientEmbeddings, EmbeddingsChange, GivenUpPassage
from csai.plugins.registry import PluginRegistry
from csai.plugins.view import ClientView, ClientViews
from csai.providers.choice import OFFLINE, ModelRef, PlanProviders

MAX_MODEL_CHARS = 200
MOST_GIVEN_UP = 20


async def client_embeddings(
    connection: AsyncConnection, client_id: str, *, views: ClientViews, default: str
) -> tuple[ClientEmbeddings, str]:
    """What a client asked for and what has come of it, with its tag. Raises `Problem`."""
    client = await ClientRepository(connection, client_id).get()
    view = await views.preview(connection, client_id, {})
    repository = EmbeddingRepository(connection, client_id)
    state = await repository.state()
    using = view.embedder.key if view.embedder else None
    passages, embedded = await repository.counts(using or "")
    given_up, latest = await repository.given_up(using or "", limit=MOST_GIVEN_UP)
    own = _chosen(client.settings)
    answer = ClientEmbeddings(
        model=own.get("model"),
        dimensions=own.get("dimensions"),
        min_similarity=view.embedder.min_similarity if view.embedder else None,
        source="client" if own else "installation",
        using=using,
        reason=_reason(view, client, default),
        passages=passages,
        embedded=embedded,
        given_up=given_up,
        latest_given_up=[GivenUpPassage(**asdict(each)) for each in latest],
        is_complete=using is None or embedded + given_up == passages,
        error=state.error if state else None,
        retry_at=state.due_at if state and state.error else None,
    )
    return answer, tag_of(own)


async def choose_embeddings(
    transaction: AsyncConnection,
    client_id: str,
    change: EmbeddingsChange,
    *,
    tags: Collection[str] | None = None,
    registry: PluginRegistry,
    clock: Clock,
    actor: Actor,
) -> None:
    """Say what makes a client's vectors; they are made anew in the background. Raises `Problem`.

    Until they are, a question is searched by its words, and by those vectors of the new model that there are.
    """
    repository = ClientRepository(transaction, client_id)
    await repository.lock()
    client = await repository.get()
    before = _chosen(client.settings)
    check_tag(before, tags)
    after = _checked(change, client, registry)
    if after == before:
        return
    settings = {name: value for name, value in client.settings.items() if name != "embeddings"}
    await repository.update_settings({**settings, "embeddings": after} if after else settings)
    await EmbeddingRepository(transaction, client_id).forget_refusals()
    await _make_due(transaction, client_id, clock)
    await record(
        transaction,
        actor,
        "client.embeddings_set",
        object=f"client:{client_id}",
        client_id=client_id,
        before=before,
        after=after,
        at=clock.now(),
    )


async def embed_again(transaction: AsyncConnection, client_id: str, *, clock: Clock, actor: Actor) -> None:
    """Drop a client's vectors and make them anew: for a model that is another behind the same name."""
    repository = ClientRepository(transaction, client_id)
    await repository.lock()
    await repository.get()
    await EmbeddingRepository(transaction, client_id).forget()
    await _make_due(transaction, client_id, clock)
    await record(
        transaction,
        actor,
        "client.embedded_again",
        object=f"client:{client_id}",
        client_id=client_id,
        at=clock.now(),
    )


async def _make_due(transaction: AsyncConnection, client_id: str, clock: Clock) -> None:
    if await ClientRepository(transaction, client_id).has_knowledge():
        await EmbeddingRepository(transaction, client_id).make_due(at=clock.now())


def _chosen(settings: Mapping[str, Any]) -> dict[str, Any]:
    return dict(settings.get("embeddings") or {})


def _checked(change: EmbeddingsChange, client: ClientRow, registry: PluginRegistry) -> dict[str, Any]:
    """What is to be kept of a choice."""
    if change.model is None or change.model == OFF:
        if change.dimensions is not None:
            raise Problem(422, "dimensions_invalid", "Vectors have a length only where a model is named.")
        if change.min_similarity is not None:
            raise Problem(
                422, "similarity_invalid", "A least similarity is a model's: name it together with one."
            )
        return {"model": OFF} if change.model else {}
    ref = ModelRef.parse(change.model)
    provider = registry.providers.get(ref.provider, (None, None))[1]
    if provider is None or not provider.default_embedding_model:
        able = [name for name, (_, each) in registry.providers.items() if each.default_embedding_model]
        raise Problem(
            422,
            "embeddings_unknown",
            f"'{ref.provider[:64]}' makes no vectors. Those that do: {', '.join(sorted(able)) or 'none'}.",
        )
    model = ref.model or provider.default_embedding_model
    if len(model) > MAX_MODEL_CHARS or not is_clean(model) or not model.isprintable():
        raise Problem(
            422, "model_invalid", f"A model's name has at most {MAX_MODEL_CHARS} characters on one line."
        )
    named = ModelRef(ref.provider, model)
    check_allowed(PlanProviders.of(client.features), [named], plan_name=client.plan)
    traits = provider.embedding_traits(model)
    if change.dimensions not in (None, traits.dimensions) and not traits.can_shorten:
        raise Problem(422, "dimensions_invalid", f"The vectors of {str(named)[:264]} have one length only.")
    longest = traits.dimensions if provider.id != OFFLINE else MAX_DIMENSIONS
    if change.dimensions and longest and change.dimensions > longest:
        raise Problem(422, "dimensions_invalid", f"{str(named)[:264]} makes vectors of at most {longest}.")
    own = {"dimensions": change.dimensions, "min_similarity": change.min_similarity}
    return {"model": str(named), **{name: value for name, value in own.items() if value is not None}}


def _reason(view: ClientView, client: ClientRow, default: str) -> str | None:
    wanted = EmbeddingChoice.of(client.settings, default=default)
    if view.embedder is not None or wanted.ref is None:
        return None
    return (
        f"The provider {wanted.ref.provider[:64]} is off, has no key or no embeddings, or the plan "
        f"{client.plan} does not allow its model: see csai client plugin."
    )
