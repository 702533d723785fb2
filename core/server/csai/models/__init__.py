"""The tables, one aggregate a file."""

from csai.models.admin import (
    Admin,
    AdminClient,
    AdminIdentity,
    AdminLink,
    AdminRecoveryCode,
    AdminSession,
    ApiToken,
    AuditEntry,
    OidcSignIn,
)
from csai.models.analytics import ModelDay, OutcomeDay, ToolDay, UsageHour
from csai.models.base import Base
from csai.models.billing import Invoice, Payment, PaymentNews, Refund
from csai.models.channel import (
    ChannelAccount,
    ChannelContact,
    ChannelInbound,
    ChannelOutbound,
    ChannelThread,
)
from csai.models.client import ApiKey, Client, ClientOrigin, ClientPlugin
from csai.models.conversation import Conversation, Message, SummaryFold
from csai.models.erasure import Erasure
from csai.models.experiment import Experiment
from csai.models.feedback import Feedback
from csai.models.follow_up import FollowUp
from csai.models.incident import Incident
from csai.models.integration import ClientIntegration, IntegrationDelivery, IntegrationEndpoint
from csai.models.job import JobRun
from csai.models.knowledge import (
    EmbeddingBatch,
    EmbeddingRefusal,
    KnowledgeEmbedding,
    KnowledgePassage,
)
from csai.models.outbox import ClientWebhook, OutboxEvent
from csai.models.plan import Plan
from csai.models.plugin_store import PluginEntry
from csai.models.price import ModelPrice
from csai.models.schema import SchemaState
from csai.models.switch import Switch
from csai.models.tool import ClientTool, ListedTools, Tool, ToolExecution
from csai.models.turn import Turn, WaitingTurn
from csai.models.usage import ApiUsage, Counter, LedgerEntry
from csai.models.visitor import Visitor
from csai.models.worker import Worker

__all__ = [
    "Admin",
    "AdminClient",
    "AdminIdentity",
    "AdminLink",
    "AdminRecoveryCode",
    "AdminSession",
    "ApiKey",
    "ApiToken",
    "ApiUsage",
    "AuditEntry",
    "Base",
    "ChannelAccount",
    "ChannelContact",
    "ChannelInbound",
    "ChannelOutbound",
    "ChannelThread",
    "Client",
    "ClientIntegration",
    "ClientOrigin",
    "ClientPlugin",
    "ClientTool",
    "ClientWebhook",
    "Conversation",
    "Counter",
    "EmbeddingBatch",
    "EmbeddingRefusal",
    "Erasure",
    "Experiment",
    "Feedback",
    "FollowUp",
    "Incident",
    "IntegrationDelivery",
    "IntegrationEndpoint",
    "Invoice",
    "JobRun",
    "KnowledgeEmbedding",
    "KnowledgePassage",
    "LedgerEntry",
    "ListedTools",
    "Message",
    "ModelDay",
    "ModelPrice",
    "OidcSignIn",
    "OutboxEvent",
    "OutcomeDay",
    "Payment",
    "PaymentNews",
    "Plan",
    "PluginEntry",
    "Refund",
    "SchemaState",
    "SummaryFold",
    "Switch",
    "Tool",
    "ToolDay",
    "ToolExecution",
    "Turn",
    "UsageHour",
    "Visitor",
    "WaitingTurn",
    "Worker",
]
