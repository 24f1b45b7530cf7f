"""Commands for policy packs: check, show, compare and try them, and ask their arithmetic."""

from __future__ import annotations

import json
import sys
from collections.abc import Sized
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.finding_packs import PackCalendars, pack_files, pack_of
from cli.shell import err, give_up, out
from runtime.clock import Clock

app = typer.Typer()
pack_app = typer.Typer(help="Policy packs: what an organisation promises.", no_args_is_help=True)
app.add_typer(pack_app, name="pack")

_WHICH = "A pack's name, name@version, or YAML file."


@app.command()
def clock() -> None:
    """Answer questions of deadline arithmetic: JSON lines on standard input, one line of answer for each."""
    from policies.arithmetic.what_if import answer_line

    sensible, calendars = True, PackCalendars()
    for line in sys.stdin.buffer:
        if line.strip():
            answer, made_sense = answer_line(line, calendars)
            sensible = sensible and made_sense
            sys.stdout.buffer.write(f"{answer}\n".encode())
            sys.stdout.buffer.flush()  # whoever asks may wait for each answer before asking on
    raise typer.Exit(0 if sensible else 1)


@pack_app.command()
def check(
    packs: Annotated[
        list[str] | None, typer.Argument(help="Names or YAML files; all there are without any.")
    ] = None,
) -> None:
    """Say of each pack that it is sound, or every problem with file, line, path and a sentence. Exit status 1 then."""
    from policies.checking.reviewing import warnings
    from policies.loading import PackError, publish, read_pack

    sound = True
    for file in pack_files(packs):
        try:
            pack = publish(read_pack(file))
        except PackError as error:
            sound = False
            for problem in error.problems:
                _say(str(problem))
            continue
        _say(f"ok  {pack.name} version {pack.version}, {_counted(pack.clocks)}")
        for warning in warnings(pack):
            _say(f"    warning: {warning}")
    raise typer.Exit(0 if sound else 1)


@pack_app.command()
def show(
    pack: Annotated[str, typer.Argument(help=_WHICH)],
    language: Annotated[str, typer.Option(help="Of the pack's own texts: en, zh …")] = "en",
    as_json: Annotated[
        bool, typer.Option("--json", help="The pack in its canonical form, as it is published.")
    ] = False,
) -> None:
    """Show what a pack promises, to whom, in what time, and where each figure stands."""
    from cli.pack_tables import tables

    found = pack_of(pack)
    if as_json:
        sys.stdout.write(f"{found.canonical()}\n")
        return
    if language not in found.languages:
        give_up(f"{found.name} has no texts in “{language}”; it has them in {', '.join(found.languages)}.")
    for table in tables(found, language):
        out.print(table, markup=False, highlight=False)


@pack_app.command()
def diff(
    old: Annotated[str, typer.Argument(help=_WHICH)],
    new: Annotated[str, typer.Argument(help=_WHICH)],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array of changes.")] = False,
) -> None:
    """Say what changes for whom from one pack to another. Exit status 0 where nothing does, 1 where something does."""
    from policies.difference.differences import differences

    changes = differences(pack_of(old), pack_of(new))
    if as_json:
        told = [change.model_dump(mode="json") for change in changes]
        sys.stdout.write(f"{json.dumps(told, ensure_ascii=False, indent=2)}\n")
    else:
        group = None
        for change in changes:
            if change.group != group:
                group = change.group
                _say(group)
            _say(f"  {change}")
        if not changes:
            _say("They say the same.")
    raise typer.Exit(1 if changes else 0)


@pack_app.command()
def simulate(
    pack: Annotated[str, typer.Argument(help=_WHICH)],
    file: Annotated[Path, typer.Argument(help="A CSV file, one complaint a row.")],
    *,
    mapping: Annotated[Path, typer.Option(help="A YAML file that says what its columns mean.")],
    as_json: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    chart: Annotated[Path | None, typer.Option(help="Write a picture here (SVG).")] = None,
    now: Annotated[
        str | None, typer.Option(help="As of this instant, such as 2026-01-01T00:00:00Z; now without it.")
    ] = None,
    named: Annotated[
        bool, typer.Option("--named", help="Complainants left a name, though the file leaves it out.")
    ] = False,
) -> None:
    """Try a pack on real rows: which clocks would have been met, warned of and breached, by kind and channel."""
    from imports.chart import chart as drawn
    from imports.console import bar
    from imports.mapping import load
    from imports.reading import ImportImpossible
    from imports.simulated_table import show as show_simulated
    from imports.simulating import simulate as run

    try:
        with bar(err, file.name) as progress:
            found = run(pack_of(pack), file, load(mapping), _instant(now), named=named, progress=progress)
    except ImportImpossible as impossible:
        give_up(str(impossible))
    show_simulated(out, found)
    for path, written in ((as_json, found.model_dump_json(indent=2) + "\n"), (chart, drawn(found))):
        if path is not None:
            _write(path, written)


def _instant(written: str | None) -> datetime:
    if written is None:
        return Clock().now()
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        give_up(f"“{written}” is no instant; write one as in 2026-01-01T00:00:00Z.")
    if instant.tzinfo is None:
        give_up(f"“{written}” has no offset from UTC; write one as in 2026-01-01T00:00:00Z.")
    return instant.astimezone(UTC)


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        give_up(f"{path.name} can not be written: {error.strerror}.")


@pack_app.command()
def preview(
    pack: Annotated[str, typer.Argument(help=_WHICH)],
    kind: Annotated[
        str | None, typer.Argument(help="A kind of letter or alert; without one, those there are.")
    ] = None,
    language: Annotated[str, typer.Option(help="Of the pack's own texts: en, zh …")] = "en",
    as_html: Annotated[
        bool, typer.Option("--html", help="The mail's HTML instead of its plain text.")
    ] = False,
) -> None:
    """Show what a mail looks like, with values that are made up. Exit status 1 where its subject tells too much."""
    from activities.delivery.previews import kinds
    from activities.delivery.previews import preview as previewed
    from activities.delivery.render import Sender

    found = pack_of(pack)
    if kind is None:
        for known in kinds(found):
            _say(known)
        return
    if kind not in found.letters:
        give_up(f"{found.name} has no letter “{kind}”; it has: {', '.join(kinds(found))}.")
    if language not in found.letters[kind]:
        give_up(f"{found.name} has “{kind}” in {', '.join(found.letters[kind])}, not in “{language}”.")
    sender = Sender("Example organisation", "complaints@redress.example", "https://complaints.example.org")
    seen = previewed(sender, found, kind, language)
    _say(f"Subject: {seen.subject}")
    sys.stdout.write(f"\n{seen.html if as_html else seen.text}")
    if seen.telling:
        err.print(f"Strangers read the subject; it may not tell: {', '.join(seen.telling)}.", markup=False)
        raise typer.Exit(1)


@pack_app.command()
def schema() -> None:
    """Print the JSON Schema of a pack's file, by which an editor completes and checks it."""
    from policies.schema import schema_text

    sys.stdout.write(schema_text())


def _say(line: str) -> None:
    out.print(line, markup=False, highlight=False, soft_wrap=True)


def _counted(clocks: Sized) -> str:
    return "1 clock" if len(clocks) == 1 else f"{len(clocks)} clocks"
