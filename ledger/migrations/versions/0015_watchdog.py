"""How late the watchdog was, which slots of its jobs are taken, and when each message was called for."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("heartbeats", sa.Column("late_seconds", sa.Double, nullable=False, server_default="0"))
    op.create_table(
        "late_spells",
        sa.Column("task", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("late_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("worst_seconds", sa.Double, nullable=False),
    )
    op.create_table(
        "scheduled_runs",
        sa.Column("task", sa.Text, primary_key=True),
        sa.Column("slot", sa.Text, primary_key=True),
        sa.Column("ran_at", INSTANT, nullable=False, server_default=sa.func.now()),
    )
    op.add_column("outbox", sa.Column("called_at", INSTANT))
    called = sa.text("called_at IS NOT NULL")
    op.create_index("ix_outbox_queued_at", "outbox", ["queued_at"], postgresql_where=called)
    op.create_index("ix_outbox_sent_at", "outbox", ["sent_at"], postgresql_where=sa.text("state = 'sent'"))
    waiting = "climbed_at IS NOT NULL AND acknowledged_at IS NULL AND met_at IS NULL AND stopped_at IS NULL"
    op.create_index("ix_clocks_unacknowledged", "clocks", ["climbed_at"], postgresql_where=sa.text(waiting))


def downgrade() -> None:
    op.drop_index("ix_clocks_unacknowledged", "clocks")
    op.drop_index("ix_outbox_sent_at", "outbox")
    op.drop_index("ix_outbox_queued_at", "outbox")
    op.drop_column("outbox", "called_at")
    op.drop_table("scheduled_runs")
    op.drop_table("late_spells")
    op.drop_column("heartbeats", "late_seconds")
