"""Alerts that are for somebody's information, and when they were marked as seen; what left together in one mail."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

# As in ledger.outbox_rows.NOTICE; a change there needs a migration of its own.
_NOTICE = """rung IS NULL AND digest IS NULL AND recipient LIKE 'staff:%'
    AND kind NOT IN ('letter', 'morning_worklist', 'weekly_report', 'overdue_summary', 'template_sample')"""


def upgrade() -> None:
    op.add_column("outbox", sa.Column("seen_at", sa.DateTime(timezone=True)))
    _index("ix_outbox_together", ["bundle"], "bundle IS NOT NULL")
    _index("ix_outbox_notices", ["recipient", "queued_at", "id"], _NOTICE)
    _index("ix_outbox_decided", ["stream", "clock", "id"], "kind = 'extension_decided'")
    # Whom a message names stands in it from the beginning: what is for information is news at the desk at once,
    # whatever becomes of its mail.
    op.execute(
        f"""
        CREATE TRIGGER desk_has_notices AFTER INSERT ON outbox FOR EACH ROW
        WHEN (NEW.channel <> 'desk' AND {_of_new(_NOTICE)})
        EXECUTE FUNCTION desk_has_news()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER desk_has_notices ON outbox")
    for name in ("decided", "notices", "together"):
        op.drop_index(f"ix_outbox_{name}", "outbox")
    op.drop_column("outbox", "seen_at")


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "outbox", columns, postgresql_where=sa.text(where))


def _of_new(condition: str) -> str:
    for column in ("rung", "digest", "recipient", "kind"):
        condition = condition.replace(f"{column} ", f"NEW.{column} ")
    return condition
