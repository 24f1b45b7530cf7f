"""Figures that an organisation enters itself, warnings raised, and an index to find what customers said."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "supplied_figures",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("pack", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("first_day", sa.Date, nullable=False),
        sa.Column("last_day", sa.Date, nullable=False),
        sa.Column("value", sa.Numeric(18, 6), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("entered_by", sa.Text, nullable=False),
        sa.Column("entered_at", INSTANT, nullable=False),
        sa.CheckConstraint("first_day <= last_day", name="days_in_order"),
    )
    op.create_index("ix_supplied_figures_target", "supplied_figures", ["pack", "target", "last_day"])
    op.create_table(
        "target_warnings",
        sa.Column("pack", sa.Text, primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("raised_on", sa.Date, primary_key=True),
        sa.Column("pack_version", sa.Integer, nullable=False),
        sa.Column("pack_digest", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("value", sa.Numeric(18, 6), nullable=False),
        sa.Column("value_before", sa.Numeric(18, 6)),
        sa.Column("n", sa.Integer),
        sa.Column("raised_at", INSTANT, nullable=False),
    )
    # One event in a hundred: the index is small, and hardly any commit writes into it.
    op.create_index(
        "ix_events_satisfaction",
        "events",
        ["occurred_at"],
        postgresql_where=sa.text("type = 'SatisfactionAnswered'"),
    )


def downgrade() -> None:
    op.drop_index("ix_events_satisfaction", "events")
    op.drop_table("target_warnings")
    op.drop_table("supplied_figures")
