"""The tables, one aggregate a file."""

from csai.models.admin import Admin, AuditEntry
from csai.models.base import Base
from csai.models.client import ApiKey, Client, ClientOrigin, ClientPlugin
from csai.models.conversation import Conversation, Message, SummaryFold
from csai.models.erasure import Erasure
from csai.models.integration import ClientIntegration, IntegrationEndpoint
from csai.models.knowledge import KnowledgePassage
from csai.models.outbox import ClientWebhook, OutboxEvent
from csai.models.plan import Plan
from csai.models.plugin_store import PluginEntry
from csai.models.price import ModelPrice
from csai.models.schema import SchemaState
from csai.models.tool import ClientTool, Tool, ToolExecution
from csai.models.turn import Turn, WaitingTurn
from csai.models.usage import ApiUsage, Counter, LedgerEntry
from csai.models.visitor import Visitor
from csai.models.worker import Worker

__all__ = [
    "Admin",
    "ApiKey",
    "ApiUsage",
    "AuditEntry",
    "Base",
    "Client",
    "ClientIntegration",
    "ClientOrigin",
    "ClientPlugin",
    "ClientTool",
    "ClientWebhook",
    "Conversation",
    "Counter",
    "Erasure",
    "IntegrationEndpoint",
    "KnowledgePassage",
    "LedgerEntry",
    "Message",
    "ModelPrice",
    "OutboxEvent",
    "Plan",
    "PluginEntry",
    "SchemaState",
    "SummaryFold",
    "Tool",
    "ToolExecution",
    "Turn",
    "Visitor",
    "WaitingTurn",
    "Worker",
]
