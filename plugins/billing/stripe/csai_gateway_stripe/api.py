"""Requests through Stripe's SDK. Loaded at the first call: the SDK takes half a second to import."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import stripe
from csai_sdk import GatewayError, PluginContext, key_to_send

from csai_gateway_stripe.payment import failure_of
from csai_gateway_stripe.settings import StripeSettings

# Otherwise the SDK tells Stripe of this machine and of how long its requests take, and keeps an id in a file.
stripe.enable_telemetry = False
# It logs what it sends and what Stripe says, which may quote keys and names.
logging.getLogger("stripe").setLevel(logging.CRITICAL)

_TIMEOUT = httpx.Timeout(25.0, connect=10.0)
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
UNEXPECTED_STATE = "payment_intent_unexpected_state"


class Declined(Exception):
    """The card was declined; `intent` is the payment as it stands now."""

    def __init__(self, intent: Mapping[str, Any]) -> None:
        super().__init__("declined")
        self.intent = intent


class UnexpectedState(Exception):
    """The payment has gone on since it was looked at."""


class Client:
    """Stripe's client over the guarded transport, kept for as long as the settings hold."""

    def __init__(self, ctx: PluginContext) -> None:
        settings = ctx.settings_as(StripeSettings)
        key = key_to_send(settings.api_key, ctx)
        if not key or not (key.isascii() and key.isprintable()):
            raise GatewayError("no usable API key of Stripe is set: see STRIPE_API_KEY")
        is_operator_url = "base_url" not in ctx.client_set
        self._http = _Http(ctx.transports.httpx(is_operator_url=is_operator_url))
        self.v1 = stripe.StripeClient(
            key,
            base_addresses={"api": settings.base_url.rstrip("/")},
            max_network_retries=0,
            http_client=self._http,
        ).v1

    async def aclose(self) -> None:
        await self._http.close_async()


def client_of(ctx: PluginContext) -> Client:
    return ctx.resource("client", lambda: Client(ctx))


@contextmanager
def failures() -> Iterator[None]:
    """Raises what goes wrong as `GatewayError`, and as `Declined` and `UnexpectedState`.

    In words of our own, and Stripe's codes: its messages may quote keys and customers.
    """
    try:
        yield
    except stripe.CardError as error:
        intent = _intent_in(error)
        if intent is not None:
            raise Declined(intent) from None
        raise GatewayError(f"Stripe declined the payment ({_code(error)})") from None
    except stripe.APIConnectionError as error:
        is_sent = not isinstance(error.__cause__, _NEVER_SENT)
        raise GatewayError(
            "Stripe gave no answer" if is_sent else "Stripe could not be reached",
            is_outcome_known=not is_sent,
        ) from None
    except (stripe.AuthenticationError, stripe.PermissionError):
        raise GatewayError("Stripe does not take the API key, or not for this: see STRIPE_API_KEY") from None
    except stripe.RateLimitError:
        raise GatewayError("Stripe asks for fewer requests; try again in a minute") from None
    except stripe.IdempotencyError:
        # What it was used for before may have been paid, such as before a database was restored.
        raise GatewayError(
            "Stripe has seen this idempotency key with other values", is_outcome_known=False
        ) from None
    except stripe.InvalidRequestError as error:
        if error.code == UNEXPECTED_STATE:
            raise UnexpectedState from None
        raise GatewayError(f"Stripe refused the request ({_code(error)})") from None
    except stripe.StripeError as error:
        # 409: the same key is at work at this moment. 5xx, and what makes no sense: Stripe may have done it.
        status = error.http_status or 0
        is_known = 400 <= status < 500 and status != 409
        raise GatewayError(f"Stripe failed (HTTP {status or '?'})", is_outcome_known=is_known) from None


def _code(error: stripe.StripeError) -> str:
    body = error.json_body if isinstance(error.json_body, Mapping) else {}
    told = body.get("error")
    return failure_of(told if isinstance(told, Mapping) else {})[:60] or f"HTTP {error.http_status}"


def _intent_in(error: stripe.StripeError) -> Mapping[str, Any] | None:
    body = error.json_body if isinstance(error.json_body, Mapping) else {}
    intent = (body.get("error") or {}).get("payment_intent")
    return intent if isinstance(intent, Mapping) else None


class _Http(stripe.HTTPClient):
    """The SDK's requests on the transport that the server gives."""

    name = "httpx"

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        super().__init__()
        self._client = httpx.AsyncClient(transport=transport, timeout=_TIMEOUT)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        try:
            response = await self._client.request(
                method, url, headers=dict(headers), content=post_data or None
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise stripe.APIConnectionError("no answer", should_retry=False) from error  # type: ignore[no-untyped-call]
        # The SDK breaks in its own log at bytes that are no UTF-8.
        body = response.content.decode("utf-8", "replace").encode()
        return body, response.status_code, response.headers

    async def sleep_async(self, secs: float) -> None:
        await asyncio.sleep(secs)

    async def close_async(self) -> None:
        await self._client.aclose()
