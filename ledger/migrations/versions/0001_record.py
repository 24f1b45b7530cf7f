"""The record, its read model, intake, packs and idempotency keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision: str | None = None

INSTANT = sa.DateTime(timezone=True)
DUE_OR_NEVER = sa.text("coalesce(next_due_at, 'infinity'::timestamptz)")


def upgrade() -> None:
    _events()
    op.create_table(
        "heads",
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False),
        postgresql_with={"fillfactor": "70"},
    )
    _complaints()
    _clocks()
    _systemic_issues()
    op.create_table(
        "intake",
        sa.Column("reference", sa.Text, primary_key=True),
        sa.Column("order", JSONB, nullable=False),
        sa.Column("pack_name", sa.Text, nullable=False),
        sa.Column("pack_version", sa.Integer, nullable=False),
        sa.Column("pack_digest", sa.Text, nullable=False),
        sa.Column("received", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("recorded_at", INSTANT),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tried_at", INSTANT),
        sa.Column("refused", sa.Text),
    )
    op.create_index(
        "ix_intake_pending",
        "intake",
        ["received"],
        postgresql_where=sa.text("recorded_at IS NULL AND refused IS NULL"),
    )
    op.create_table(
        "packs",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("published_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("digest", name="uq_packs_digest"),
    )
    op.create_table(
        "idempotency",
        sa.Column("actor", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("command_id", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("v", sa.SmallInteger, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("command_id", sa.Text),
        sa.Column("ordinal", sa.Integer),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("previous", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("sequence > 0", name="sequence_positive"),
        sa.CheckConstraint("octet_length(previous) = 32 and octet_length(hash) = 32", name="hashes_whole"),
        sa.CheckConstraint("(command_id is null) = (ordinal is null)", name="ordinal_of_command"),
    )
    op.create_index(
        "uq_events_command_id_stream_ordinal",
        "events",
        ["command_id", "stream", "ordinal"],
        unique=True,
        postgresql_where=sa.text("command_id IS NOT NULL"),
    )
    op.execute(
        """
        CREATE FUNCTION events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'The record is append-only: % on events is refused.', TG_OP
                USING ERRCODE = 'restrict_violation';
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
        FOR EACH STATEMENT EXECUTE FUNCTION events_are_append_only()
        """
    )


def _complaints() -> None:
    op.create_table(
        "complaints",
        sa.Column("reference", sa.Text, primary_key=True),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("feedback_class", sa.Text),
        sa.Column("pack", sa.Text, nullable=False),
        sa.Column("pack_version", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("offered_to", sa.Text),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("next_clock", sa.Text),
        sa.Column("next_due_at", INSTANT),
        sa.Column("wake_at", INSTANT),
        sa.Column("overdue", sa.Boolean, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("live", sa.Boolean, nullable=False),
        sa.Column("subject_text", sa.Text),
        sa.Column("source", sa.Text),
        sa.Column("customer_wrote_at", INSTANT),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False, server_default=sa.func.now()),
    )
    op.create_index(
        "ix_complaints_worklist",
        "complaints",
        ["paused", DUE_OR_NEVER, "reference"],
        postgresql_where=sa.text("open"),
    )
    op.create_index("ix_complaints_owner", "complaints", ["owner", "paused", DUE_OR_NEVER, "reference"])
    op.create_index("ix_complaints_phase", "complaints", ["phase", "paused", DUE_OR_NEVER, "reference"])
    op.create_index(
        "ix_complaints_wake_at",
        "complaints",
        ["wake_at", "reference"],
        postgresql_where=sa.text("live AND wake_at IS NOT NULL"),
    )
    op.create_index(
        "uq_complaints_source",
        "complaints",
        ["source"],
        unique=True,
        postgresql_where=sa.text("source IS NOT NULL"),
    )


def _clocks() -> None:
    op.create_table(
        "clocks",
        sa.Column("reference", sa.Text, primary_key=True),
        sa.Column("clock", sa.Text, primary_key=True),
        sa.Column("occurrence", sa.Integer, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT),
        sa.Column("met_at", INSTANT),
        sa.Column("breached_at", INSTANT),
        sa.Column("stopped_at", INSTANT),
    )


def _systemic_issues() -> None:
    op.create_table(
        "systemic_issues",
        sa.Column("reference", sa.Text, primary_key=True),
        sa.Column("title_text", sa.Text, nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("planned_at", INSTANT),
        sa.Column("resolved_at", INSTANT),
        sa.Column("members", ARRAY(sa.Text), nullable=False),
        sa.Column("words", sa.Integer, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False, server_default=sa.func.now()),
    )


def downgrade() -> None:
    for table in (
        "idempotency",
        "packs",
        "intake",
        "systemic_issues",
        "clocks",
        "complaints",
        "heads",
        "events",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION events_are_append_only()")
