"""Webhooks and the hosts they may reach; and news for the desk: who is signed in hears of new alerts at once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0013"
down_revision = "0012"

INSTANT = sa.DateTime(timezone=True)
DESK = sa.text("channel = 'desk' AND state = 'sent'")


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False, unique=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("kinds", ARRAY(sa.Text), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False, server_default="true"),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("older_secret", sa.LargeBinary),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("failing_since", INSTANT),
        sa.Column("last_status", sa.Text),
        sa.Column("last_at", INSTANT),
    )
    op.create_table(
        "webhook_hosts",
        sa.Column("host", sa.Text, primary_key=True),
        sa.Column("allowed_by", sa.Text, nullable=False),
        sa.Column("allowed_at", INSTANT, nullable=False, server_default=sa.func.now()),
    )
    op.create_table(
        "webhook_changes",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("by_whom", sa.Text, nullable=False),
    )
    op.execute(
        """
        CREATE FUNCTION webhook_changes_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'The history of webhooks is append-only: % is refused.', TG_OP
                USING ERRCODE = 'restrict_violation';
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER webhook_changes_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON webhook_changes
        FOR EACH STATEMENT EXECUTE FUNCTION webhook_changes_are_append_only()
        """
    )
    _desk()


def _desk() -> None:
    op.create_table(
        "desk_seen",
        sa.Column("staff", sa.Text, sa.ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("up_to", INSTANT, nullable=False),
    )
    op.create_index("ix_outbox_desk", "outbox", ["recipient", "sent_at", "id"], postgresql_where=DESK)
    # The payload is empty: what there is to tell, and to whom, is read from the outbox. Who is signed out must
    # not be told more, so that the end of a session is news as well.
    op.execute(
        """
        CREATE FUNCTION desk_has_news() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('desk', '');
            RETURN NULL;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER desk_has_news AFTER UPDATE OF state ON outbox FOR EACH ROW
        WHEN (NEW.channel = 'desk' AND NEW.state = 'sent' AND OLD.state <> 'sent')
        EXECUTE FUNCTION desk_has_news()
        """
    )
    for table, change in (("desk_seen", "INSERT OR UPDATE"), ("sessions", "DELETE")):
        op.execute(
            f"CREATE TRIGGER desk_has_news AFTER {change} ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION desk_has_news()"
        )


def downgrade() -> None:
    for table in ("sessions", "outbox"):
        op.execute(f"DROP TRIGGER desk_has_news ON {table}")
    op.drop_index("ix_outbox_desk", "outbox")
    op.drop_table("desk_seen")
    op.execute("DROP FUNCTION desk_has_news")
    for name in ("webhook_changes", "webhook_hosts", "webhook_endpoints"):
        op.drop_table(name)
    op.execute("DROP FUNCTION webhook_changes_are_append_only")
