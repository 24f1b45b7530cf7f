"""Second factors of the staff: codes of an authenticator app, asked for after the password and good once each.

The shared secrets are kept encrypted (AES-256-GCM) under a key that comes out of the master key.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Interval, LargeBinary, bindparam, text
from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.base import Frozen
from ledger import directory_statements as statements
from ledger import totp
from ledger.database import autocommit
from ledger.directory import FIRST_WAIT, LIMITS, TooManyAttempts

TICKET_LIFETIME: Final = timedelta(minutes=10)
"""From the right password to the code."""
_KEY_BYTES = 32
_NONCE_BYTES = 12


class NewFactor(Frozen):
    """What an authenticator app is given: as a link (`otpauth://…`), and as a key to type, in groups of four."""

    uri: str
    key: str


class Owed(Frozen):
    """Who still owes a code. `new` is set where they are to set a factor up with it."""

    staff: str
    new: NewFactor | None


class SecondFactors:
    """The second factors; every method opens its own short connection."""

    def __init__(self, engine: AsyncEngine, master_key: bytes, issuer: str) -> None:
        """`master_key` is 32 bytes; `issuer` is the name that apps show beside the codes."""
        self._engine = autocommit(engine)
        derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"redress second factors 1")
        self._sealing = AESGCM(derived.derive(master_key))
        self._issuer = issuer

    async def has(self, staff: str) -> bool:
        """Whether this person has a second factor."""
        return bool(await self._rows(_HAS, {"staff": staff}))

    async def ask(self, staff: str) -> str:
        """A ticket (256 random bits) for a code of the factor they have; for whoever gave the right password."""
        return await self._ticket(staff, None)

    async def offer(self, staff: str) -> str:
        """A ticket for setting up a new factor, in place of one they may have."""
        return await self._ticket(staff, totp.new_secret())

    async def _ticket(self, staff: str, new: bytes | None) -> str:
        ticket = secrets.token_urlsafe(32)
        row = {
            "ticket": _hash(ticket), "staff": staff, "lifetime": TICKET_LIFETIME,
            "new": None if new is None else self._seal(staff, new),
        }  # fmt: skip
        await self._rows(_TAKE_TICKET, row)
        return ticket

    async def owed(self, ticket: str) -> Owed | None:
        """What this ticket is for; None where it is over, used, or nothing that we gave."""
        found = await self._rows(_TICKET, {"ticket": _hash(ticket)})
        if not found:
            return None
        row = found[0]
        new = None if row.new_secret is None else self._new(row.login, self._open(row.staff, row.new_secret))
        return Owed(staff=row.staff, new=new)

    async def prove(self, ticket: str, code: str) -> bool:
        """Whether this is a code for the ticket, which is then used up, as the code is.

        Guessing is slowed as it is with passwords, whatever network it comes from: only who has the password
        gets here, so nobody else can lock a person out. A new factor is theirs from here on, and they are
        signed out everywhere. Raises TooManyAttempts.
        """
        found = await self._rows(_TICKET, {"ticket": _hash(ticket)})
        if not found:
            return False
        row = found[0]
        key = _hash(f"second factor|{row.staff}")
        tried = (await self._rows(statements.ATTEMPT, {"login": row.login, "key": key, **LIMITS}))[0]
        if not tried.may_try:
            seen = tried.wait is not None and tried.wait > 0
            raise TooManyAttempts(int(tried.wait if seen else FIRST_WAIT.total_seconds()) + 1)
        new = row.new_secret is not None
        secret = self._open(row.staff, row.new_secret if new else row.second_factor)
        used = None if new else row.second_factor_step
        step = totp.fitting_step(secret, code, totp.step_of(row.epoch), used)
        if step is None:
            return False
        spent: dict[str, Any] = {"ticket": _hash(ticket), "step": step}
        proven = bool(await self._rows(*((_SET_UP, spent | {"by": row.staff}) if new else (_SPEND, spent))))
        if proven:
            await self._rows(statements.SUCCEEDED, {"key": key})
        return proven

    async def give(self, staff: str, by: str) -> NewFactor | None:
        """A new factor at once, told this once; they are signed out everywhere. None: there is no such person."""
        secret = totp.new_secret()
        sealed = self._seal(staff, secret)
        found = await self._rows(_REPLACE, {"staff": staff, "secret": sealed, "by": by})
        return self._new(found[0].login, secret) if found else None

    async def take_away(self, staff: str, by: str) -> bool:
        """The password is enough again; they are signed out everywhere. False: they had no second factor."""
        had = await self.has(staff)
        return had and bool(await self._rows(_REPLACE, {"staff": staff, "secret": None, "by": by}))

    def _new(self, login: str, secret: bytes) -> NewFactor:
        return NewFactor(uri=totp.uri_of(secret, login, self._issuer), key=totp.key_of(secret))

    def _seal(self, staff: str, secret: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._sealing.encrypt(nonce, secret, staff.encode())

    def _open(self, staff: str, sealed: bytes) -> bytes:
        return self._sealing.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], staff.encode())

    async def _rows(self, statement: Any, given: dict[str, Any]) -> Sequence[Any]:
        async with self._engine.connect() as conn:
            result = await conn.execute(statement, given)
            return result.all() if result.returns_rows else ()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


_HAS = text("SELECT 1 FROM staff WHERE id = :staff AND second_factor IS NOT NULL")
_TAKE_TICKET = text(
    """
    INSERT INTO sign_in_steps (ticket_hash, staff, new_secret, expires_at)
    VALUES (:ticket, :staff, :new, now() + :lifetime)
    """
).bindparams(bindparam("lifetime", type_=Interval), bindparam("new", type_=LargeBinary))
# A ticket for the factor they had is over with it. The time is the database's, as all of the directory's.
_TICKET = text(
    """
    SELECT staff.id AS staff, staff.login, staff.second_factor, staff.second_factor_step,
        sign_in_steps.new_secret, extract(epoch FROM now())::float8 AS epoch
    FROM sign_in_steps JOIN staff ON staff.id = sign_in_steps.staff
    WHERE ticket_hash = :ticket AND expires_at > now() AND staff.active
        AND (new_secret IS NOT NULL OR second_factor IS NOT NULL)
    """
)
# Of two who send the same code in the same moment, one finds it spent.
_SPEND = text(
    """
    WITH used AS (DELETE FROM sign_in_steps WHERE ticket_hash = :ticket AND new_secret IS NULL RETURNING staff)
    UPDATE staff SET second_factor_step = :step FROM used
    WHERE staff.id = used.staff AND second_factor IS NOT NULL
        AND (second_factor_step IS NULL OR second_factor_step < :step)
    RETURNING staff.id
    """
)
_SET_UP = text(
    """
    WITH used AS (
        DELETE FROM sign_in_steps WHERE ticket_hash = :ticket AND new_secret IS NOT NULL
        RETURNING staff, new_secret
    ), signed_out AS (
        DELETE FROM sessions USING used WHERE sessions.staff = used.staff
    ), unfinished AS (
        DELETE FROM sign_in_steps USING used
        WHERE sign_in_steps.staff = used.staff AND ticket_hash <> :ticket
    )
    UPDATE staff SET second_factor = used.new_secret, second_factor_step = :step FROM used
    WHERE staff.id = used.staff RETURNING staff.id, set_config('redress.by', coalesce(CAST(:by AS text), ''), true)
    """
)
_REPLACE = text(
    """
    WITH changed AS (
        UPDATE staff SET second_factor = :secret, second_factor_step = NULL WHERE id = :staff
        RETURNING login, set_config('redress.by', coalesce(CAST(:by AS text), ''), true)
    ), signed_out AS (
        DELETE FROM sessions WHERE staff = :staff
    ), unfinished AS (
        DELETE FROM sign_in_steps WHERE staff = :staff
    )
    SELECT login FROM changed
    """
).bindparams(bindparam("secret", type_=LargeBinary))
