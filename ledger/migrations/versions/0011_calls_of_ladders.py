"""Which call of which rung a message is, and how far a clock's ladder has climbed."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

INSTANT = sa.DateTime(timezone=True)
_STATES = "'queued', 'sent', 'bounced', 'expanded', 'dead', 'dropped'"
_UNTOLD = "told_at IS NULL AND kind = 'letter' AND state IN ('sent', 'bounced')"


def upgrade() -> None:
    for column in ("occurrence", "rung", "repeat"):
        op.add_column("outbox", sa.Column(column, sa.Integer))
    op.add_column("outbox", sa.Column("who", sa.Text))
    _states(f"{_STATES}, 'unheld'")
    _untold("told_at IS NULL AND (kind = 'letter' AND state IN ('sent', 'bounced') OR state = 'unheld')")
    called = sa.text("rung IS NOT NULL")
    op.create_index("ix_outbox_calls", "outbox", ["stream", "id"], postgresql_where=called)
    op.create_index("ix_outbox_calls_of", "outbox", ["recipient", "id"], postgresql_where=called)
    op.add_column("clocks", sa.Column("rung", sa.SmallInteger))
    op.add_column("clocks", sa.Column("climbed_at", INSTANT))
    op.add_column("clocks", sa.Column("acknowledged_at", INSTANT))
    op.add_column("clocks", sa.Column("acknowledged_by", sa.Text))
    op.add_column("clocks", sa.Column("held_until", INSTANT))


def downgrade() -> None:
    for column in ("held_until", "acknowledged_by", "acknowledged_at", "climbed_at", "rung"):
        op.drop_column("clocks", column)
    op.drop_index("ix_outbox_calls_of", "outbox")
    op.drop_index("ix_outbox_calls", "outbox")
    _untold(_UNTOLD)
    op.execute("UPDATE outbox SET state = 'expanded' WHERE state = 'unheld'")
    _states(_STATES)
    for column in ("who", "repeat", "rung", "occurrence"):
        op.drop_column("outbox", column)


def _states(known: str) -> None:
    op.drop_constraint("ck_outbox_state_known", "outbox")
    op.create_check_constraint("state_known", "outbox", f"state IN ({known})")


def _untold(where: str) -> None:
    op.drop_index("ix_outbox_untold", "outbox")
    op.create_index("ix_outbox_untold", "outbox", ["id"], postgresql_where=sa.text(where))
