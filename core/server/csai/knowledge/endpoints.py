"""What makes vectors of a client's knowledge, as an admin sees and chooses it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from csai.admins.service import READERS
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.precondition import IF_MATCH, read_change, tagged
from csai.knowledge.choice import choose_embeddings, client_embeddings, embed_again
from csai.knowledge.schemas import ClientEmbeddings, EmbeddingsChange
from csai.services import Services

router = APIRouter(prefix="/admin", tags=["admin: knowledge"], responses=ADMIN_PROBLEMS)

PATH = "/clients/{client_id}/embeddings"


@router.get(
    PATH,
    summary="What makes vectors of the client's knowledge, and how far that is",
    response_model=ClientEmbeddings,
)
async def embeddings(request: Request, response: Response, client_id: str) -> Any:
    """The ETag is what a change names in `If-Match`."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return await _state(services, response, client_id)


@router.put(
    PATH,
    summary="Choose what makes vectors of the client's knowledge",
    response_model=ClientEmbeddings,
    openapi_extra={**body_of(EmbeddingsChange), **IF_MATCH},
)
async def choose(request: Request, response: Response, client_id: str) -> Any:
    """All vectors are then made anew in the background; words are searched meanwhile as always."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, tags = await read_change(request, EmbeddingsChange, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        await choose_embeddings(
            transaction,
            client_id,
            asked,
            tags=tags,
            registry=services.registry,
            clock=services.clock,
            actor=admin.actor,
        )
    return await _state(services, response, client_id)


@router.post(
    f"{PATH}/again",
    summary="Make the client's vectors anew",
    response_model=ClientEmbeddings,
    status_code=202,
)
async def again(request: Request, response: Response, client_id: str) -> Any:
    """For a model that has become another behind the same name, or a key that has been mended."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        await embed_again(transaction, client_id, clock=services.clock, actor=admin.actor)
    return await _state(services, response, client_id)


async def _state(services: Services, response: Response, client_id: str) -> ClientEmbeddings:
    check_id(client_id, "client")
    async with services.database.read() as connection:
        return tagged(
            response,
            *await client_embeddings(
                connection, client_id, views=services.views, default=services.settings.embeddings
            ),
        )
