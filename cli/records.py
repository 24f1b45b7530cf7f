"""Commands for records: bring them in, verify them, recover them, send again what could not be sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.shell import err, give_up, out, parsed, run_configured, who_asks

if TYPE_CHECKING:
    from activities.watching.recovery import Recovery
    from imports.running import ImportReport
    from ledger.verify import Report
    from policies.pack import Pack
    from runtime.settings import Settings

app = typer.Typer()


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
            with bar(err, file.name) as progress:
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
        report = run_configured(run)
    except (ImportImpossible, PackError) as error:
        give_up(str(error))
    show(out, report)
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

    stream = parsed(reference) if reference else None

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

    report = run_configured(run)
    for sentence in report.sentences():
        out.print(sentence, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def recover() -> None:
    """Bring every open complaint back from the record, clocks intact, after Temporal's database was lost."""
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from activities.watching.recovery import recover as recover_all
    from api.deps import Deps
    from workflows.client import EngineAway

    async def run(settings: Settings) -> Recovery:
        deps = Deps.of(settings)
        columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed}"))
        try:
            with Progress(*columns, console=err) as shown:
                task = shown.add_task("Streams looked at:", total=None)
                return await recover_all(deps.sql, deps.record, deps.engine, lambda: shown.advance(task))
        finally:
            await deps.close()

    try:
        found = run_configured(run)
    except EngineAway:
        give_up("Temporal can not be reached; start it and try again (redress doctor says more).")
    for sentence in found.sentences():
        out.print(sentence, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1 if found.failed else 0)


@app.command("file-customers")
def file_customers() -> None:
    """Put complaints into the files of their customers that came before there were files. Safe to repeat."""
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from activities.customer_files import file_all
    from api.deps import Deps

    async def run(settings: Settings) -> int:
        deps = Deps.of(settings)
        columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed}"))
        try:
            with Progress(*columns, console=err) as shown:
                task = shown.add_task("Complaints looked at:", total=None)
                return await file_all(
                    deps.sql, deps.record, deps.texts, deps.customers, lambda: shown.advance(task)
                )
        finally:
            await deps.close()

    count = run_configured(run)
    out.print(f"{count} addresses were filed.", markup=False, highlight=False, soft_wrap=True)


@app.command("outbox")
def outbox_(
    resend: Annotated[int | None, typer.Option(help="The number of one to send again.")] = None,
    resend_all: Annotated[bool, typer.Option(help="Send all of them again, or those named by:")] = False,
    to: Annotated[str | None, typer.Option(help="The recipient: staff:<id>, webhook:<id> …")] = None,
    channel: Annotated[str | None, typer.Option(help="mail, webhook or chat.")] = None,
    status: Annotated[str | None, typer.Option(help="How the status begins, such as 421.")] = None,
) -> None:
    """List letters and alerts that could not be sent, or send them again. Names no address and no text."""
    from ledger import outbox
    from ledger.database import create_engine

    async def run(settings: Settings) -> list[str]:
        engine = create_engine(settings.database_url)
        try:
            async with engine.begin() as conn:
                if resend is not None:
                    found = await outbox.resend(conn, resend, by=who_asks())
                    return [f"{resend} is on its way again." if found else f"{resend} is no dead letter."]
                if resend_all:
                    count = await outbox.resend_all(
                        conn, recipient=to, channel=channel, error=status, by=who_asks()
                    )
                    return [f"{count} are on their way again."]
                dead = await outbox.dead_letters(conn)
        finally:
            await engine.dispose()
        return [
            f"{letter.id}  {letter.stream}  {letter.kind} to {letter.recipient} by {letter.channel}: "
            f"{letter.last_error}{f', sent again by {letter.resent_by}' if letter.resent_by else ''}"
            for letter in dead
        ] or ["Nothing is dead."]

    for line in run_configured(run):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
