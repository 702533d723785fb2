"""All that a csai plugin may import.

A plugin is a distribution with an entry point in the group `csai.plugins`; the entry point's name is the
plugin's id, its target a module (or object) with functions marked `@hookimpl`. See `csai_sdk.hookspecs`.
"""

from csai_sdk import event
from csai_sdk.answer import AnswerDecoder, stream_answer
from csai_sdk.channel import Channel, InboundMessage, WebhookRequest
from csai_sdk.context import (
    Clock,
    HttpClient,
    HttpError,
    HttpResponse,
    PluginContext,
    Resources,
    Transports,
)
from csai_sdk.errors import (
    CsaiError,
    GatewayError,
    HookRefusal,
    IntegrationError,
    ProviderAuthError,
    ProviderContextTooLong,
    ProviderError,
    ProviderProtocolError,
    ProviderQuotaExceeded,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderTimeout,
    ProviderUnavailable,
    SettingsError,
    ToolError,
    WebhookForged,
)
from csai_sdk.gateway import Gateway, Payment, PaymentEvent
from csai_sdk.hookspecs import hookimpl
from csai_sdk.integration import Connection, ConnectionCheck, Endpoint, Integration
from csai_sdk.locale import Locale
from csai_sdk.message import AssistantMessage, Message, ToolCall, ToolMessage, ToolResult, UserMessage
from csai_sdk.provider import ModelReply, ModelRequest, ModelTraits, Passage, Provider, Usage
from csai_sdk.settings import PluginSettings
from csai_sdk.store import StoreFull
from csai_sdk.tool import Tool, ToolBackend, ToolInvocation, ToolOutput, ToolSpec, tool
from csai_sdk.vendor import error_class_for, key_to_send, load_module, retry_after_s
from csai_sdk.web import WebFiles
from csai_sdk.wire import LineReader, SseReader

__all__ = [
    "AnswerDecoder",
    "AssistantMessage",
    "Channel",
    "Clock",
    "Connection",
    "ConnectionCheck",
    "CsaiError",
    "Endpoint",
    "Gateway",
    "GatewayError",
    "HookRefusal",
    "HttpClient",
    "HttpError",
    "HttpResponse",
    "InboundMessage",
    "Integration",
    "IntegrationError",
    "LineReader",
    "Locale",
    "Message",
    "ModelReply",
    "ModelRequest",
    "ModelTraits",
    "Passage",
    "Payment",
    "PaymentEvent",
    "PluginContext",
    "PluginSettings",
    "Provider",
    "ProviderAuthError",
    "ProviderContextTooLong",
    "ProviderError",
    "ProviderProtocolError",
    "ProviderQuotaExceeded",
    "ProviderRateLimited",
    "ProviderRequestError",
    "ProviderTimeout",
    "ProviderUnavailable",
    "Resources",
    "SettingsError",
    "SseReader",
    "StoreFull",
    "Tool",
    "ToolBackend",
    "ToolCall",
    "ToolError",
    "ToolInvocation",
    "ToolMessage",
    "ToolOutput",
    "ToolResult",
    "ToolSpec",
    "Transports",
    "Usage",
    "UserMessage",
    "WebFiles",
    "WebhookForged",
    "WebhookRequest",
    "error_class_for",
    "event",
    "hookimpl",
    "key_to_send",
    "load_module",
    "retry_after_s",
    "stream_answer",
    "tool",
]
