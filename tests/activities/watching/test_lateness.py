"""The watchdog watches itself: when it was late administrators hear of it, once for each time, in their language."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from activities.delivery.render import Sender
from activities.delivery.watchdog_post import (
    STREAM,
    WatchdogPost,
    is_about_watchdog,
    message_about,
    write_late,
)
from activities.watching.lateness import LATE, Lateness, LateSpells
from ledger import late_spells, outbox
from ledger.late_spells import LateSpell
from runtime.settings import Settings
from tests.activities.office import Office, open_office
from tests.activities.watching.test_watchdog import overdue

SENDER = Sender("Kettles & Co", "complaints@example.org", "http://desk.example.org")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        yield office


async def test_administrators_are_alerted_once_for_a_spell_and_again_for_the_next(office: Office) -> None:
    spells = LateSpells(office.sql)
    assert not await spells.note(LATE), "as late as it may be"
    assert await spells.note(LATE + 1)
    assert not await spells.note(60.0), "it still is"
    assert not await LateSpells(office.sql).note(7.0), "neither after a restart"
    async with office.sql.begin() as conn:
        await conn.execute(text("UPDATE late_spells SET late_at = now() - interval '2 minutes'"))
    assert not await spells.note(0.0)
    async with office.sql.connect() as conn:
        first = await late_spells.spell(conn, STREAM, 1)
    assert first is not None
    assert first.worst_seconds == 60.0
    assert first.ended_at is not None
    assert await spells.note(9.0)
    assert set(await office.outbox()) == {"watchdog/late/1", "watchdog/late/2"}


async def test_alerts_that_it_queued_late_and_rounds_that_came_late_count(office: Office) -> None:
    await overdue(office, minutes=40)
    watchdog = office.watchdog()
    assert watchdog.lateness.worst() < 1
    assert await watchdog.look() > 0
    assert watchdog.lateness.worst() > LATE
    assert watchdog.lateness.worst() < 1, "asked again, it begins anew"


def test_a_round_that_does_not_come_is_late_while_it_is_waited_for() -> None:
    lateness = Lateness(every=0.0)
    assert lateness.worst() == 0.0, "nobody has begun"
    lateness.came_round()
    first = lateness.worst()
    assert lateness.worst() >= first
    lateness.rest()
    assert lateness.worst() == 0.0, "it was laid down"


async def test_the_mail_is_written_from_the_spell(office: Office) -> None:
    post = WatchdogPost(office.sql, SENDER)
    await LateSpells(office.sql).note(42.0)
    async with office.sql.begin() as conn:
        (row,) = await outbox.lease(conn, limit=1, holder="test", seconds=10)
    assert is_about_watchdog(row.stream)
    written = await post.written(row, "en")
    assert written is not None
    assert written.subject == "Alerts went out late: the watchdog was 42 s behind"
    assert "none was left out" in written.body
    assert await post.written(row.model_copy(update={"letter": "99"}), "en") is None
    assert await post.written(row.model_copy(update={"letter": None}), "en") is None


@pytest.mark.parametrize(
    ("language", "says"), [("en", "12 min"), ("zh", "12 分鐘"), ("zh-CN", "12 分鐘"), ("fr", "12 min")]
)
def test_it_is_said_in_the_language_of_whoever_reads_it(language: str, says: str) -> None:
    spell = LateSpell(
        task=STREAM, number=1, began_at=NOON, late_at=NOON, ended_at=NOON + timedelta(hours=1),
        worst_seconds=12 * 60,
    )  # fmt: skip
    told = write_late(SENDER, spell, language=language)
    assert says in told.subject
    assert "2026-03-02 13:00" in told.body


def test_its_message_is_one_for_each_spell() -> None:
    assert message_about(3).dedupe != message_about(4).dedupe
    assert message_about(3).to == "role:administrator"
