"""The tables of who is on duty: teams, deputies, absences, rotas with their members, take-overs and shifts.

All instants are the service's own time. Who is changed by a row is told in the history of permissions, by triggers.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from ledger.metadata import metadata

_INSTANT = DateTime(timezone=True)


def _staff(name: str, *, key: bool = False, optional: bool = False) -> Column[str]:
    held = ForeignKey("staff.id", ondelete="SET NULL" if optional else "CASCADE")
    return Column(name, Text, held, primary_key=key, nullable=optional)


teams = Table(
    "teams",
    metadata,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    _staff("supervisor", optional=True),
    Column("hours", JSONB(none_as_null=True)),  # open ranges by weekday; null: its members are never off duty
)

team_members = Table(
    "team_members",
    metadata,
    Column("team", Text, ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
    _staff("staff", key=True),
    Column("part", Text, primary_key=True),  # a deputy may be a member as well
    Column("position", Integer, nullable=False),
    CheckConstraint("part IN ('member', 'deputy')", name="part"),
)

deputies = Table(
    "deputies",
    metadata,
    _staff("staff", key=True),
    _staff("deputy", key=True),
    Column("position", Integer, nullable=False),
    CheckConstraint("staff <> deputy", name="another"),
)

absences = Table(
    "absences",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _staff("staff"),
    Column("begins_at", _INSTANT, nullable=False),
    Column("ends_at", _INSTANT, nullable=False),
    Column("reason", Text, nullable=False),
    CheckConstraint("begins_at < ends_at", name="in_order"),
)

rotas = Table(
    "rotas",
    metadata,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("handover", JSONB(none_as_null=True)),  # null: there are only shifts
    Column("starts_on", Date, nullable=False),
    Column("hours", JSONB(none_as_null=True)),  # null: at all hours
)

rota_members = Table(
    "rota_members",
    metadata,
    Column("rota", Text, ForeignKey("rotas.id", ondelete="CASCADE"), primary_key=True),
    _staff("staff", key=True),
    Column("position", Integer, nullable=False),
)

substitutions = Table(
    "substitutions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("rota", Text, ForeignKey("rotas.id", ondelete="CASCADE"), nullable=False),
    _staff("staff"),
    Column("instead_of", Text),
    Column("begins_at", _INSTANT, nullable=False),
    Column("ends_at", _INSTANT, nullable=False),
    CheckConstraint("begins_at < ends_at", name="in_order"),
)

rota_shifts = Table(
    "rota_shifts",
    metadata,
    Column("rota", Text, ForeignKey("rotas.id", ondelete="CASCADE"), primary_key=True),
    _staff("staff", key=True),
    Column("begins_at", _INSTANT, primary_key=True),
    Column("ends_at", _INSTANT, nullable=False),
    CheckConstraint("begins_at < ends_at", name="in_order"),
)

Index("ix_team_members_staff", team_members.c.staff)
Index("ix_absences_staff_ends_at", absences.c.staff, absences.c.ends_at)
Index("ix_absences_ends_at", absences.c.ends_at)
Index("ix_substitutions_rota_ends_at", substitutions.c.rota, substitutions.c.ends_at)
Index("ix_rota_shifts_rota_ends_at", rota_shifts.c.rota, rota_shifts.c.ends_at)
