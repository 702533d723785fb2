"""The statements of vectors, prepared once: every question of a client with knowledge runs some."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Integer,
    LargeBinary,
    String,
    TextClause,
    Uuid,
    bindparam,
    case,
    column,
    delete,
    insert,
    select,
    text,
    update,
)

from csai.models import EmbeddingBatch, EmbeddingRefusal, KnowledgeEmbedding, KnowledgePassage
from csai.models.base import Id, UtcDateTime
from csai.statement import Prepared, prepared_insert

_OWN = bindparam("client", type_=Id)
_ID = Uuid(as_uuid=False)

STATE = Prepared(
    select(KnowledgeEmbedding.model, KnowledgeEmbedding.revision, KnowledgeEmbedding.dimensions).where(
        KnowledgeEmbedding.client_id == bindparam("client")
    )
)
BEGIN_BATCH = prepared_insert(EmbeddingBatch)
END_BATCH = Prepared(
    delete(EmbeddingBatch)
    .where(EmbeddingBatch.client_id == bindparam("client"), EmbeddingBatch.id == bindparam("batch"))
    .returning(EmbeddingBatch.id)
)
# What was taught meanwhile has a later revision, and is due again.
_IS_UNCHANGED = KnowledgeEmbedding.revision == bindparam("seen", type_=Integer)
KEEP_STATE = Prepared(
    update(KnowledgeEmbedding)
    .where(KnowledgeEmbedding.client_id == bindparam("client"))
    .values(
        model=bindparam("new_model", type_=String),
        dimensions=bindparam("new_dimensions", type_=Integer),
        revision=KnowledgeEmbedding.revision + bindparam("step", type_=Integer),
        due_at=case((_IS_UNCHANGED, bindparam("due", type_=UtcDateTime)), else_=KnowledgeEmbedding.due_at),
        failures=bindparam("new_failures", type_=Integer),
        error=bindparam("new_error", type_=String),
        updated_at=bindparam("now", type_=UtcDateTime),
    )
)
_OWN_PASSAGE = (
    KnowledgePassage.client_id == bindparam("client"),
    KnowledgePassage.id == bindparam("passage"),
)
FORGET_REFUSAL = Prepared(
    delete(EmbeddingRefusal).where(
        EmbeddingRefusal.client_id == bindparam("client"), EmbeddingRefusal.passage_id == bindparam("passage")
    )
)
# Only of a passage that is still there.
KEEP_REFUSAL = Prepared(
    insert(EmbeddingRefusal).from_select(
        ["passage_id", "client_id", "model", "tries", "error", "is_given_up", "tried_at"],
        select(
            KnowledgePassage.id,
            KnowledgePassage.client_id,
            bindparam("model", type_=String),
            bindparam("tries", type_=Integer),
            bindparam("error", type_=String),
            bindparam("is_given_up", type_=Boolean),
            bindparam("tried_at", type_=UtcDateTime),
        ).where(*_OWN_PASSAGE),
    )
)


def _typed(statement: str) -> TextClause:
    return text(statement).bindparams(_OWN)


def _keep_vector(kind: str) -> Prepared:
    """Only of a passage that is still there."""
    statement = _typed(f"""
        INSERT INTO knowledge_vectors (passage_id, client_id, model, dimensions, vector)
        SELECT id, client_id, CAST(:model AS VARCHAR(300)), CAST(:dimensions AS INTEGER), {kind}
        FROM knowledge_passages WHERE client_id = :client AND id = :passage
        ON CONFLICT (passage_id) DO UPDATE
        SET model = excluded.model, dimensions = excluded.dimensions, vector = excluded.vector
    """)  # noqa: S608
    return Prepared(statement.bindparams(bindparam("passage", type_=Id)))


KEEP_BYTES = _keep_vector(":vector")
KEEP_PGVECTOR = _keep_vector("CAST(:vector AS halfvec)")

COUNT_VECTORS = Prepared(
    _typed("""
        SELECT count(*) FROM knowledge_vectors
        WHERE client_id = :client AND model = :model AND dimensions = :dimensions
    """).columns(column("count", Integer))
)
VECTORS = Prepared(
    _typed("""
        SELECT passage_id, vector FROM knowledge_vectors
        WHERE client_id = :client AND model = :model AND dimensions = :dimensions
    """).columns(column("passage_id", _ID), column("vector", LargeBinary))
)
# All of a client's vectors of a model, for a copy of its knowledge; pgvector's as it writes them.
COPIED_BYTES = Prepared(
    _typed("""
        SELECT passage_id, dimensions, vector FROM knowledge_vectors
        WHERE client_id = :client AND model = :model
    """).columns(column("passage_id", _ID), column("dimensions", Integer), column("vector", LargeBinary))
)
COPIED_PGVECTOR = Prepared(
    _typed("""
        SELECT passage_id, dimensions, CAST(vector AS text) AS vector FROM knowledge_vectors
        WHERE client_id = :client AND model = :model
    """).columns(column("passage_id", _ID), column("dimensions", Integer), column("vector", String))
)
NEAREST = Prepared(
    _typed("""
        SELECT passage_id, vector <=> CAST(:question AS halfvec) AS distance FROM knowledge_vectors
        WHERE client_id = :client AND model = :model AND dimensions = :dimensions
        ORDER BY distance, passage_id LIMIT :most
    """).columns(column("passage_id", _ID), column("distance"))
)
