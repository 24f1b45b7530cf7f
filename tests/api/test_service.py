"""Health, readiness and figures, and an OpenAPI document that tells the whole of it."""

import re
from typing import Any

from sqlalchemy import text

from complaints.base import Command
from complaints.chapters.intake import AttachEvidence, ReceiveComplaint
from ledger import heartbeats
from tests.api.conftest import Office


async def test_ready_says_what_it_stands_on(office: Office) -> None:
    async with office.client(None) as somebody:
        assert (await somebody.get("/health")).json()["status"] == "alive"
        ready = await somebody.get("/ready")
    assert ready.json() == {"ready": True, "database": "up", "temporal": "up"}


async def test_health_and_figures_say_who_watches_and_how_late_it_is(office: Office) -> None:
    async with office.deps.sql.begin() as conn:
        await heartbeats.beat(conn, "watchdog", "machine.example.org/17/beef", 7.25)
    async with office.client(None) as somebody:
        watchdog = (await somebody.get("/health")).json()["watchdog"]
        figures = (await somebody.get("/metrics")).text
    assert watchdog["process"] == "beef", "the machine's name is nobody's business out there"
    assert (watchdog["late_seconds"], watchdog["watching"]) == (7.2, True)
    assert 0 <= watchdog["age_seconds"] < 60
    assert "redress_watchdog_late_seconds 7.25" in figures
    async with office.deps.sql.begin() as conn:
        await conn.execute(text("UPDATE heartbeats SET beat_at = now() - interval '1 minute'"))
    async with office.client(None) as somebody:
        assert (await somebody.get("/health")).json()["watchdog"]["watching"] is False
    async with office.deps.sql.begin() as conn:
        await conn.execute(text("DELETE FROM heartbeats"))
    async with office.client(None) as somebody:
        assert (await somebody.get("/health")).json()["watchdog"] is None


async def test_the_figures_count_commands_and_name_nobody(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        await ana.post(f"/complaints/{reference}/commands/take-ownership")
        await ana.post(f"/complaints/{reference}/commands/take-ownership")
        told = (await ana.get("/metrics")).text
    assert re.search(r'redress_commands_total\{command="TakeOwnership",outcome="recorded"\} [1-9]', told)
    assert re.search(r'redress_commands_total\{command="TakeOwnership",outcome="already_done"\} [1-9]', told)
    assert re.search(
        r'redress_http_request_seconds_bucket\{le="0.05",method="POST",route="/complaints",status="201"\}',
        told,
    )
    assert re.search(r"redress_complaints_open [1-9]", told)
    for figure in ("complaints_overdue", "outbox_depth", "outbox_dead_letters", "intake_pending"):
        assert f"redress_{figure} " in told
    assert reference not in told
    assert "usr_" not in told


async def test_every_command_has_a_route_that_says_who_may_give_it(office: Office) -> None:
    routes = {operation["operationId"]: operation for operation in await _operations(office)}
    for name, command in Command.REGISTRY.items():
        if command.fact or command in {ReceiveComplaint, AttachEvidence} or not _ours(command):
            continue
        slug = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
        assert routes[slug]["summary"] == command.title
        assert all(role.replace("_", " ") in routes[slug]["description"] for role in command.who)
    assert {"receive-complaint", "attach-evidence", "report-delivery", "make-complaint"} <= set(routes)


async def test_the_document_tells_what_may_be_answered(office: Office) -> None:
    for operation in await _operations(office):
        answers = operation["responses"]
        assert "500" in answers
        for status, told in answers.items():
            if int(status) >= 400 and operation["operationId"] != "ready":
                assert list(told["content"]) == ["application/problem+json"], (
                    operation["operationId"],
                    status,
                )
        if operation.get("security"):
            assert "401" in answers
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None:
            assert body["examples"]["example"]["value"] is not None


def _ours(command: type[Command]) -> bool:
    return command.__module__.startswith("complaints.")


async def _operations(office: Office) -> list[dict[str, Any]]:
    async with office.client(None) as somebody:
        document = (await somebody.get("/openapi.json")).json()
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert "HTTPValidationError" not in document["components"]["schemas"]
    return [operation for path in document["paths"].values() for operation in path.values()]
