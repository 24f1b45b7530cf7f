"""Webhooks: where alerts are posted, under which secrets, which hosts within the house may be, and who decided so.

The secrets are kept encrypted (AES-256-GCM) under a key that comes out of the master key. All times are real, by
the database's clock.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AwareDatetime
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Identity,
    LargeBinary,
    Table,
    Text,
    any_,
    case,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as insert_unless_there
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.base import Frozen
from ledger.database import autocommit
from ledger.metadata import metadata

SERVICE: Final = "service"
"""Who the history names where the service itself switched an endpoint off."""
_KEY_BYTES = 32
_NONCE_BYTES = 12
_INSTANT = DateTime(timezone=True)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Text, primary_key=True),  # whk_…
    Column("url", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("kinds", ARRAY(Text), nullable=False),  # empty: all
    Column("active", Boolean, nullable=False, server_default="true"),
    Column("secret", LargeBinary, nullable=False),  # encrypted, as the next
    Column("older_secret", LargeBinary),  # signs as well, until it is retired
    Column("created_by", Text, nullable=False),
    Column("created_at", _INSTANT, nullable=False, server_default=func.now()),
    Column("failing_since", _INSTANT),  # null: the last delivery was taken
    Column("last_status", Text),  # a status code or a name of ours
    Column("last_at", _INSTANT),
)

webhook_hosts = Table(
    "webhook_hosts",
    metadata,
    Column("host", Text, primary_key=True),
    Column("allowed_by", Text, nullable=False),
    Column("allowed_at", _INSTANT, nullable=False, server_default=func.now()),
)
"""Hosts that alerts may go to although their addresses are private, and without TLS."""

webhook_changes = Table(
    "webhook_changes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", _INSTANT, nullable=False, server_default=func.now()),
    Column("subject", Text, nullable=False),  # an endpoint's id, or a host
    Column("what", Text, nullable=False),
    Column("by_whom", Text, nullable=False),
)
"""Written in the transaction of the change; a trigger refuses UPDATE, DELETE and TRUNCATE."""

_ROW = webhook_endpoints.c


class UrlTaken(Exception):  # noqa: N818 - an answer, not a fault
    """There is an endpoint of this address already."""


class TwoSecrets(Exception):  # noqa: N818 - an answer, not a fault
    """There are two live secrets already: the older one has to be retired before there is another."""


class Endpoint(Frozen):
    """An endpoint as it is shown; its secrets are not. `kinds` empty: all. `secrets`: how many are live."""

    id: str
    url: str
    title: str
    kinds: tuple[str, ...]
    active: bool
    secrets: int
    created_by: str
    created_at: AwareDatetime
    failing_since: AwareDatetime | None
    last_status: str | None
    last_at: AwareDatetime | None


class NewEndpoint(Frozen):
    """An endpoint that was just made, with its secret, told this once."""

    endpoint: Endpoint
    secret: str


class Target(Frozen):
    """What a delivery needs: where to, and the live secrets, the newest first."""

    url: str
    active: bool
    secrets: tuple[str, ...]


class AllowedHost(Frozen):
    """A host that may be private, who allowed it and when."""

    host: str
    allowed_by: str
    allowed_at: AwareDatetime


class WebhookChange(Frozen):
    """One entry of the history: what became of an endpoint or a host, by whom, when."""

    id: int
    at: AwareDatetime
    subject: str
    what: str
    by_whom: str


class Endpoints:
    """The endpoints and allowed hosts; every method opens its own short connection.

    `by`, where a method takes it, is whom the history names.
    """

    def __init__(self, engine: AsyncEngine, master_key: bytes) -> None:
        """`master_key` is 32 bytes."""
        self._sql = engine
        self._reading = autocommit(engine)
        derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"redress webhooks 1")
        self._sealing = AESGCM(derived.derive(master_key))

    # Endpoints ----------------------------------------------------------------------------------------

    async def add(self, *, url: str, title: str, kinds: Sequence[str], by: str) -> NewEndpoint:
        """A new endpoint, active at once. Raises UrlTaken."""
        made, secret = f"whk_{uuid4().hex}", _new_secret()
        row = {"id": made, "url": url, "title": title, "kinds": sorted(set(kinds)), "created_by": by}
        try:
            async with self._sql.begin() as conn:
                sealed = self._seal(made, secret)
                found = (
                    await conn.execute(
                        insert(webhook_endpoints).values(**row, secret=sealed).returning(*_SHOWN)
                    )
                ).one()
                await _note(conn, made, "added", by)
        except IntegrityError:
            raise UrlTaken from None
        return NewEndpoint(endpoint=_endpoint(found), secret=secret)

    async def all(self) -> tuple[Endpoint, ...]:
        """All endpoints, by title."""
        async with self._reading.connect() as conn:
            rows = await conn.execute(select(*_SHOWN).order_by(_ROW.title, _ROW.id))
            return tuple(map(_endpoint, rows))

    async def one(self, endpoint: str) -> Endpoint | None:
        """The endpoint of this id; None where there is none."""
        async with self._reading.connect() as conn:
            row = (await conn.execute(select(*_SHOWN).where(_ROW.id == endpoint))).one_or_none()
        return None if row is None else _endpoint(row)

    async def change(
        self, endpoint: str, *, url: str, title: str, kinds: Sequence[str], active: bool, by: str
    ) -> Endpoint | None:
        """Change an endpoint; None where there is none. The history names what is different. Raises UrlTaken."""
        new: dict[str, Any] = {"url": url, "title": title, "kinds": sorted(set(kinds)), "active": active}
        try:
            async with self._sql.begin() as conn:
                row = (
                    await conn.execute(select(*_SHOWN).where(_ROW.id == endpoint).with_for_update())
                ).one_or_none()
                if row is None:
                    return None
                different = [name for name, value in new.items() if getattr(row, name) != value]
                if not different:
                    return _endpoint(row)
                changed = update(webhook_endpoints).where(_ROW.id == endpoint).values(new).returning(*_SHOWN)
                found = (await conn.execute(changed)).one()
                for name in different:
                    switched = "switched on" if active else "switched off"
                    await _note(conn, endpoint, switched if name == "active" else f"{name} changed", by)
        except IntegrityError:
            raise UrlTaken from None
        return _endpoint(found)

    async def rotate(self, endpoint: str, by: str) -> str | None:
        """A new secret beside the one there is, told this once; None: no such endpoint. Raises TwoSecrets."""
        secret = _new_secret()
        async with self._sql.begin() as conn:
            row = (
                await conn.execute(select(_ROW.older_secret).where(_ROW.id == endpoint).with_for_update())
            ).one_or_none()
            if row is None:
                return None
            if row.older_secret is not None:
                raise TwoSecrets
            sealed = self._seal(endpoint, secret)
            new = {"older_secret": _ROW.secret, "secret": sealed}
            await conn.execute(update(webhook_endpoints).where(_ROW.id == endpoint).values(new))
            await _note(conn, endpoint, "new secret", by)
        return secret

    async def retire(self, endpoint: str, by: str) -> bool:
        """Sign with the newer secret alone from here on; False where there are not two."""
        there = (_ROW.id == endpoint, _ROW.older_secret.is_not(None))
        async with self._sql.begin() as conn:
            gone = await conn.execute(update(webhook_endpoints).where(*there).values(older_secret=None))
            if gone.rowcount:
                await _note(conn, endpoint, "older secret retired", by)
        return bool(gone.rowcount)

    # Delivering ---------------------------------------------------------------------------------------

    async def subscribed(self, kind: str) -> tuple[str, ...]:
        """The ids of the active endpoints that are to hear of this kind of alert."""
        wants = (func.cardinality(_ROW.kinds) == 0) | (any_(_ROW.kinds) == kind)
        async with self._reading.connect() as conn:
            found = await conn.execute(select(_ROW.id).where(_ROW.active, wants).order_by(_ROW.id))
            return tuple(found.scalars())

    async def target(self, endpoint: str) -> Target | None:
        """Where a delivery for this endpoint goes, and its live secrets; None where there is none."""
        wanted = select(_ROW.url, _ROW.active, _ROW.secret, _ROW.older_secret)
        async with self._reading.connect() as conn:
            row = (await conn.execute(wanted.where(_ROW.id == endpoint))).one_or_none()
        if row is None:
            return None
        sealed = (row.secret, row.older_secret)
        opened = tuple(self._open(endpoint, one) for one in sealed if one is not None)
        return Target(url=row.url, active=row.active, secrets=opened)

    async def note(self, endpoint: str, status: str, *, taken: bool) -> None:
        """What came of a delivery: `status` is a code or a name of ours."""
        failing = None if taken else func.coalesce(_ROW.failing_since, func.now())
        said = {"last_status": status, "last_at": func.now(), "failing_since": failing}
        async with self._reading.connect() as conn:
            await conn.execute(update(webhook_endpoints).where(_ROW.id == endpoint).values(said))

    async def switch_off(self, endpoint: str) -> None:
        """The endpoint itself said that it is gone."""
        async with self._sql.begin() as conn:
            on = (_ROW.id == endpoint, _ROW.active)
            if (await conn.execute(update(webhook_endpoints).where(*on).values(active=False))).rowcount:
                await _note(conn, endpoint, "switched off, as it said that it is gone", SERVICE)

    # Hosts and history --------------------------------------------------------------------------------

    async def hosts(self) -> tuple[AllowedHost, ...]:
        """The hosts that may be private."""
        async with self._reading.connect() as conn:
            rows = await conn.execute(select(webhook_hosts).order_by(webhook_hosts.c.host))
            return tuple(AllowedHost(**row._mapping) for row in rows)

    async def allow(self, host: str, by: str) -> bool:
        """Allow a host to be private; `host` as `guard.plain_host` gives it. False: it is allowed already."""
        new = insert_unless_there(webhook_hosts).values(host=host, allowed_by=by).on_conflict_do_nothing()
        async with self._sql.begin() as conn:
            added = bool((await conn.execute(new)).rowcount)
            if added:
                await _note(conn, host, "host allowed", by)
        return added

    async def forbid(self, host: str, by: str) -> bool:
        """Take that back; False where it was not allowed."""
        async with self._sql.begin() as conn:
            gone = await conn.execute(delete(webhook_hosts).where(webhook_hosts.c.host == host))
            if gone.rowcount:
                await _note(conn, host, "host not allowed any more", by)
        return bool(gone.rowcount)

    async def changes(self, *, before: int | None = None, limit: int = 100) -> tuple[WebhookChange, ...]:
        """The history, newest first; `before` is the last id seen."""
        query = select(webhook_changes).order_by(webhook_changes.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(webhook_changes.c.id < before)
        async with self._reading.connect() as conn:
            return tuple(WebhookChange(**row._mapping) for row in await conn.execute(query))

    def _seal(self, endpoint: str, secret: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._sealing.encrypt(nonce, secret.encode(), endpoint.encode())

    def _open(self, endpoint: str, sealed: bytes) -> str:
        opened = self._sealing.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], endpoint.encode())
        return opened.decode()


async def allowed_hosts(engine: AsyncEngine) -> frozenset[str]:
    """The hosts that alerts may go to although they are private, as `guard.plain_host` writes them."""
    async with autocommit(engine).connect() as conn:
        return frozenset((await conn.execute(select(webhook_hosts.c.host))).scalars())


def _new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"


async def _note(conn: AsyncConnection, subject: str, what: str, by: str) -> None:
    await conn.execute(insert(webhook_changes).values(subject=subject, what=what, by_whom=by))


def _endpoint(row: Any) -> Endpoint:
    return Endpoint(**row._mapping)


_SHOWN: Sequence[ColumnElement[Any]] = (
    *(_ROW[name] for name in Endpoint.model_fields if name != "secrets"),
    case((_ROW.older_secret.is_(None), 1), else_=2).label("secrets"),
)
