"""Who wants which reports, in which language, and the links in their mails that end one of them.

A link's token holds the number of a row of the outbox and an HMAC over it, so that nothing is kept of links
that nobody used, and no address tells who somebody is (RFC 8058 asks for a link that is hard to forge).
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Collection
from enum import StrEnum
from typing import Final, Literal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from ledger.metadata import metadata

Way = Literal["desk", "link"]
"""How somebody said that they do not want a report."""

LONGEST: Final = 100
"""Characters of the longest token there can be."""
_TOKEN = re.compile(r"(?P<row>[1-9][0-9]{0,17})\.(?P<proof>[A-Za-z0-9_-]{43})")


class ReportKind(StrEnum):
    """The mails that come again and again, and that whoever gets them may do without. Alerts are none of these."""

    MORNING_WORKLIST = "morning_worklist"
    WEEKLY_REPORT = "weekly_report"
    OVERDUE_SUMMARY = "overdue_summary"


report_opt_outs = Table(
    "report_opt_outs",
    metadata,
    Column("staff", Text, ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("way", Text, nullable=False),  # desk or link
    Column("since", DateTime(timezone=True), nullable=False, server_default=func.now()),  # real time
)
"""A row for each report that somebody does not want; who is new gets all."""


async def refused(conn: AsyncConnection, staff: str) -> frozenset[ReportKind]:
    """The reports that this member of staff does not want."""
    query = select(report_opt_outs.c.kind).where(report_opt_outs.c.staff == staff)
    return frozenset(ReportKind(kind) for kind in (await conn.scalars(query)).all())


async def refuse(conn: AsyncConnection, staff: str, kinds: Collection[ReportKind], way: Way) -> None:
    """They do not want these; what was refused before keeps its date. In the caller's transaction."""
    rows = [{"staff": staff, "kind": str(kind), "way": way} for kind in kinds]
    if rows:
        await conn.execute(insert(report_opt_outs).values(rows).on_conflict_do_nothing())


async def want(conn: AsyncConnection, staff: str, kinds: Collection[ReportKind]) -> None:
    """They want these again. In the caller's transaction."""
    c = report_opt_outs.c
    await conn.execute(
        delete(report_opt_outs).where(c.staff == staff, c.kind.in_([str(kind) for kind in kinds]))
    )


async def set_language(conn: AsyncConnection, staff: str, language: str, by: str) -> None:
    """The language (ISO 639-1) that mails to them are written in; `by` is whom the history names."""
    await conn.execute(_LANGUAGE, {"staff": staff, "language": language, "by": by})


_LANGUAGE = text(
    """
    UPDATE staff SET language = :language WHERE id = :staff AND language <> :language
    RETURNING set_config('redress.by', :by, true)
    """
)


class Subscription(Frozen):
    """Whose report of which kind a link ends, and the language they read."""

    staff: str
    kind: ReportKind
    language: str


class ReportLinks:
    """Makes the tokens that end a report, and finds out what one is for. They do not expire: no more do mails."""

    def __init__(self, master_key: bytes) -> None:
        """`master_key` is 32 bytes; these links have a key of their own, derived from it."""
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"redress report links 1")
        self._key = derived.derive(master_key)

    def token(self, row_id: int, staff: str) -> str:
        """The token of the link in the report of this row (an outbox id) to this member of staff (a staff id)."""
        proof = hmac.digest(self._key, f"{row_id}|{staff}".encode(), "sha256")
        return f"{row_id}.{base64.urlsafe_b64encode(proof).decode().rstrip('=')}"

    async def find(self, conn: AsyncConnection, token: str) -> Subscription | None:
        """What this token was made for; None for anything that is no token of ours."""
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        row = (await conn.execute(_LINKED, {"row": int(parts["row"]), "kinds": list(ReportKind)})).first()
        if row is None or not hmac.compare_digest(self.token(int(parts["row"]), row.staff), token):
            return None
        return Subscription(staff=row.staff, kind=ReportKind(row.kind), language=row.language)


_LINKED = text(
    """
    SELECT staff.id AS staff, outbox.kind, staff.language
    FROM outbox JOIN staff ON outbox.recipient = 'staff:' || staff.id
    WHERE outbox.id = :row AND outbox.kind = ANY (:kinds)
    """
).bindparams(bindparam("row", type_=BigInteger), bindparam("kinds", type_=ARRAY(Text)))
