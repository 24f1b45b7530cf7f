"""The forms of a team and of a rota: everybody who is in one is still in it when the form is sent as it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

import pytest

from api.desk.duty_forms import Around, read_rota, read_team, rota_fields, team_fields
from api.desk.forms import Faulty, Field
from api.desk.times import Face
from api.duty import MOST_PEOPLE
from complaints.people.deputising import Team
from complaints.people.duty import Handover, Rota
from ledger.directory import StaffMember

MANY = tuple(f"usr_{number:03}" for number in range(MOST_PEOPLE))
FACE = Face("Asia/Shanghai", datetime(2026, 1, 5, 9, tzinfo=UTC))


def around(people: Sequence[str] = MANY) -> Around:
    staff = [
        StaffMember(
            id=one, login=one, name=one, email=f"{one}@example.test", roles=(), supervisor=None, language="en",
            active=True,
        )
        for one in people
    ]  # fmt: skip
    return Around(staff, FACE, new=False)


def sent(fields: Sequence[Field]) -> dict[str, str]:
    """What a browser sends of a form that nobody has touched."""

    def leaves(some: Sequence[Field]) -> Iterator[Field]:
        for item in some:
            yield from leaves(item.parts) if item.parts else (item,)

    return {item.name: item.value for item in leaves(fields) if item.control != "checkbox" or item.value}


def rota(*members: str) -> Rota:
    return Rota(
        id="night", title="Night desk", timezone="Asia/Shanghai", members=members,
        handover=Handover.model_validate({"unit": "days", "every": 1, "at": "09:00"}),
        starts_on=date(2026, 1, 5),
    )  # fmt: skip


@pytest.mark.parametrize("people", [99, 101, MOST_PEOPLE])
def test_a_rota_sent_as_it_stands_keeps_everybody_in_their_place(people: int) -> None:
    held = rota(*MANY[:people])
    assert read_rota("night", sent(rota_fields(held, around()))) == held


def test_somebody_added_behind_a_hundred_has_the_next_turn() -> None:
    given = sent(rota_fields(rota(*MANY[:120]), around())) | {"members.120": MANY[150]}
    assert read_rota("night", given).members == (*MANY[:120], MANY[150])


@pytest.mark.parametrize("people", [99, 101, MOST_PEOPLE])
def test_a_team_sent_as_it_stands_keeps_all_deputies_and_members(people: int) -> None:
    held = Team(
        id="desk", title="Desk team", timezone="Asia/Shanghai", deputies=MANY[:people], members=MANY[:people]
    )
    assert read_team("desk", sent(team_fields(held, around()))) == held


def test_one_too_many_is_refused_and_not_left_out() -> None:
    more = (*MANY, "usr_more")
    fields = rota_fields(rota(*MANY), around(more))
    with pytest.raises(Faulty) as refused:
        read_rota("night", sent(fields) | {f"members.{MOST_PEOPLE}": "usr_more"})
    assert set(refused.value.faults) == {"members"}


def test_a_place_that_nobody_was_offered_is_not_made() -> None:
    fields = rota_fields(rota("usr_000"), around(), {"members.99999": "usr_001", "members.08": "usr_002"})
    places = next(item for item in fields if item.name == "members").parts
    assert len(places) == 6
