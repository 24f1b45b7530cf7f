"""Systemic issues that have a risk: how likely and grave, what is done about it, by whom, by when it is reviewed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

INSTANT = sa.DateTime(timezone=True)
_ADDED = (
    ("risk_likelihood", sa.SmallInteger),
    ("risk_impact", sa.SmallInteger),
    ("risk_treatment", sa.Text),
    ("risk_owner", sa.Text),
    ("risk_review_by", INSTANT),
    ("risk_assessed_at", INSTANT),
)


def upgrade() -> None:
    for name, of_type in _ADDED:
        op.add_column("systemic_issues", sa.Column(name, of_type))
    overdue = sa.Column("risk_overdue", sa.Boolean, nullable=False, server_default="false")
    op.add_column("systemic_issues", overdue)
    op.create_index(
        "ix_systemic_issues_risk",
        "systemic_issues",
        ["risk_review_by"],
        postgresql_where=sa.text("risk_likelihood IS NOT NULL AND resolved_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_systemic_issues_risk", "systemic_issues")
    op.drop_column("systemic_issues", "risk_overdue")
    for name, _ in reversed(_ADDED):
        op.drop_column("systemic_issues", name)
