"""Files over HTTP: streamed in, streamed out, refused where they are not what they say."""

import pytest
from sqlalchemy import func, select

from api.throttle import Throttle
from complaints.chapters import intake
from ledger.attachments import attachments
from tests.api.conftest import Office

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2000


async def test_a_file_comes_out_as_it_went_in(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana, office.client("usr_otto") as otto:
        path = f"/complaints/{reference}/attachments"
        sent = await ana.post(path, files={"file": ("the kettle 壺.png", PNG, "image/png")})
        assert sent.status_code == 200, sent.text
        assert sent.json()["events"] == ["EvidenceAttached"]
        held = (await ana.get(f"/complaints/{reference}")).json()["case"]["attachments"][0]
        assert (held["filename"]["text"], held["size"], held["media_type"]) == (
            "the kettle 壺.png",
            len(PNG),
            "image/png",
        )
        got = await ana.get(f"{path}/{held['id']}")
        assert got.content == PNG
        assert got.headers["content-type"] == "image/png"
        assert got.headers["content-disposition"].startswith("attachment; filename*=UTF-8''the%20kettle%20")
        assert got.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in got.headers["content-security-policy"]
        readings = (await otto.get(f"/complaints/{reference}/access")).json()["readings"]
    assert ("usr_ana", "attachment") in {(r["actor"], r["purpose"]) for r in readings}


async def test_a_file_sent_again_with_its_key_is_attached_once(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        path, key = f"/complaints/{reference}/attachments", {"Idempotency-Key": f"file-{reference}"}
        first = await ana.post(path, files={"file": ("a.png", PNG, "image/png")}, headers=key)
        again = await ana.post(path, files={"file": ("a.png", PNG, "image/png")}, headers=key)
        assert (first.json()["command_id"], again.status_code) == (again.json()["command_id"], 200)
        other = await ana.post(path, files={"file": ("a.png", PNG + b"x", "image/png")}, headers=key)
        assert (other.status_code, other.json()["code"]) == (422, "key_reused")
        assert len((await ana.get(f"/complaints/{reference}")).json()["case"]["attachments"]) == 1


@pytest.mark.parametrize(
    ("name", "content", "media_type", "code"),
    [
        ("run.png", b"MZ\x90\x00" + b"\x00" * 100, "image/png", "file_type_wrong"),
        ("run.exe", b"MZ\x90\x00" + b"\x00" * 100, "application/x-msdownload", "file_type_not_allowed"),
        ("empty.png", b"", "image/png", "file_empty"),
    ],
)
async def test_a_file_that_is_not_what_it_says_is_refused(
    office: Office, name: str, content: bytes, media_type: str, code: str
) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        answer = await ana.post(
            f"/complaints/{reference}/attachments", files={"file": (name, content, media_type)}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert (await ana.get(f"/complaints/{reference}")).json()["case"]["attachments"] == []


async def test_a_form_that_is_cut_short_or_has_no_file_is_refused(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        path = f"/complaints/{reference}/attachments"
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
        head += b"Content-Type: image/png\r\n\r\n"
        cut = await ana.post(
            path, content=head + PNG[:5000], headers={"Content-Type": "multipart/form-data; boundary=b"}
        )
        assert (cut.status_code, cut.json()["code"]) == (422, "form_broken")
        none = await ana.post(path, files={"other": (None, b"x")})
        assert (none.status_code, none.json()["code"]) == (422, "no_file")
        plain = await ana.post(path, content=PNG, headers={"Content-Type": "image/png"})
        assert plain.status_code == 415
        large = await ana.post(path, files={"file": ("a.png", PNG + bytes(27 * 2**20), "image/png")})
        assert large.status_code == 413


async def test_a_customer_adds_a_file_and_nobody_elses_is_given_out(office: Office) -> None:
    mine, others = await office.receive(), await office.receive()
    token = await office.deps.directory.issue_party_token(mine, "P1")
    async with (
        office.client(token=token) as customer,
        office.client() as ana,
        office.client("usr_cleo") as cleo,
    ):
        sent = await customer.post(
            f"/complaints/{mine}/attachments", files={"file": ("a.png", PNG, "image/png")}
        )
        assert sent.status_code == 200, sent.text
        held = (await ana.get(f"/complaints/{mine}")).json()["case"]["attachments"][0]["id"]
        assert (await ana.get(f"/complaints/{others}/attachments/{held}")).status_code == 404
        assert (await cleo.get(f"/complaints/{mine}/attachments/{held}")).status_code == 403


async def test_more_files_than_a_complaint_may_have_are_refused_and_not_stored(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = await office.receive()

    async def stored() -> int:
        async with office.deps.reading.connect() as conn:
            kept = select(func.count()).select_from(attachments).where(attachments.c.stream == reference)
            return int((await conn.execute(kept)).scalar_one())

    async with office.client() as ana:
        path, key = f"/complaints/{reference}/attachments", {"Idempotency-Key": f"full-{reference}"}
        file = {"file": ("a.png", PNG, "image/png")}
        assert (await ana.post(path, files=file, headers=key)).status_code == 200
        before = await stored()
        assert before == 1
        monkeypatch.setattr(intake, "MOST_FILES", 1)
        refused = await ana.post(path, files=file)
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_files")
        assert await stored() == before
        again = await ana.post(path, files=file, headers=key)
        assert again.status_code == 200, "it is attached already, and only sent again"


async def test_files_by_a_secret_link_are_slowed_down(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = await office.receive()
    token = await office.deps.directory.issue_portal_link(reference, "P1")
    throttle = Throttle(burst=1, per_minute=1)  # the first file may take long
    monkeypatch.setattr(office.deps.throttle, "pass_or_refuse", throttle.pass_or_refuse)
    path, origin = f"/progress/{token}/attachments", {"Origin": office.settings.base_url}
    async with office.client(None) as somebody:
        answers = [
            await somebody.post(path, files={"file": ("a.png", PNG, "image/png")}, headers=origin)
            for _ in range(2)
        ]
    assert [answer.status_code for answer in answers] == [303, 429], answers[0].text
