"""From when a complaint's texts may be erased because their time is over."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("complaints", sa.Column("erased_from", sa.DateTime(timezone=True)))
    # What rests in the archive already: only its pack knows. The scheduler works these out (ledger/retention.py).
    op.execute("UPDATE complaints SET erased_from = 'epoch' WHERE phase = 'archived'")
    op.create_index(
        "ix_complaints_erased_from",
        "complaints",
        ["erased_from", "reference"],
        postgresql_where=sa.text("erased_from IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_complaints_erased_from", "complaints")
    op.drop_column("complaints", "erased_from")
