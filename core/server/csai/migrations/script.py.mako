"""${message}

A revision is frozen: it names columns and types itself and imports nothing of csai.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
# The oldest revision whose code works on the schema after this: see docs/operators/upgrading.md.
serves_from = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
