"""The OpenAPI document: complete, and with no reference that leads nowhere."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
from csai.app import ROUTERS
from fastapi import FastAPI
from jsonschema import Draft202012Validator

from tests.support.server import Server


async def document(server: Server) -> dict[str, Any]:
    answer: dict[str, Any] = (await server.http.get("/openapi.json")).json()
    return answer


async def test_every_reference_leads_somewhere(echo_server: Server) -> None:
    spec = await document(echo_server)

    for reference in set(re.findall(r'"\$ref": ?"([^"]+)"', json.dumps(spec))):
        target: Any = spec
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


async def test_every_route_says_what_it_does_and_how_it_refuses(echo_server: Server) -> None:
    spec = await document(echo_server)

    for path, operations in spec["paths"].items():
        for operation in operations.values():
            assert operation.get("summary"), path
            if path.startswith("/chat"):
                assert {"401", "403", "404", "422"} <= set(operation["responses"]), path
            if path.startswith("/admin"):
                assert {"401", "403", "404", "409", "412", "422", "428", "429"} <= set(
                    operation["responses"]
                ), path
                for refusal in operation["responses"].values():
                    assert refusal["description"], path
                body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
                assert not body or body["schema"]["examples"], path


async def test_every_answer_has_an_example_that_fits(echo_server: Server) -> None:
    spec = await document(echo_server)
    components = spec["components"]

    for path, operations in spec["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get("application/json")
                if not status.startswith("2") or content is None:
                    continue
                schema = {**content.get("schema", {}), "components": components}
                faults = list(Draft202012Validator(schema).iter_errors(content["example"]))
                assert not faults, (path, faults[0].message)


async def test_the_first_request_finds_its_route_ready_made(echo_server: Server) -> None:
    """Making them for the application takes a seventh of a second, which the first visitor would wait for."""
    transport = echo_server.http._transport
    assert isinstance(transport, httpx.ASGITransport)
    app = transport.app
    assert isinstance(app, FastAPI)
    served = {id(route) for route in app.routes}
    assert {id(route) for router in ROUTERS for route in router.routes} <= served
