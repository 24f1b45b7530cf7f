"""What a department is told reaches the people of it, or the heads of departments where there are none."""

from collections.abc import AsyncIterator

import pytest

from complaints.chapters.departments import TellDepartment
from complaints.chapters.intake import Acknowledge
from complaints.chapters.ownership import TakeOwnership
from complaints.chapters.parties import ChangePreferredChannel
from policies.vocabulary import Channel, Role
from runtime.settings import Settings
from tests.activities.office import Office, open_office
from tests.complaints.support import ana, customer
from tests.support.mail import CaughtMail, text_of

SECRET = "The driver was rude"


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        yield office


async def test_everybody_of_the_department_hears_of_it_and_reads_nothing_in_the_mail(
    office: Office, mail: CaughtMail
) -> None:
    for login in ("lena", "lars"):
        await office.directory.add(
            login=login, name=login.title(), email=f"{login}@staff.example.org", roles=[Role.HANDLER],
            department="logistics",
        )  # fmt: skip
    stream = await office.receive()
    async with office.dispatching():
        await office.do(
            stream, ana, TellDepartment(department="logistics", text=await office.text(stream, SECRET))
        )
        for login in ("lena", "lars"):
            found = await mail.wait_for(f"{login}@staff.example.org")
            assert stream in str(found[0]["Subject"])
            assert f"/desk/complaints/{stream}" in text_of(found[0])
            assert SECRET not in found[0].as_string()
    assert mail.to("emil@staff.example.org") == []


async def test_where_nobody_is_in_the_department_the_heads_hear_of_it(
    office: Office, mail: CaughtMail
) -> None:
    stream = await office.receive()
    async with office.dispatching():
        await office.do(
            stream, ana, TellDepartment(department="logistics", text=await office.text(stream, "…"))
        )
        assert len(await mail.wait_for("emil@staff.example.org")) == 1


async def test_a_letter_by_telephone_is_the_owners_to_serve(office: Office, mail: CaughtMail) -> None:
    stream = await office.receive()
    number = await office.text(stream, "+86 10 65529988")
    await office.do(stream, ana, TakeOwnership())
    async with office.dispatching():
        await office.do(
            stream, customer, ChangePreferredChannel(party="P1", channel=Channel.PHONE, address=number)
        )
        await office.do(stream, ana, Acknowledge())
        found = await mail.wait_for(
            "ana@staff.example.org", where=lambda one: "served" in str(one["Subject"])
        )
    assert len(found) == 1
    assert mail.to("wei@example.org") == []
