"""What a complaint is about, the site it is about, and the tier of handling that it is in."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("complaints", sa.Column("problem_type", sa.Text))
    op.add_column("complaints", sa.Column("site", sa.Text))
    op.add_column(
        "complaints", sa.Column("handling_tier", sa.SmallInteger, nullable=False, server_default="1")
    )


def downgrade() -> None:
    for column in ("handling_tier", "site", "problem_type"):
        op.drop_column("complaints", column)
