"""Links in alerts: whoever was told may say so from the mail, once, within a week, and nothing else.

A token holds the number of a row of the outbox and an HMAC over it and the member of staff it was written
to. So nothing is kept of a link that was not used, and who reads the database can not make one. A storm's mail
has a link for each of its calls, and one for all of them, whose number is that of the mail's first row.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AwareDatetime
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Interval,
    Table,
    Text,
    and_,
    bindparam,
    func,
    select,
    text,
)
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
    Column("what", Text, nullable=False),  # acknowledge, snooze or hand_over
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


class LinkedCall(Frozen):
    """One clock of one complaint that a mail about many called for, and how it stands.

    `row` is the latest call's, `rows` are all of the mail's about it. `due_at` is None while a pause hides it;
    it and `held_until` are the service's own time, `used_at` is real time.
    """

    row: int
    rows: tuple[int, ...]
    reference: str
    clock: str
    pack: str
    pack_version: int
    running: bool
    due_at: AwareDatetime | None
    held: bool
    held_until: AwareDatetime | None
    acknowledged_by: str | None
    used: str | None
    used_at: AwareDatetime | None

    @property
    def stands(self) -> Literal["open", "used", "over", "acknowledged"]:
        """What its link is good for now, as that of a single mail."""
        if self.used in ("acknowledge", "snooze"):  # a complaint that was offered on is still called for
            return "used"
        if not self.running:
            return "over"
        return "acknowledged" if self.held else "open"


class LinkedMail(Frozen):
    """The mail that a link for all belongs to, with what can be acknowledged of it, each clock once.

    `sent_at` (when it left, or was queued where it is still on its way) is real time.
    """

    first: int
    staff: str
    sent_at: AwareDatetime
    over: bool
    calls: tuple[LinkedCall, ...]


class AlertLinks:
    """Makes the tokens of links, and finds out what one is for."""

    def __init__(self, master_key: bytes) -> None:
        """`master_key` is 32 bytes; the links have a key of their own, derived from it."""
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"redress alert links 1")
        self._key = derived.derive(master_key)

    def token(self, row_id: int, staff: str) -> str:
        """The token of the link in the alert of this row (an outbox id) to this member of staff (a staff id)."""
        return self._signed(row_id, f"{row_id}|{staff}")

    def token_of_all(self, first: int, staff: str) -> str:
        """The token of the link for all in the mail whose first row this is (its bundle) to this member of staff."""
        return self._signed(first, f"all|{first}|{staff}")

    def _signed(self, row_id: int, what: str) -> str:
        proof = hmac.digest(self._key, what.encode(), "sha256")
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

    async def find_all(self, conn: AsyncConnection, token: str, at: datetime) -> LinkedMail | None:
        """The mail that this token for all was made for; None for anything that is no such token of ours.

        `at` is the service's present: an acknowledgement that has expired is one no more. One statement.
        """
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        first = int(parts["row"])
        rows = (await conn.execute(_ALL, {"first": first, "at": at, "lifetime": LIFETIME})).all()
        if not rows or not rows[0].recipient.startswith("staff:"):
            return None
        staff = rows[0].recipient.removeprefix("staff:")
        if not hmac.compare_digest(self.token_of_all(first, staff), token):
            return None
        calls = tuple(
            LinkedCall(**{name: row._mapping[name] for name in LinkedCall.model_fields})
            for row in rows
            if row.row is not None
        )
        return LinkedMail(first=first, staff=staff, sent_at=rows[0].sent_at, over=rows[0].over, calls=calls)

    async def use(self, conn: AsyncConnection, linked: Linked, what: str) -> bool:
        """Record that the link was used for this; False where it was used before."""
        return await self.use_each(conn, [linked.row], linked.staff, what) == 1

    async def use_each(self, conn: AsyncConnection, rows: Sequence[int], staff: str, what: str) -> int:
        """Record that the links of these rows to this person were used; returns how many had not been before.

        One from which the complaint was offered on can still be answered, once: that counts as not used.
        """
        values = [{"row": row, "staff": staff, "what": what} for row in rows]
        given = insert(alert_links_used).values(values)
        new = given.on_conflict_do_update(
            index_elements=["row", "staff"],
            set_={"what": given.excluded.what, "used_at": func.now()},
            where=and_(alert_links_used.c.what == "hand_over", given.excluded.what != "hand_over"),
        )
        return len((await conn.execute(new.returning(alert_links_used.c.row))).all())


# What left together is a bundle, whose number is that of its first row. What tells an administrator that somebody
# else was not reached has no call of theirs in it.
_ALL = text(
    """
    WITH head AS MATERIALIZED (
        SELECT id, recipient, greatest(queued_at, sent_at) AS sent_at FROM outbox WHERE id = :first AND bundle = id
    ), mail AS MATERIALIZED (
        SELECT told.id, stream, clock, occurrence, rung, kind FROM outbox AS told JOIN head USING (recipient)
        WHERE told.bundle IS NOT NULL AND told.bundle = :first
    ), called AS MATERIALIZED (
        SELECT mail.stream AS reference, mail.clock, max(mail.id) AS row, array_agg(mail.id ORDER BY mail.id) AS rows,
            max(mail.occurrence) AS occurrence, max(used.what) AS used, max(used.used_at) AS used_at
        FROM mail CROSS JOIN head
        LEFT JOIN alert_links_used AS used
            ON used.row = mail.id AND used.staff = substr(head.recipient, 7)
        WHERE mail.rung IS NOT NULL AND mail.kind <> 'alert_unreachable'
        GROUP BY mail.stream, mail.clock
    )
    SELECT head.recipient, head.sent_at, head.sent_at < now() - :lifetime AS over, called.row, called.rows,
        called.reference, called.clock, complaints.pack, complaints.pack_version, clocks.due_at,
        clocks.met_at IS NULL AND clocks.stopped_at IS NULL AS running,
        clocks.acknowledged_at IS NOT NULL AND (clocks.held_until IS NULL OR clocks.held_until > :at) AS held,
        clocks.held_until, clocks.acknowledged_by, called.used, called.used_at
    FROM head LEFT JOIN (
        called JOIN complaints USING (reference) JOIN clocks USING (reference, clock, occurrence)
    ) ON true
    ORDER BY clocks.due_at NULLS LAST, called.row
    """
).bindparams(
    bindparam("first", type_=BigInteger),
    bindparam("at", type_=DateTime(timezone=True)),
    bindparam("lifetime", type_=Interval),
)
