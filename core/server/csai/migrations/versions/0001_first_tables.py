"""The first tables, the word index of the knowledge, and the plan every client starts on.

A revision is frozen: it names columns and types itself and imports nothing of csai.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UUID = sa.Uuid(as_uuid=False)
TIME = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = (
    "schema_state",
    "plans",
    "model_prices",
    "clients",
    "api_keys",
    "client_origins",
    "client_plugins",
    "visitors",
    "plugin_store",
    "erasures",
    "conversations",
    "summary_folds",
    "messages",
    "turns",
    "waiting_turns",
    "tools",
    "client_tools",
    "tool_executions",
    "client_integrations",
    "integration_endpoints",
    "ledger",
    "counters",
    "api_usage",
    "knowledge_passages",
    "client_webhooks",
    "outbox",
    "workers",
    "admins",
    "audit_log",
)


def upgrade() -> None:
    _create_schema_state()
    _create_plans()
    _create_model_prices()
    _create_clients()
    _create_conversations()
    _create_plugin_store()
    _create_erasures()
    _create_turns()
    _create_tools()
    _create_integrations()
    _create_usage()
    _create_knowledge()
    _create_outbox()
    _create_workers()
    _create_admins()
    if op.get_bind().dialect.name == "postgresql":
        _create_word_index_on_postgresql()
    else:
        _create_word_index_on_sqlite()
    _insert_default_plan()


def downgrade() -> None:
    op.drop_table("knowledge_words")
    for table in reversed(TABLES):
        op.drop_table(table)


def _create_schema_state() -> None:
    op.create_table(
        "schema_state",
        _column("revision", sa.String(32)),
        _column("serves_from", sa.String(32)),
        _primary("schema_state", "revision"),
    )


def _create_plans() -> None:
    op.create_table(
        "plans",
        _column("name", sa.String(50)),
        _column("title", sa.String(200)),
        _column("limits", JSON),
        _column("features", JSON),
        _column("limit_message", sa.String(500)),
        _column("created_at", TIME),
        _primary("plans", "name"),
    )


def _create_model_prices() -> None:
    op.create_table(
        "model_prices",
        _column("provider", sa.String(100)),
        _column("model", sa.String(200)),
        _column("effective_from", TIME),
        _column("input_micros", BIG, nullable=True),
        _column("output_micros", BIG, nullable=True),
        _column("cache_read_micros", BIG, nullable=True),
        _column("cache_write_micros", BIG, nullable=True),
        _primary("model_prices", "provider", "model", "effective_from"),
    )


def _create_clients() -> None:
    op.create_table(
        "clients",
        _column("id", UUID),
        _column("name", sa.String(200)),
        _column("domain", sa.String(253)),
        _column("plan_type", sa.String(50)),
        _column("status", sa.String(20)),
        _column("config_version", sa.Integer()),
        _column("settings", JSON),
        _column("branding", JSON),
        _column("billing", JSON),
        _column("identity_secret", sa.Text(), nullable=True),
        _column("timezone", sa.String(64)),
        _column("created_at", TIME),
        _primary("clients", "id"),
        sa.ForeignKeyConstraint(["plan_type"], ["plans.name"], name="fk_clients_plan_type"),
    )
    op.create_table(
        "api_keys",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("kind", sa.String(12)),
        _column("key_hash", sa.String(64)),
        _column("hint", sa.String(8)),
        _column("created_at", TIME),
        _column("expires_at", TIME, nullable=True),
        _primary("api_keys", "id"),
        _owner("api_keys"),
        _unique("api_keys", "key_hash"),
    )
    _create_index("api_keys", "client_id")
    op.create_table(
        "client_origins",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("origin", sa.String(300)),
        _primary("client_origins", "id"),
        _owner("client_origins"),
        _unique("client_origins", "client_id", "origin"),
    )
    op.create_table(
        "client_plugins",
        _column("client_id", UUID),
        _column("plugin", sa.String(100)),
        _column("enabled", sa.Boolean()),
        _column("settings", JSON),
        _column("secrets", sa.Text(), nullable=True),
        _column("settings_version", sa.Integer()),
        _column("revision", sa.Integer()),
        _column("previous", JSON, nullable=True),
        _column("previous_secrets", sa.Text(), nullable=True),
        _column("updated_at", TIME),
        _primary("client_plugins", "client_id", "plugin"),
        _owner("client_plugins"),
    )


def _create_conversations() -> None:
    op.create_table(
        "visitors",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("external_id", sa.String(200)),
        _column("created_at", TIME),
        _primary("visitors", "id"),
        _owner("visitors"),
        _unique("visitors", "client_id", "id"),
        _unique("visitors", "client_id", "external_id"),
    )
    op.create_table(
        "conversations",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("session_id", UUID),
        _column("visitor_id", UUID, nullable=True),
        _column("user_identifier", sa.String(200), nullable=True),
        _column("channel", sa.String(30)),
        _column("details", JSON),
        _column("started_at", TIME),
        _column("last_message_at", TIME),
        _column("ended_at", TIME, nullable=True),
        _column("message_count", sa.Integer()),
        _column("tokens_total", BIG),
        _column("next_seq", sa.Integer()),
        _column("fence", sa.Integer()),
        _column("summary", sa.Text(), nullable=True),
        _column("summary_seq", sa.Integer()),
        _column("summary_since", TIME, nullable=True),
        _column("lease_turn_id", UUID, nullable=True),
        _column("lease_expires_at", TIME, nullable=True),
        _column("state", sa.String(10)),
        _column("state_since", TIME, nullable=True),
        _column("teammate", sa.String(200), nullable=True),
        _primary("conversations", "id"),
        _owner("conversations"),
        _within_client("conversations", "visitor_id", "visitors", ondelete=None),
        _unique("conversations", "client_id", "id"),
        _unique("conversations", "client_id", "session_id"),
    )
    _create_index("conversations", "client_id", "last_message_at")
    _create_index("conversations", "lease_expires_at")
    has_visitor = sa.text("visitor_id IS NOT NULL")
    op.create_index(
        "ix_conversations_client_id_visitor_id",
        "conversations",
        ["client_id", "visitor_id"],
        sqlite_where=has_visitor,
        postgresql_where=has_visitor,
    )
    op.create_table(
        "summary_folds",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("conversation_id", UUID),
        _column("up_to_seq", sa.Integer()),
        _column("period", sa.String(7)),
        _column("reserved", JSON),
        _column("expires_at", TIME),
        _primary("summary_folds", "id"),
        _within_client("summary_folds", "conversation_id", "conversations"),
        _unique("summary_folds", "client_id", "conversation_id"),
    )
    _create_index("summary_folds", "expires_at")
    op.create_table(
        "messages",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("conversation_id", UUID),
        _column("turn_id", UUID, nullable=True),
        _column("seq", sa.Integer()),
        _column("role", sa.String(10)),
        _column("author", sa.String(20)),
        _column("content", sa.Text()),
        _column("parts", JSON, nullable=True),
        _column("tokens_used", sa.Integer()),
        _column("timestamp", TIME),
        _primary("messages", "id"),
        _within_client("messages", "conversation_id", "conversations"),
        _unique("messages", "conversation_id", "seq"),
    )
    _create_index("messages", "client_id", "timestamp")


def _create_plugin_store() -> None:
    op.create_table(
        "plugin_store",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("plugin", sa.String(100)),
        _column("key", sa.String(200)),
        _column("value", sa.Text()),
        _column("size_bytes", sa.Integer()),
        _column("visitor_id", UUID, nullable=True),
        _column("expires_at", TIME, nullable=True),
        _column("updated_at", TIME),
        _primary("plugin_store", "id"),
        _owner("plugin_store"),
        _within_client("plugin_store", "visitor_id", "visitors"),
        _unique("plugin_store", "client_id", "plugin", "key"),
    )
    _create_index("plugin_store", "client_id", "visitor_id")


def _create_erasures() -> None:
    op.create_table(
        "erasures",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("external_id", sa.String(200), nullable=True),
        _column("session_id", UUID, nullable=True),
        _column("requested_at", TIME),
        _column("tried_at", TIME),
        _column("finished_at", TIME, nullable=True),
        _column("failing", JSON),
        _primary("erasures", "id"),
        _owner("erasures"),
        sa.CheckConstraint("(external_id IS NULL) OR (session_id IS NULL)", name="ck_erasures_one_subject"),
    )
    _create_index("erasures", "finished_at", "tried_at")


def _create_turns() -> None:
    op.create_table(
        "turns",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("conversation_id", UUID),
        _column("status", sa.String(12)),
        _column("idempotency_key", sa.String(255), nullable=True),
        _column("body_hash", sa.String(64)),
        _column("fence", sa.Integer()),
        _column("period", sa.String(7)),
        _column("reserved", JSON),
        _column("attempts", JSON),
        _column("is_stop_requested", sa.Boolean()),
        _column("saved_tokens", sa.Integer()),
        _column("saved_micros", BIG),
        _column("outcome", sa.JSON(), nullable=True),
        _column("accepted_at", TIME),
        _column("deadline_at", TIME),
        _column("finished_at", TIME, nullable=True),
        _primary("turns", "id"),
        _within_client("turns", "conversation_id", "conversations"),
        _unique("turns", "client_id", "idempotency_key"),
    )
    _create_index("turns", "status", "deadline_at")
    _create_index("turns", "client_id", "accepted_at")
    _create_index("turns", "conversation_id")
    op.create_table(
        "waiting_turns",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("conversation_id", UUID),
        _column("expires_at", TIME),
        _primary("waiting_turns", "id"),
        _within_client("waiting_turns", "conversation_id", "conversations"),
    )
    _create_index("waiting_turns", "conversation_id")


def _create_tools() -> None:
    op.create_table(
        "tools",
        _column("id", UUID),
        _column("client_id", UUID, nullable=True),
        _column("tool_name", sa.String(64)),
        _column("description", sa.Text()),
        _column("parameters_schema", JSON),
        _column("category", sa.String(50)),
        _column("backend", sa.String(50)),
        _column("plugin", sa.String(100), nullable=True),
        _column("read_only", sa.Boolean()),
        _column("idempotent", sa.Boolean()),
        _column("private", sa.Boolean()),
        _column("confirm", sa.Boolean()),
        _column("created_at", TIME),
        _primary("tools", "id"),
        _owner("tools"),
        _unique("tools", "client_id", "tool_name"),
    )
    # Null is distinct from null in the constraint above, so shared names need an index of their own.
    is_shared = sa.text("client_id IS NULL")
    op.create_index(
        "uq_tools_shared_tool_name",
        "tools",
        ["tool_name"],
        unique=True,
        sqlite_where=is_shared,
        postgresql_where=is_shared,
    )
    op.create_table(
        "client_tools",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("tool_id", UUID),
        _column("enabled", sa.Boolean()),
        _column("n8n_webhook_url", sa.Text(), nullable=True),
        _column("custom_config", JSON),
        _primary("client_tools", "id"),
        _owner("client_tools"),
        sa.ForeignKeyConstraint(
            ["tool_id"], ["tools.id"], name="fk_client_tools_tool_id", ondelete="CASCADE"
        ),
        _unique("client_tools", "client_id", "tool_id"),
    )
    op.create_table(
        "tool_executions",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("conversation_id", UUID),
        _column("turn_id", UUID),
        _column("call_id", sa.String(80)),
        _column("tool_name", sa.Text()),
        _column("parameters", JSON),
        _column("n8n_response", sa.Text(), nullable=True),
        _column("status", sa.String(10)),
        _column("success", sa.Boolean(), nullable=True),
        _column("execution_time_ms", sa.Integer(), nullable=True),
        _column("timestamp", TIME),
        _column("expires_at", TIME, nullable=True),
        _primary("tool_executions", "id"),
        _within_client("tool_executions", "conversation_id", "conversations"),
        _unique("tool_executions", "client_id", "call_id"),
    )
    _create_index("tool_executions", "client_id", "timestamp")
    _create_index("tool_executions", "conversation_id")
    _create_index("tool_executions", "turn_id")


def _create_integrations() -> None:
    op.create_table(
        "client_integrations",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("integration_type", sa.String(50)),
        _column("connection_config", sa.Text()),
        _column("enabled", sa.Boolean()),
        _column("last_sync_test", TIME, nullable=True),
        _column("created_at", TIME),
        _primary("client_integrations", "id"),
        _owner("client_integrations"),
        _unique("client_integrations", "client_id", "id"),
    )
    op.create_table(
        "integration_endpoints",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("integration_id", UUID),
        _column("endpoint_name", sa.String(100)),
        _column("endpoint_url", sa.Text()),
        _column("method", sa.String(10)),
        _column("description", sa.Text()),
        _primary("integration_endpoints", "id"),
        _within_client("integration_endpoints", "integration_id", "client_integrations"),
        _unique("integration_endpoints", "integration_id", "endpoint_name"),
    )


def _create_usage() -> None:
    op.create_table(
        "ledger",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("turn_id", UUID),
        _column("attempt", sa.Integer()),
        _column("provider", sa.String(100)),
        _column("model", sa.String(200)),
        _column("tokens_input", sa.Integer()),
        _column("tokens_output", sa.Integer()),
        _column("tokens_cache_read", sa.Integer()),
        _column("tokens_cache_write", sa.Integer()),
        _column("cost_micros", BIG),
        _column("saved_micros", BIG),
        _column("price", JSON, nullable=True),
        _column("is_estimated", sa.Boolean()),
        _column("period", sa.String(7)),
        _column("day", sa.Date()),
        _column("created_at", TIME),
        _primary("ledger", "id"),
        _owner("ledger"),
        _unique("ledger", "turn_id", "attempt"),
    )
    _create_index("ledger", "client_id", "day")
    op.create_table(
        "counters",
        _column("client_id", UUID),
        _column("metric", sa.String(20)),
        _column("period", sa.String(7)),
        _column("used", BIG),
        _column("reserved", BIG),
        _primary("counters", "client_id", "metric", "period"),
        _owner("counters"),
        sa.CheckConstraint("used >= 0", name="ck_counters_used"),
        sa.CheckConstraint("reserved >= 0", name="ck_counters_reserved"),
    )
    op.create_table(
        "api_usage",
        _column("client_id", UUID),
        _column("date", sa.Date()),
        _column("conversation_count", sa.Integer()),
        _column("message_count", sa.Integer()),
        _column("tokens_input", BIG),
        _column("tokens_output", BIG),
        _column("tool_calls_count", sa.Integer()),
        _column("cost_micros", BIG),
        _column("response_cache_count", sa.Integer()),
        _column("response_cache_tokens", BIG),
        _column("response_cache_micros", BIG),
        _column("prompt_cache_tokens", BIG),
        _column("prompt_cache_micros", BIG),
        _primary("api_usage", "client_id", "date"),
        _owner("api_usage"),
    )


def _create_knowledge() -> None:
    op.create_table(
        "knowledge_passages",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("title", sa.String(300)),
        _column("url", sa.Text()),
        _column("content", sa.Text()),
        _column("created_at", TIME),
        _primary("knowledge_passages", "id"),
        _owner("knowledge_passages"),
        _unique("knowledge_passages", "client_id", "id"),
    )


def _create_word_index_on_postgresql() -> None:
    op.create_table(
        "knowledge_words",
        _column("passage_id", UUID),
        _column("client_id", UUID),
        _column("words", TSVECTOR()),
        _primary("knowledge_words", "passage_id"),
        _within_client("knowledge_words", "passage_id", "knowledge_passages"),
    )
    # Without fastupdate: what is waiting to be merged would be read through by every search.
    op.create_index(
        "ix_knowledge_words_words",
        "knowledge_words",
        ["words"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )


def _create_word_index_on_sqlite() -> None:
    # The words are cut in Python, so the plainest tokenizer serves; they include the passage's id, by which
    # the trigger finds them again. It runs for passages that go with their client, too.
    op.execute(
        "CREATE VIRTUAL TABLE knowledge_words USING fts5("
        "words, passage_id UNINDEXED, client_id UNINDEXED, tokenize = 'ascii', detail = none, columnsize = 0)"
    )
    op.execute(
        "CREATE TRIGGER knowledge_passages_forget_words AFTER DELETE ON knowledge_passages BEGIN "
        "DELETE FROM knowledge_words WHERE rowid IN "
        "(SELECT rowid FROM knowledge_words WHERE knowledge_words MATCH old.id); END"
    )


def _insert_default_plan() -> None:
    plans = sa.table(
        "plans",
        sa.column("name", sa.String()),
        sa.column("title", sa.String()),
        sa.column("limits", JSON),
        sa.column("features", JSON),
        sa.column("limit_message", sa.String()),
        sa.column("created_at", TIME),
    )
    op.bulk_insert(
        plans,
        [
            {
                "name": "default",
                "title": "Default",
                "limits": {},
                "features": {},
                "limit_message": "",
                "created_at": datetime.now(UTC),
            }
        ],
    )


def _create_outbox() -> None:
    op.create_table(
        "client_webhooks",
        _column("client_id", UUID),
        _column("url", sa.Text()),
        _column("enabled", sa.Boolean()),
        _column("secret", sa.Text()),
        _column("previous_secret", sa.Text(), nullable=True),
        _column("previous_until", TIME, nullable=True),
        _column("updated_at", TIME),
        _primary("client_webhooks", "client_id"),
        _owner("client_webhooks"),
    )
    op.create_table(
        "outbox",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("event", sa.String(50)),
        _column("payload", JSON),
        _column("dedupe_key", sa.String(200)),
        _column("status", sa.String(10)),
        _column("attempts", sa.Integer()),
        _column("attempts_before", sa.Integer()),
        _column("created_at", TIME),
        _column("next_attempt_at", TIME),
        _column("delivered_at", TIME, nullable=True),
        _column("last_status", sa.Integer(), nullable=True),
        _column("last_error", sa.String(200), nullable=True),
        _primary("outbox", "id"),
        _owner("outbox"),
        _unique("outbox", "client_id", "dedupe_key"),
    )
    _create_index("outbox", "status", "next_attempt_at")
    _create_index("outbox", "client_id", "created_at")


def _create_workers() -> None:
    op.create_table(
        "workers",
        _column("id", UUID),
        _column("kind", sa.String(12)),
        _column("started_at", TIME),
        _column("expires_at", TIME),
        _primary("workers", "id"),
    )


def _create_admins() -> None:
    op.create_table(
        "admins",
        _column("id", UUID),
        _column("email", sa.String(254)),
        _column("password_hash", sa.Text()),
        _column("role", sa.String(20)),
        _column("token_generation", sa.Integer()),
        _column("created_at", TIME),
        _primary("admins", "id"),
        _unique("admins", "email"),
    )
    op.create_table(
        "audit_log",
        _column("id", UUID),
        _column("actor", sa.String(20)),
        _column("actor_id", UUID, nullable=True),
        _column("actor_name", sa.String(254)),
        _column("action", sa.String(60)),
        _column("object", sa.String(300)),
        _column("client_id", UUID, nullable=True),
        _column("before", JSON, nullable=True),
        _column("after", JSON, nullable=True),
        _column("request_id", sa.String(64), nullable=True),
        _column("created_at", TIME),
        _primary("audit_log", "id"),
    )
    _create_index("audit_log", "client_id", "id")


def _column(name: str, kind: Any, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def _primary(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")


def _owner(table: str) -> sa.ForeignKeyConstraint:
    """The client a row belongs to, with which it goes."""
    return sa.ForeignKeyConstraint(
        ["client_id"], ["clients.id"], name=f"fk_{table}_client_id", ondelete="CASCADE"
    )


def _within_client(table: str, column: str, target: str, *, ondelete: str | None = "CASCADE") -> Any:
    """A reference that cannot leave its client."""
    return sa.ForeignKeyConstraint(
        ["client_id", column],
        [f"{target}.client_id", f"{target}.id"],
        name=f"fk_{table}_client_id_{column}",
        ondelete=ondelete,
    )


def _create_index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
