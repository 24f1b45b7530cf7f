"""Departments of staff, what waits to be dispatched, and the files of customers."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("staff", sa.Column("department", sa.Text))
    op.add_column("staff", sa.Column("away_until", INSTANT))
    op.add_column("staff", sa.Column("assigned_at", INSTANT))
    op.create_index("ix_staff_department", "staff", ["department"])
    op.add_column("complaints", sa.Column("to_dispatch", sa.Boolean, nullable=False, server_default="false"))
    op.create_index(
        "ix_complaints_to_dispatch",
        "complaints",
        ["recorded_at", "reference"],
        postgresql_where=sa.text("to_dispatch"),
    )
    op.create_index(
        "ix_complaints_load",
        "complaints",
        ["owner"],
        postgresql_where=sa.text("open AND owner IS NOT NULL"),
    )
    _customers()


def _customers() -> None:
    op.create_table(
        "customers",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
    )
    op.create_table(
        "customer_addresses",
        sa.Column("address", sa.LargeBinary, primary_key=True),
        sa.Column("code", sa.Text, sa.ForeignKey("customers.code", ondelete="CASCADE"), nullable=False),
    )
    op.create_index("ix_customer_addresses_code", "customer_addresses", ["code"])
    op.create_table(
        "customer_complaints",
        sa.Column("text", sa.Text, sa.ForeignKey("texts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("address", sa.LargeBinary, nullable=False),
        sa.Column("code", sa.Text, sa.ForeignKey("customers.code", ondelete="CASCADE"), nullable=False),
    )
    op.create_index("ix_customer_complaints_code", "customer_complaints", ["code"])
    op.create_index("ix_customer_complaints_reference", "customer_complaints", ["reference"])
    op.create_index("ix_customer_complaints_address", "customer_complaints", ["address"])


def downgrade() -> None:
    for table in ("customer_complaints", "customer_addresses", "customers"):
        op.drop_table(table)
    op.drop_index("ix_complaints_load", "complaints")
    op.drop_index("ix_complaints_to_dispatch", "complaints")
    op.drop_column("complaints", "to_dispatch")
    op.drop_index("ix_staff_department", "staff")
    for column in ("assigned_at", "away_until", "department"):
        op.drop_column("staff", column)
