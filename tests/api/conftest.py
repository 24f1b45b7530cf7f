"""The API on its real servers: one application, worker and database for all tests of this folder."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.deps import Deps
from policies.vocabulary import Role
from runtime.postgres_server import PostgresServer
from runtime.settings import Settings, load_settings
from runtime.temporal_server import register_namespace
from tests.support import servers
from tests.support.living import PATIENT, Living, living
from tests.support.waiting import eventually

STAFF: Mapping[str, tuple[Role, ...]] = {
    "usr_ana": (Role.HANDLER,),
    "usr_ben": (Role.HANDLER,),
    "usr_cleo": (Role.APPROVER,),
    "usr_dora": (Role.SUPERVISOR,),
    "usr_iris": (Role.INTAKE_AGENT,),
    "usr_otto": (Role.COMPLIANCE_OFFICER,),
    "usr_root": (Role.ADMINISTRATOR,),
}


@dataclass
class Office:
    """The API as programs see it, and the people who work with it."""

    settings: Settings
    service: Living
    app: FastAPI
    deps: Deps
    tokens: dict[str, str]

    def client(
        self, who: str | None = "usr_ana", *, token: str | None = None, app: FastAPI | None = None
    ) -> httpx.AsyncClient:
        """A client with somebody's token; with None, without any."""
        token = token or (self.tokens[who] if who else None)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app or self.app),
            base_url="http://redress.test",
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )

    async def receive(self, **fields: Any) -> str:
        """A complaint, received over the API and on record."""
        body = {
            "channel": "mail",
            "subject": "A broken kettle",
            "narrative": "It broke after a day.",
            "parties": [{"name": "Wei Example", "address": "wei@example.org", "channel": "mail"}],
        }
        async with self.client("usr_iris") as iris:
            answer = await iris.post("/complaints", json=body | fields)
        assert answer.status_code == 201, answer.text
        reference: str = answer.json()["reference"]
        await self.recorded(reference)
        return reference

    async def recorded(self, reference: str) -> None:
        """Waits until the complaint is in the record."""
        await eventually(lambda: self.service.record.sequence(reference), what=f"{reference} on record")


@pytest.fixture(scope="session")
async def office(
    postgres: PostgresServer, temporal_address: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    """The whole service, in this process, on the run's own servers."""
    template = await servers.migrated_template(postgres)
    name, namespace = f"t_{uuid4().hex}", f"t-{uuid4().hex}"
    await postgres.create_database(name, template=template)
    await register_namespace(temporal_address, namespace)
    settings = settings_for(postgres.url(name), temporal_address, namespace, tmp_path_factory.mktemp("data"))
    async with living(settings) as service:
        yield await open_office(settings, service)
    await postgres.drop_database(name)


def settings_for(database_url: str, temporal_address: str, namespace: str, data_dir: Path) -> Settings:
    """Settings of a service for tests."""
    return load_settings(
        mode="test",
        database_url=database_url,
        temporal_address=temporal_address,
        temporal_namespace=namespace,
        data_dir=data_dir,
        master_key="cmVkcmVzcy10ZXN0LW1hc3Rlci1rZXktMzItYnl0ZXM=",
    )


async def open_office(settings: Settings, service: Living) -> Office:
    """The application with its staff and their tokens."""
    app = create_app(settings, wait=PATIENT)
    deps: Deps = app.state.deps
    tokens: dict[str, str] = {}
    for id_, roles in STAFF.items():
        login = id_.removeprefix("usr_")
        supervisor = "usr_dora" if Role.HANDLER in roles else None
        await deps.directory.add(
            id=id_,
            login=login,
            name=login.title(),
            email=f"{login}@example.org",
            roles=roles,
            supervisor=supervisor,
        )
        tokens[id_] = await deps.directory.issue_token(id_)
    return Office(settings, service, app, deps, tokens)
