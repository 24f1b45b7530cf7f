"""Commands for the service as a whole: start it, bring its database up to date, examine it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from cli.shell import out, run_configured
from runtime.errors import SetupError

if TYPE_CHECKING:
    from policies.pack import Pack
    from runtime.doctor import Finding
    from runtime.settings import Settings
    from runtime.up import Up

app = typer.Typer()


@app.command()
def up(
    demo: Annotated[
        bool, typer.Option("--demo", help="With demo data, caught mails and a make-believe bank.")
    ] = False,
    speed: Annotated[
        int | None, typer.Option(min=1, help="Virtual seconds per real second (demo only).")
    ] = None,
) -> None:
    """Start the whole service on this machine; Ctrl-C stops it, and starting again takes up where it was."""
    from demo.seeding import seed
    from runtime.up import up as start_all

    async def when_up(running: Up) -> None:
        if demo:
            await seed(running.settings, out)
        _greet(running, demo)

    raise typer.Exit(start_all(demo, prepare=prepare, when_up=when_up, speed=speed))


def prepare(settings: Settings) -> None:
    """Bring the database to this version's form and publish the packs that lie in the pack folders.

    Raises SetupError with what is wrong in a pack.
    """
    from ledger import migrate
    from ledger.packs import PackChangedError
    from policies.loading import PackError, load_pack, packs_available

    migrate.upgrade(settings.database_url)
    try:
        packs = [load_pack(path) for path in packs_available(*settings.pack_dirs)]
        asyncio.run(_publish(settings, packs))
    except (PackError, PackChangedError) as error:
        raise SetupError(str(error)) from None


async def _publish(settings: Settings, packs: list[Pack]) -> None:
    from ledger.database import create_engine
    from ledger.packs import publish

    engine = create_engine(settings.database_url)
    try:
        async with engine.begin() as conn:
            for pack in packs:
                await publish(conn, pack)
    finally:
        await engine.dispose()


@app.command("migrate")
def migrate_() -> None:
    """Bring the configured database to this version's form and publish the packs; for parts that run elsewhere."""
    from ledger import migrate

    async def run(settings: Settings) -> None:
        await asyncio.to_thread(prepare, settings)

    run_configured(run)
    out.print(f"The database is at {migrate.head()}, the packs are published.", markup=False, soft_wrap=True)


@app.command()
def doctor() -> None:
    """Say what is configured, reachable and migrated, and what to do about what is not."""
    from ledger import migrate
    from runtime.doctor import examine

    async def run(settings: Settings) -> list[Finding]:
        return await examine(settings, newest_migration=migrate.head())

    findings = run_configured(run)
    marks = {"good": "ok      ", "warning": "look at ", "wrong": "WRONG   "}
    for finding in findings:
        out.print(
            f"{marks[finding.state]}{finding.part}: {finding.says}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        if finding.advice:
            out.print(f"          {finding.advice}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1 if any(finding.state == "wrong" for finding in findings) else 0)


def _greet(running: Up, demo: bool) -> None:
    lines = [
        "",
        f"The desk:              {running.desk}",
        f"Make a complaint:      {running.desk}/complain",
        f"The API's description: {running.desk}/openapi.json",
    ]
    if running.temporal_page:
        lines.append(f"Temporal's own pages:  {running.temporal_page}")
    if running.mail_page:
        lines.append(f"Mails that were sent:  {running.mail_page}")
    if running.mail_in:
        lines.append(f"Mails come in (LMTP):  {running.mail_in}")
    lines.append(f"The scheduler says:    {running.scheduler_page}")
    if demo:
        lines += [
            "",
            "Sign in as ana or ben (handlers), dora (supervisor), emil (department head), cleo (approver),",
            "iris (intake), olga (compliance), mei (handler, in Chinese) or adam (administrator); the password is",
            "“demo-” followed by the login: demo-ana.",
            "A token for programs: .venv/bin/redress staff token ana",
        ]
    else:
        lines += ["", "People are taken in with: .venv/bin/redress staff add"]
    if running.speed > 1:
        lines.append(f"Time runs {running.speed} times as fast as outside.")
    lines += [f"Everything lies in {running.data_dir}. Ctrl-C stops it.", ""]
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
