"""What a page may know of the client whose key it carries."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from csai.services import Services

router = APIRouter(prefix="/api", tags=["widget"])


class ClientName(BaseModel):
    name: str


class WidgetConfig(BaseModel):
    """How the widget looks and what it may do; attributes on the page win over it."""

    client: ClientName
    branding: dict[str, Any] = Field(
        description="primary_color, greeting, title, position, theme: what the admin set."
    )
    features: dict[str, bool]


@router.get("/config", summary="Configuration of the widget", response_model=WidgetConfig)
async def config(request: Request, response: Response) -> Any:
    services: Services = request.app.state.services
    access = await services.gate.enter(request, now=services.clock.now())
    response.headers["Cache-Control"] = "private, max-age=60"
    client = access.view.client
    return {
        "client": {"name": client.name},
        "branding": dict(client.branding),
        "features": {"streaming": True, "stop": True, "transcript": True},
    }
