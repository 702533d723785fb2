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
from csai.admins.endpoints import router as admins
from csai.chat.endpoints import router as chat
from csai.clients.endpoints import router as clients
from csai.conversations.endpoints import router as conversations
from csai.edge import Edge
from csai.handoffs.endpoints import router as handoffs
from csai.health import Readiness
from csai.kit.problem import Problem, problem_response
from csai.plugins.endpoints import router as plugins
from csai.plugins.guard import PluginGuard
from csai.privacy.endpoints import router as privacy
from csai.providers.endpoints import router as providers
from csai.providers.model_endpoints import router as models
from csai.services import Services
from csai.shutdown import Shutdown
from csai.tools.endpoints import router as tools
from csai.web import mount_web_files

DESCRIPTION = (
    "Customer-support AI for many businesses: the visitor's side of the chat, "
    "and the admin's side under /admin."
)


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

    app = FastAPI(title="csai", version=__version__, description=DESCRIPTION, lifespan=lifespan)
    app.state.services = services
    app.state.readiness = Readiness(services)
    app.include_router(chat)
    app.include_router(conversations)
    app.include_router(clients)
    app.include_router(handoffs)
    app.include_router(admins)
    app.include_router(plugins)
    app.include_router(tools)
    app.include_router(providers)
    app.include_router(models)
    app.include_router(privacy)
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
