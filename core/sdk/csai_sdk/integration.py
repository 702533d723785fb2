"""Integrations: outside business systems whose live data the AI may read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from csai_sdk.errors import IntegrationError, SettingsError, WebhookForged
from csai_sdk.settings import PluginSettings

if TYPE_CHECKING:
    from csai_sdk.channel import WebhookRequest
    from csai_sdk.context import PluginContext

S = TypeVar("S", bound=PluginSettings)

_NO_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


class TokenStore(Protocol):
    """What the client's system gave for a connection, such as OAuth tokens: JSON, encrypted at rest."""

    async def read(self) -> Mapping[str, Any] | None:
        """What is kept; None where there is nothing yet."""
        ...

    async def renew(
        self,
        seen: Mapping[str, Any] | None,
        make: Callable[[Mapping[str, Any] | None], Awaitable[Mapping[str, Any]]],
    ) -> Mapping[str, Any]:
        """Put what `make` gives in the place of what was `seen`, and return what is kept then.

        However many calls in however many processes have seen the same, `make` is awaited once: the others
        wait and get what it gave. It is handed what is kept, and ends even where its caller is cancelled;
        what it raises reaches the caller, and nothing is changed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """One client's connection to its own system; `settings` is of the integration's `connection_settings`.

    A client's admin writes it, so addresses in it are subject to the egress guard. `tokens` is None only
    where a test gives none.
    """

    id: str
    settings: PluginSettings = field(repr=False)
    tokens: TokenStore | None = field(default=None, repr=False)

    def settings_as(self, model: type[S]) -> S:
        """The settings, typed as the integration's `connection_settings`."""
        if not isinstance(self.settings, model):
            raise SettingsError(f"the connection's settings are no {model.__name__}")
        return self.settings


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A named piece of live data, which may be offered to the model as a tool of that name.

    `url` says what is read, in the integration's own way: an address or path that may hold `{placeholders}`
    filled from the arguments, or nothing where `request` says it all. `parameters_schema` is the JSON Schema
    of the arguments, an object; the server has validated them against it. `request` holds what else the
    integration needs (query and body templates, a statement, which fields to keep).

    Of a private endpoint only the verified visitor's own records may be read, whatever the arguments say; the
    server calls it for no one else.
    """

    name: str
    url: str = ""
    method: str = "GET"
    description: str = ""
    parameters_schema: Mapping[str, Any] = field(default_factory=lambda: _NO_ARGUMENTS)
    is_private: bool = False
    request: Mapping[str, Any] = field(default_factory=dict)
    visitor_parameters: Sequence[str] = ()
    """Arguments of a private endpoint that the server fills with the verified visitor's id.

    They are among the properties of `parameters_schema`, of type string or integer. The model neither sees
    nor sets them; of an id that does not fit the schema nothing is read.
    """


@dataclass(frozen=True, slots=True)
class ConnectionCheck:
    """The outcome of a connection test; `detail` is safe to show (no secret, no address of a private net)."""

    is_ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ConnectionNews:
    """What the client's system told of itself in a delivery. Whatever it is, nothing that was read before
    is given as an answer again.

    `id` is the vendor's own of the delivery: what it asks for happens once, however often it comes.
    `topic` stands in the audit log, for what an admin should know of (an uninstalled app, a wish for a copy
    of somebody's data): the vendor's name of it, without personal data; empty for everyday news.

    Where `is_disconnected`, the system will refuse the connection from now on, and it is switched off.
    `erased_visitors` are to be forgotten: ids as `fetch` is given them, all that a visitor may be known by.
    """

    id: str
    topic: str = ""
    is_disconnected: bool = False
    erased_visitors: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class EndpointImport:
    """Endpoints read from a document, and what of it was left out: the name of each with the reason."""

    endpoints: Sequence[Endpoint]
    skipped: Sequence[tuple[str, str]] = ()


class Integration(ABC):
    """A kind of business system (a shop system, a REST API, a database). It reads and changes nothing."""

    id: str

    connection_settings: ClassVar[type[PluginSettings]] = PluginSettings
    """What an admin fills in for a connection; drawn as a form, its `SecretStr` fields encrypted at rest."""

    def endpoints(self) -> Sequence[Endpoint]:
        """What every connection offers without being told, such as a shop's orders and products.

        Called at load and at any time later; must not do I/O.
        """
        return ()

    def check_endpoint(self, endpoint: Endpoint) -> None:
        """Refuse an endpoint that an admin wrote and that cannot work; called before it is stored.

        Raises `SettingsError` with a sentence on what to write instead. Must not do I/O.
        """

    def read_document(self, document: str) -> EndpointImport:
        """Endpoints as a document describes them, such as OpenAPI's; called in a thread of its own.

        Nothing in `document` may be trusted. Raises `SettingsError` with a sentence on what is wrong with it,
        or where this integration reads none. Must not do I/O.
        """
        raise SettingsError("this integration reads no documents: write the endpoints one by one")

    def consent_url(
        self, connection: Connection, *, redirect_url: str, state: str, code_challenge: str
    ) -> str:
        """Where an admin's browser goes to let csai in (OAuth 2's authorization code, with PKCE's S256).

        `state` comes back unchanged at `redirect_url`, with a code for `consent`. Raises `SettingsError`
        where this connection needs no consent. Must not do I/O.
        """
        raise SettingsError("this connection needs nobody's consent: its settings say all")

    async def consent(
        self,
        connection: Connection,
        *,
        code: str,
        redirect_url: str,
        code_verifier: str,
        ctx: PluginContext,
    ) -> Mapping[str, Any]:
        """What the system gives for a code, kept as the connection's `tokens`. Raises `IntegrationError`."""
        raise IntegrationError("This connection needs nobody's consent.")

    @abstractmethod
    async def check(self, connection: Connection, ctx: PluginContext) -> ConnectionCheck:
        """Try the connection without changing anything. Raises nothing that an admin could cause."""

    @abstractmethod
    async def fetch(
        self,
        connection: Connection,
        endpoint: Endpoint,
        arguments: Mapping[str, Any],
        *,
        visitor_id: str | None,
        ctx: PluginContext,
    ) -> Any:
        """Read the endpoint and return JSON, cut to what the model needs.

        `visitor_id` is set only for a verified visitor: as the client's own site names them, or, for a
        visitor of a channel that vouches for its senders, the channel's id, a colon and the address
        (`whatsapp:+3545550143`). Of a private endpoint return only what belongs to that visitor, and where
        nothing does raise the same `IntegrationError` as for what does not exist.

        Raises `IntegrationError`.
        """

    async def receive(
        self, request: WebhookRequest, connection: Connection, ctx: PluginContext
    ) -> Sequence[ConnectionNews]:
        """Verify and read a delivery of the client's system; the empty sequence for what is of no interest.

        It comes to `/integrations/{integration}/{connection}/webhook` of the server. Raises `WebhookForged`
        when the signature is missing or wrong, also when no secret is set. Must be quick: vendors wait a few
        seconds. An integration without webhooks leaves it as it is.
        """
        raise WebhookForged("this integration takes no webhooks")
