"""Systemic issues that are outages: their grade and phase, what was said last, and when the next word is due."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

INSTANT = sa.DateTime(timezone=True)
_ADDED = (
    ("outage_phase", sa.Text),
    ("outage_grade", sa.SmallInteger),
    ("outage_pack", sa.Text),
    ("outage_since", INSTANT),
    ("said_text", sa.Text),
    ("said_at", INSTANT),
    ("news_by", INSTANT),
    ("wake_at", INSTANT),
)


def upgrade() -> None:
    op.add_column("systemic_issues", sa.Column("version", sa.Integer))
    op.execute("UPDATE systemic_issues SET version = sequence")  # until now each event was a decision
    op.alter_column("systemic_issues", "version", nullable=False)
    for name, of_type in _ADDED:
        op.add_column("systemic_issues", sa.Column(name, of_type))
    op.create_index(
        "ix_systemic_issues_wake_at",
        "systemic_issues",
        ["wake_at"],
        postgresql_where=sa.text("wake_at IS NOT NULL"),
    )
    op.create_index(
        "ix_systemic_issues_outage",
        "systemic_issues",
        ["outage_since"],
        postgresql_where=sa.text("outage_phase IS NOT NULL AND resolved_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_systemic_issues_outage", "systemic_issues")
    op.drop_index("ix_systemic_issues_wake_at", "systemic_issues")
    for name, _ in reversed(_ADDED):
        op.drop_column("systemic_issues", name)
    op.drop_column("systemic_issues", "version")
