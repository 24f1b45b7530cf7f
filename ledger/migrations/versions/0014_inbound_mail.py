"""Mail that came in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"

INSTANT = sa.DateTime(timezone=True)
STATES = ("received", "placed", "bounce", "auto_reply", "loop", "oversized", "unplaced", "dropped")


def upgrade() -> None:
    op.create_table(
        "inbound",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("mark", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("received_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("taken_at", INSTANT, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("stream", sa.Text, nullable=False, index=True),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("state", sa.Text, nullable=False, server_default="received"),
        sa.Column("why", sa.Text),
        sa.Column("sender", sa.LargeBinary),
        sa.Column("reference", sa.Text),
        sa.Column("orders", JSONB),
        sa.Column("settled_at", INSTANT),
        sa.Column("settled_by", sa.Text),
        sa.CheckConstraint(
            "state IN (" + ", ".join(f"'{state}'" for state in STATES) + ")", name="state_known"
        ),
    )
    op.create_index("ix_inbound_received", "inbound", ["id"], postgresql_where=sa.text("state = 'received'"))
    op.create_index("ix_inbound_state", "inbound", ["state", "id"])
    op.create_index("ix_inbound_sender", "inbound", ["sender", "received_at"])
    op.create_index("ix_inbound_reference", "inbound", ["reference", "id"])
    op.create_index(
        "ix_outbox_message_id", "outbox", ["message_id"], postgresql_where=sa.text("message_id IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_message_id", "outbox")
    op.drop_table("inbound")
