from tests.api import server
from tests.api import test_schemathesis as t
from tests.api.conftest import Office
_old = server.environment
async def test_x(office: Office, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "environment", lambda s: {k: v for k, v in _old(s).items() if v != "[]"})
    await t.test_no_request_breaks_it(office, tmp_path, ("--phases","coverage,fuzzing","--max-examples","8","--include-path-regex","/library|put-in-library|record-fishbone|pilot"))
