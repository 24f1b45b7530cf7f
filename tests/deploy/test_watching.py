"""The sample alert rules and the dashboard ask for nothing that the real processes do not tell."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from api.app import create_app
from runtime.child import Child, Running
from runtime.ports import free_port
from runtime.readiness import listens
from runtime.settings import Settings
from tests.activities.office import open_office
from tests.activities.watching.test_watchdog import ANA, environment, overdue
from tests.support.mail import CaughtMail
from tests.support.waiting import PATIENCE, eventually

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yaml"
DASHBOARD = DEPLOY / "grafana" / "redress.json"
_METRIC = re.compile(r"\b(?:redress|process)_[a-z0-9_]+")
_LABEL_VALUE = re.compile(r"^[A-Za-z0-9_.{}:/+-]*$")


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_every_rule_says_what_is_wrong_and_every_panel_has_its_own_place() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) >= 8
    for rule in rules():
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels()]
    assert len(places) == len(set(places))


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_the_brackets_of_an_expression_match(where: str, expression: str) -> None:
    for opening, closing in ("()", "{}", "[]"):
        assert expression.count(opening) == expression.count(closing), where
    assert expression.count('"') % 2 == 0, where


async def test_every_metric_that_is_asked_for_is_told_and_no_label_names_anybody(
    settings: Settings, mail: CaughtMail, tmp_path: Path
) -> None:
    port = free_port()
    env = {**environment(settings), "REDRESS_SCHEDULER_PORT": str(port)}
    argv = (sys.executable, "-m", "scheduler")
    running = Running(Child("scheduler", argv, listens(port), env), tmp_path / "scheduler.log")
    async with open_office(settings) as office:
        stream = await overdue(office, 40)
        await running.start()
        try:
            await mail.wait_for(ANA, where=lambda told: stream in told["Subject"])
            async with httpx.AsyncClient(timeout=PATIENCE) as client:

                async def measured() -> str:
                    said = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
                    assert re.search(r"redress_alert_lag_seconds_count\{.*\} [1-9]", said)
                    assert re.search(r"redress_delivery_seconds_count\{.*\} [1-9]", said)
                    return said

                of_scheduler = await eventually(measured, what="the lags to be measured")
        finally:
            await running.stop()
    app = create_app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        of_api = (await client.get("/metrics")).text
    await app.state.deps.close()
    families = [family for said in (of_scheduler, of_api) for family in text_string_to_metric_families(said)]
    told = {sample.name for family in families for sample in family.samples}
    asked = {(where, name) for where, expression in expressions() for name in _METRIC.findall(expression)}
    assert len(asked) > 20
    assert sorted(f"{where}: {name}" for where, name in asked if name not in told) == []
    values = {value for family in families for sample in family.samples for value in sample.labels.values()}
    assert stream not in values
    assert all("@" not in value and _LABEL_VALUE.match(value) for value in values), values
