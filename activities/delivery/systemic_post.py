"""What the post writes about systemic issues: alerts of an outage, of a risk to be reviewed, of a suspected cause."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.cases import Cases
from activities.delivery.render import Sender
from activities.delivery.render_systemic import write_outage_alert, write_risk_review, write_suspicion
from complaints.references import is_systemic
from complaints.systemic.suspicion import SUSPICION
from ledger.database import autocommit
from ledger.outbox import Leased
from ledger.packs import load_all
from ledger.suspicion import suspicions
from ledger.texts import Texts
from policies.letters import Written
from policies.pack import Pack
from runtime.clock import Clock


def is_about_systemic(stream: str) -> bool:
    """Whether a message of this stream is about a systemic issue, or what is suspected to be one."""
    return is_systemic(stream) or stream.startswith(SUSPICION)


class SystemicPost:
    """Writes these mails from what the record holds when they leave."""

    def __init__(self, engine: AsyncEngine, cases: Cases, texts: Texts, sender: Sender, clock: Clock) -> None:
        self._engine = autocommit(engine)
        self._cases = cases
        self._texts = texts
        self._sender = sender
        self._clock = clock

    async def written(self, row: Leased, language: str) -> Written | None:
        """The mail, or None where there is nothing to say any more."""
        now = self._clock.now()
        async with self._engine.connect() as conn:
            if row.stream.startswith(SUSPICION):
                return await self._suspicion(conn, row.stream, language)
            words = ""
            if row.text_id is not None:
                text = (await self._texts.get(conn, [row.text_id])).get(row.text_id)
                words = text if isinstance(text, str) else ""
        held = await self._cases.read_issue(row.stream)
        if held is None:
            return None
        if row.kind == "check_due":
            pack = held.pack or await self._any_pack()
            return write_risk_review(
                self._sender, pack, held.issue, language=language, due_at=row.due_at, now=now
            )
        if held.pack is None:
            return None
        return write_outage_alert(
            self._sender, held, row.kind, language=language, words=words, due_at=row.due_at, now=now
        )

    async def _any_pack(self) -> Pack:
        """A published pack, whose languages and zone will do: which one does not matter to a risk."""
        async with self._engine.connect() as conn:
            packs = (await load_all(conn)).values()
        return min(packs, key=lambda pack: (pack.name, -pack.version))

    async def _suspicion(self, conn: AsyncConnection, stream: str, language: str) -> Written | None:
        packs = (await load_all(conn)).values()
        found = await suspicions(conn, packs, self._clock.now())
        for suspicion in found:
            if suspicion.stream == stream:
                of_pack = [pack for pack in packs if pack.name == suspicion.pack]
                pack = max(of_pack, key=lambda one: one.version)
                return write_suspicion(
                    self._sender, pack, suspicion, language=language, now=self._clock.now()
                )
        return None
