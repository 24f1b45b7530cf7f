"""Texts and files under their keys, the directory, the access log, the outbox and heartbeats."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0002"
down_revision = "0001"

INSTANT = sa.DateTime(timezone=True)


def _now(name: str) -> "sa.Column[datetime]":
    return sa.Column(name, INSTANT, nullable=False, server_default=sa.func.now())


def upgrade() -> None:
    _texts()
    _attachments()
    _directory()
    _access_log()
    _outbox()
    op.create_table(
        "heartbeats",
        sa.Column("task", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("held_since", INSTANT, nullable=False),
        sa.Column("beat_at", INSTANT, nullable=False),
    )


def _texts() -> None:
    op.create_table(
        "stream_keys",
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("wrapped", sa.LargeBinary),
        _now("created_at"),
        sa.Column("destroyed_at", INSTANT),
    )
    op.create_table(
        "texts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("nonce", sa.LargeBinary),
        sa.Column("salt", sa.LargeBinary),
        sa.Column("ciphertext", sa.LargeBinary),
        sa.Column("digest", sa.Text, nullable=False),
        _now("created_at"),
        sa.Column("claimed_at", INSTANT),
    )
    op.create_index("ix_texts_stream", "texts", ["stream"])
    op.create_index(
        "ix_texts_unclaimed", "texts", ["created_at"], postgresql_where=sa.text("claimed_at IS NULL")
    )


def _attachments() -> None:
    op.create_table(
        "attachments",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("filename_text", sa.Text, nullable=False),
        sa.Column("salt", sa.LargeBinary),
        sa.Column("digest", sa.Text),
        sa.Column("size", sa.BigInteger),
        _now("created_at"),
        sa.Column("claimed_at", INSTANT),
    )
    op.create_index("ix_attachments_stream", "attachments", ["stream"])
    op.create_index(
        "ix_attachments_unclaimed",
        "attachments",
        ["created_at"],
        postgresql_where=sa.text("claimed_at IS NULL"),
    )
    op.create_table(
        "attachment_chunks",
        sa.Column(
            "attachment", sa.Text, sa.ForeignKey("attachments.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    # Ciphertext does not compress: spare PostgreSQL the attempt.
    op.execute("ALTER TABLE attachment_chunks ALTER COLUMN sealed SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE texts ALTER COLUMN ciphertext SET STORAGE EXTERNAL")


def _directory() -> None:
    op.create_table(
        "staff",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("roles", ARRAY(sa.Text), nullable=False),
        sa.Column("supervisor", sa.Text),
        sa.Column("language", sa.Text, nullable=False, server_default="en"),
        sa.Column("active", sa.Boolean, nullable=False, server_default="true"),
        _now("created_at"),
        sa.UniqueConstraint("login", name="uq_staff_login"),
    )
    op.create_index("ix_staff_roles", "staff", ["roles"], postgresql_using="gin")
    op.create_table(
        "tokens",
        sa.Column("token_hash", sa.Text, primary_key=True),
        sa.Column("staff", sa.Text, sa.ForeignKey("staff.id", ondelete="CASCADE")),
        sa.Column("reference", sa.Text),
        sa.Column("party", sa.Text),
        sa.Column("roles", ARRAY(sa.Text)),
        sa.Column("purpose", sa.Text, nullable=False, server_default=""),
        _now("created_at"),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT),
        sa.CheckConstraint(
            "(staff IS NOT NULL AND reference IS NULL AND party IS NULL)"
            " OR (staff IS NULL AND reference IS NOT NULL AND party IS NOT NULL)",
            name="one_holder",
        ),
    )
    op.create_index("ix_tokens_staff", "tokens", ["staff"])
    op.create_table(
        "sessions",
        sa.Column("id_hash", sa.Text, primary_key=True),
        sa.Column("staff", sa.Text, sa.ForeignKey("staff.id", ondelete="CASCADE"), nullable=False),
        sa.Column("csrf_secret", sa.Text, nullable=False),
        _now("created_at"),
        sa.Column("expires_at", INSTANT, nullable=False),
        _now("last_seen_at"),
    )
    op.create_index("ix_sessions_staff", "sessions", ["staff"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "portal_links",
        sa.Column("token_hash", sa.Text, primary_key=True),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("party", sa.Text, nullable=False),
        _now("created_at"),
        sa.Column("revoked_at", INSTANT),
    )
    op.create_index("ix_portal_links_reference", "portal_links", ["reference", "party"])
    op.create_table(
        "sign_in_failures",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        _now("last_at"),
        sa.Column("blocked_until", INSTANT),
    )


def _access_log() -> None:
    op.create_table(
        "access_log",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("what", ARRAY(sa.Text), nullable=False),
    )
    op.create_index("ix_access_log_reference", "access_log", ["reference", "id"])
    op.create_index("ix_access_log_actor", "access_log", ["actor", "id"])
    op.execute(
        """
        CREATE FUNCTION access_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'The access log is append-only: % is refused.', TG_OP
                USING ERRCODE = 'restrict_violation';
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER access_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access_log
        FOR EACH STATEMENT EXECUTE FUNCTION access_log_is_append_only()
        """
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("dedupe", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("fallback", sa.Text),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("letter", sa.Text),
        sa.Column("template", sa.Text),
        sa.Column("text_id", sa.Text),
        sa.Column("clock", sa.Text),
        sa.Column("due_at", INSTANT),
        sa.Column("digest", sa.Text),
        sa.Column("state", sa.Text, nullable=False, server_default="queued"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        _now("available_at"),
        sa.Column("lease_until", INSTANT),
        sa.Column("leased_by", sa.Text),
        _now("queued_at"),
        sa.Column("sent_at", INSTANT),
        sa.Column("message_id", sa.Text),
        sa.Column("last_error", sa.Text),
        sa.Column("told_at", INSTANT),
        sa.UniqueConstraint("dedupe", name="uq_outbox_dedupe"),
        sa.CheckConstraint(
            "state IN ('queued', 'sent', 'bounced', 'expanded', 'dead', 'dropped')", name="state_known"
        ),
    )
    queued = "state = 'queued'"
    for name, columns, where in (
        ("ix_outbox_available_at", ["available_at", "id"], queued),
        ("ix_outbox_letters", ["stream", "id"], f"{queued} AND kind = 'letter'"),
        ("ix_outbox_digest", ["recipient", "digest"], f"{queued} AND digest IS NOT NULL"),
        (
            "ix_outbox_untold",
            ["id"],
            "kind = 'letter' AND told_at IS NULL AND state IN ('sent', 'bounced')",
        ),
        ("ix_outbox_dead", ["id"], "state = 'dead'"),
    ):
        op.create_index(name, "outbox", columns, postgresql_where=sa.text(where))


def downgrade() -> None:
    for table in (
        "heartbeats", "outbox", "access_log", "sign_in_failures", "portal_links", "sessions", "tokens",
        "staff",
        "attachment_chunks", "attachments", "texts", "stream_keys",
    ):  # fmt: skip
        op.drop_table(table)
    op.execute("DROP FUNCTION access_log_is_append_only()")
