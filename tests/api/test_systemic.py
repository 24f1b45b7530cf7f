"""Systemic issues over HTTP: opened, joined, told to every complaint they join."""

from tests.api.conftest import Office
from tests.support.waiting import eventually


async def test_an_issue_joins_complaints_and_tells_them(office: Office) -> None:
    complaint = await office.receive()
    async with office.client("usr_dora") as dora, office.client() as ana:
        opened = await dora.post(
            "/systemic-issues", json={"name": "Leaking kettles", "description": "Batch 7"}
        )
        assert opened.status_code == 201, opened.text
        issue = opened.json()["reference"]
        assert issue.startswith("SYS-")
        joined = await ana.post(
            f"/systemic-issues/{issue}/commands/join-complaint", json={"complaint": complaint}
        )
        assert joined.status_code == 200, joined.text
        said = await dora.post(
            f"/systemic-issues/{issue}/commands/update-systemic", json={"text": "Found the cause"}
        )
        assert said.status_code == 200, said.text
        read = (await ana.get(f"/systemic-issues/{issue}")).json()
        assert read["issue"]["members"] == [complaint]
        assert read["issue"]["title"]["text"] == "Leaking kettles"
        listed = (await ana.get("/systemic-issues")).json()["issues"]
        assert [(row["reference"], row["complaints"]) for row in listed if row["reference"] == issue] == [
            (issue, 1)
        ]

        async def told() -> bool:
            return bool((await ana.get(f"/complaints/{complaint}")).json()["case"]["systemic"])

        await eventually(told, what="the complaint to hear of it")


async def test_what_is_not_there_can_not_be_joined(office: Office) -> None:
    async with office.client("usr_dora") as dora:
        issue = (await dora.post("/systemic-issues", json={"name": "A", "description": "B"})).json()[
            "reference"
        ]
        missing = await dora.post(
            f"/systemic-issues/{issue}/commands/join-complaint", json={"complaint": issue}
        )
        assert missing.json()["status"] in {409, 422, 404}
        assert (await dora.get("/systemic-issues/SYS-0000-0000-0000")).status_code == 404
        key = {"Idempotency-Key": "open-once"}
        twice = [
            (await dora.post("/systemic-issues", json={"name": "A", "description": "B"}, headers=key)).json()[
                "reference"
            ]
            for _ in range(2)
        ]
    assert twice[0] == twice[1]


async def test_only_who_leads_opens_one(office: Office) -> None:
    async with office.client() as ana:
        answer = await ana.post("/systemic-issues", json={"name": "A", "description": "B"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


async def test_complaints_join_with_the_opening_and_those_that_are_none_are_named(office: Office) -> None:
    complaint = await office.receive(site="north-0117")
    about = {"name": "Leaking kettles", "description": "Batch 7"}
    async with office.client("usr_dora") as dora:
        opened = await dora.post("/systemic-issues", json={**about, "complaints": [complaint.lower()]})
        issue = opened.json()["reference"]
        await office.recorded(issue)
        read = (await dora.get(f"/systemic-issues/{issue}")).json()
        assert read["issue"]["members"] == [complaint]
        assert (read["sites"], read["nowhere"]) == ([{"code": "north-0117", "complaints": 1}], 0)
        for nobody in ("nonsense", issue, "7K2M-9QF3-XA5C"):
            refused = await dora.post("/systemic-issues", json={**about, "complaints": [nobody]})
            assert refused.status_code == 422, refused.text
