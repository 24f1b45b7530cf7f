"""A small real payment provider for the demo and the tests: it moves no money, and misbehaves on order.

`REDRESS_PAYMENTS_TOKEN=SECRET python -m runtime.payment_service --port 8090 --file payments.sqlite`
"""

import argparse
import hashlib
import json
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hmac import compare_digest
from pathlib import Path
from typing import Annotated, Any, Literal

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from runtime.clock import Clock

Manner = Literal["settle", "time_out", "settle_late", "refuse", "fail_once", "hang", "away"]
"""How a payment is treated.

`settle` at once; `time_out`: accepted, settled, and never answered; `settle_late`: pending, settled after
`seconds` or on command; `refuse`; `fail_once`: 500 at the first attempt with each key, nothing accepted;
`hang`: neither accepted nor answered; `away`: 503, nothing accepted.
"""

SETTING = "REDRESS_PAYMENTS_TOKEN"
"""The environment variable that holds the bearer token which callers have to show."""

PAYEES: dict[str, Manner] = {
    "timeout": "time_out",
    "late": "settle_late",
    "refuse": "refuse",
    "fail-once": "fail_once",
    "hang": "hang",
    "away": "away",
}
"""A payee that begins with `demo:` and one of these words is treated so: `demo:late:5` settles after 5 s."""

_LATE_SECONDS = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS payments (
    id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, fingerprint TEXT NOT NULL, direction TEXT NOT NULL,
    reverses TEXT REFERENCES payments (id), amount_minor INTEGER NOT NULL, currency TEXT NOT NULL,
    payee TEXT NOT NULL, description TEXT NOT NULL, state TEXT NOT NULL, reason TEXT,
    created_at TEXT NOT NULL, settles_at TEXT
);
CREATE TABLE IF NOT EXISTS failed_once (key TEXT PRIMARY KEY);
"""


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, Field(min_length=1, max_length=200)]
    """The idempotency key."""


class PaymentAsked(_Asked):
    """A payment to make. The amount is in minor units of an ISO 4217 currency."""

    amount_minor: Annotated[int, Field(gt=0, le=10**12)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    payee: Annotated[str, Field(min_length=1, max_length=20_000)]
    description: Annotated[str, Field(max_length=200)] = ""


class ReversalAsked(_Asked):
    """A settled payment to take back, whole."""


class Behaviour(BaseModel):
    """How payments are treated from now on, whoever the payee is, until told otherwise (or restarted).

    `seconds` is for `settle_late`; none settles on command only. `asks_fail`: asking by key gives 500.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Manner = "settle"
    seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None
    asks_fail: bool = False


class KeyReused(Exception):  # noqa: N818 - an answer, not an error
    """The key stands for a payment with other content."""


class Payments:
    """The payments kept in an SQLite file; what was answered is on disk before it is said."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self._clock = clock
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {_SCHEMA}")

    def close(self) -> None:
        self._db.close()

    def by_key(self, key: str) -> dict[str, Any] | None:
        """The payment or reversal that this key stands for."""
        return self._one("key", key)

    def by_id(self, payment: str) -> dict[str, Any] | None:
        """The payment or reversal of this id."""
        return self._one("id", payment)

    def all(self) -> list[dict[str, Any]]:
        """Every payment and reversal, oldest first."""
        ids = self._db.execute("SELECT id FROM payments ORDER BY rowid").fetchall()
        return [found for row in ids if (found := self.by_id(row["id"])) is not None]

    def accept(
        self, asked: PaymentAsked, *, state: str, settles_at: datetime | None, reverses: str | None = None
    ) -> tuple[dict[str, Any], bool]:
        """Keeps the payment unless its key is known; with it, whether it is new. Raises `KeyReused`."""
        content = [asked.amount_minor, asked.currency, asked.payee, asked.description, reverses]
        fingerprint = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        with self._transaction():
            known = self._db.execute(
                "SELECT id, fingerprint FROM payments WHERE key = ?", (asked.key,)
            ).fetchone()
            if known is not None and known["fingerprint"] != fingerprint:
                raise KeyReused
            payment = f"pay_{secrets.token_hex(10)}" if known is None else str(known["id"])
            if known is None:
                self._db.execute(
                    "INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        payment,
                        asked.key,
                        fingerprint,
                        "pay" if reverses is None else "reverse",
                        reverses,
                        asked.amount_minor,
                        asked.currency,
                        asked.payee,
                        asked.description,
                        state,
                        "Refused by the provider" if state == "refused" else None,
                        self._clock.now().isoformat(),
                        None if settles_at is None else settles_at.isoformat(),
                    ),
                )
        found = self.by_id(payment)
        assert found is not None  # noqa: S101 - it was just written; narrows for the type checker
        return found, known is None

    def conclude(self, payment: str, state: Literal["settled", "refused"]) -> None:
        """Ends a pending payment; one that has ended stays as it is."""
        self._db.execute("UPDATE payments SET state = ? WHERE id = ? AND state = 'pending'", (state, payment))

    def fails_now(self, key: str) -> bool:
        """True once for each key."""
        added = self._db.execute("INSERT OR IGNORE INTO failed_once VALUES (?)", (key,)).rowcount
        return added == 1

    def reversal_of(self, payment: str) -> str | None:
        """The key of the reversal that took this payment back, or is about to."""
        row = self._db.execute(
            "SELECT key FROM payments WHERE reverses = ? AND state <> 'refused'", (payment,)
        ).fetchone()
        return None if row is None else str(row["key"])

    def _one(self, column: Literal["key", "id"], value: str) -> dict[str, Any] | None:
        # A late payment settles when somebody looks: nothing has to run for it, also across restarts.
        self._db.execute(
            "UPDATE payments SET state = 'settled' WHERE state = 'pending' AND settles_at <= ?",
            (self._clock.now().isoformat(),),
        )
        row = self._db.execute(
            f"SELECT * FROM payments WHERE {column} = ?",  # noqa: S608 - one of two names of ours
            (value,),
        ).fetchone()
        return None if row is None else {k: row[k] for k in row.keys() if k != "fingerprint"}  # noqa: SIM118 - a Row iterates over its values

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


class Provider:
    """What the provider does with each request: its payments, and how it was told to behave."""

    def __init__(self, payments: Payments, clock: Clock) -> None:
        self.payments = payments
        self.behaviour = Behaviour()
        self._clock = clock

    def manner(self, payee: str) -> tuple[Manner, float | None]:
        """How to treat a payment to this payee, and after how many seconds it settles where it is late."""
        word, _, seconds = payee.removeprefix("demo:").partition(":")
        if payee.startswith("demo:") and word in PAYEES:
            return PAYEES[word], float(seconds) if seconds.isdigit() else _LATE_SECONDS
        return self.behaviour.do, self.behaviour.seconds

    async def take(
        self, asked: PaymentAsked, request: Request, response: Response, reverses: str | None = None
    ) -> dict[str, Any]:
        """Makes the payment, or the reversal of `reverses`, in the manner asked for."""
        manner, seconds = self.manner(asked.payee)
        if self.payments.by_key(asked.key) is not None:
            manner = "settle"  # it is known already: answer what became of it
        if manner == "away":
            raise HTTPException(503, "Not now, try again later.", headers={"Retry-After": "1"})
        if manner == "fail_once" and self.payments.fails_now(asked.key):
            raise HTTPException(500, "Something went wrong.")
        if manner == "hang":
            await _until_the_caller_gives_up(request)
        state, settles_at = "settled", None
        if manner == "refuse":
            state = "refused"
        elif manner == "settle_late":
            state = "pending"
            settles_at = None if seconds is None else self._clock.now() + timedelta(seconds=seconds)
        try:
            payment, new = self.payments.accept(asked, state=state, settles_at=settles_at, reverses=reverses)
        except KeyReused:
            raise HTTPException(409, "This key was used for a payment with other content.") from None
        if manner == "time_out":
            await _until_the_caller_gives_up(request)
        response.status_code = 201 if new else 200
        return payment


async def _until_the_caller_gives_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    raise HTTPException(499, "The caller has gone.")


def service(payments: Payments, clock: Clock, token: str) -> FastAPI:
    """The provider's HTTP interface. Everything but `/health` needs `Authorization: Bearer <token>`."""

    def authorised(request: Request) -> None:
        given = request.headers.get("Authorization", "").encode()
        if not compare_digest(given, f"Bearer {token}".encode()):
            raise HTTPException(401, "The token is missing or wrong.", headers={"WWW-Authenticate": "Bearer"})

    provider = Provider(payments, clock)
    app = FastAPI(title="Payment service (demo)", docs_url=None, redoc_url=None)
    routes = APIRouter(dependencies=[Depends(authorised)])

    def known(payment: str) -> dict[str, Any]:
        found = payments.by_id(payment)
        if found is None:
            raise HTTPException(404, "There is no such payment.")
        return found

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @routes.post("/payments")
    async def pay(asked: PaymentAsked, request: Request, response: Response) -> dict[str, Any]:
        return await provider.take(asked, request, response)

    @routes.get("/payments")
    async def listing() -> list[dict[str, Any]]:
        return payments.all()

    @routes.get("/payments/by-key/{key:path}")
    async def by_key(key: str) -> dict[str, Any]:
        if provider.behaviour.asks_fail:
            raise HTTPException(500, "Something went wrong.")
        found = payments.by_key(key)
        if found is None:
            raise HTTPException(404, "No payment was made with this key.")
        return found

    @routes.post("/payments/{payment}/reversal")
    async def reverse(
        payment: str, asked: ReversalAsked, request: Request, response: Response
    ) -> dict[str, Any]:
        original = known(payment)
        if original["direction"] != "pay" or original["state"] != "settled":
            raise HTTPException(422, "Only a settled payment can be reversed.")
        if payments.reversal_of(payment) not in {None, asked.key}:
            raise HTTPException(422, "This payment was reversed already.")
        # What went out late or not at all need not come back so: the payee decides about payments only.
        reversal = PaymentAsked(
            key=asked.key,
            amount_minor=original["amount_minor"],
            currency=original["currency"],
            payee=f"reversal of {payment}",
            description=original["description"],
        )
        return await provider.take(reversal, request, response, reverses=payment)

    @routes.post("/payments/{payment}/settle")
    async def settle(payment: str) -> dict[str, Any]:
        known(payment)
        payments.conclude(payment, "settled")
        return known(payment)

    @routes.post("/payments/{payment}/refuse")
    async def refuse(payment: str) -> dict[str, Any]:
        known(payment)
        payments.conclude(payment, "refused")
        return known(payment)

    @routes.post("/behaviour")
    async def behave(behaviour: Behaviour) -> Behaviour:
        provider.behaviour = behaviour
        return behaviour

    app.include_router(routes)
    return app


def main() -> None:
    """Reads the arguments and serves on 127.0.0.1 until told to end."""
    parser = argparse.ArgumentParser(prog="payment_service", description="A payment provider to try with.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True, help="the SQLite file that keeps the payments")
    given = parser.parse_args()
    token = os.environ.get(SETTING, "")  # not an argument: those can be read by everyone on the machine
    if not token:
        parser.error(f"{SETTING} has to be set: the bearer token that callers have to show")
    clock = Clock()
    payments = Payments(given.file, clock)
    try:
        uvicorn.run(
            service(payments, clock, token),
            host="127.0.0.1",
            port=given.port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,  # those who hang do not keep it from ending
        )
    finally:
        payments.close()


if __name__ == "__main__":
    main()
