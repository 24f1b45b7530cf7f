"""Who may come in: the second factor, sign-ins that owe a code, and the history of permissions."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

INSTANT = sa.DateTime(timezone=True)
_COLUMNS = (
    ("last_sign_in_at", INSTANT),
    ("second_factor", sa.LargeBinary),
    ("second_factor_step", sa.BigInteger),
)


def upgrade() -> None:
    for name, of_type in _COLUMNS:
        op.add_column("staff", sa.Column(name, of_type))
    op.create_table(
        "sign_in_steps",
        sa.Column("ticket_hash", sa.Text, primary_key=True),
        sa.Column("staff", sa.Text, sa.ForeignKey("staff.id", ondelete="CASCADE"), nullable=False),
        sa.Column("new_secret", sa.LargeBinary),
        sa.Column("expires_at", INSTANT, nullable=False),
    )
    op.create_index("ix_sign_in_steps_staff", "sign_in_steps", ["staff"])
    op.create_table(
        "staff_changes",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("staff", sa.Text, nullable=False),
        sa.Column("field", sa.Text, nullable=False),
        sa.Column("was", sa.Text),
        sa.Column("became", sa.Text),
        sa.Column("by_whom", sa.Text, nullable=False),
    )
    op.create_index("ix_staff_changes_staff", "staff_changes", ["staff", "id"])
    _what_holds_now()
    _written_by_triggers()
    _append_only()


def _what_holds_now() -> None:
    """The history begins with what people may do as it begins."""
    op.execute(
        """
        INSERT INTO staff_changes (staff, field, became, by_whom)
        SELECT id, field, value, 'before the history began' FROM staff, LATERAL (VALUES
            ('roles', array_to_string(roles, ', ')), ('supervisor', supervisor), ('department', department),
            ('active', active::text)
        ) AS held (field, value)
        WHERE value IS NOT NULL ORDER BY id, field
        """
    )


def _written_by_triggers() -> None:
    # Most fields are told with both their values; of secrets only that they are set.
    op.execute(
        """
        CREATE FUNCTION staff_change_is_noted() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            held jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) END;
            holds jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) END;
            renewed boolean := coalesce(current_setting('redress.rehash', true), '') = 'on';
        BEGIN
            INSERT INTO staff_changes (staff, field, was, became, by_whom)
            SELECT coalesce(holds ->> 'id', held ->> 'id'), told.field, told.was, told.became,
                coalesce(nullif(current_setting('redress.by', true), ''), 'database')
            FROM (
                SELECT field,
                    CASE field WHEN 'roles' THEN translate(held ->> field, '[]"', '') ELSE held ->> field END AS was,
                    CASE field WHEN 'roles' THEN translate(holds ->> field, '[]"', '') ELSE holds ->> field END
                        AS became
                FROM unnest(ARRAY[
                    'login', 'name', 'email', 'roles', 'supervisor', 'department', 'language', 'active', 'away_until'
                ]) AS field
                WHERE held ->> field IS DISTINCT FROM holds ->> field
                UNION ALL
                SELECT secret.field, CASE WHEN held ->> secret.held_in IS NOT NULL THEN 'set' END,
                    CASE WHEN holds ->> secret.held_in IS NOT NULL THEN 'set' END
                FROM (VALUES ('password', 'password_hash'), ('second factor', 'second_factor'))
                    AS secret (field, held_in)
                WHERE held ->> secret.held_in IS DISTINCT FROM holds ->> secret.held_in
                    AND NOT (renewed AND secret.field = 'password')
            ) AS told;
            RETURN NULL;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER staff_change_is_noted
        AFTER INSERT OR DELETE OR UPDATE OF id, login, name, email, roles, supervisor, department, language, active,
            away_until, password_hash, second_factor ON staff
        FOR EACH ROW EXECUTE FUNCTION staff_change_is_noted()
        """
    )
    op.execute(
        """
        CREATE FUNCTION staff_token_is_noted() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            author text := coalesce(nullif(current_setting('redress.by', true), ''), 'database');
            what text := concat_ws(': ', nullif(NEW.purpose, ''),
                coalesce(array_to_string(NEW.roles, ', '), 'all roles'));
        BEGIN
            IF NEW.staff IS NULL THEN
                RETURN NULL;
            ELSIF TG_OP = 'INSERT' THEN
                INSERT INTO staff_changes (staff, field, became, by_whom)
                VALUES (NEW.staff, 'token', what, author);
            ELSIF OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL THEN
                INSERT INTO staff_changes (staff, field, was, by_whom) VALUES (NEW.staff, 'token', what, author);
            END IF;
            RETURN NULL;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER staff_token_is_noted AFTER INSERT OR UPDATE OF revoked_at ON tokens
        FOR EACH ROW EXECUTE FUNCTION staff_token_is_noted()
        """
    )


def _append_only() -> None:
    op.execute(
        """
        CREATE FUNCTION staff_changes_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'The history of permissions is append-only: % is refused.', TG_OP
                USING ERRCODE = 'restrict_violation';
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER staff_changes_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON staff_changes
        FOR EACH STATEMENT EXECUTE FUNCTION staff_changes_are_append_only()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER staff_token_is_noted ON tokens")
    op.execute("DROP FUNCTION staff_token_is_noted")
    op.execute("DROP TRIGGER staff_change_is_noted ON staff")
    op.execute("DROP FUNCTION staff_change_is_noted")
    op.drop_table("staff_changes")
    op.execute("DROP FUNCTION staff_changes_are_append_only")
    op.drop_table("sign_in_steps")
    for name, _ in reversed(_COLUMNS):
        op.drop_column("staff", name)
