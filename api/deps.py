"""What the API is made of: one set of shells per process, put together once and handed to every route."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from temporalio.client import Client

from activities.cases import Cases
from activities.delivery.channels.webhooks import Webhooks
from activities.inbound.by_hand import ByHand
from activities.inbound.composing import by_hand
from activities.unaided import Unaided
from api.admission import Admission
from api.idempotency import Fingerprints
from api.metrics import Metrics
from api.news import NewsRoom
from api.packs import Packs
from api.throttle import Throttle
from complaints.case import Case
from complaints.lifecycle import fold
from complaints.systemic.issue import SystemicIssue, fold_systemic
from ledger.alert_links import AlertLinks
from ledger.attachments import Attachments
from ledger.chain import derive_seal_key
from ledger.customers import CustomerFiles
from ledger.database import autocommit, create_engine
from ledger.directory import Directory
from ledger.duty import Duty
from ledger.record import Record
from ledger.report_preferences import ReportLinks
from ledger.second_factors import SecondFactors
from ledger.staff_history import StaffHistory
from ledger.texts import Texts
from ledger.webhooks import Endpoints
from runtime.clock import Clock
from runtime.engine import connect
from runtime.settings import Settings
from workflows.client import WAIT, Engine


class Known:
    """The references that were seen to exist: a complaint never ceases to, so it is asked about once."""

    def __init__(self, at_most: int = 50_000) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._at_most = at_most

    def __contains__(self, reference: str) -> bool:
        return reference in self._seen

    def add(self, reference: str) -> None:
        self._seen[reference] = None
        if len(self._seen) > self._at_most:
            self._seen.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Deps:
    """The shells the routes stand on. `sql` is the pool; `reading` the same pool, one statement at a time."""

    settings: Settings
    clock: Clock
    sql: AsyncEngine
    reading: AsyncEngine
    record: Record
    texts: Texts
    attachments: Attachments
    directory: Directory
    duty: Duty
    second_factors: SecondFactors
    alert_links: AlertLinks
    report_links: ReportLinks
    history: StaffHistory
    admission: Admission
    customers: CustomerFiles
    engine: Engine
    packs: Packs
    metrics: Metrics
    fingerprints: Fingerprints
    throttle: Throttle
    news: NewsRoom
    endpoints: Endpoints
    webhooks: Webhooks
    mails_by_hand: ByHand
    unaided: Unaided
    known: Known = field(default_factory=Known)

    @classmethod
    def of(cls, settings: Settings, wait: timedelta = WAIT) -> Deps:
        """Put together from the settings. Connects to nothing: the API starts while all else is still away.

        A command's outcome is waited for up to `wait`. Raises SettingsError for roles that there are not.
        """
        clock = settings.make_clock()
        sql = create_engine(settings.database_url, name="redress-api")
        texts = Texts(settings.master_key_bytes)
        directory = Directory(sql)
        history = StaffHistory(sql)
        record = Record(sql, derive_seal_key(settings.master_key_bytes))
        cases = Cases(sql, record)

        async def client() -> Client:
            return await connect(settings)

        async def held_case(reference: str) -> Case | None:
            happenings = await record.read(reference)
            return fold(happenings) if happenings else None

        async def held_issue(reference: str) -> SystemicIssue | None:
            happenings = await record.read(reference)
            return fold_systemic(happenings) if happenings else None

        return cls(
            settings=settings,
            clock=clock,
            sql=sql,
            reading=autocommit(sql),
            record=record,
            texts=texts,
            attachments=Attachments(sql, texts),
            directory=directory,
            duty=Duty(sql),
            second_factors=SecondFactors(sql, settings.master_key_bytes, settings.organisation),
            alert_links=AlertLinks(settings.master_key_bytes),
            report_links=ReportLinks(settings.master_key_bytes),
            history=history,
            admission=Admission(settings, clock, history),
            customers=CustomerFiles(settings.master_key_bytes),
            engine=Engine(client, settings.task_queue, settings.clock_spec, held_case, held_issue, wait=wait),
            packs=Packs(sql, settings.pack),
            metrics=Metrics(),
            fingerprints=Fingerprints(settings.master_key_bytes),
            throttle=Throttle(),
            mails_by_hand=by_hand(settings, sql, cases=cases, texts=texts, directory=directory, clock=clock),
            unaided=Unaided(sql, record, cases, clock),
            news=NewsRoom(sql, directory),
            endpoints=Endpoints(sql, settings.master_key_bytes),
            webhooks=Webhooks(sql, settings.master_key_bytes),
        )

    async def close(self) -> None:
        """Give back the connections."""
        await self.news.close()
        await self.webhooks.close()
        await self.sql.dispose()


async def deps_of(request: Request) -> Deps:
    """The process's shells, for a route (async, as a plain function would be run in a thread)."""
    deps: Deps = request.app.state.deps
    return deps


DepsHere = Annotated[Deps, Depends(deps_of)]
