"""Duty over HTTP: who has it, who may plan it, calendars in and out, absences and take-overs of one's own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx

from api.duty_feed import DutyFeeds
from tests.api.conftest import Office

WEEK = timedelta(days=7)


async def sent(office: Office, method: str, path: str, who: str = "usr_dora", **given: Any) -> httpx.Response:
    async with office.client(who) as client:
        return await client.request(method, path, **given)


def at(office: Office, **later: float) -> str:
    return (office.deps.clock.now() + timedelta(**later)).replace(microsecond=0).isoformat()


async def begun(office: Office, id_: str, **fields: Any) -> dict[str, Any]:
    starts_on = (office.deps.clock.now() - WEEK).date()
    body = {
        "title": "Complaints desk", "timezone": "Asia/Shanghai", "members": ["usr_ana", "usr_ben"],
        "handover": {"every": 52, "unit": "weeks", "weekday": "mon", "at": "09:00"}, "starts_on": str(starts_on),
    }  # fmt: skip
    answer = await sent(office, "PUT", f"/rotas/{id_}", json=body | fields)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def on_duty(office: Office, id_: str) -> dict[str, Any]:
    answer = await sent(office, "GET", "/duty", "usr_ana")
    assert answer.status_code == 200, answer.text
    (told,) = [rota for rota in answer.json()["rotas"] if rota["id"] == id_]
    return dict(told)


async def test_a_rota_says_who_has_duty_when_and_that_nobody_has(office: Office) -> None:
    rota = await begun(office, "first")
    assert [shift["person"]["name"] for shift in rota["shifts"]] == ["Ana"]
    assert rota["gaps"] == []
    now = await on_duty(office, "first")
    assert now["on_duty"] == [
        {"person": {"id": "usr_ana", "name": "Ana"}, "reached": {"id": "usr_ana", "name": "Ana"}}
    ]
    assert datetime.fromisoformat(now["until"]) > office.deps.clock.now() + 10 * WEEK
    await begun(office, "first", members=[])
    now = await on_duty(office, "first")
    assert (now["on_duty"], len(now["gaps"])) == ([], 1)
    later = await sent(
        office, "GET", "/rotas/first", params={"from": at(office, days=9), "to": at(office, days=8)}
    )
    assert (later.status_code, later.json()["code"]) == (422, "bad_span")
    assert (await sent(office, "DELETE", "/rotas/first")).status_code == 204
    gone = [await sent(office, method, "/rotas/first") for method in ("GET", "DELETE")]
    assert [(one.status_code, one.json()["code"]) for one in gone] == [(404, "unknown_rota")] * 2


async def test_only_who_plans_duty_changes_it_and_only_with_people_who_work_here(office: Office) -> None:
    body = {"title": "First line", "timezone": "Asia/Shanghai", "supervisor": "usr_dora", "members": ["usr_ana"],
            "deputies": ["usr_ben"], "hours": {"mon": [["09:00", "17:00"]]}}  # fmt: skip
    refused = await sent(office, "PUT", "/teams/line-1", "usr_ana", json=body)
    assert (refused.status_code, refused.json()["who"]) == (403, "supervisor, department head, administrator")
    made = await sent(office, "PUT", "/teams/line-1", json=body)
    assert made.json()["supervisor"] == {"id": "usr_dora", "name": "Dora"}
    assert made.json() == (await sent(office, "GET", "/teams/line-1", "usr_ana")).json()
    assert made.json() in (await sent(office, "GET", "/teams", "usr_ana")).json()["teams"]
    for wrong, code in (
        ({"members": ["usr_nobody"]}, "unknown_person"), ({"timezone": "Europe/Atlantis"}, "not_well_formed"),
        ({"members": ["usr_ana", "usr_ana"]}, "not_well_formed"), ({"title": "\u0000"}, "not_well_formed"),
        ({"hours": {"mon": [["9", "17:00"]]}}, "not_well_formed"), ({"hours": {}}, "not_well_formed"),
    ):  # fmt: skip
        answer = await sent(office, "PUT", "/teams/line-1", json=body | wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert (await sent(office, "DELETE", "/teams/line-1", "usr_ana")).status_code == 403
    assert (await sent(office, "DELETE", "/teams/line-1")).status_code == 204
    assert (await sent(office, "GET", "/teams/line-1")).json()["code"] == "unknown_team"


async def test_who_is_away_is_stood_in_for_by_their_deputy(office: Office) -> None:
    await begun(office, "second")
    noted = await sent(
        office, "POST", "/absences", "usr_ana", json={"ends_at": at(office, days=2), "reason": "leave"}
    )
    assert noted.status_code == 201, noted.text
    number = noted.json()["number"]
    now = await on_duty(office, "second")
    assert now["on_duty"][0]["reached"] is None
    assert [gap["planned"][0]["id"] for gap in now["gaps"]] == ["usr_ana"]
    for who, status in (("usr_ben", 403), ("usr_ana", 200), ("usr_dora", 200)):
        answer = await sent(office, "PUT", "/staff/usr_ana/deputies", who, json={"deputies": ["usr_ben"]})
        assert answer.status_code == status, answer.text
    now = await on_duty(office, "second")
    assert (now["on_duty"][0]["reached"]["id"], now["gaps"]) == ("usr_ben", [])
    self = await sent(office, "PUT", "/staff/usr_ana/deputies", "usr_ana", json={"deputies": ["usr_ana"]})
    assert (self.status_code, self.json()["code"]) == (422, "bad_deputies")
    listed = (await sent(office, "GET", "/absences", "usr_ben", params={"person": "usr_ana"})).json()[
        "absences"
    ]
    assert [(one["number"], one["reason"]) for one in listed] == [(number, "leave")]
    assert (await sent(office, "DELETE", f"/absences/{number}", "usr_ben")).status_code == 404, "not theirs"
    assert (await sent(office, "DELETE", f"/absences/{number}", "usr_ana")).status_code == 204
    assert (await on_duty(office, "second"))["on_duty"][0]["reached"]["id"] == "usr_ana"
    others = {"person": "usr_ana", "ends_at": at(office, days=2)}
    assert (await sent(office, "POST", "/absences", "usr_ben", json=others)).status_code == 403
    past = {"begins_at": at(office, days=-3), "ends_at": at(office, days=-2)}
    answer = await sent(office, "POST", "/absences", "usr_ben", json=past)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_span")
    nobody = await sent(office, "GET", "/staff/usr_nobody/deputies")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "unknown_person")


async def test_a_member_takes_duty_over_and_gives_it_back(office: Office) -> None:
    await begun(office, "third")
    span = {"begins_at": at(office, hours=-1), "ends_at": at(office, days=1)}
    taken = await sent(office, "POST", "/rotas/third/take-overs", "usr_ben", json=span)
    assert taken.status_code == 201, taken.text
    assert (await on_duty(office, "third"))["on_duty"][0]["person"]["id"] == "usr_ben"
    for who, body, status in (
        ("usr_cleo", span, 403),  # no member
        ("usr_ana", span | {"person": "usr_ben"}, 403),  # nobody gives duty to a colleague
        ("usr_ana", span | {"ends_at": span["begins_at"]}, 422),
        ("usr_dora", {"person": "usr_cleo", "begins_at": at(office, days=3), "ends_at": at(office, days=4)}, 201),
    ):  # fmt: skip
        answer = await sent(office, "POST", "/rotas/third/take-overs", who, json=body)
        assert answer.status_code == status, answer.text
    place = f"/rotas/third/take-overs/{taken.json()['number']}"
    assert (await sent(office, "DELETE", place, "usr_ana")).status_code == 404, "not theirs"
    assert (await sent(office, "DELETE", place, "usr_ben")).status_code == 204
    assert (await on_duty(office, "third"))["on_duty"][0]["person"]["id"] == "usr_ana"
    missing = await sent(office, "POST", "/rotas/nothing/take-overs", json=span)
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_rota")


async def test_a_calendar_comes_in_whole_or_not_at_all_and_goes_out(office: Office) -> None:
    await begun(office, "fourth", handover=None)
    now = office.deps.clock.now()

    def calendar(*whose: str) -> bytes:
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x"]
        for n, who in enumerate(whose):
            lines += ["BEGIN:VEVENT", f"UID:{n}@x", f"SUMMARY:{who}", f"DTSTART:{now + n * WEEK:%Y%m%dT%H0000Z}",
                      f"DTEND:{now + (n + 1) * WEEK:%Y%m%dT%H0000Z}", "END:VEVENT"]  # fmt: skip
        return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()

    async def put(
        content: bytes, who: str = "usr_dora", kind: str = "text/calendar; charset=utf-8"
    ) -> httpx.Response:
        headers = {"Content-Type": kind}
        return await sent(office, "PUT", "/rotas/fourth/shifts", who, content=content, headers=headers)

    refused = await put(calendar("ana", "stranger", "ben", "nobody"))
    assert (refused.status_code, refused.json()["code"]) == (422, "calendar_not_taken")
    assert [fault["at"] for fault in refused.json()["errors"]] == ["event.2", "event.4"]
    assert "stranger" not in refused.text
    assert (await on_duty(office, "fourth"))["on_duty"] == [], "nothing half done"
    taken = await put(calendar("ben", "Ana"))
    assert [shift["person"]["id"] for shift in taken.json()["shifts"]] == ["usr_ben", "usr_ana"]
    assert (await on_duty(office, "fourth"))["on_duty"][0]["person"]["id"] == "usr_ben"
    assert [(await put(calendar("ana"), **wrong)).status_code for wrong in (
        {"who": "usr_ana"}, {"kind": "application/json"}, {"kind": ""})] == [403, 415, 415]  # fmt: skip
    assert (await put(b"nonsense")).json()["errors"][0]["at"] == "body"
    shown = await sent(office, "GET", "/rotas/fourth.ics", "usr_ana")
    assert shown.headers["content-type"] == "text/calendar; charset=utf-8"
    assert [line for line in shown.text.splitlines() if line.startswith("SUMMARY")] == [
        "SUMMARY:Ben",
        "SUMMARY:Ana",
    ]
    wrong = await sent(office, "PUT", "/rotas/fourth.ics", content=shown.content)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
    again = await put(shown.content)
    spans = [
        [(one["person"]["id"], one["ends_at"]) for one in answer.json()["shifts"]]
        for answer in (taken, again)
    ]
    assert spans[0] == spans[1]


async def test_a_calendar_program_subscribes_by_a_secret_address_of_one_person(office: Office) -> None:
    await begun(office, "fifth")
    feeds = DutyFeeds(office.settings.master_key_bytes)
    path = feeds.path("fifth", "usr_ana")
    async with office.client(None) as anybody:
        shown = await anybody.get(path)
        assert shown.status_code == 200, shown.text
        assert "SUMMARY:Ana" in shown.text
        others = [path.replace("fifth", "sixth"), path.replace("usr_ana", "usr_ben"), path[:-5] + "0.ics",
                  feeds.path("fifth", "usr_left")]  # fmt: skip
        assert [(await anybody.get(other)).status_code for other in others] == [404] * 4
        assert (await anybody.get("/rotas/fifth.ics")).status_code == 401


async def test_who_sends_if_match_overwrites_nothing_that_others_did(office: Office) -> None:
    team = {"title": "First line", "timezone": "Asia/Shanghai", "hours": {"wed": [["09:00", "17:00"]]}}
    assert (await sent(office, "PUT", "/teams/matched", json=team)).status_code == 200
    await begun(office, "matched")
    for path, body in (
        ("/teams/matched", team),
        ("/rotas/matched", {"title": "R", "timezone": "UTC", "starts_on": "2026-01-05"}),
    ):
        seen = {"If-Match": (await sent(office, "GET", path)).headers["ETag"]}
        first = await sent(office, "PUT", path, json=body | {"title": "第一"}, headers=seen)
        assert (first.status_code, first.headers["ETag"] != seen["If-Match"]) == (200, True)
        again = await sent(office, "PUT", path, json=body | {"title": "第一"}, headers=seen)
        assert again.status_code == 200, "the same sent twice is done once"
        late = await sent(office, "PUT", path, json=body | {"title": "Second"}, headers=seen)
        ended = await sent(office, "DELETE", path, headers=seen)
        for refused in (late, ended):
            assert (refused.status_code, refused.json()["code"]) == (412, "changed_meanwhile")
        assert (await sent(office, "GET", path)).json()["title"] == "第一"
        now = {"If-Match": first.headers["ETag"]}
        assert (await sent(office, "DELETE", path, headers=now)).status_code == 204
