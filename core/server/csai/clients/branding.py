"""How a client's widget looks and what it offers, as its admin sets it; and as the widget is told."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from csai_sdk import Clock
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import SYSTEM, Actor, record
from csai.clients.repository import ClientRepository
from csai.kit.precondition import check_tag, tag_of
from csai.kit.problem import Problem
from csai.kit.text import is_clean

MAX_URL_CHARS = 1_000
MAX_HOSTS = 50
MAX_QUICK_REPLIES = 6

_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_HOST = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})+(:\d{{1,5}})?", re.ASCII)
# By which what stands there reads as something else.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_NEVER_IN_URLS = re.compile(r"[\s\"'<>\\`{}|^]")


def _line(value: str) -> str:
    return _words(value, newlines="")


def _words(value: str, newlines: str = "\n") -> str:
    if not is_clean(value) or _TURNING.search(value):
        raise ValueError("it holds characters that cannot be shown")
    if any(unicodedata.category(letter) == "Cc" and letter not in newlines for letter in value):
        raise ValueError("it holds control characters" if newlines else "write it on one line")
    if not value.strip():
        raise ValueError("it is empty: leave it out")
    return value.strip()


def _https(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    written = f"{host}:{port}" if port else host
    if parts.scheme != "https" or "@" in parts.netloc or not _HOST.fullmatch(written) or "*" in host:
        raise ValueError("write it like https://shop.example/privacy (a name in its xn-- form)")
    if not value.isprintable() or _NEVER_IN_URLS.search(value):
        raise ValueError("it holds characters that belong into no address: write them as %20")
    return value


def _host(value: str) -> str:
    value = value.strip().lower()
    if len(value) > 253 or not _HOST.fullmatch(value):
        raise ValueError("write a host like shop.example, *.shop.example or shop.example:8443")
    return value


Line = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_line)]
Reply = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(_line)]
Notice = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_words)]
Greeting = Annotated[str, StringConstraints(min_length=1, max_length=1_000), AfterValidator(_words)]
Https = Annotated[str, StringConstraints(max_length=MAX_URL_CHARS), AfterValidator(_https)]
Hosts = Annotated[list[Annotated[str, AfterValidator(_host)]], Field(max_length=MAX_HOSTS)]

LOOK = (
    *("title", "greeting", "primary_color", "position", "theme", "logo_url"),
    *("link_hosts", "image_hosts"),
)
OFFERS = ("handoff", "email_follow_up", "feedback", "rating", "transcript")


class Branding(BaseModel):
    """All that an admin can set; what is null is left to the widget, whose words follow its language."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "title": "Kettle & Co",
                    "primary_color": "#23568f",
                    "position": "bottom-left",
                    "quick_replies": ["Where is my order?", "When are you open?"],
                    "privacy_url": "https://shop.example/privacy",
                    "consent": "required",
                }
            ]
        },
    )

    title: Line | None = Field(None, description="Over the window, in place of the client's name.")
    greeting: Greeting | None = None
    primary_color: Annotated[str, StringConstraints(pattern=r"^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$")] | None = (
        Field(None, description="#rgb or #rrggbb.")
    )
    position: Literal["bottom-right", "bottom-left", "top-right", "top-left"] | None = None
    theme: Literal["auto", "light", "dark"] | None = None
    logo_url: Https | None = Field(
        None, description="A picture on a host of the client's origins, or of `image_hosts`."
    )
    quick_replies: Annotated[list[Reply], Field(max_length=MAX_QUICK_REPLIES)] = Field(
        default_factory=list, description="Questions to begin with at one click."
    )
    link_hosts: Hosts | None = Field(
        None, description="Where answers may link to; null is anywhere. `*.shop.example` is all below it."
    )
    image_hosts: Hosts | None = Field(
        None, description="Where pictures in answers may come from; null is nowhere."
    )
    ai_notice: Literal["shown", "hidden"] = Field(
        "shown", description="Whether visitors read that an AI answers. In many places the law asks for it."
    )
    ai_notice_text: Notice | None = None
    privacy_text: Notice | None = None
    privacy_url: Https | None = None
    consent: Literal["not_needed", "required"] = Field(
        "not_needed", description="Whether visitors agree before their first message is sent."
    )
    handoff: bool = Field(True, description="Whether visitors are offered to talk to a person.")
    email_follow_up: bool = Field(True, description="Whether they may leave an address with that.")
    feedback: bool = Field(True, description="Whether answers have thumbs.")
    rating: bool = Field(True, description="Whether a conversation can be rated at its end.")
    transcript: bool = Field(True, description="Whether it can be downloaded.")


async def client_branding(connection: AsyncConnection, client_id: str) -> tuple[Branding, str]:
    """What is set, with its tag. Raises `Problem`."""
    stored = stored_branding((await ClientRepository(connection, client_id).get()).branding)
    return stored, tag_of(stored.model_dump())


async def change_branding(
    transaction: AsyncConnection,
    client_id: str,
    changed: Branding,
    *,
    tags: Collection[str] | None = None,
    clock: Clock,
    actor: Actor = SYSTEM,
) -> None:
    """Set it as a whole. Raises `Problem`, and 412 for a tag that is over."""
    repository = ClientRepository(transaction, client_id)
    await repository.lock()
    before = stored_branding((await repository.get()).branding)
    check_tag(before.model_dump(), tags)
    _check_logo(changed, await repository.origins())
    if changed == before:
        return
    values = changed.model_dump(exclude_defaults=True)
    await repository.set_branding(values)
    await record(
        transaction,
        actor,
        "branding.set",
        object=f"client:{client_id}",
        client_id=client_id,
        before=before.model_dump(exclude_defaults=True),
        after=values,
        at=clock.now(),
    )


def stored_branding(stored: Mapping[str, Any]) -> Branding:
    """What is stored; of what no longer fits, as after an upgrade, nothing."""
    values = {name: value for name, value in stored.items() if name in Branding.model_fields}
    try:
        return Branding.model_validate(values)
    except ValidationError as error:
        bad = {str(item["loc"][0]) for item in error.errors()}
        return Branding.model_validate({name: values[name] for name in values.keys() - bad})


def parsed_branding(values: Mapping[str, Any]) -> Branding:
    """Of values that a person wrote. Raises `Problem`."""
    try:
        return Branding.model_validate(dict(values))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:5])
        raise Problem(422, "branding_invalid", f"The branding does not fit: {told}.") from None


def widget_look(branding: Branding) -> dict[str, Any]:
    """How it looks, and what its answers may show; without what is left to the widget."""
    return branding.model_dump(include=set(LOOK), exclude_none=True)


def widget_offers(branding: Branding) -> dict[str, bool]:
    """What the widget offers to visitors."""
    return {"streaming": True, "stop": True, **branding.model_dump(include=set(OFFERS))}


def widget_notices(branding: Branding) -> dict[str, Any]:
    """What visitors are told before they write; null texts are the widget's own."""
    return {
        "ai": {"is_shown": branding.ai_notice == "shown", "text": branding.ai_notice_text},
        "privacy": {"text": branding.privacy_text, "url": branding.privacy_url},
        "is_consent_required": branding.consent == "required",
    }


def _check_logo(branding: Branding, origins: Collection[str]) -> None:
    """The visitor's browser fetches it unasked: only from where the client is at home."""
    if branding.logo_url is None:
        return
    host = urlsplit(branding.logo_url).netloc.lower().removesuffix(":443")
    own = {urlsplit(origin).netloc for origin in origins}
    for allowed in (*own, *(branding.image_hosts or ())):
        if host == allowed or (allowed.startswith("*.") and host.endswith(allowed[1:])):
            return
    raise Problem(
        422,
        "logo_host_not_allowed",
        f"The logo lies on {host[:100]}, which is no host of the client's origins. Put it there, or add the "
        "host to image_hosts.",
    )
