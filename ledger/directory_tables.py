"""The tables of who is who: staff and their history, tokens, sessions, failed sign-ins, customers' secret links."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY

from ledger.metadata import metadata

_INSTANT = DateTime(timezone=True)

staff = Table(
    "staff",
    metadata,
    Column("id", Text, primary_key=True),  # usr_…
    Column("login", Text, nullable=False, unique=True),  # lower case
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("password_hash", Text),  # argon2id; null: can not sign in with a password
    Column("roles", ARRAY(Text), nullable=False),
    Column("supervisor", Text),
    Column("department", Text),
    Column("away_until", _INSTANT),  # the service's own time, as `assigned_at`
    Column("assigned_at", _INSTANT),  # when the service last gave them a complaint
    Column("language", Text, nullable=False, server_default="en"),
    Column("chat", LargeBinary),  # where they are reached by chat, encrypted; null: they are not
    Column("active", Boolean, nullable=False, server_default="true"),
    Column("created_at", _INSTANT, nullable=False, server_default=func.now()),
    Column("last_sign_in_at", _INSTANT),
    Column("second_factor", LargeBinary),  # the shared secret, encrypted; null: the password is enough
    Column(
        "second_factor_step", BigInteger
    ),  # the period of the last code used: it and those before are spent
)

staff_changes = Table(
    "staff_changes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", _INSTANT, nullable=False, server_default=func.now()),
    Column("staff", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("was", Text),
    Column("became", Text),
    Column("by_whom", Text, nullable=False),
)
"""Written by triggers on staff and tokens, so that no change goes without it; append-only, as the events are."""

# All that gives access is kept as a hash: who reads the database can not sign in with what is found.
tokens = Table(
    "tokens",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("staff", Text, ForeignKey("staff.id", ondelete="CASCADE")),
    Column("reference", Text),
    Column("party", Text),
    Column("roles", ARRAY(Text)),  # null: all that the person has
    Column("purpose", Text, nullable=False, server_default=""),
    Column("created_at", _INSTANT, nullable=False, server_default=func.now()),
    Column("expires_at", _INSTANT, nullable=False),
    Column("revoked_at", _INSTANT),
    CheckConstraint(
        "(staff IS NOT NULL AND reference IS NULL AND party IS NULL)"
        " OR (staff IS NULL AND reference IS NOT NULL AND party IS NOT NULL)",
        name="one_holder",
    ),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", Text, primary_key=True),
    Column("staff", Text, ForeignKey("staff.id", ondelete="CASCADE"), nullable=False),
    Column("csrf_secret", Text, nullable=False),
    Column("created_at", _INSTANT, nullable=False, server_default=func.now()),
    Column("expires_at", _INSTANT, nullable=False),
    Column("last_seen_at", _INSTANT, nullable=False, server_default=func.now()),
)

sign_in_steps = Table(
    "sign_in_steps",
    metadata,
    Column("ticket_hash", Text, primary_key=True),
    Column("staff", Text, ForeignKey("staff.id", ondelete="CASCADE"), nullable=False),
    Column("new_secret", LargeBinary),  # encrypted; null: a code of the factor they have is asked for
    Column("expires_at", _INSTANT, nullable=False),
)
"""Who gave a right password and still owes a code."""

portal_links = Table(
    "portal_links",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("reference", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("created_at", _INSTANT, nullable=False, server_default=func.now()),
    Column("revoked_at", _INSTANT),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("key", Text, primary_key=True),  # a hash of login and network address
    Column("failures", Integer, nullable=False),
    Column("last_at", _INSTANT, nullable=False, server_default=func.now()),
    Column("blocked_until", _INSTANT),
)

Index("ix_staff_roles", staff.c.roles, postgresql_using="gin")
Index("ix_staff_department", staff.c.department)
Index("ix_staff_changes_staff", staff_changes.c.staff, staff_changes.c.id)
Index("ix_sign_in_steps_staff", sign_in_steps.c.staff)
Index("ix_tokens_staff", tokens.c.staff)
Index("ix_sessions_staff", sessions.c.staff)
Index("ix_sessions_expires_at", sessions.c.expires_at)
Index("ix_portal_links_reference", portal_links.c.reference, portal_links.c.party)
