"""Reading over HTTP: who sees which texts, that each reading is recorded, and lists that page."""

import pytest

from complaints.references import reference as reference_of
from tests.api.conftest import Office
from tests.support.waiting import eventually

NOBODYS = reference_of(20_261_123)


@pytest.mark.parametrize(
    ("who", "narrative", "letter"),
    [
        ("usr_ana", "shown", "shown"),
        ("usr_otto", "shown", "shown"),
        ("usr_iris", "shown", "shown"),
        ("usr_cleo", "withheld", "withheld"),
        ("usr_root", "withheld", "withheld"),
    ],
)
async def test_texts_are_shown_to_those_who_need_them(
    office: Office, who: str, narrative: str, letter: str
) -> None:
    reference = await office.receive()
    async with office.client() as ana, office.client(who) as reader:
        await ana.post(f"/complaints/{reference}/commands/acknowledge", json={"text": "We have it."})
        answer = await reader.get(f"/complaints/{reference}")
        case = answer.json()["case"]
        assert (case["narrative"]["state"], case["letters"]["sent"][0]["text"]["state"]) == (
            narrative,
            letter,
        )
        events = (await reader.get(f"/complaints/{reference}/timeline")).json()["events"]
        assert events[0]["body"]["narrative"]["state"] == narrative
        letters = (await reader.get(f"/complaints/{reference}/letters")).json()["letters"]
        assert letters[0]["text"]["state"] == letter
        if narrative == "withheld":
            assert "broke after a day" not in answer.text
        assert answer.headers["cache-control"] == "no-store"


async def test_who_approves_a_remedy_reads_what_it_is_for_and_no_narrative(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana, office.client("usr_cleo") as cleo:
        await ana.post(f"/complaints/{reference}/commands/take-ownership")
        remedy = {
            "kind": "refund", "basis": "goodwill", "amount": {"minor": 500, "currency": "CNY"},
            "note": "For the trouble",
        }  # fmt: skip
        proposed = await ana.post(f"/complaints/{reference}/commands/propose-remedy", json=remedy)
        assert proposed.status_code == 200, proposed.text
        answer = await cleo.get(f"/complaints/{reference}")
    assert "For the trouble" in answer.text
    assert "broke after a day" not in answer.text
    assert "Wei" not in answer.text


async def test_every_reading_of_personal_data_is_on_record(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana, office.client("usr_root") as root, office.client("usr_otto") as otto:
        await root.get(f"/complaints/{reference}")  # sees no text, so there is nothing to note
        await ana.get(f"/complaints/{reference}")
        found = (await otto.get(f"/complaints/{reference}/access")).json()
        assert [(r["actor"], r["purpose"]) for r in found["readings"]] == [("usr_ana", "complaint")]
        assert set(found["readings"][0]["what"]) == {"narrative", "parties", "subject"}
        assert (await ana.get(f"/complaints/{reference}/access")).status_code == 403


async def test_who_declared_a_conflict_reads_nothing_more(office: Office) -> None:
    reference = await office.receive()
    async with office.client("usr_ben") as ben:
        await ben.post(f"/complaints/{reference}/commands/declare-conflict", json={"reason": "My brother"})
        answer = await ben.get(f"/complaints/{reference}")
    assert "broke after a day" not in answer.text


async def test_a_customer_sees_how_their_own_complaint_stands_and_no_other(office: Office) -> None:
    reference, others = await office.receive(), await office.receive()
    token = await office.deps.directory.issue_party_token(reference, "P1")
    async with office.client(token=token) as customer:
        told = (await customer.get(f"/complaints/{reference}/progress")).json()
        assert (told["step"], told["overdue"]) == ("received", False)
        assert told["next_news_by"] is not None
        assert (await customer.get(f"/complaints/{others}/progress")).status_code == 404
        for path in (f"/complaints/{reference}", "/complaints", f"/complaints/{reference}/timeline"):
            assert (await customer.get(path)).json()["code"] == "not_allowed"
        assert (await customer.get("/me")).json()["reference"] == reference


async def test_the_list_pages_through_all_and_holds_no_text(office: Office) -> None:
    mine = {await office.receive(channel="chat") for _ in range(5)}
    async with office.client() as ana:
        await ana.post(f"/complaints/{min(mine)}/commands/take-ownership")
        seen: list[str] = []
        asked = {"channel": "chat", "open": "true", "limit": "2"}
        while True:
            page = await ana.get("/complaints", params=asked)
            assert page.status_code == 200, page.text
            assert "kettle" not in page.text
            seen += [row["reference"] for row in page.json()["complaints"]]
            if page.json()["next"] is None:
                break
            asked["cursor"] = page.json()["next"]
        assert sorted(seen) == sorted(mine)
        own = await ana.get("/complaints", params={"owner": "me", "channel": "chat"})
        assert [row["reference"] for row in own.json()["complaints"]] == [min(mine)]
        none = await ana.get("/complaints", params={"channel": ["chat"], "phase": ["closed", "archived"]})
        assert none.json() == {"complaints": [], "next": None}


@pytest.mark.parametrize(
    "query",
    ["cursor=abc", "cursor=W3RydWUsICIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwgIngiXQ==", "limit=0", "phase=sleeping",
     "nonsense=1", "overdue=perhaps"],
)  # fmt: skip
async def test_a_question_that_makes_no_sense_is_said_so(office: Office, query: str) -> None:
    async with office.client() as ana:
        answer = await ana.get(f"/complaints?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_the_timeline_is_the_chain_in_pages(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        await ana.post(f"/complaints/{reference}/commands/acknowledge")
        whole = (await ana.get(f"/complaints/{reference}/timeline")).json()
        assert [event["sequence"] for event in whole["events"]] == list(range(1, len(whole["events"]) + 1))
        assert whole["next"] is None
        first = (await ana.get(f"/complaints/{reference}/timeline", params={"limit": 1})).json()
        assert first["next"] == 1
        rest = (await ana.get(f"/complaints/{reference}/timeline", params={"after": 1})).json()
    assert [*first["events"], *rest["events"]] == whole["events"]


async def test_the_workflow_holds_what_the_record_says(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana:

        async def same() -> bool:  # it takes in what is on record only when it hears back from the commit
            live = (await ana.get(f"/complaints/{reference}/live")).json()
            case = (await ana.get(f"/complaints/{reference}")).json()
            assert (live["version"], live["sequence"]) == (case["version"], case["case"]["sequence"])
            return True

        await eventually(same, what="the workflow to hold what is on record")
        assert (await ana.get(f"/complaints/{NOBODYS}/live")).json()["code"] == "unknown"


@pytest.mark.parametrize("part", ["", "/timeline", "/clocks", "/letters", "/progress", "/live"])
async def test_what_is_not_there_is_not_found(office: Office, part: str) -> None:
    async with office.client() as ana:
        for reference in (NOBODYS, "nonsense", "%00", "SYS-0000-0000-0000"):
            answer = await ana.get(f"/complaints/{reference}{part}")
            assert answer.status_code == 404, (reference, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
