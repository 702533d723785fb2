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
    "switches",
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
    "feedback",
    "follow_ups",
    "experiments",
    "turns",
    "waiting_turns",
    "client_integrations",
    "integration_deliveries",
    "integration_endpoints",
    "tools",
    "client_tools",
    "listed_tools",
    "tool_executions",
    "ledger",
    "counters",
    "api_usage",
    "usage_hours",
    "outcome_days",
    "model_days",
    "tool_days",
    "incidents",
    "billing",
    "payments",
    "refunds",
    "payment_news",
    "knowledge_passages",
    "knowledge_embeddings",
    "embedding_batches",
    "embedding_refusals",
    "client_webhooks",
    "outbox",
    "channel_accounts",
    "channel_contacts",
    "channel_threads",
    "channel_inbox",
    "channel_outbox",
    "workers",
    "job_runs",
    "admins",
    "admin_clients",
    "admin_sessions",
    "admin_recovery_codes",
    "admin_links",
    "admin_identities",
    "oidc_sign_ins",
    "api_tokens",
    "audit_log",
)


def upgrade() -> None:
    _create_schema_state()
    _create_switches()
    _create_plans()
    _create_model_prices()
    _create_clients()
    _create_conversations()
    _create_plugin_store()
    _create_erasures()
    _create_experiments()
    _create_turns()
    _create_integrations()
    _create_tools()
    _create_usage()
    _create_roll_ups()
    _create_incidents()
    _create_billing()
    _create_knowledge()
    _create_outbox()
    _create_channels()
    _create_workers()
    _create_job_runs()
    _create_admins()
    if op.get_bind().dialect.name == "postgresql":
        _create_word_index_on_postgresql()
        _create_vectors(HALF_VECTOR() if _has_pgvector() else sa.LargeBinary())
    else:
        _create_word_index_on_sqlite()
        _create_vectors(sa.LargeBinary())
    _insert_default_plan()


def downgrade() -> None:
    op.drop_table("knowledge_vectors")
    op.drop_table("knowledge_words")
    if op.get_bind().dialect.name == "sqlite":
        op.drop_table("message_words")
    for table in reversed(TABLES):
        op.drop_table(table)


def _create_schema_state() -> None:
    op.create_table(
        "schema_state",
        _column("revision", sa.String(32)),
        _column("serves_from", sa.String(32)),
        _primary("schema_state", "revision"),
    )


def _create_switches() -> None:
    op.create_table(
        "switches",
        _column("name", sa.String(40)),
        _column("since", TIME),
        _primary("switches", "name"),
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
        _column("is_paused", sa.Boolean()),
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
        _column("is_test", sa.Boolean()),
        _column("details", JSON),
        _column("started_at", TIME),
        _column("last_message_at", TIME),
        _column("ended_at", TIME, nullable=True),
        _column("message_count", sa.Integer()),
        _column("tokens_total", BIG),
        _column("tool_call_count", sa.Integer()),
        _column("failed_tool_count", sa.Integer()),
        _column("cost_micros", BIG),
        _column("thumbs_down_count", sa.Integer()),
        _column("rating", sa.Integer(), nullable=True),
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
        _column("contact_email", sa.String(254), nullable=True),
        _primary("conversations", "id"),
        _owner("conversations"),
        _within_client("conversations", "visitor_id", "visitors", ondelete=None),
        _unique("conversations", "client_id", "id"),
        _unique("conversations", "client_id", "session_id"),
    )
    _create_index("conversations", "client_id", "last_message_at", "id")
    _create_index("conversations", "last_message_at", "id")
    _create_index("conversations", "channel", "last_message_at", "id")
    by_time = ["last_message_at", "id"]
    for name, columns, condition in (
        ("failed_tool", by_time, "failed_tool_count > 0"),
        ("thumbs_down", by_time, "thumbs_down_count > 0"),
        ("rating", ["rating", *by_time], "rating IS NOT NULL"),
        ("not_ai", by_time, "state <> 'ai' AND ended_at IS NULL"),
        ("visitor", ["user_identifier", *by_time], "user_identifier IS NOT NULL"),
        ("state_since", ["state_since"], "state_since IS NOT NULL"),
        ("ended_at", ["ended_at"], "ended_at IS NOT NULL"),
    ):
        op.create_index(
            f"ix_conversations_{name}",
            "conversations",
            columns,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    _create_index("conversations", "lease_expires_at")
    has_visitor = sa.text("visitor_id IS NOT NULL")
    op.create_index(
        "ix_conversations_client_id_visitor_id",
        "conversations",
        ["client_id", "visitor_id"],
        sqlite_where=has_visitor,
        postgresql_where=has_visitor,
    )
    is_waiting = sa.text("state = 'queued' AND ended_at IS NULL")
    op.create_index(
        "ix_conversations_client_id_state_since",
        "conversations",
        ["client_id", "state_since"],
        sqlite_where=is_waiting,
        postgresql_where=is_waiting,
    )
    op.create_table(
        "summary_folds",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("conversation_id", UUID),
        _column("up_to_seq", sa.Integer()),
        _column("provider", sa.String(100)),
        _column("model", sa.String(200)),
        _column("bytes_input", sa.Integer()),
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
    if op.get_bind().dialect.name == "sqlite":
        _create_message_words_on_sqlite()
    else:
        _create_message_words_on_postgresql()
    op.create_table(
        "feedback",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("conversation_id", UUID),
        _column("kind", sa.String(12)),
        _column("about_id", UUID),
        _column("turn_id", UUID, nullable=True),
        _column("value", sa.Integer()),
        _column("comment", sa.Text()),
        _column("revision", sa.Integer()),
        _column("created_at", TIME),
        _column("updated_at", TIME),
        _primary("feedback", "id"),
        _within_client("feedback", "conversation_id", "conversations"),
        _unique("feedback", "client_id", "about_id"),
    )
    _create_index("feedback", "client_id", "conversation_id")
    _create_index("feedback", "client_id", "updated_at")
    op.create_table(
        "follow_ups",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("conversation_id", UUID),
        _column("read_seq", sa.Integer()),
        _column("due_at", TIME),
        _primary("follow_ups", "id"),
        _within_client("follow_ups", "conversation_id", "conversations"),
        _unique("follow_ups", "client_id", "conversation_id"),
    )
    _create_index("follow_ups", "due_at")


def _create_message_words_on_postgresql() -> None:
    # A column, so that no word outlives its message. Its first word is the client. Signs become blanks:
    # else the parser takes shop.example or blue-kettle for one word.
    signs = "!\"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~"
    op.execute(
        "ALTER TABLE messages ADD COLUMN words tsvector GENERATED ALWAYS AS (to_tsvector('simple', "
        "'c' || replace(CAST(client_id AS text), '-', '') || ' ' || "
        f"translate(content, '{signs}', repeat(' ', 32)))) STORED"
    )
    # Without fastupdate: what is waiting to be merged would be read through by every search.
    op.execute("CREATE INDEX ix_messages_words ON messages USING gin (words) WITH (fastupdate = off)")


def _create_message_words_on_sqlite() -> None:
    # Its rows come and go with the messages. `own` holds the client and the message, by which the trigger
    # finds a row again.
    op.execute(
        "CREATE VIRTUAL TABLE message_words USING fts5(own, words, conversation_id UNINDEXED, "
        "tokenize = 'unicode61 remove_diacritics 0', columnsize = 0)"
    )
    op.execute(
        "CREATE TRIGGER messages_keep_words AFTER INSERT ON messages BEGIN "
        "INSERT INTO message_words (own, words, conversation_id) VALUES "
        "('c' || new.client_id || ' m' || new.id, new.content, new.conversation_id); END"
    )
    op.execute(
        "CREATE TRIGGER messages_forget_words AFTER DELETE ON messages BEGIN "
        "DELETE FROM message_words WHERE rowid IN "
        "(SELECT rowid FROM message_words WHERE message_words MATCH 'own : m' || old.id); END"
    )


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


def _create_experiments() -> None:
    op.create_table(
        "experiments",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("name", sa.String(200)),
        _column("status", sa.String(10)),
        _column("arms", JSON),
        _column("created_at", TIME),
        _column("started_at", TIME, nullable=True),
        _column("stopped_at", TIME, nullable=True),
        _primary("experiments", "id"),
        _owner("experiments"),
        _unique("experiments", "client_id", "id"),
        _unique("experiments", "client_id", "name"),
    )
    op.create_index(
        "ix_experiments_client_id",
        "experiments",
        ["client_id"],
        unique=True,
        sqlite_where=sa.text("status = 'running'"),
        postgresql_where=sa.text("status = 'running'"),
    )


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
        _column("experiment_id", UUID, nullable=True),
        _column("arm", sa.String(50), nullable=True),
        _column("routing", JSON, nullable=True),
        _primary("turns", "id"),
        _within_client("turns", "conversation_id", "conversations"),
        _within_client("turns", "experiment_id", "experiments", ondelete=None),
        _unique("turns", "client_id", "idempotency_key"),
    )
    _create_index("turns", "status", "deadline_at")
    _create_index("turns", "client_id", "accepted_at")
    _create_index("turns", "conversation_id")
    op.create_index(
        "ix_turns_client_id_experiment_id",
        "turns",
        ["client_id", "experiment_id"],
        sqlite_where=sa.text("experiment_id IS NOT NULL"),
        postgresql_where=sa.text("experiment_id IS NOT NULL"),
    )
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
        _column("endpoint_id", UUID, nullable=True),
        _column("read_only", sa.Boolean()),
        _column("idempotent", sa.Boolean()),
        _column("private", sa.Boolean()),
        _column("confirm", sa.Boolean()),
        _column("source", sa.String(64), nullable=True),
        _column("target", JSON, nullable=True),
        _column("fingerprint", sa.String(64), nullable=True),
        _column("gone", sa.Boolean()),
        _column("created_at", TIME),
        _primary("tools", "id"),
        _owner("tools"),
        _unique("tools", "client_id", "tool_name"),
        _within_client("tools", "endpoint_id", "integration_endpoints"),
        _unique("tools", "endpoint_id"),
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
        _column("approved", sa.String(64), nullable=True),
        _primary("client_tools", "id"),
        _owner("client_tools"),
        sa.ForeignKeyConstraint(
            ["tool_id"], ["tools.id"], name="fk_client_tools_tool_id", ondelete="CASCADE"
        ),
        _unique("client_tools", "client_id", "tool_id"),
    )
    op.create_table(
        "listed_tools",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("backend", sa.String(50)),
        _column("sources", JSON),
        _column("listed_at", TIME),
        _primary("listed_tools", "id"),
        _owner("listed_tools"),
        _unique("listed_tools", "client_id", "backend"),
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
        _column("name", sa.String(200)),
        _column("settings", JSON),
        _column("connection_config", sa.Text(), nullable=True),
        _column("settings_version", sa.Integer()),
        _column("tokens_encrypted", sa.Text(), nullable=True),
        _column("tokens_lease_until", TIME, nullable=True),
        _column("consent_nonce", sa.String(64), nullable=True),
        _column("enabled", sa.Boolean()),
        _column("revision", sa.Integer()),
        _column("last_sync_test", TIME, nullable=True),
        _column("last_test_ok", sa.Boolean(), nullable=True),
        _column("last_test_detail", sa.String(500), nullable=True),
        _column("created_at", TIME),
        _column("updated_at", TIME, nullable=True),
        _primary("client_integrations", "id"),
        _owner("client_integrations"),
        _unique("client_integrations", "client_id", "id"),
        _unique("client_integrations", "client_id", "name"),
    )
    op.create_table(
        "integration_deliveries",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("integration_id", UUID),
        _column("delivery_id", sa.String(200)),
        _column("received_at", TIME),
        _primary("integration_deliveries", "id"),
        _within_client("integration_deliveries", "integration_id", "client_integrations"),
        _unique("integration_deliveries", "integration_id", "delivery_id"),
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
        _column("parameters_schema", JSON),
        _column("request", JSON),
        _column("is_private", sa.Boolean()),
        _column("is_ready", sa.Boolean()),
        _column("visitor_parameters", JSON),
        _column("cache_s", sa.Integer()),
        _column("revision", sa.Integer()),
        _primary("integration_endpoints", "id"),
        _within_client("integration_endpoints", "integration_id", "client_integrations"),
        _unique("integration_endpoints", "client_id", "id"),
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
        _column("is_embedding", sa.Boolean()),
        _column("duration_ms", sa.Integer(), nullable=True),
        _column("first_text_ms", sa.Integer(), nullable=True),
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
        _column("routing_count", sa.Integer()),
        _column("routing_micros", BIG),
        _primary("api_usage", "client_id", "date"),
        _owner("api_usage"),
    )


def _create_roll_ups() -> None:
    op.create_table(
        "usage_hours",
        _column("client_id", UUID),
        _column("hour", TIME),
        _column("conversation_count", sa.Integer()),
        _column("message_count", sa.Integer()),
        _column("tool_calls_count", sa.Integer()),
        _column("tokens_input", BIG),
        _column("tokens_output", BIG),
        _column("cost_micros", BIG),
        _primary("usage_hours", "client_id", "hour"),
        _owner("usage_hours"),
    )
    _create_index("usage_hours", "hour")
    op.create_table(
        "outcome_days",
        _column("client_id", UUID),
        _column("date", sa.Date()),
        _column("status", sa.String(12)),
        _column("message_count", sa.Integer()),
        _primary("outcome_days", "client_id", "date", "status"),
        _owner("outcome_days"),
    )
    _create_index("outcome_days", "date")
    op.create_table(
        "model_days",
        _column("client_id", UUID),
        _column("date", sa.Date()),
        _column("provider", sa.String(100)),
        _column("model", sa.String(200)),
        _column("calls", sa.Integer()),
        _column("tokens_input", BIG),
        _column("tokens_output", BIG),
        _column("cost_micros", BIG),
        _primary("model_days", "client_id", "date", "provider", "model"),
        _owner("model_days"),
    )
    _create_index("model_days", "date")
    op.create_table(
        "tool_days",
        _column("client_id", UUID),
        _column("date", sa.Date()),
        _column("tool_name", sa.String(64)),
        _column("calls", sa.Integer()),
        _column("succeeded", sa.Integer()),
        _column("failed", sa.Integer()),
        _column("refused", sa.Integer()),
        _column("unknown", sa.Integer()),
        _column("ms_50", sa.Integer()),
        _column("ms_100", sa.Integer()),
        _column("ms_250", sa.Integer()),
        _column("ms_500", sa.Integer()),
        _column("ms_1000", sa.Integer()),
        _column("ms_2500", sa.Integer()),
        _column("ms_5000", sa.Integer()),
        _column("ms_10000", sa.Integer()),
        _column("ms_30000", sa.Integer()),
        _column("ms_more", sa.Integer()),
        _primary("tool_days", "client_id", "date", "tool_name"),
        _owner("tool_days"),
    )
    _create_index("tool_days", "date")


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        _column("key", sa.String(250)),
        _column("client_id", UUID, nullable=True),
        _column("kind", sa.String(10)),
        _column("subject", sa.String(100)),
        _column("created_at", TIME),
        _primary("incidents", "key"),
        _owner("incidents"),
    )
    _create_index("incidents", "client_id", "created_at")
    _create_index("incidents", "created_at")


def _create_billing() -> None:
    op.create_table(
        "billing",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("billing_period", sa.String(7)),
        _column("plan_type", sa.String(50)),
        _column("currency", sa.String(3)),
        _column("base_cost_micros", BIG),
        _column("ledger_cost_micros", BIG),
        _column("usage_rate_micros", BIG),
        _column("usage_cost_micros", BIG),
        _column("total_cost_micros", BIG),
        _column("status", sa.String(10)),
        _column("payment_provider", sa.String(50), nullable=True),
        _column("payment_provider_id", sa.String(255), nullable=True),
        _column("payment_method", sa.String(50), nullable=True),
        _column("revision", sa.Integer()),
        _column("created_at", TIME),
        _column("due_at", TIME),
        _column("paid_at", TIME, nullable=True),
        _primary("billing", "id"),
        _owner("billing"),
        _unique("billing", "client_id", "id"),
        sa.CheckConstraint(
            "total_cost_micros = base_cost_micros + usage_cost_micros", name="ck_billing_total"
        ),
    )
    is_owed = sa.text("status <> 'void'")
    op.create_index(
        "uq_billing_client_id_billing_period",
        "billing",
        ["client_id", "billing_period"],
        unique=True,
        sqlite_where=is_owed,
        postgresql_where=is_owed,
    )
    _create_index("billing", "status", "due_at")
    op.create_table(
        "payments",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("invoice_id", UUID),
        _column("attempt", sa.Integer()),
        _column("gateway", sa.String(50)),
        _column("idempotency_key", sa.String(100)),
        _column("customer", sa.String(255)),
        _column("customer_method", sa.String(255)),
        _column("vendor_id", sa.String(255), nullable=True),
        _column("status", sa.String(20)),
        _column("amount_micros", BIG),
        _column("refunded_micros", BIG),
        _column("currency", sa.String(3)),
        _column("method", sa.String(50)),
        _column("redirect_url", sa.Text()),
        _column("reason", sa.String(300)),
        _column("dispute", sa.String(4)),
        _column("claimed_by", UUID, nullable=True),
        _column("claimed_until", TIME, nullable=True),
        _column("collected_at", TIME, nullable=True),
        _column("told_at", TIME, nullable=True),
        _column("created_at", TIME),
        _column("updated_at", TIME),
        _primary("payments", "id"),
        _within_client("payments", "invoice_id", "billing"),
        _unique("payments", "client_id", "id"),
        _unique("payments", "invoice_id", "attempt"),
        _unique("payments", "gateway", "vendor_id"),
        _unique("payments", "idempotency_key"),
        sa.CheckConstraint("refunded_micros >= 0", name="ck_payments_refunded"),
    )
    op.create_table(
        "refunds",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("payment_id", UUID),
        _column("number", sa.Integer()),
        _column("idempotency_key", sa.String(100)),
        _column("amount_micros", BIG),
        _column("refunded_before_micros", BIG),
        _column("status", sa.String(10)),
        _column("reason", sa.String(300)),
        _column("claimed_by", UUID, nullable=True),
        _column("claimed_until", TIME, nullable=True),
        _column("created_at", TIME),
        _column("updated_at", TIME),
        _primary("refunds", "id"),
        _within_client("refunds", "payment_id", "payments"),
        _unique("refunds", "payment_id", "number"),
        _unique("refunds", "idempotency_key"),
        sa.CheckConstraint("amount_micros > 0", name="ck_refunds_amount"),
    )
    op.create_table(
        "payment_news",
        _column("gateway", sa.String(50)),
        _column("event_id", sa.String(255)),
        _column("client_id", UUID),
        _column("payment_id", UUID),
        _column("status", sa.String(20)),
        _column("told_at", TIME),
        _column("received_at", TIME),
        _primary("payment_news", "gateway", "event_id"),
        _within_client("payment_news", "payment_id", "payments"),
    )
    _create_index("payment_news", "client_id", "payment_id")


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
    op.create_table(
        "knowledge_embeddings",
        _column("client_id", UUID),
        _column("model", sa.String(300)),
        _column("revision", sa.Integer()),
        _column("due_at", TIME, nullable=True),
        _column("failures", sa.Integer()),
        _column("error", sa.String(100), nullable=True),
        _column("dimensions", sa.Integer(), nullable=True),
        _column("updated_at", TIME),
        _primary("knowledge_embeddings", "client_id"),
        _owner("knowledge_embeddings"),
    )
    _create_index("knowledge_embeddings", "due_at")
    op.create_table(
        "embedding_batches",
        _column("client_id", UUID),
        _column("id", UUID),
        _column("provider", sa.String(100)),
        _column("model", sa.String(200)),
        _column("bytes_input", sa.Integer()),
        _column("period", sa.String(7)),
        _column("reserved", JSON),
        _column("expires_at", TIME),
        _primary("embedding_batches", "client_id"),
        _owner("embedding_batches"),
    )
    op.create_table(
        "embedding_refusals",
        _column("passage_id", UUID),
        _column("client_id", UUID),
        _column("model", sa.String(300)),
        _column("tries", sa.Integer()),
        _column("error", sa.String(100)),
        _column("is_given_up", sa.Boolean()),
        _column("tried_at", TIME),
        _primary("embedding_refusals", "passage_id"),
        _within_client("embedding_refusals", "passage_id", "knowledge_passages"),
    )
    _create_index("embedding_refusals", "client_id")


class HALF_VECTOR(sa.types.UserDefinedType[str]):  # noqa: N801
    """pgvector's vector of numbers of two bytes, of any length."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "halfvec"


def _has_pgvector() -> bool:
    """Whether the extension is there, or can be had; without it vectors are bytes, and searched by csai."""
    bind = op.get_bind()
    is_offered = bind.execute(sa.text("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")).first()
    if is_offered:
        try:
            with bind.begin_nested():
                bind.execute(sa.text("CREATE EXTENSION IF NOT EXISTS vector"))
        except sa.exc.DBAPIError:
            # Not every role may, and an installation need not have it.
            pass
    return bind.execute(sa.text("SELECT to_regtype('halfvec')")).scalar() is not None


def _create_vectors(kind: Any) -> None:
    op.create_table(
        "knowledge_vectors",
        _column("passage_id", UUID),
        _column("client_id", UUID),
        _column("model", sa.String(300)),
        _column("dimensions", sa.Integer()),
        _column("vector", kind),
        _primary("knowledge_vectors", "passage_id"),
        _within_client("knowledge_vectors", "passage_id", "knowledge_passages"),
    )
    _create_index("knowledge_vectors", "client_id", "model")


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


def _create_channels() -> None:
    op.create_table(
        "channel_accounts",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("channel", sa.String(30)),
        _column("name", sa.String(200)),
        _column("public_id", sa.String(32)),
        _column("enabled", sa.Boolean()),
        _column("settings", JSON),
        _column("secrets", sa.Text(), nullable=True),
        _column("settings_version", sa.Integer()),
        _column("revision", sa.Integer()),
        _column("cursor", JSON, nullable=True),
        _column("polls", sa.Integer()),
        _column("next_poll_at", TIME, nullable=True),
        _column("fault", sa.String(300), nullable=True),
        _column("created_at", TIME),
        _column("updated_at", TIME),
        _primary("channel_accounts", "id"),
        _owner("channel_accounts"),
        _unique("channel_accounts", "client_id", "id"),
        _unique("channel_accounts", "public_id"),
    )
    _create_index("channel_accounts", "next_poll_at")
    op.create_table(
        "channel_contacts",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("account_id", UUID),
        _column("address", sa.String(320)),
        _column("name", sa.String(200)),
        _column("opted_out_at", TIME, nullable=True),
        _column("heard_at", TIME),
        _column("noticed_at", TIME, nullable=True),
        _primary("channel_contacts", "id"),
        _within_client("channel_contacts", "account_id", "channel_accounts"),
        _unique("channel_contacts", "client_id", "id"),
        _unique("channel_contacts", "account_id", "address"),
    )
    _create_index("channel_contacts", "client_id", "heard_at")
    op.create_table(
        "channel_threads",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("contact_id", UUID),
        _column("thread", sa.String(255)),
        _column("session_id", UUID, nullable=True),
        _column("heard_id", sa.Text()),
        _column("heard_at", TIME),
        _column("subject", sa.Text()),
        _column("earlier", JSON),
        _column("confirmations", JSON),
        _primary("channel_threads", "id"),
        _within_client("channel_threads", "contact_id", "channel_contacts"),
        _unique("channel_threads", "client_id", "id"),
        _unique("channel_threads", "contact_id", "thread"),
    )
    _create_index("channel_threads", "client_id", "session_id")
    op.create_table(
        "channel_inbox",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("account_id", UUID),
        _column("thread_id", UUID),
        _column("dedupe_key", sa.String(200)),
        _column("vendor_id", sa.Text()),
        _column("text", sa.Text()),
        _column("media", JSON),
        _column("consent", sa.String(10), nullable=True),
        _column("status", sa.String(10)),
        _column("attempts", sa.Integer()),
        _column("next_attempt_at", TIME),
        _column("received_at", TIME),
        _primary("channel_inbox", "id"),
        _within_client("channel_inbox", "account_id", "channel_accounts"),
        _within_client("channel_inbox", "thread_id", "channel_threads"),
        _unique("channel_inbox", "account_id", "dedupe_key"),
    )
    _create_index("channel_inbox", "status", "next_attempt_at")
    _create_index("channel_inbox", "client_id", "received_at")
    _create_index("channel_inbox", "thread_id", "id")
    op.create_table(
        "channel_outbox",
        _column("id", UUID),
        _column("client_id", UUID),
        _column("account_id", UUID),
        _column("thread_id", UUID),
        _column("batch", sa.String(100)),
        _column("part", sa.Integer()),
        _column("author", sa.String(20)),
        _column("text", sa.Text()),
        _column("in_reply_to", sa.Text()),
        _column("status", sa.String(10)),
        _column("attempts", sa.Integer()),
        _column("next_attempt_at", TIME),
        _column("vendor_key", sa.String(200), nullable=True),
        _column("code", sa.String(50)),
        _column("detail", sa.String(300)),
        _column("created_at", TIME),
        _column("status_at", TIME),
        _primary("channel_outbox", "id"),
        _within_client("channel_outbox", "account_id", "channel_accounts"),
        _within_client("channel_outbox", "thread_id", "channel_threads"),
        _unique("channel_outbox", "client_id", "batch", "part"),
    )
    _create_index("channel_outbox", "status", "next_attempt_at")
    _create_index("channel_outbox", "client_id", "created_at")
    _create_index("channel_outbox", "account_id", "vendor_key")
    _create_index("channel_outbox", "thread_id", "id")


def _create_workers() -> None:
    op.create_table(
        "workers",
        _column("id", UUID),
        _column("kind", sa.String(12)),
        _column("started_at", TIME),
        _column("expires_at", TIME),
        _primary("workers", "id"),
    )


def _create_job_runs() -> None:
    op.create_table(
        "job_runs",
        _column("id", sa.String(100)),
        _column("job", sa.String(40)),
        _column("status", sa.String(10)),
        _column("clients", sa.Integer()),
        _column("failures", JSON),
        _column("began_at", TIME),
        _column("ended_at", TIME, nullable=True),
        _primary("job_runs", "id"),
    )
    _create_index("job_runs", "job", "began_at")


def _create_admins() -> None:
    op.create_table(
        "admins",
        _column("id", UUID),
        _column("email", sa.String(254)),
        _column("password_hash", sa.Text(), nullable=True),
        _column("role", sa.String(20)),
        _column("is_bound", sa.Boolean()),
        _column("is_active", sa.Boolean()),
        _column("failures", sa.Integer()),
        _column("locked_until", TIME, nullable=True),
        _column("totp_secret", sa.Text(), nullable=True),
        _column("totp_pending", sa.Text(), nullable=True),
        _column("totp_step", sa.Integer(), nullable=True),
        _column("created_at", TIME),
        _primary("admins", "id"),
        _unique("admins", "email"),
    )
    op.create_table(
        "admin_clients",
        _column("admin_id", UUID),
        _column("client_id", UUID),
        _primary("admin_clients", "admin_id", "client_id"),
        _of_admin("admin_clients"),
        _owner("admin_clients"),
    )
    _create_index("admin_clients", "client_id")
    op.create_table(
        "admin_sessions",
        _column("id", UUID),
        _column("admin_id", UUID),
        _column("agent", sa.String(200)),
        _column("is_vouched", sa.Boolean()),
        _column("created_at", TIME),
        _column("expires_at", TIME),
        _primary("admin_sessions", "id"),
        _of_admin("admin_sessions"),
    )
    _create_index("admin_sessions", "admin_id")
    op.create_table(
        "admin_recovery_codes",
        _column("admin_id", UUID),
        _column("code_hash", sa.String(64)),
        _primary("admin_recovery_codes", "admin_id", "code_hash"),
        _of_admin("admin_recovery_codes"),
    )
    op.create_table(
        "admin_links",
        _column("id", UUID),
        _column("admin_id", UUID, nullable=True),
        _column("token_hash", sa.String(64)),
        _column("expires_at", TIME),
        _primary("admin_links", "id"),
        _unique("admin_links", "token_hash"),
        _of_admin("admin_links"),
    )
    _create_index("admin_links", "admin_id")
    op.create_table(
        "admin_identities",
        _column("admin_id", UUID),
        _column("issuer", sa.String(300)),
        _column("subject", sa.String(255)),
        _column("created_at", TIME),
        _primary("admin_identities", "admin_id", "issuer"),
        _unique("admin_identities", "issuer", "subject"),
        _of_admin("admin_identities"),
    )
    op.create_table(
        "oidc_sign_ins",
        _column("id", UUID),
        _column("ticket_hash", sa.String(64)),
        _column("expires_at", TIME),
        _column("is_answered", sa.Boolean()),
        _column("subject", sa.String(255), nullable=True),
        _column("email", sa.String(254), nullable=True),
        _column("is_vouched", sa.Boolean()),
        _primary("oidc_sign_ins", "id"),
        _unique("oidc_sign_ins", "ticket_hash"),
    )
    op.create_table(
        "api_tokens",
        _column("id", UUID),
        _column("admin_id", UUID),
        _column("name", sa.String(60)),
        _column("token_hash", sa.String(64)),
        _column("role", sa.String(20)),
        _column("scope", sa.String(10)),
        _column("client_ids", JSON, nullable=True),
        _column("created_at", TIME),
        _column("expires_at", TIME),
        _column("last_used_at", TIME, nullable=True),
        _column("revoked_at", TIME, nullable=True),
        _primary("api_tokens", "id"),
        _unique("api_tokens", "token_hash"),
        _of_admin("api_tokens"),
    )
    _create_index("api_tokens", "admin_id")
    op.create_table(
        "audit_log",
        _column("id", UUID),
        _column("actor", sa.String(20)),
        _column("actor_id", UUID, nullable=True),
        _column("actor_name", sa.String(330)),
        _column("action", sa.String(60)),
        _column("object", sa.String(300)),
        _column("client_id", UUID, nullable=True),
        _column("before", JSON, nullable=True),
        _column("after", JSON, nullable=True),
        _column("request_id", sa.String(64), nullable=True),
        _column("created_at", TIME),
        _primary("audit_log", "id"),
    )
    _create_index("audit_log", "client_id", "created_at", "id")
    _create_index("audit_log", "created_at", "id")


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


def _of_admin(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["admin_id"], ["admins.id"], name=f"fk_{table}_admin_id", ondelete="CASCADE"
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
