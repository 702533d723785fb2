"""All that a csai plugin may import.

A plugin is a distribution with an entry point in the group `csai.plugins`; the entry point's name is the
plugin's id, its target a module (or object) with functions marked `@hookimpl`. See `csai_sdk.hookspecs`.
"""

from csai_sdk import event
from csai_sdk.answer import AnswerDecoder, stream_answer
from csai_sdk.channel import (
    AccountNotice,
    Channel,
    ChannelAccount,
    ChannelNews,
    DeliveryStatus,
    InboundMessage,
    Media,
    OutboundMessage,
    Polled,
    Receipt,
    WebhookRequest,
)
from csai_sdk.context import Clock, HttpClient, HttpError, HttpResponse, PluginContext, Resources, Transports
from csai_sdk.download import fetch_file
from csai_sdk.embedding import EmbeddingRequest, Embeddings, EmbeddingTraits, check_vectors
from csai_sdk.errors import (
    ChannelError,
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
from csai_sdk.gateway import Gateway, Payer, Payment, PaymentEvent
from csai_sdk.hookspecs import hookimpl
from csai_sdk.hub import check_hub_signature, hub_challenge
from csai_sdk.integration import (
    Connection,
    ConnectionCheck,
    ConnectionNews,
    Endpoint,
    EndpointImport,
    Integration,
    TokenStore,
)
from csai_sdk.label import english_labels
from csai_sdk.locale import Locale
from csai_sdk.markdown import TextStyle, restyle
from csai_sdk.message import AssistantMessage, Message, ToolCall, ToolMessage, ToolResult, UserMessage
from csai_sdk.provider import ModelReply, ModelRequest, ModelTraits, Passage, Provider
from csai_sdk.script import share_of_script
from csai_sdk.settings import PluginSettings
from csai_sdk.store import StoreFull
from csai_sdk.tool import (
    ListedTool,
    Tool,
    ToolBackend,
    ToolInvocation,
    ToolListing,
    ToolOutput,
    ToolSpec,
    tool,
)
from csai_sdk.usage import Usage
from csai_sdk.vendor import error_class_for, key_to_send, load_module, retry_after_s
from csai_sdk.web import WebFiles
from csai_sdk.wire import LineReader, SseReader

__all__ = [
    "AccountNotice",
    "AnswerDecoder",
    "AssistantMessage",
    "Channel",
    "ChannelAccount",
    "ChannelError",
    "ChannelNews",
    "Clock",
    "Connection",
    "ConnectionCheck",
    "ConnectionNews",
    "CsaiError",
    "DeliveryStatus",
    "EmbeddingRequest",
    "EmbeddingTraits",
    "Embeddings",
    "Endpoint",
    "EndpointImport",
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
    "ListedTool",
    "Locale",
    "Media",
    "Message",
    "ModelReply",
    "ModelRequest",
    "ModelTraits",
    "OutboundMessage",
    "Passage",
    "Payer",
    "Payment",
    "PaymentEvent",
    "PluginContext",
    "PluginSettings",
    "Polled",
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
    "Receipt",
    "Resources",
    "SettingsError",
    "SseReader",
    "StoreFull",
    "TextStyle",
    "TokenStore",
    "Tool",
    "ToolBackend",
    "ToolCall",
    "ToolError",
    "ToolInvocation",
    "ToolListing",
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
    "check_hub_signature",
    "check_vectors",
    "english_labels",
    "error_class_for",
    "event",
    "fetch_file",
    "hookimpl",
    "hub_challenge",
    "key_to_send",
    "load_module",
    "restyle",
    "retry_after_s",
    "share_of_script",
    "stream_answer",
    "tool",
]
