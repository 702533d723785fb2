"""The suites over the sound plugins, and over every variant of them: what an author writes, many times."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

from csai_sdk import ChannelError, CsaiError, Endpoint, ProviderQuotaExceeded, Usage, WebhookRequest
from csai_testkit.conformance import (
    ChannelSuite,
    GatewaySuite,
    IntegrationSuite,
    LocaleSuite,
    PluginSuite,
    ProviderSuite,
    Scene,
    ToolBackendSuite,
    ToolSuite,
)
from csai_testkit.replay import Exchange

from core.testkit.tests.variants.webhook_variants import signature

HOME = "core.testkit.tests.variants"
SPEAK = "/speak"


def lines(*events: Mapping[str, Any]) -> list[Exchange]:
    body = b"".join(json.dumps(event).encode() + b"\n" for event in (*events, {"usage": [7, 3]}))
    return [Exchange("POST", SPEAK, 200, {"content-type": "application/x-ndjson"}, body)]


def delivery(secret: str, scene: Scene, content: Mapping[str, Any]) -> WebhookRequest:
    body, at = json.dumps(content).encode(), str(int(scene.clock.now().timestamp()))
    headers = {"content-type": "application/json", "x-at": at, "x-signature": signature(secret, at, body)}
    return WebhookRequest("POST", "https://csai.example/webhook", headers, body)


class TestPlugin(PluginSuite):
    plugin = f"{HOME}.plugin_variants:sound"


class TestProvider(ProviderSuite):
    plugin = f"{HOME}.provider_variants:sound"
    patience_s = 1.0
    capabilities = ("tools", "usage", "embeddings")
    usage = Usage(7, 3)
    embedding_usage = Usage(5)
    live_env = ("SOUND_API_KEY",)

    def answer(self, text: str) -> Sequence[Exchange]:
        return lines({"text": "You said: "}, {"text": text})

    def tool_answer(self, name: str, arguments: Mapping[str, Any]) -> Sequence[Exchange]:
        return lines({"call": {"id": "c1", "name": name, "arguments": arguments}})

    def embedding_answer(self, vectors: Sequence[Sequence[float]]) -> Sequence[Exchange]:
        return [Exchange.of_json("/embed", {"vectors": vectors, "tokens": 5})]

    def failures(self) -> Sequence[tuple[Exchange, type[CsaiError]]]:
        return [(Exchange.of_json(SPEAK, {}, status=402), ProviderQuotaExceeded)]


class TestTool(ToolSuite):
    plugin = f"{HOME}.tool_variants:sound_tool"
    patience_s = 1.0
    capabilities = ("repeats", "described_parameters")

    def arguments(self, text: str) -> Mapping[str, Mapping[str, Any]]:
        return {
            name: {"question": text} for name in ("look_up", *(each.spec.name for each in self.registered()))
        }

    def registered(self) -> Sequence[Any]:
        return self.registration.parts.get("tool", ())

    def answer(self, text: str) -> Sequence[Exchange]:
        return [Exchange.of_json("/webhook", {"found": text})]


class TestToolBackend(ToolBackendSuite):
    plugin = f"{HOME}.tool_variants:sound"
    patience_s = 1.0

    def answer(self, text: str) -> Sequence[Exchange]:
        return [Exchange.of_json("/webhook", {"found": text})]


class TestIntegration(IntegrationSuite):
    plugin = f"{HOME}.system_variants:sound"
    patience_s = 1.0

    def endpoint(self, url: str) -> Endpoint:
        return Endpoint("orders", f"{url}/orders?id={{order_id}}")

    def answer(self, text: str) -> Sequence[Exchange]:
        sent = {"content-type": "application/json"}
        return [Exchange("GET", "/orders", 200, sent, json.dumps({"order": text}).encode())]


class TestGateway(GatewaySuite):
    plugin = f"{HOME}.webhook_variants:sound_gateway"
    patience_s = 1.0
    capabilities: ClassVar[Sequence[str]] = ("dated_webhooks", "found_payments", "cancelled_payments")

    def answer_to(self, operation: str, text: str) -> Sequence[Exchange]:
        path = operation.removesuffix("_payment").removesuffix("_payment_intent").removeprefix("payment_")
        said = {"id": text, "status": "paid", "cents": 1250, "currency": "eur"}
        return [Exchange.of_json(f"/{path}", said)]

    def webhook(self, secret: str, text: str, delivery_id: str, scene: Scene) -> WebhookRequest:
        return delivery(secret, scene, {"id": delivery_id, "payment": text, "status": "paid"})


class TestGatewayWithoutWebhooks(TestGateway):
    plugin = f"{HOME}.webhook_variants:gateway_without_webhooks"
    capabilities = ("found_payments", "cancelled_payments")
    has_webhooks = False

    def webhook(self, secret: str, text: str, delivery_id: str, scene: Scene) -> WebhookRequest:
        raise NotImplementedError


class TestChannel(ChannelSuite):
    plugin = f"{HOME}.webhook_variants:sound_channel"
    patience_s = 1.0
    capabilities = ("dated_webhooks", "challenge", "statuses")

    def answer(self, text: str) -> Sequence[Exchange]:
        return [Exchange.of_json("/send", {"id": text})]

    def challenge(self, secret: str, text: str, scene: Scene) -> WebhookRequest:
        query = urlencode({"token": secret, "challenge": text})
        return WebhookRequest("GET", f"https://csai.example/webhook?{query}", {}, b"")

    def status(self, secret: str, message_id: str, scene: Scene) -> WebhookRequest:
        return delivery(secret, scene, {"id": message_id, "status": "delivered"})

    def failures(self) -> Sequence[tuple[Exchange, type[CsaiError]]]:
        return [(Exchange.of_json("/send", {}, status=418), ChannelError)]

    def webhook(self, secret: str, text: str, delivery_id: str, scene: Scene) -> WebhookRequest:
        return delivery(secret, scene, {"id": delivery_id, "from": "+3545550143", "text": text})


class TestLocale(LocaleSuite):
    plugin = f"{HOME}.locale_variants:sound"
    capabilities = ("all_labels",)
    forms: ClassVar[Mapping[str, Sequence[tuple[str, str]]]] = {"plate-IL": (("123-45-678", "12345678"),)}
    samples = ("\u05d0\u05d9\u05e4\u05d4 \u05d4\u05d4\u05d6\u05de\u05e0\u05d4 \u05e9\u05dc\u05d9?",)


class TestConnectsWhenImported(TestPlugin):
    plugin = f"{HOME}.import_connects"
    breaks = "imports_without_io"


class TestWritesWhenImported(TestPlugin):
    plugin = f"{HOME}.import_writes"
    breaks = "imports_without_io"


class TestLeavesAThread(TestPlugin):
    plugin = f"{HOME}.import_thread"
    breaks = "imports_without_io"


class TestIsSlowToImport(TestPlugin):
    plugin = f"{HOME}.import_slow"
    breaks = "imports_quickly"
    import_limit_s = 0.05


def put_over_variants() -> None:
    """Make a suite for each variant: the sound plugin's, with the variant's plugin."""
    for sound in [item for name, item in globals().copy().items() if name.startswith("Test")]:
        module, _, name = str(sound.plugin).partition(":")
        for attribute, broken in getattr(importlib.import_module(module), "BROKEN", {}).items():
            if broken.sound == name:
                kind = module.rpartition(".")[2].removesuffix("_variants").title()
                suite = f"Test{kind}{attribute.removeprefix('plugin_')}"
                own = {"plugin": f"{module}:{attribute}", "breaks": broken.check, **broken.attributes}
                assert suite not in globals()
                globals()[suite] = type(suite, (sound,), {"__module__": __name__, **own})


put_over_variants()
