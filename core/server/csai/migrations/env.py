"""Run by Alembic for every command; the connection comes from `csai.migrations`, its transaction too."""

from alembic import context

from csai.migrations.comparison import include_name
from csai.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_name=include_name,
    compare_type=True,
    compare_server_default=True,
    render_as_batch=True,
)
context.run_migrations()
