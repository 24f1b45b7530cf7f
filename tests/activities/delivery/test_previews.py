"""Previews of every pack's letters and alerts: whole, in each language, telling a stranger nothing; and samples."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from activities.delivery.previews import REFERENCE, kinds, preview, samples
from activities.delivery.render import Sender
from activities.delivery.samples_post import message, stream_of
from complaints.references import parse
from ledger import outbox
from policies.letters import FIELDS, Letter
from policies.loading import load_pack, packs_available
from policies.pack import Pack
from runtime.settings import Settings
from tests.activities.office import Office, open_office
from tests.complaints.support import PACK
from tests.support.mail import CaughtMail, text_of
from tests.support.waiting import eventually

SENDER = Sender("Kettles & Co", "complaints@example.org", "https://desk.example.org")
NOW = datetime(2026, 5, 6, 9, 30, tzinfo=UTC)
PACKS = {path.stem: path for path in packs_available()}


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        yield office


@pytest.mark.parametrize("name", sorted(PACKS))
def test_every_letter_of_every_pack_can_be_looked_at_and_its_subject_tells_nothing(name: str) -> None:
    pack = load_pack(PACKS[name])
    assert set(kinds(pack)) == set(FIELDS)
    for kind in kinds(pack):
        for language in pack.languages:
            seen = preview(SENDER, pack, kind, language)
            assert seen.telling == (), (kind, language)
            assert "{" not in seen.subject + seen.text, (kind, language)
            assert f'<html lang="{language}">' in seen.html
            for secret in ("Ana Example", "安娜", "welded", "接縫"):
                assert secret not in seen.subject
            assert seen == preview(SENDER, pack, kind, language), "the same each time"


def test_every_field_that_a_wording_may_use_has_a_value_in_each_language() -> None:
    for kind, fields in FIELDS.items():
        for language in ("en", "zh"):
            given = samples(SENDER, PACK, kind, language)
            missing = {name for name in fields if not given.get(name)}
            assert not missing, (kind, language, missing)
    assert parse(REFERENCE) == REFERENCE


def test_a_subject_that_tells_of_the_matter_is_found_out() -> None:
    letter = Letter(subject="{clock} of {owner}", body="{reference}")
    told = PACK.letters | {"alert_breach": {"en": letter}}
    seen = preview(SENDER, _with(told), "alert_breach", "en")
    assert seen.telling == ("clock", "owner")
    assert seen.subject == "Response of Ana Example"


def _with(letters: dict[str, dict[str, Letter]]) -> Pack:
    return PACK.model_copy(update={"letters": letters})


async def test_a_sample_goes_to_who_asked_and_is_marked_as_one(office: Office, mail: CaughtMail) -> None:
    async with office.sql.begin() as conn:
        for language in ("zh", "en", "en"):
            asked = message("ana", PACK.digest, "final_response", language, NOW)
            await outbox.queue(conn, stream_of("ana"), [asked])
    async with office.dispatching():
        sent = await mail.wait_for("ana@staff.example.org", count=2)
    assert sorted(str(one["Subject"]) for one in sent) == [
        f"[Sample] Our answer on {REFERENCE}",
        f"［示例］{preview(SENDER, PACK, 'final_response', 'zh').subject}",
    ]
    assert {one["Content-Language"] for one in sent} == {"en", "zh"}
    assert any("The seam was never welded." in text_of(one) for one in sent)
    assert {recipient for one in mail.all() for recipient in one.get_all("Delivered-To", [])} == {
        "ana@staff.example.org"
    }


async def test_a_sample_for_who_has_left_goes_to_nobody(office: Office, mail: CaughtMail) -> None:
    await office.directory.change("ana", active=False)
    async with office.sql.begin() as conn:
        asked = message("ana", PACK.digest, "receipt", "en", NOW)
        await outbox.queue(conn, stream_of("ana"), [asked])
    async with office.dispatching():

        async def settled() -> bool:
            async with office.sql.connect() as conn:
                states = (await conn.scalars(text("SELECT state FROM outbox"))).all()
            assert list(states) == ["dropped"]
            return True

        await eventually(settled)
    assert mail.all() == []
