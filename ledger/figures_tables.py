"""The tables of figures: what an organisation entered itself, and the warnings that were raised."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
)

from ledger.metadata import metadata

_INSTANT = DateTime(timezone=True)

supplied_figures = Table(
    "supplied_figures",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("pack", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("value", Numeric(18, 6), nullable=False),
    Column("note", Text, nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("entered_at", _INSTANT, nullable=False),  # the service's own time
    CheckConstraint("first_day <= last_day", name="days_in_order"),
)
"""A figure is corrected by entering it again: the latest of a period holds, the earlier ones stay."""

Index(
    "ix_supplied_figures_target",
    supplied_figures.c.pack,
    supplied_figures.c.target,
    supplied_figures.c.last_day,
)

target_warnings = Table(
    "target_warnings",
    metadata,
    Column("pack", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("raised_on", Date, primary_key=True),  # the pack's own day
    Column("pack_version", Integer, nullable=False),
    Column("pack_digest", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("value", Numeric(18, 6), nullable=False),
    Column("value_before", Numeric(18, 6)),
    Column("n", Integer),
    Column("raised_at", _INSTANT, nullable=False),  # the service's own time
)
"""Each warning that a figure needs attention, as it was when it was raised."""
