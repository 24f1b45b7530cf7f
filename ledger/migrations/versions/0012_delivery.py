"""What delivery keeps: a message's place in the queue, what left together, and who sent a dead letter again."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_QUEUED = "state = 'queued'"


def upgrade() -> None:
    for column in ("place", "bundle", "storm"):
        op.add_column("outbox", sa.Column(column, sa.BigInteger))
    op.add_column("outbox", sa.Column("resent_by", sa.Text))
    op.add_column("outbox", sa.Column("resent_at", sa.DateTime(timezone=True)))
    op.drop_index("ix_outbox_letters", "outbox")
    _index("ix_outbox_streams", ["stream", "id"], _QUEUED)
    _index("ix_outbox_bundles", ["bundle"], f"{_QUEUED} AND bundle IS NOT NULL")
    _index("ix_outbox_flow", ["recipient", "channel", "queued_at"], "kind <> 'letter' AND digest IS NULL")
    _index("ix_outbox_storms", ["recipient", "channel", "sent_at"], "storm IS NOT NULL")


def downgrade() -> None:
    for index in ("storms", "flow", "bundles", "streams"):
        op.drop_index(f"ix_outbox_{index}", "outbox")
    _index("ix_outbox_letters", ["stream", "id"], f"{_QUEUED} AND kind = 'letter'")
    for column in ("resent_at", "resent_by", "storm", "bundle", "place"):
        op.drop_column("outbox", column)


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "outbox", columns, postgresql_where=sa.text(where))
