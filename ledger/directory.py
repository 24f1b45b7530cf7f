"""Who is who: staff with their roles and addresses, sign-in, sessions, tokens, and customers' secret links.

Lifetimes count in real time, by the database's clock, also where complaints live in a virtual one.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import uuid4

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from pydantic import AwareDatetime
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.base import Actor, Frozen, Person
from ledger import directory_statements as statements
from ledger.database import autocommit
from policies.vocabulary import Role

SESSION_LIFETIME: Final = timedelta(hours=12)
SESSION_IDLE: Final = timedelta(hours=2)
TOKEN_LIFETIME: Final = timedelta(days=90)
FAILURES_ALLOWED: Final = 5
"""Failed sign-ins, for one login from one address, before the next one has to wait."""
FIRST_WAIT: Final = timedelta(seconds=30)  # doubled by every further failure
_LONGEST_WAIT = timedelta(minutes=15)
_FORGET_FAILURES = timedelta(minutes=30)
LIMITS: Final = {
    "forget": _FORGET_FAILURES,
    "allowed": FAILURES_ALLOWED,
    "first_wait": FIRST_WAIT,
    "longest": _LONGEST_WAIT,
}
_CACHED_SECONDS = 3.0
_CACHED_AT_MOST = 10_000
_HASHING_AT_ONCE = 2  # argon2 takes 64 MiB each time


class TooManyAttempts(Exception):  # noqa: N818 - an answer, not a fault
    """Too many failed sign-ins for this login from this address; `seconds` to wait before the next."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many failed attempts to sign in; try again in {seconds} s.")
        self.seconds = seconds


class LoginTaken(Exception):  # noqa: N818 - an answer, not a fault
    """Somebody has this login already."""


class Mailbox(Frozen):
    """Where a member of staff is reached: their mail, their language (ISO 639-1), and their chat address (None: they
    have none, or who asks has no key to read it by).
    """

    staff: str
    name: str
    address: str
    language: str
    chat: str | None = None


class StaffMember(Frozen):
    """A member of staff as lists and screens show them."""

    id: str
    login: str
    name: str
    email: str
    roles: tuple[Role, ...]
    supervisor: str | None
    language: str
    active: bool
    department: str | None = None
    away_until: AwareDatetime | None = None


class Bearer(Frozen):
    """Who shows a token or link. `reference` is set for a customer: the one complaint it opens."""

    actor: Actor
    reference: str | None = None


class Session(Frozen):
    """A signed-in member of staff. `csrf_secret` is what forms have to carry back; `second_factor`: they have one.
    `new_alerts`: how many have reached them at the desk since they last looked, at most 100.
    """

    actor: Actor
    name: str
    language: str
    csrf_secret: str
    second_factor: bool = False
    new_alerts: int = 0


class OpenedSession(Frozen):
    """A new session: `id` is the cookie's secret value and is not kept anywhere in clear."""

    id: str
    csrf_secret: str


class Directory:
    """The directory; every method opens its own short connection, most send one statement.

    `by`, where a method takes it, is whom the history of permissions names (an id, or the command line).
    """

    def __init__(self, engine: AsyncEngine, hasher: PasswordHasher | None = None) -> None:
        self._engine = autocommit(engine)
        self._hasher = hasher or PasswordHasher()
        self._hashing = asyncio.Semaphore(_HASHING_AT_ONCE)
        self._nobodys = ""  # a hash that no password fits, made when first needed
        self._cache: OrderedDict[tuple[str, str], tuple[float, Bearer]] = OrderedDict()

    # People -------------------------------------------------------------------------------------------

    async def add(
        self,
        *,
        login: str,
        name: str,
        email: str,
        roles: Iterable[Role],
        password: str | None = None,
        supervisor: str | None = None,
        language: str = "en",
        department: str | None = None,
        id: str | None = None,  # noqa: A002 - the field's own name
        by: str | None = None,
    ) -> Person:
        """Take a person into the directory. Raises LoginTaken; the same id and login again changes them."""
        password_hash = None if password is None else await self._in_thread(self._hasher.hash, password)
        row = {
            "id": id or f"usr_{uuid4().hex}", "login": _login(login), "name": name, "email": email,
            "password_hash": password_hash, "roles": sorted(set(roles)), "supervisor": supervisor,
            "language": language, "department": department, "by": by,
        }  # fmt: skip
        try:
            found = await self._rows(statements.ADD, row)
        except IntegrityError:
            raise LoginTaken from None
        self._cache.clear()
        return _person(found[0])

    async def change(
        self,
        id: str,  # noqa: A002 - the field's own name
        *,
        roles: Iterable[Role] | None = None,
        supervisor: str | None = None,
        department: str | None = None,
        active: bool | None = None,
        password: str | None = None,
        by: str | None = None,
    ) -> Person | None:
        """Change what is given and leave the rest; None where there is no such person.

        Who is made inactive, or gets a new password, is signed out everywhere and loses all tokens.
        """
        row = {
            "id": id,
            "roles": None if roles is None else sorted(set(roles)),
            "supervisor": supervisor,
            "department": department,
            "active": active,
            "password_hash": None if password is None else await self._in_thread(self._hasher.hash, password),
            "by": by,
        }
        found = await self._rows(statements.CHANGE, row)
        self._cache.clear()
        return _person(found[0]) if found else None

    async def set_away(
        self,
        id: str,  # noqa: A002 - the field's own name
        until: datetime | None,
        by: str | None = None,
    ) -> bool:
        """The service gives the person nothing until then (its own time; None: they are back); False: nobody."""
        return bool(await self._rows(statements.AWAY, {"id": id, "until": until, "by": by}))

    async def person(self, id: str) -> Person | None:  # noqa: A002 - the field's own name
        """The active member of staff of this id, as commands name people; None where there is none."""
        found = await self._rows(statements.PERSON, {"id": id})
        return _person(found[0]) if found else None

    async def people_with_role(self, role: Role) -> tuple[StaffMember, ...]:
        """All active staff who have the role, by name."""
        return tuple(map(_member, await self._rows(statements.WITH_ROLE, {"role": role})))

    async def everyone(self) -> tuple[StaffMember, ...]:
        """All staff, by name, those who left among them."""
        return tuple(map(_member, await self._rows(statements.EVERYONE, {})))

    async def names(self, ids: Iterable[str]) -> dict[str, str]:
        """{id: name} for those of these who are in the directory, active or not."""
        wanted = sorted(set(ids))
        found = await self._rows(statements.NAMES, {"ids": wanted}) if wanted else ()
        return {row.id: row.name for row in found}

    async def email_of(self, recipient: str) -> tuple[Mailbox, ...]:
        """Where `staff:<id>`, `role:<role>` or `department:<name>` reads mail: nobody, one, or all active
        people of the role or department.

        Raises ValueError for another kind of recipient.
        """
        kind, _, who = recipient.partition(":")
        if kind not in {"staff", "role", "department"} or not who:
            raise ValueError(f"a recipient is staff:<id>, role:<role> or department:<name>, not {kind}:…")
        asked = {"id": None, "role": None, "department": None}
        found = await self._rows(statements.MAILBOXES, asked | {"id" if kind == "staff" else kind: who})
        return tuple(
            Mailbox(staff=row.id, name=row.name, address=row.email, language=row.language) for row in found
        )

    # Sign-in ------------------------------------------------------------------------------------------

    async def authenticate(self, login: str, password: str, address: str = "") -> Actor | None:
        """The member of staff whose login and password these are, or None; `address` is the caller's.

        An unknown login takes as long as a wrong password. Raises TooManyAttempts, which does not tell
        whether the password was right.
        """
        key = _hash(f"{_login(login)}|{address}")
        found = (await self._rows(statements.ATTEMPT, {"login": _login(login), "key": key, **LIMITS}))[0]
        if not found.may_try:
            seen = found.wait is not None and found.wait > 0
            raise TooManyAttempts(int(found.wait if seen else FIRST_WAIT.total_seconds()) + 1)
        fits = await self._in_thread(self._fits, found.password_hash, password)
        if not fits or not found.active:
            return None
        await self._rows(statements.SUCCEEDED, {"key": key})  # this attempt was counted as a failure
        if self._hasher.check_needs_rehash(found.password_hash):
            renewed = await self._in_thread(self._hasher.hash, password)
            await self._rows(statements.REHASH, {"id": found.id, "old": found.password_hash, "new": renewed})
        return _actor(found)

    def _fits(self, password_hash: str | None, password: str) -> bool:
        if password_hash is None and not self._nobodys:
            self._nobodys = self._hasher.hash(secrets.token_urlsafe(16))
        try:
            return self._hasher.verify(password_hash or self._nobodys, password)
        except (VerifyMismatchError, InvalidHashError):
            return False

    async def _in_thread(self, function: Any, *given: Any) -> Any:
        async with self._hashing:
            return await asyncio.to_thread(function, *given)

    async def open_session(self, staff_id: str, lifetime: timedelta = SESSION_LIFETIME) -> OpenedSession:
        """Sign a person in. Always a new secret, also where there was a session before."""
        opened = OpenedSession(id=secrets.token_urlsafe(32), csrf_secret=secrets.token_urlsafe(32))
        row = {
            "id_hash": _hash(opened.id),
            "staff": staff_id,
            "csrf": opened.csrf_secret,
            "lifetime": lifetime,
        }
        await self._rows(statements.OPEN_SESSION, row)
        return opened

    async def session(self, id: str) -> Session | None:  # noqa: A002 - the field's own name
        """The live session of this cookie, in one round trip: not expired, not idle for SESSION_IDLE."""
        found = await self._rows(statements.SESSION, {"id_hash": _hash(id), "idle": SESSION_IDLE})
        if not found:
            return None
        row = found[0]
        return Session(
            actor=_actor(row), name=row.name, language=row.language, csrf_secret=row.csrf_secret,
            second_factor=row.second_factor, new_alerts=row.new_alerts,
        )  # fmt: skip

    async def live_sessions(self, ids: Iterable[str]) -> frozenset[str]:
        """Those of these cookies whose sessions live. To ask is no use of a session: it goes idle all the same."""
        by_hash = {_hash(id_): id_ for id_ in ids}
        given = {"id_hashes": sorted(by_hash), "idle": SESSION_IDLE}
        found = await self._rows(statements.LIVE_SESSIONS, given) if by_hash else ()
        return frozenset(by_hash[row.id_hash] for row in found)

    async def close_session(self, id: str) -> None:  # noqa: A002 - the field's own name
        """Sign out; nothing happens where the session is gone already."""
        await self._rows(statements.CLOSE_SESSION, {"id_hash": _hash(id)})

    # Tokens and links ---------------------------------------------------------------------------------

    async def issue_token(
        self, staff_id: str, *, roles: Sequence[Role] | None = None, lifetime: timedelta = TOKEN_LIFETIME,
        purpose: str = "", by: str | None = None,
    ) -> str:  # fmt: skip
        """A new bearer token (256 random bits) for a member of staff, shown this once.

        `roles` narrows what it may do; it never gives a role that the person does not (or no longer) have.
        """
        return await self._issue(
            staff=staff_id, roles=None if roles is None else sorted(roles), lifetime=lifetime, purpose=purpose,
            by=by,
        )  # fmt: skip

    async def issue_party_token(
        self, reference: str, party: str, *, lifetime: timedelta = TOKEN_LIFETIME, purpose: str = ""
    ) -> str:
        """A new bearer token for one party (`P1`) of one complaint; it opens that complaint alone."""
        return await self._issue(reference=reference, party=party, lifetime=lifetime, purpose=purpose)

    async def _issue(self, **row: Any) -> str:
        token = f"rdt_{secrets.token_urlsafe(32)}"
        blank = {"staff": None, "reference": None, "party": None, "roles": None, "by": None}
        await self._rows(statements.ISSUE, {**blank, **row, "hash": _hash(token)})
        return token

    async def revoke_token(self, token: str, by: str | None = None) -> bool:
        """End a token now (in other processes within 3 s); False where there is no live one."""
        self._cache.pop(("token", _hash(token)), None)
        return bool(await self._rows(statements.REVOKE, {"hash": _hash(token), "by": by}))

    async def actor_for_token(self, token: str) -> Bearer | None:
        """Who holds this token: one statement, or none where it was asked for less than 3 s ago."""
        return await self._bearer("token", token)

    async def issue_portal_link(self, reference: str, party: str) -> str:
        """The secret part of a new link to a complaint's progress page (192 random bits), for one party."""
        token = secrets.token_urlsafe(24)
        await self._rows(
            statements.ISSUE_LINK, {"hash": _hash(token), "reference": reference, "party": party}
        )
        return token

    async def revoke_portal_links(self, reference: str, party: str | None = None) -> int:
        """End the links of a complaint, or of one party of it (in other processes within 3 s)."""
        self._cache.clear()
        return len(await self._rows(statements.REVOKE_LINKS, {"reference": reference, "party": party}))

    async def actor_for_portal(self, token: str) -> Bearer | None:
        """Who opens this secret link: a party of the complaint it belongs to. Cached as tokens are."""
        return await self._bearer("link", token)

    async def _bearer(self, kind: Literal["token", "link"], token: str) -> Bearer | None:
        key = kind, _hash(token)
        known = self._cache.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        until = time.monotonic() + _CACHED_SECONDS
        statement = statements.BY_TOKEN if kind == "token" else statements.BY_LINK
        found = await self._rows(statement, {"hash": key[1]})
        bearer = _bearer_of(found[0]) if found else None
        if bearer is not None:  # what is not known is not remembered: guesses must not push out what is
            self._cache[key] = (until, bearer)
            if len(self._cache) > _CACHED_AT_MOST:
                self._cache.popitem(last=False)
        return bearer

    async def sweep(self) -> int:
        """Delete sessions that are over and failures that are forgotten; returns how many rows went."""
        return len(await self._rows(statements.SWEEP, {"forget": _FORGET_FAILURES, "idle": SESSION_IDLE}))

    async def _rows(self, statement: Any, given: dict[str, Any]) -> Sequence[Any]:
        async with self._engine.connect() as conn:
            result = await conn.execute(statement, given)
            return result.all() if result.returns_rows else ()


def _hash(secret: str) -> str:
    """Plain SHA-256 is enough for secrets of 192 random bits and more; it is no way to keep a password."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _login(login: str) -> str:
    return login.strip().lower()


def _person(row: Any) -> Person:
    return Person(id=row.id, roles=tuple(Role(role) for role in row.roles), supervisor=row.supervisor)


def _actor(row: Any) -> Actor:
    return Actor(id=row.id, roles=tuple(Role(role) for role in row.roles), supervisor=row.supervisor)


def _member(row: Any) -> StaffMember:
    return StaffMember(
        id=row.id, login=row.login, name=row.name, email=row.email, roles=tuple(Role(r) for r in row.roles),
        supervisor=row.supervisor, language=row.language, active=row.active, department=row.department,
        away_until=row.away_until,
    )  # fmt: skip


def _bearer_of(row: Any) -> Bearer:
    if row.party is None:
        return Bearer(actor=_actor(row))
    return Bearer(actor=Actor(id=f"party:{row.party}", roles=(Role.COMPLAINANT,)), reference=row.reference)
