"""A real server keeps to its own OpenAPI document, whatever it is sent.

Every operation is tried with many requests that fit the document and many that do not, always the same ones.
None may end in a 5xx, and each answer's status, type, headers and body are such as the document tells of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from csai.app import ROUTERS
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.program import run, running
from tests.support.waiting import PATIENCE_S

EXAMPLES = 50
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EMAIL, PASSWORD = "ada@example.com", "a sentence of my own"
# It would end the token that the others are tried with.
LEFT_OUT = {("POST", "/admin/auth/logout")}

pytestmark = pytest.mark.filterwarnings("default")


@dataclass(frozen=True)
class Installation:
    """A demo that runs, the document it gives, and what opens it."""

    schema: Any
    client_id: str
    secret_key: str
    token: str

    def headers(self, path: str) -> dict[str, str]:
        if path.startswith("/admin"):
            return {"Authorization": f"Bearer {self.token}"}
        return {"X-API-Key": self.secret_key}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("contract")
    data = str(folder / "data")
    with running("demo", "--port", "0", "--json", "--data-dir", data, cwd=folder) as program:
        ready = json.loads(program.out.next())
        made = run(
            *("admin", "create", "--email", EMAIL, "--password", PASSWORD), cwd=folder, CSAI_DATA_DIR=data
        )
        assert made.returncode == 0, made.stderr
        base = httpx.URL(ready["url"]).join("/")
        login = {"email": EMAIL, "password": PASSWORD}
        answer = httpx.post(base.join("/admin/auth/login"), json=login, timeout=PATIENCE_S)
        schema = schemathesis.openapi.from_url(str(base.join("/openapi.json")))
        yield Installation(schema, ready["client_id"], ready["secret_key"], answer.json()["token"])


def operations() -> list[tuple[str, str]]:
    app = FastAPI(routes=[route for router in ROUTERS for route in router.routes])
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    found = {(method.upper(), path) for path, each in paths.items() for method in each}
    return sorted(found - LEFT_OUT)


@pytest.mark.parametrize(("method", "path"), operations())
def test_an_operation_keeps_to_the_document(installation: Installation, method: str, path: str) -> None:
    operation = installation.schema[path][method]

    @seed(1)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def keeps_to_it(case: Any) -> None:
        # One that is there: others are all alike.
        if "client_id" in (case.path_parameters or {}):
            case.path_parameters["client_id"] = installation.client_id
        answer = case.call(headers=installation.headers(path), timeout=30)
        case.validate_response(answer, checks=CHECKS)

    keeps_to_it()
