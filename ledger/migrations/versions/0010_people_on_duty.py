"""Teams, deputies, absences and duty rotas; where a person is reached by chat."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"

INSTANT = sa.DateTime(timezone=True)
# What the history of permissions says of a row: the field, the column that holds whom, the columns that are told.
_TOLD = {
    "teams": ("leads team", "supervisor", "supervisor", "id"),
    "team_members": ("team", "staff", "team", "part"),
    "deputies": ("deputy", "staff", "deputy"),
    "absences": ("absence", "staff", "begins_at", "ends_at", "reason"),
    "rota_members": ("rota", "staff", "rota"),
    "substitutions": ("takes over duty", "staff", "rota", "begins_at", "ends_at"),
}


def _staff(name: str, *, key: bool = False, optional: bool = False) -> sa.Column[str]:
    held = sa.ForeignKey("staff.id", ondelete="SET NULL" if optional else "CASCADE")
    return sa.Column(name, sa.Text, held, primary_key=key, nullable=optional)


def _part_of(table: str, name: str, *, key: bool = False) -> sa.Column[str]:
    held = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, sa.Text, held, primary_key=key, nullable=False)


def upgrade() -> None:
    op.add_column("staff", sa.Column("chat", sa.LargeBinary))
    _teams()
    _rotas()
    _noted()
    _chat_is_noted()


def _teams() -> None:
    op.create_table(
        "teams",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("timezone", sa.Text, nullable=False),
        _staff("supervisor", optional=True),
        sa.Column("hours", JSONB),
    )
    op.create_table(
        "team_members",
        _part_of("teams", "team", key=True),
        _staff("staff", key=True),
        sa.Column("part", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.CheckConstraint("part IN ('member', 'deputy')", name="part"),
    )
    op.create_index("ix_team_members_staff", "team_members", ["staff"])
    op.create_table(
        "deputies",
        _staff("staff", key=True),
        _staff("deputy", key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.CheckConstraint("staff <> deputy", name="another"),
    )
    op.create_table(
        "absences",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        _staff("staff"),
        sa.Column("begins_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.CheckConstraint("begins_at < ends_at", name="in_order"),
    )
    op.create_index("ix_absences_staff_ends_at", "absences", ["staff", "ends_at"])
    op.create_index("ix_absences_ends_at", "absences", ["ends_at"])


def _rotas() -> None:
    op.create_table(
        "rotas",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("timezone", sa.Text, nullable=False),
        sa.Column("handover", JSONB),
        sa.Column("starts_on", sa.Date, nullable=False),
        sa.Column("hours", JSONB),
    )
    op.create_table(
        "rota_members",
        _part_of("rotas", "rota", key=True),
        _staff("staff", key=True),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_table(
        "substitutions",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        _part_of("rotas", "rota"),
        _staff("staff"),
        sa.Column("instead_of", sa.Text),
        sa.Column("begins_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.CheckConstraint("begins_at < ends_at", name="in_order"),
    )
    op.create_index("ix_substitutions_rota_ends_at", "substitutions", ["rota", "ends_at"])
    op.create_table(
        "rota_shifts",
        _part_of("rotas", "rota", key=True),
        _staff("staff", key=True),
        sa.Column("begins_at", INSTANT, primary_key=True),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.CheckConstraint("begins_at < ends_at", name="in_order"),
    )
    op.create_index("ix_rota_shifts_rota_ends_at", "rota_shifts", ["rota", "ends_at"])


def _noted() -> None:
    # The trigger's arguments: what it is called, the column of whom it is about, the columns that are told.
    op.execute(
        """
        CREATE FUNCTION duty_change_is_noted() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            held jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) END;
            holds jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) END;
            whom text := coalesce(holds ->> TG_ARGV[1], held ->> TG_ARGV[1]);
            was text;
            became text;
        BEGIN
            SELECT string_agg(held ->> TG_ARGV[n], ', ' ORDER BY n), string_agg(holds ->> TG_ARGV[n], ', ' ORDER BY n)
            INTO was, became FROM generate_series(2, TG_NARGS - 1) AS n;
            IF whom IS NOT NULL AND was IS DISTINCT FROM became THEN
                INSERT INTO staff_changes (staff, field, was, became, by_whom)
                VALUES (whom, TG_ARGV[0], was, became,
                    coalesce(nullif(current_setting('redress.by', true), ''), 'database'));
            END IF;
            RETURN NULL;
        END
        $$
        """
    )
    for table, said in _TOLD.items():
        arguments = ", ".join(f"'{one}'" for one in said)
        op.execute(
            f"CREATE TRIGGER duty_change_is_noted AFTER INSERT OR UPDATE OR DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION duty_change_is_noted({arguments})"
        )


def _chat_is_noted() -> None:
    # A chat address opens the way to somebody's phone: a secret, of which it is told only that it is set.
    op.execute(
        """
        CREATE FUNCTION staff_chat_is_noted() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.chat IS DISTINCT FROM NEW.chat THEN
                INSERT INTO staff_changes (staff, field, was, became, by_whom)
                VALUES (NEW.id, 'chat address', CASE WHEN OLD.chat IS NOT NULL THEN 'set' END,
                    CASE WHEN NEW.chat IS NOT NULL THEN 'set' END,
                    coalesce(nullif(current_setting('redress.by', true), ''), 'database'));
            END IF;
            RETURN NULL;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER staff_chat_is_noted AFTER UPDATE OF chat ON staff
        FOR EACH ROW EXECUTE FUNCTION staff_chat_is_noted()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER staff_chat_is_noted ON staff")
    op.execute("DROP FUNCTION staff_chat_is_noted")
    for table in ("rota_shifts", "substitutions", "rota_members", "rotas", "absences", "deputies", "team_members",
                  "teams"):  # fmt: skip
        op.drop_table(table)
    op.execute("DROP FUNCTION duty_change_is_noted")
    op.drop_column("staff", "chat")
