"""Explaining a deadline over HTTP: every interval as data, all of it in words of two languages, and who may ask."""

from datetime import datetime, timedelta

import pytest

from complaints.references import reference as reference_of
from tests.api.conftest import Office

NOBODYS = reference_of(20_261_124)


def _z(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def test_a_deadline_explains_itself_as_data_and_in_words(office: Office) -> None:
    received = (office.deps.clock.now() - timedelta(hours=3)).replace(microsecond=0)
    reference = await office.receive(received_at=_z(received))
    async with office.client() as ana:
        answer = await ana.get(f"/complaints/{reference}/clocks/complaint_outcome/explain")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    due = _z(received + timedelta(hours=48))
    assert (told["state"], told["occurrence"], told["occurrences"]) == ("running", 1, 1)
    assert (told["started_at"], told["due_at"]) == (_z(received), due)
    assert told["rule"]["source"]["section"] == "S2.3"
    assert (told["rule"]["basis"], told["rule"]["duration"]) == ("requirement", "48 h")
    [interval] = told["explanation"]["intervals"]
    assert (interval["begin"], interval["end"], told["explanation"]["due"]) == (_z(received), due, due)
    assert told["warnings"] == [_z(received + timedelta(hours=36))]
    assert told["language"] == answer.headers["content-language"] == "en"
    assert any(sentence.startswith("It is due ") for sentence in told["words"])
    assert any("48 hours" in sentence for sentence in told["words"])


@pytest.mark.parametrize(
    ("query", "accepted", "language", "word"),
    [
        ("", "", "en", "It started on"),
        ("", "zh-HK,zh;q=0.9,en;q=0.8", "zh", "起算"),
        ("?language=zh", "en", "zh", "起算"),
        ("?language=en", "zh", "en", "It started on"),
        ("", "fr", "en", "It started on"),
    ],
)
async def test_it_speaks_the_language_that_is_asked_for(
    office: Office, query: str, accepted: str, language: str, word: str
) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        answer = await ana.get(
            f"/complaints/{reference}/clocks/response/explain{query}", headers={"Accept-Language": accepted}
        )
    assert answer.json()["language"] == language
    assert word in " ".join(answer.json()["words"])


async def test_a_pause_is_there_with_its_reason_and_hides_the_due_moment(office: Office) -> None:
    reference = await office.receive()
    path = f"/complaints/{reference}/clocks/complaint_outcome/explain"
    async with office.client() as ana:
        await ana.post(f"/complaints/{reference}/commands/take-ownership")
        paused = await ana.post(
            f"/complaints/{reference}/commands/pause-clocks", json={"reason": "waiting_for_customer"}
        )
        assert paused.status_code == 200, paused.text
        still = (await ana.get(path)).json()
        resumed = await ana.post(
            f"/complaints/{reference}/commands/resume-clocks", json={"reason": "waiting_for_customer"}
        )
        assert resumed.status_code == 200, resumed.text
        again = (await ana.get(path)).json()
    assert (still["state"], still["due_at"], still["explanation"]["due"]) == ("paused", None, None)
    assert still["pauses"][0]["title"]["en"] == "Waiting for the customer"
    assert still["pauses"][0]["end"] is None
    assert "There is no due moment while the pause lasts." in still["words"]
    assert (again["state"], again["due_at"]) == ("running", again["explanation"]["due"])
    assert len(again["explanation"]["intervals"]) == 2
    assert any(
        "Waiting for the customer" in sentence and sentence.startswith("Paused from ")
        for sentence in again["words"]
    )


async def test_what_happens_after_a_clock_was_met_does_not_change_its_explanation(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        await ana.post(f"/complaints/{reference}/commands/take-ownership")
        await ana.post(f"/complaints/{reference}/commands/acknowledge")
        path = f"/complaints/{reference}/clocks/response/explain"
        before = (await ana.get(path)).json()
        await ana.post(
            f"/complaints/{reference}/commands/pause-clocks", json={"reason": "waiting_for_customer"}
        )
        after = (await ana.get(path)).json()
    assert before["state"] == after["state"] == "met"
    assert before["explanation"] == after["explanation"]
    assert before["words"] == after["words"]


async def test_what_is_not_there_is_not_found_and_says_what(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        for path, code in (
            (f"/complaints/{reference}/clocks/nonsense/explain", "unknown_clock"),
            (f"/complaints/{reference}/clocks/dispute_reply/explain", "unknown_clock"),
            (f"/complaints/{reference}/clocks/response/explain?occurrence=2", "unknown_occurrence"),
            (f"/complaints/{NOBODYS}/clocks/response/explain", "unknown"),
        ):
            answer = await ana.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, code)
            assert answer.headers["content-type"] == "application/problem+json"
        for query in ("occurrence=0", "language=xx"):
            answer = await ana.get(f"/complaints/{reference}/clocks/response/explain?{query}")
            assert answer.status_code == 422


async def test_it_is_for_staff_alone(office: Office) -> None:
    reference = await office.receive()
    path = f"/complaints/{reference}/clocks/response/explain"
    token = await office.deps.directory.issue_party_token(reference, "P1")
    async with office.client(None) as nobody, office.client(token=token) as customer:
        assert (await nobody.get(path)).status_code == 401
        assert (await customer.get(path)).status_code == 403
