"""The case library: what cases teach, in words that hold no personal data."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "case_library",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("heading", sa.Text),
        sa.Column("lesson", sa.Text),
        sa.Column("cause", sa.Text),
        sa.Column("problem_type", sa.Text),
        sa.Column("pack", sa.Text, nullable=False),
        sa.Column("written_by", sa.Text, nullable=False),
        sa.Column("written_at", INSTANT, nullable=False),
        sa.Column("withdrawn_by", sa.Text),
        sa.Column("withdrawn_at", INSTANT),
        sa.Column("withdrawn_why", sa.Text),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (heading IS NOT NULL AND lesson IS NOT NULL)",
            name="words_until_withdrawn",
        ),
    )
    op.create_index("ix_case_library_written_at", "case_library", ["written_at"])


def downgrade() -> None:
    op.drop_table("case_library")
