"""Links in alerts: whoever was told may say so from the mail, once, within a week, and nothing else.

A token holds the number of a row of the outbox and an HMAC over it and the member of staff it was written
to. So nothing is kept of a link that was not used, and who reads the database can not make one.
"""

from __future__ import annotations

import base64
import hmac
import re
from datetime import timedelta
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AwareDatetime
from sqlalchemy import BigInteger, Column, DateTime, Table, Text, and_, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from ledger.metadata import metadata
from ledger.outbox import outbox

LIFETIME: Final = timedelta(days=7)
"""How long a link may be used, from when its alert was sent; real time."""
LONGEST: Final = 100
"""Characters of the longest token there can be."""
_TOKEN = re.compile(r"(?P<row>[1-9][0-9]{0,17})\.(?P<proof>[A-Za-z0-9_-]{43})")

alert_links_used = Table(
    "alert_links_used",
    metadata,
    Column("row", BigInteger, primary_key=True, autoincrement=False),  # the alert's row in the outbox
    Column("staff", Text, primary_key=True),
    Column("used_at", DateTime(timezone=True), nullable=False, server_default=func.now()),  # real time
    Column("what", Text, nullable=False),  # acknowledge or snooze
)


class Linked(Frozen):
    """The alert that a link belongs to. `used` says what it was used for already, `over` that its week has passed.

    `sent_at` (when the mail left, or was queued where it is still on its way) and `used_at` are real time.
    """

    row: int
    staff: str
    reference: str
    clock: str
    occurrence: int
    rung: int
    sent_at: AwareDatetime
    over: bool
    used: str | None
    used_at: AwareDatetime | None


class AlertLinks:
    """Makes the tokens of links, and finds out what one is for."""

    def __init__(self, master_key: bytes) -> None:
        """`master_key` is 32 bytes; the links have a key of their own, derived from it."""
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"redress alert links 1")
        self._key = derived.derive(master_key)

    def token(self, row_id: int, staff: str) -> str:
        """The token of the link in the alert of this row (an outbox id) to this member of staff (a staff id)."""
        proof = hmac.digest(self._key, f"{row_id}|{staff}".encode(), "sha256")
        return f"{row_id}.{base64.urlsafe_b64encode(proof).decode().rstrip('=')}"

    async def find(self, conn: AsyncConnection, token: str) -> Linked | None:
        """The alert that this token was made for; None for anything that is no token of ours."""
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        used = alert_links_used.c
        sent_at = func.greatest(outbox.c.queued_at, outbox.c.sent_at)
        query = (
            select(
                outbox.c.recipient, outbox.c.stream, outbox.c.clock, outbox.c.occurrence, outbox.c.rung,
                sent_at.label("sent_at"), (sent_at < func.now() - LIFETIME).label("over"), used.what, used.used_at,
            )
            .join_from(
                outbox,
                alert_links_used,
                and_(used.row == outbox.c.id, func.concat("staff:", used.staff) == outbox.c.recipient),
                isouter=True,
            )
            .where(outbox.c.id == int(parts["row"]), outbox.c.rung.is_not(None))
        )  # fmt: skip
        row = (await conn.execute(query)).first()
        if row is None or not row.recipient.startswith("staff:"):
            return None
        staff = row.recipient.removeprefix("staff:")
        if not hmac.compare_digest(self.token(int(parts["row"]), staff), token):
            return None
        return Linked(
            row=int(parts["row"]), staff=staff, reference=row.stream, clock=row.clock, occurrence=row.occurrence,
            rung=row.rung, sent_at=row.sent_at, over=row.over, used=row.what, used_at=row.used_at,
        )  # fmt: skip

    async def use(self, conn: AsyncConnection, linked: Linked, what: str) -> bool:
        """Record that the link was used for this; False where it was used before."""
        row = {"row": linked.row, "staff": linked.staff, "what": what}
        new = insert(alert_links_used).values(row).on_conflict_do_nothing().returning(alert_links_used.c.row)
        return (await conn.execute(new)).first() is not None
