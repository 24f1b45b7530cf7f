"""The `redress` command: start the service, import records, verify, recover, examine, and keep its people.

Each command imports what it stands on when it is given, so that the small ones answer at once.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from policies.vocabulary import Role
from runtime.errors import SetupError
from runtime.installation import kept_environment

if TYPE_CHECKING:
    from activities.recovery import Recovery
    from imports.running import ImportReport
    from ledger.directory import Directory
    from ledger.verify import Report
    from policies.pack import Pack
    from runtime.doctor import Finding
    from runtime.settings import Settings
    from runtime.up import Up

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
staff = typer.Typer(help="The people who work here.", no_args_is_help=True)
app.add_typer(staff, name="staff")

_out = Console()
_err = Console(stderr=True)


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
            await seed(running.settings, _out)
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

    _run(run)
    _out.print(f"The database is at {migrate.head()}, the packs are published.", markup=False, soft_wrap=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file, one complaint a row.")],
    mapping: Annotated[Path, typer.Option(help="A YAML file that says what its columns mean.")],
    pack: Annotated[str, typer.Option(help="The name of the policy pack the complaints fall under.")],
    errors: Annotated[
        Path | None, typer.Option(help="Write rows that can not be read here (CSV: line, reason).")
    ] = None,
) -> None:
    """Bring in complaints from elsewhere: open rows become live, closed ones history. Running it again adds nothing."""
    from api.deps import Deps
    from demo.seeding import import_shells
    from imports.console import bar, show
    from imports.mapping import load as load_mapping
    from imports.reading import ImportImpossible
    from imports.running import run_import
    from policies.loading import PackError

    async def run(settings: Settings) -> ImportReport:
        deps = Deps.of(settings)
        try:
            with bar(_err, file.name) as progress:
                return await run_import(
                    import_shells(deps),
                    file,
                    load_mapping(mapping),
                    _pack_named(pack, settings),
                    errors=errors,
                    progress=progress,
                )
        finally:
            await deps.close()

    try:
        report = _run(run)
    except (ImportImpossible, PackError) as error:
        _give_up(str(error))
    show(_out, report)
    raise typer.Exit(report.exit_status)


def _pack_named(name: str, settings: Settings) -> Pack:
    from imports.reading import ImportImpossible
    from policies.loading import load_pack, packs_available

    files = {path.stem: path for path in packs_available(*settings.pack_dirs)}
    if name not in files:
        raise ImportImpossible(f"There is no pack “{name}”; there are: {', '.join(sorted(files))}.")
    return load_pack(files[name])


@app.command()
def verify(
    reference: Annotated[str | None, typer.Argument(help="One stream; all of them without it.")] = None,
) -> None:
    """Check the record: chains, heads, texts, files, and what screens show. Exit status 1 where something is wrong."""
    from api.deps import Deps
    from ledger.chain import derive_seal_key
    from ledger.packs import load_all
    from ledger.verify import verify as verify_record

    stream = _parsed(reference) if reference else None

    async def run(settings: Settings) -> Report:
        deps = Deps.of(settings)
        try:
            async with deps.reading.connect() as conn:
                packs = await load_all(conn)
            return await verify_record(
                deps.sql,
                derive_seal_key(settings.master_key_bytes),
                deps.texts.check,
                stream,
                file_checker=deps.attachments.check,
                packs=packs,
            )
        finally:
            await deps.close()

    report = _run(run)
    for sentence in report.sentences():
        _out.print(sentence, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(0 if report.ok else 1)


def _parsed(reference: str) -> str:
    """The reference however it was written."""
    from complaints.base import Refused
    from complaints.references import parse

    try:
        return parse(reference)
    except Refused as refused:
        _give_up(refused.sentence)


@app.command()
def recover() -> None:
    """Bring every open complaint back from the record, clocks intact, after Temporal's database was lost."""
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from activities.recovery import recover as recover_all
    from api.deps import Deps
    from workflows.client import EngineAway

    async def run(settings: Settings) -> Recovery:
        deps = Deps.of(settings)
        columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed}"))
        try:
            with Progress(*columns, console=_err) as shown:
                task = shown.add_task("Streams looked at:", total=None)
                return await recover_all(deps.sql, deps.record, deps.engine, lambda: shown.advance(task))
        finally:
            await deps.close()

    try:
        found = _run(run)
    except EngineAway:
        _give_up("Temporal can not be reached; start it and try again (redress doctor says more).")
    for sentence in found.sentences():
        _out.print(sentence, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1 if found.failed else 0)


@app.command()
def doctor() -> None:
    """Say what is configured, reachable and migrated, and what to do about what is not."""
    from ledger import migrate
    from runtime.doctor import examine

    async def run(settings: Settings) -> list[Finding]:
        return await examine(settings, newest_migration=migrate.head())

    findings = _run(run)
    marks = {"good": "ok      ", "warning": "look at ", "wrong": "WRONG   "}
    for finding in findings:
        _out.print(
            f"{marks[finding.state]}{finding.part}: {finding.says}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        if finding.advice:
            _out.print(f"          {finding.advice}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1 if any(finding.state == "wrong" for finding in findings) else 0)


@app.command()
def clock() -> None:
    """Answer questions of deadline arithmetic: JSON lines on standard input, one line of answer for each."""
    from policies.what_if import answer_line

    sensible = True
    for line in sys.stdin:
        if line.strip():
            answer, made_sense = answer_line(line)
            sensible = sensible and made_sense
            sys.stdout.write(f"{answer}\n")
    raise typer.Exit(0 if sensible else 1)


@staff.command("add")
def add_staff(
    login: str,
    *,
    name: Annotated[str, typer.Option(help="As colleagues and letters know them.")],
    email: Annotated[str, typer.Option(help="Where alerts go.")],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    supervisor: Annotated[str | None, typer.Option(help="The supervisor's login.")] = None,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)] = "",
) -> None:
    """Take a person into the directory."""
    from ledger.directory import LoginTaken

    async def run(directory: Directory) -> None:
        above = await _id_of(directory, supervisor) if supervisor else None
        try:
            await directory.add(
                login=login, name=name, email=email, roles=role, password=password, supervisor=above
            )
        except LoginTaken:
            raise SetupError(f"The login “{login}” is taken; choose another.") from None

    _with_directory(run)
    _out.print(f"{login} can sign in now.", markup=False, highlight=False, soft_wrap=True)


@staff.command("token")
def token(
    login: str,
    purpose: Annotated[str, typer.Option(help="What it is for, shown when tokens are reviewed.")] = "",
) -> None:
    """Issue a bearer token for a person's programs; it is shown this once."""

    async def run(directory: Directory) -> str:
        return await directory.issue_token(await _id_of(directory, login), purpose=purpose)

    sys.stdout.write(f"{_with_directory(run)}\n")


@staff.command("revoke-token")
def revoke_token(token: str) -> None:
    """End a token at once; whoever holds it can do nothing more with it."""

    async def run(directory: Directory) -> bool:
        return await directory.revoke_token(token)

    if not _with_directory(run):
        _give_up("There is no live token like this one.")
    _out.print("The token is worth nothing now.", markup=False, soft_wrap=True)


@staff.command("party-token")
def party_token(reference: str, party: Annotated[str, typer.Argument(help="P1, P2 …")]) -> None:
    """Issue a token for a customer's own program; it opens that one complaint. It is shown this once."""

    async def run(directory: Directory) -> str:
        return await directory.issue_party_token(_parsed(reference), party, purpose="command line")

    sys.stdout.write(f"{_with_directory(run)}\n")


@app.command("outbox")
def outbox_(
    resend: Annotated[int | None, typer.Option(help="The number of one to send again.")] = None,
) -> None:
    """List letters and alerts that could not be sent, or send one again. Names no address and no text."""
    from ledger import outbox
    from ledger.database import create_engine

    async def run(settings: Settings) -> list[str]:
        engine = create_engine(settings.database_url)
        try:
            async with engine.begin() as conn:
                if resend is not None:
                    found = await outbox.resend(conn, resend)
                    return [f"{resend} is on its way again." if found else f"{resend} is no dead letter."]
                dead = await outbox.dead_letters(conn)
        finally:
            await engine.dispose()
        return [
            f"{letter.id}  {letter.stream}  {letter.kind} to {letter.recipient.partition(':')[0]}: {letter.last_error}"
            for letter in dead
        ] or ["Nothing is dead."]

    for line in _run(run):
        _out.print(line, markup=False, highlight=False, soft_wrap=True)


async def _id_of(directory: Directory, login: str) -> str:
    for member in await directory.everyone():
        if member.login == login:
            return member.id
    raise SetupError(f"Nobody has the login “{login}”; redress staff add takes people in.")


def _with_directory(call: Any) -> Any:
    from ledger.database import create_engine
    from ledger.directory import Directory

    async def run(settings: Settings) -> Any:
        engine = create_engine(settings.database_url)
        try:
            return await call(Directory(engine))
        finally:
            await engine.dispose()

    return _run(run)


def _run(call: Any) -> Any:
    """Run a command against the service that is configured, or that was last started in the data folder."""
    from sqlalchemy.exc import DBAPIError

    from runtime.settings import load_settings

    try:
        if not {"DATABASE_URL", "REDRESS_DATABASE_URL"} & os.environ.keys():
            folder = Path(os.environ.get("REDRESS_DATA_DIR", ".redress"))
            kept = kept_environment(folder)
            if not kept:
                raise SetupError(
                    f"No service was ever started in {folder.absolute()}. Start one there (redress up), set"
                    " REDRESS_DATA_DIR to the folder of one, or set DATABASE_URL and the other settings."
                )
            for name, value in kept.items():
                os.environ.setdefault(name, value)
        work: Coroutine[Any, Any, Any] = call(load_settings())
        return asyncio.run(work)
    except SetupError as error:
        _give_up(str(error))
    except (DBAPIError, OSError) as error:
        _give_up(
            f"The database can not be reached ({type(error).__name__}); start it and try again"
            " (redress doctor says more)."
        )


def _give_up(sentence: str) -> NoReturn:
    _err.print(sentence, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(2)


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
        _out.print(line, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    app()
