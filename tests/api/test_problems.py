"""Whatever is wrong with a request, the answer is a problem that says so and repeats nothing of what was sent."""

from collections.abc import AsyncIterator

import httpx
import pytest

from api.app import LARGEST_BODY, create_app
from runtime.logging import configure_logging
from tests.api.conftest import Office

SECRET = "Wei Example, 13 Garden Road"


@pytest.mark.parametrize(
    ("method", "path", "content", "media_type", "status", "code"),
    [
        ("GET", "/nowhere", b"", None, 404, "not_found"),
        ("DELETE", "/complaints", b"", None, 405, "method_not_allowed"),
        ("POST", "/complaints", b"{", "application/json", 400, "not_readable"),
        ("POST", "/complaints", b"\xff\xfe", "application/json", 400, "not_readable"),
        ("POST", "/complaints", b"[" * 100_000, "application/json", 400, "not_readable"),
        ("POST", "/complaints", b'{"a": ' + b"9" * 10_000 + b"}", "application/json", 400, "not_readable"),
        ("POST", "/complaints", b"a=b", "application/x-www-form-urlencoded", 415, "media_type_not_supported"),
        ("POST", "/complaints", b'{"channel": "web"}', "text/plain", 415, "media_type_not_supported"),
        ("POST", "/complaints", b'{"channel": "web"}', None, 415, "media_type_not_supported"),
        ("POST", "/complaints", b"", None, 422, "not_well_formed"),
        ("POST", "/complaints", b"null", "application/json", 422, "not_well_formed"),
        ("POST", "/complaints", b'{"narrative": "\\ud800"}', "application/json", 422, "not_well_formed"),
        ("POST", "/complaints", b'{"narrative": "\\u0000"}', "application/json", 422, "not_well_formed"),
        ("POST", "/complaints", b" " * (LARGEST_BODY + 1), "application/json", 413, "too_large"),
    ],
)  # fmt: skip
async def test_every_error_is_a_problem(
    office: Office, *, method: str, path: str, content: bytes, media_type: str | None, status: int, code: str
) -> None:
    async with office.client("usr_iris") as iris:
        headers = {"Content-Type": media_type} if media_type else {}
        answer = await iris.request(method, path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["title"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    if status == 405:
        assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}


async def test_a_body_that_grows_too_large_on_the_way_is_cut_off(office: Office) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(LARGEST_BODY // 65_536 + 2):
            yield b" " * 65_536

    async with office.client("usr_iris") as iris:
        answer = await iris.post(
            "/complaints", content=endless(), headers={"Content-Type": "application/json"}
        )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_what_was_sent_is_never_repeated(office: Office) -> None:
    body = {
        "channel": SECRET, "kind": SECRET, "narrative": SECRET + "\u0007", "subject": [SECRET], SECRET: 1,
        "received_at": SECRET, "parties": [{"name": {"first": SECRET}, SECRET: SECRET}],
    }  # fmt: skip
    async with office.client("usr_iris") as iris:
        answer = await iris.post("/complaints", json=body)
        assert answer.status_code == 422
        assert "Garden" not in answer.text
        places = {error["at"] for error in answer.json()["errors"]}
        assert {"body.channel", "body.narrative", "body.parties.0.name", "body.?"} <= places
        path = await iris.get(f"/complaints/{SECRET}")
        assert "Garden" not in path.text


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic dXNlcjpwdw=="}, {"Authorization": "Bearer"},
     {"Authorization": "Bearer " + "x" * 5000}],
)  # fmt: skip
async def test_without_a_valid_token_one_is_asked_to_sign_in(office: Office, headers: dict[str, str]) -> None:
    async with office.client(None) as somebody:
        for path in ("/complaints", "/complaints/0000-0000-0000", "/me", "/packs"):
            answer = await somebody.get(path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_revoked_token_opens_nothing(office: Office) -> None:
    token = await office.deps.directory.issue_token("usr_ana")
    async with office.client(token=token) as ana:
        assert (await ana.get("/me")).json()["id"] == "usr_ana"
        await office.deps.directory.revoke_token(token)
        assert (await ana.get("/me")).json()["code"] == "token_not_valid"


async def test_an_error_of_ours_says_nothing_of_its_cause(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    app = create_app(office.settings)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError(SECRET)

    configure_logging(service="api")
    async with office.client(app=app) as ana:
        answer = await ana.get("/broken", headers={"X-Request-ID": "asked-by-a-test"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.json()["request_id"] == "asked-by-a-test"
    assert "Garden" not in answer.text
    logged = capsys.readouterr().out
    assert "Garden" not in logged
    assert "asked-by-a-test" in logged
    assert "RuntimeError" in logged


async def test_without_a_database_one_is_told_to_come_back(office: Office) -> None:
    gone = office.settings.model_copy(update={"database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/none"})
    app = create_app(gone)
    async with office.client(app=app) as ana:
        answer = await ana.get("/me")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_away")
        assert int(answer.headers["retry-after"]) > 0
        ready = await ana.get("/ready")
        assert (ready.status_code, ready.json()["database"]) == (503, "away")
        assert (await ana.get("/health")).status_code == 200
        assert "redress_database_up 0.0" in (await ana.get("/metrics")).text


async def test_answers_carry_safe_headers(office: Office) -> None:
    async with office.client() as ana:
        answers = [await ana.get(path) for path in ("/me", "/health", "/nowhere", "/complaints?limit=0")]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"
        assert len(answer.headers["x-request-id"]) >= 8


async def test_a_request_id_that_could_be_anything_is_not_taken_over(office: Office) -> None:
    async with office.client() as ana:
        answer = await ana.get("/me", headers={"X-Request-ID": SECRET})
    assert "Garden" not in answer.headers["x-request-id"]
    assert isinstance(answer, httpx.Response)
