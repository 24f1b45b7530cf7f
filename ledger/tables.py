"""The tables of the record itself: events, heads of streams, and the read model made from them."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from ledger.metadata import metadata

INSTANT = DateTime(timezone=True)

events = Table(
    "events",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("sequence", Integer, primary_key=True),  # 1, 2, 3 … without a gap
    Column("v", SmallInteger, nullable=False),  # the version of the envelope
    Column("type", Text, nullable=False),
    Column("occurred_at", INSTANT, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    Column("actor", Text, nullable=False),
    Column("command_id", Text),
    Column("ordinal", Integer),  # which of its command's events this is, from 0
    Column("body", Text, nullable=False),  # canonical JSON: text, as jsonb would not keep the bytes
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("sequence > 0", name="sequence_positive"),
    CheckConstraint("octet_length(previous) = 32 and octet_length(hash) = 32", name="hashes_whole"),
    CheckConstraint("(command_id is null) = (ordinal is null)", name="ordinal_of_command"),
)
"""Append-only: a trigger refuses UPDATE, DELETE and TRUNCATE."""

Index(
    "uq_events_command_id_stream_ordinal",
    events.c.command_id,
    events.c.stream,
    events.c.ordinal,
    unique=True,
    postgresql_where=events.c.command_id.is_not(None),
)

Index("ix_events_satisfaction", events.c.occurred_at,
      postgresql_where=events.c.type == text("'SatisfactionAnswered'"))  # fmt: skip

heads = Table(
    "heads",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("seal", LargeBinary, nullable=False),
    # Every commit changes its head in place: room on the page spares the index (a HOT update).
    postgresql_with={"fillfactor": "70"},
)
"""Where each stream ends, kept apart from its rows so that a tail cut off is found."""

complaints = Table(
    "complaints",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("phase", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("feedback_class", Text),
    Column("pack", Text, nullable=False),
    Column("pack_version", Integer, nullable=False),
    Column("owner", Text),
    Column("offered_to", Text),
    Column("received_at", INSTANT, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    Column("closed_at", INSTANT),
    Column("next_clock", Text),
    Column("next_due_at", INSTANT),
    Column("wake_at", INSTANT),
    Column("overdue", Boolean, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("problem_type", Text),
    Column("site", Text),
    Column("handling_tier", SmallInteger, nullable=False, server_default="1"),
    Column("to_dispatch", Boolean, nullable=False, server_default="false"),
    Column("subject_text", Text),
    Column("source", Text),
    Column("customer_wrote_at", INSTANT),
    Column("erased_from", INSTANT),
    Column("sequence", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("changed_at", INSTANT, nullable=False, server_default=func.now()),  # real time
)
"""The read model: complaints.view.CaseView as a row. It can be made again from the events."""

due_or_never = func.coalesce(complaints.c.next_due_at, literal_column("'infinity'::timestamptz"))
"""The worklist's sort key: what has no deadline comes after everything that has one."""

# Every update of a complaint that is not confined to one page writes into each of these, so there are
# only those that a query leans on. Kind, severity, tier, channel and pack have a handful of values each:
# the worklist's index in order, with a filter, is quicker than an index on any of them.
Index("ix_complaints_worklist", complaints.c.paused, due_or_never, complaints.c.reference,
      postgresql_where=complaints.c.open)  # fmt: skip
Index("ix_complaints_owner", complaints.c.owner, complaints.c.paused, due_or_never, complaints.c.reference)
Index("ix_complaints_phase", complaints.c.phase, complaints.c.paused, due_or_never, complaints.c.reference)
Index("ix_complaints_wake_at", complaints.c.wake_at, complaints.c.reference,
      postgresql_where=complaints.c.live & complaints.c.wake_at.is_not(None))  # fmt: skip
Index("ix_complaints_to_dispatch", complaints.c.recorded_at, complaints.c.reference,
      postgresql_where=complaints.c.to_dispatch)  # fmt: skip
Index("ix_complaints_load", complaints.c.owner,
      postgresql_where=complaints.c.open & complaints.c.owner.is_not(None))  # fmt: skip
Index("ix_complaints_erased_from", complaints.c.erased_from, complaints.c.reference,
      postgresql_where=complaints.c.erased_from.is_not(None))  # fmt: skip
Index("uq_complaints_source", complaints.c.source, unique=True,
      postgresql_where=complaints.c.source.is_not(None))  # fmt: skip

clocks = Table(
    "clocks",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("clock", Text, primary_key=True),
    Column("occurrence", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("started_at", INSTANT, nullable=False),
    Column("due_at", INSTANT),
    Column("met_at", INSTANT),
    Column("breached_at", INSTANT),
    Column("stopped_at", INSTANT),
    Column("rung", SmallInteger),
    Column("climbed_at", INSTANT),
    Column("acknowledged_at", INSTANT),
    Column("acknowledged_by", Text),
    Column("held_until", INSTANT),
)
"""Each occurrence of each clock, as in CaseView.clocks."""

Index("ix_clocks_unacknowledged", clocks.c.climbed_at, postgresql_where=text(
    "climbed_at IS NOT NULL AND acknowledged_at IS NULL AND met_at IS NULL AND stopped_at IS NULL"
))  # fmt: skip

systemic_issues = Table(
    "systemic_issues",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("title_text", Text, nullable=False),
    Column("opened_at", INSTANT, nullable=False),
    Column("planned_at", INSTANT),
    Column("resolved_at", INSTANT),
    Column("members", ARRAY(Text), nullable=False),
    Column("words", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("outage_phase", Text),
    Column("outage_grade", SmallInteger),
    Column("outage_pack", Text),
    Column("outage_since", INSTANT),
    Column("said_text", Text),
    Column("said_at", INSTANT),
    Column("news_by", INSTANT),
    Column("wake_at", INSTANT),
    Column("risk_likelihood", SmallInteger),
    Column("risk_impact", SmallInteger),
    Column("risk_treatment", Text),
    Column("risk_owner", Text),
    Column("risk_review_by", INSTANT),
    Column("risk_assessed_at", INSTANT),
    Column("risk_overdue", Boolean, nullable=False, server_default="false"),
    Column("changed_at", INSTANT, nullable=False, server_default=func.now()),  # real time
)
"""The read model of systemic issues: complaints.systemic.view.SystemicView as a row."""

Index("ix_systemic_issues_wake_at", systemic_issues.c.wake_at,
      postgresql_where=systemic_issues.c.wake_at.is_not(None))  # fmt: skip
_outage = systemic_issues.c.outage_phase.is_not(None) & systemic_issues.c.resolved_at.is_(None)
Index("ix_systemic_issues_outage", systemic_issues.c.outage_since, postgresql_where=_outage)
_at_risk = systemic_issues.c.risk_likelihood.is_not(None) & systemic_issues.c.resolved_at.is_(None)
Index("ix_systemic_issues_risk", systemic_issues.c.risk_review_by, postgresql_where=_at_risk)
