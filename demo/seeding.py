"""Loading the demo: its people, real records through the real import, and stories over the real API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from pydantic import AwareDatetime, BaseModel
from rich.console import Console

from api.deps import Deps
from demo.people import PEOPLE, plan_duty, take_in
from demo.stories import STORIES, WATCHED, Story, Teller
from imports.batches import Shells
from imports.console import bar
from imports.mapping import load as load_mapping
from imports.naming import Naming
from imports.running import run_import
from policies.loading import load_pack, packs_available
from runtime.settings import Settings

_HERE = Path(__file__).resolve().parent
_RECORDS = (("nyc311_animal_requests.csv", "nyc311.yaml"), ("cfpb_complaints_sample.csv", "cfpb.yaml"))
_PACK = "retail-2025"


class _Progress(BaseModel):
    """How far the demo's data folder has been filled: when the stories are told from, and whether all is in.

    `watched_from` is the moment from which those are told that are to be watched, once the others are in.
    """

    told_from: AwareDatetime
    watched_from: AwareDatetime | None = None
    done: bool = False


async def seed(settings: Settings, console: Console) -> None:
    """Load the demo's people, records and stories into the running service, once.

    Interrupted, it goes on at the next start: every step is the same when it is taken again.
    """
    deps = Deps.of(settings)
    file = settings.data_dir / "demo.json"
    try:
        if file.exists():
            progress = _Progress.model_validate_json(file.read_bytes())
        else:
            progress = _Progress(told_from=deps.clock.now())
            file.write_text(progress.model_dump_json())
        if progress.done:
            return
        await take_in(deps.directory)
        await plan_duty(deps.duty, progress.told_from)
        await _import_records(deps, console)
        tokens = await _tokens(deps)
        await _tell_stories(deps, tokens, progress.told_from, STORIES, console)
        watched_from = progress.watched_from or deps.clock.now()
        progress = progress.model_copy(update={"watched_from": watched_from})
        file.write_text(progress.model_dump_json())
        await _tell_stories(deps, tokens, watched_from, WATCHED, console)
        file.write_text(progress.model_copy(update={"done": True}).model_dump_json())
    finally:
        await deps.close()


async def _import_records(deps: Deps, console: Console) -> None:
    pack = load_pack(next(path for path in packs_available() if path.stem == _PACK))
    for data, mapping in _RECORDS:
        with bar(console, f"Importing {data}") as progress:
            await run_import(
                import_shells(deps),
                _HERE / "data" / data,
                load_mapping(_HERE / "mappings" / mapping),
                pack,
                progress=progress,
            )


def import_shells(deps: Deps) -> Shells:
    """What an import stands on, out of the process's own."""
    return Shells(
        sql=deps.sql,
        record=deps.record,
        texts=deps.texts,
        engine=deps.engine,
        clock=deps.clock,
        naming=Naming(deps.settings.master_key_bytes),
    )


async def _tokens(deps: Deps) -> dict[str, str]:
    return {
        person.login: await deps.directory.issue_token(
            person.id, purpose="demo stories", lifetime=timedelta(hours=1)
        )
        for person in PEOPLE
    }


async def _tell_stories(
    deps: Deps, tokens: Mapping[str, str], told_from: datetime, stories: Sequence[Story], console: Console
) -> None:
    async with httpx.AsyncClient(base_url=deps.settings.base_url, timeout=30) as client:
        teller = Teller(client, tokens, told_from)
        for story in stories:
            await story(teller)
    for untold in teller.untold:
        console.print(f"Not told: {untold}", markup=False, highlight=False)
