"""The web application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from csai import __version__
from csai.admins.account_endpoints import router as accounts
from csai.admins.api_token_endpoints import router as api_tokens
from csai.admins.audit_endpoints import router as audit
from csai.admins.endpoints import router as admins
from csai.admins.oidc_endpoints import router as oidc
from csai.admins.second_factor_endpoints import router as second_factors
from csai.analytics.endpoints import router as dashboards
from csai.billing.endpoints import router as billing
from csai.billing.setup_endpoints import router as billing_setup
from csai.channels.admin_endpoints import router as channel_accounts
from csai.channels.endpoints import router as channels
from csai.chat.endpoints import router as chat
from csai.chat.trial_endpoints import router as trial_chat
from csai.clients.admin_endpoints import router as client_list
from csai.clients.branding_endpoints import router as branding
from csai.clients.endpoints import router as clients
from csai.clients.key_endpoints import router as client_keys
from csai.clients.pause_endpoints import router as pauses
from csai.conversations.endpoints import router as conversations
from csai.conversations.list_endpoints import router as conversation_list
from csai.edge import Edge
from csai.experiments.endpoints import router as experiments
from csai.feedback.endpoints import router as feedback
from csai.handoffs.desk_endpoints import router as desk
from csai.handoffs.endpoints import router as handoffs
from csai.health import Readiness
from csai.health_endpoints import router as health
from csai.integrations.consent_endpoints import router as consents
from csai.integrations.endpoints import router as integrations
from csai.integrations.offering_endpoints import router as offering
from csai.integrations.webhook import router as integration_webhooks
from csai.jobs.endpoints import router as jobs
from csai.kit.openapi_example import add_examples
from csai.kit.problem import Problem, problem_response
from csai.knowledge.endpoints import router as embeddings
from csai.plugins.endpoints import router as plugins
from csai.plugins.guard import PluginGuard
from csai.privacy.endpoints import router as privacy
from csai.providers.endpoints import router as providers
from csai.providers.model_endpoints import router as models
from csai.providers.routing_endpoints import router as routing
from csai.services import Services
from csai.shutdown import Shutdown
from csai.tools.catalog_endpoints import router as catalog
from csai.tools.endpoints import router as tools
from csai.usage.endpoints import router as usage
from csai.web import mount_web_files

DESCRIPTION = (
    "Customer-support AI for many businesses: the visitor's side of the chat, "
    "and the admin's side under /admin."
)

ROUTERS = (
    chat,
    trial_chat,
    conversations,
    conversation_list,
    channels,
    dashboards,
    jobs,
    health,
    clients,
    client_list,
    client_keys,
    branding,
    pauses,
    feedback,
    handoffs,
    desk,
    admins,
    oidc,
    audit,
    api_tokens,
    accounts,
    second_factors,
    plugins,
    catalog,
    tools,
    integrations,
    offering,
    consents,
    integration_webhooks,
    providers,
    embeddings,
    models,
    channel_accounts,
    billing,
    billing_setup,
    routing,
    experiments,
    usage,
    privacy,
)


class Application(FastAPI):
    """FastAPI, with an example of each answer in its document."""

    def openapi(self) -> dict[str, Any]:
        return self.openapi_schema or add_examples(super().openapi())


def create_app(services: Services) -> FastAPI:
    """The application over wired services; they start and close with it."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with PluginGuard(services.settings, services.registry.health).on_duty():
            await services.start()
            if services.settings.jobs == "in_process":
                services.jobs.start("in_process")
            with Shutdown(services).listening():
                yield
            await services.close()

    app = Application(
        title="csai",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        # Not `include_router`: that makes each route anew for this application, models and all, while the
        # first request waits. Nothing is added to them here, so they can be taken as they are.
        routes=[route for router in ROUTERS for route in router.routes],
    )
    app.state.services = services
    app.state.readiness = Readiness(services)
    _add_health(app)
    app.exception_handler(Problem)(_answer_problem)
    app.exception_handler(RequestValidationError)(_answer_invalid)
    app.exception_handler(HTTPException)(_answer_http)
    mount_web_files(app, services.registry)
    app.add_middleware(Edge)
    return app


def _add_health(app: FastAPI) -> None:
    @app.get("/health", tags=["health"], summary="Whether the process answers")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @app.get("/health/ready", tags=["health"], summary="Whether the server can take messages")
    async def ready(request: Request) -> dict[str, Any]:
        readiness: Readiness = request.app.state.readiness
        return await readiness.report()


async def _answer_problem(request: Request, error: Problem) -> Response:
    return problem_response(error, request.state.request_id)


async def _answer_invalid(request: Request, error: RequestValidationError) -> Response:
    details = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:5])
    return problem_response(
        Problem(422, "request_invalid", f"The request does not fit: {details}"), request.state.request_id
    )


async def _answer_http(request: Request, error: HTTPException) -> Response:
    code = HTTPStatus(error.status_code).name.lower()
    detail = {404: "There is nothing at this address.", 405: "This address does not take this method."}
    return problem_response(
        Problem(
            error.status_code, code, detail.get(error.status_code, str(error.detail)), headers=error.headers
        ),
        request.state.request_id,
    )
