"""`IntegrationSuite`: outside business systems whose live data the AI reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from csai_sdk import Connection, ConnectionCheck, CsaiError, Endpoint, Integration, IntegrationError
from pydantic import ValidationError

from csai_testkit.conformance.call import CallSuite
from csai_testkit.conformance.check import required, required_of_vendors
from csai_testkit.conformance.scene import Scene, new_secret

_RETRYABLE = {429: True, 500: True, 503: True, 401: False, 404: False}


class IntegrationSuite(CallSuite):
    """Write `connection`, `endpoint` and `answer` (of the endpoint)."""

    kind: ClassVar[str] = "integration"
    error: ClassVar[type[CsaiError]] = IntegrationError

    def connection(self, url: str, secret: str) -> Mapping[str, Any]:
        """What the client set for its connection, whose secrets are made of `secret`."""
        return {"base_url": url, "api_key": secret}

    def endpoint(self, url: str) -> Endpoint:
        """What is read; its placeholders are filled from `arguments`."""
        return Endpoint("orders", f"{url}/orders/{{order_id}}")

    def arguments(self, text: str) -> Mapping[str, Any]:
        return {"order_id": text}

    def secrets(self, scene: Scene) -> set[str]:
        config = self.connection(scene.url, scene.secret).values()
        return super().secrets(scene) | {str(value) for value in config if scene.secret in str(value)}

    async def call(self, part: Integration, scene: Scene, *, timeout_s: float = 10.0) -> Any:
        return await part.fetch(
            self._connected(part, scene),
            self.endpoint(scene.url),
            self.arguments(scene.text),
            visitor_id=None,
            ctx=scene.ctx,
        )

    def _connected(self, part: Integration, scene: Scene) -> Connection:
        given = self.connection(scene.url, scene.secret)
        return Connection(f"connection-{scene.client_id}", part.connection_settings.model_validate(given))

    def check_answer(self, answer: Any, scene: Scene) -> None:
        said = json.dumps(answer, allow_nan=False, ensure_ascii=False)
        assert scene.text in said or not self.has_vendor, "what the system answered is not in the result"

    @required_of_vendors
    async def test_tells_what_may_be_tried_again(self) -> None:
        """Errors say whether a later try may succeed: after 429 and 5xx it may, after 401 and 404 not."""
        for part in self.fresh_parts():
            for status, may_succeed in _RETRYABLE.items():
                async with self.scene(exchanges=self.failing(status)) as scene:
                    outcome = await self.attempt(part, scene)
                    assert isinstance(outcome, IntegrationError), f"HTTP {status} is an IntegrationError"
                    assert outcome.retryable is may_succeed, f"HTTP {status}: retryable={may_succeed}"

    @required
    async def test_describes_connections_and_endpoints(self) -> None:
        """The form of a connection is described field by field; endpoints that come with it are valid."""
        for part in self.fresh_parts():
            for name, setting in part.connection_settings.model_fields.items():
                is_described = bool(setting.title and setting.description)
                assert is_described, f"describe the connection's field '{name}'"
                assert not setting.is_required(), f"the connection's field '{name}' needs a default"
            offered = list(part.endpoints())
            names = [each.name for each in offered]
            assert len(names) == len(set(names)), "two endpoints have one name"
            for each in offered:
                assert each.description, f"describe the endpoint '{each.name}': the model chooses by it"
                schema = each.parameters_schema
                assert schema.get("type") == "object", f"the arguments of '{each.name}' are no object"
                part.check_endpoint(each)

    @required
    async def test_checks_connections_without_raising(self) -> None:
        """`check` raises nothing that an admin could cause, and what it says is safe to show."""
        for part in self.fresh_parts():
            for configured in (True, False):
                async with self.scene() as scene:
                    await scene.server.close()
                    secret = new_secret()
                    given = self.connection(scene.url, secret) if configured else {}
                    try:
                        settings = part.connection_settings.model_validate(given)
                    except ValidationError:
                        assert not configured, "`connection` does not fit `connection_settings`"
                        continue  # the server stores no such connection
                    try:
                        found = await part.check(Connection("connection", settings), scene.ctx)
                    except Exception as error:
                        raise AssertionError(
                            f"check raised {type(error).__name__}; return a ConnectionCheck"
                        ) from error
                    assert isinstance(found, ConnectionCheck)
                    assert not (found.is_ok and self.has_vendor), (
                        "where nothing answers, the check should not be ok"
                    )
                    assert found.detail or found.is_ok, "say what is wrong"
                    assert secret not in found.detail, "the detail of a check holds a secret"
                    assert scene.url not in found.detail, "the detail of a check holds an address"
