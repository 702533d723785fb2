"""What a page may know of the client whose key it carries."""

from __future__ import annotations

import gzip
from functools import lru_cache
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from csai.clients.branding import stored_branding, widget_look, widget_notices, widget_offers
from csai.kit.openapi import PROBLEMS
from csai.kit.precondition import known_tags, tag_of
from csai.locales.language import widget_locale
from csai.services import Services

router = APIRouter(prefix="/api", tags=["widget"])


class ClientName(BaseModel):
    name: str


class AiNotice(BaseModel):
    """That an AI answers."""

    is_shown: bool
    text: str | None = Field(description="Null: the widget's own words, in its language.")


class PrivacyNotice(BaseModel):
    text: str | None
    url: str | None


class Notices(BaseModel):
    """What visitors are told before they write."""

    ai: AiNotice
    privacy: PrivacyNotice
    is_consent_required: bool = Field(description="Nothing is sent before the visitor has agreed.")


class WidgetLocale(BaseModel):
    """The language that the widget speaks by itself."""

    language: str = Field(description="BCP 47.")
    direction: Literal["ltr", "rtl"]
    labels: dict[str, str] = Field(
        description="The widget's words by key; `tool:` and a verb: what is said of tools so named."
    )


class WidgetConfig(BaseModel):
    """How the widget looks and what it may do; attributes on the page win over it."""

    client: ClientName
    branding: dict[str, Any] = Field(
        description="What the admin set of title, greeting, primary_color, position, theme, logo_url, and of "
        "link_hosts and image_hosts: where answers may link to (without it anywhere), and where their "
        "pictures may come from (without it nowhere)."
    )
    features: dict[str, bool] = Field(
        description="streaming, stop, handoff, email_follow_up, feedback, rating, transcript."
    )
    notices: Notices
    quick_replies: list[str] = Field(description="Questions to begin with.")
    locale: WidgetLocale = Field(
        description="In the language of `lang`, else of `Accept-Language`, else English."
    )


@router.get(
    "/config",
    summary="Configuration of the widget",
    response_model=WidgetConfig,
    responses={**PROBLEMS, 304: {"description": "It is still what `If-None-Match` names."}},
)
async def config(
    request: Request,
    lang: Annotated[str | None, Query(description="The page's language (BCP 47).")] = None,
) -> Response:
    services: Services = request.app.state.services
    access = await services.gate.enter(request, now=services.clock.now())
    client = access.view.client
    branding = stored_branding(client.branding)
    answer = {
        "client": {"name": client.name},
        "branding": widget_look(branding),
        "features": widget_offers(branding),
        "notices": widget_notices(branding),
        "quick_replies": branding.quick_replies,
        "locale": widget_locale(access.view.locales, lang, request.headers.get("Accept-Language", "")),
    }
    return _cached(request, answer)


def _cached(request: Request, answer: dict[str, Any]) -> Response:
    """Asked for again after a minute, and then not sent again where it is the same."""
    tag = f'"{tag_of(answer)}"'
    headers = {
        "Cache-Control": "private, max-age=60",
        "ETag": tag,
        "Vary": "X-API-Key, Accept-Language, Accept-Encoding",
    }
    if tag in known_tags(request):
        return Response(status_code=304, headers=headers)
    response: Response = JSONResponse(answer, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response = Response(
            _compressed(bytes(response.body)),
            media_type="application/json",
            headers=headers | {"Content-Encoding": "gzip"},
        )
    return response


@lru_cache(maxsize=256)
def _compressed(body: bytes) -> bytes:
    """Each page that has the widget fetches it, and it is mostly words that are the same everywhere."""
    return gzip.compress(body, mtime=0)
