"""The OpenAPI document: complete, and with no reference that leads nowhere."""

from __future__ import annotations

import json
import re
from typing import Any

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
