"""Commands about duty: teams, deputies, rotas and their calendars, and where people are reached by chat."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.people import id_of
from cli.shell import give_up, out, run_configured, who_asks
from runtime.errors import SetupError

if TYPE_CHECKING:
    from ledger.directory import Directory
    from ledger.duty import Duty
    from runtime.settings import Settings

app = typer.Typer()

_ZONE = typer.Option(help="An IANA zone, such as Asia/Shanghai.")
_HOURS = typer.Option(help="Such as 'mon-fri 09:00-17:00; sat 09:00-12:00'. Left out, at all hours.")


@dataclass(frozen=True)
class _Rooms:
    """What the commands ask; `now` is the service's own time."""

    settings: Settings
    directory: Directory
    duty: Duty
    now: datetime

    async def ids(self, logins: list[str]) -> tuple[str, ...]:
        return tuple([await id_of(self.directory, login) for login in logins])


@app.command("team")
def team(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A short name, such as first-line.")],
    *,
    title: Annotated[str, typer.Option(help="As colleagues know it.")],
    timezone: Annotated[str, _ZONE],
    supervisor: Annotated[str | None, typer.Option(help="Their login.")] = None,
    deputy: Annotated[list[str], typer.Option(help="Stands in for the supervisor; in order, by login.")] = [],  # noqa: B006 - typer's way
    member: Annotated[list[str], typer.Option(help="By login; may be given several times.")] = [],  # noqa: B006
    hours: Annotated[str | None, _HOURS] = None,
) -> None:
    """Make a team, or make it what this says. Outside its hours its members are off duty."""
    from complaints.people.deputising import Team

    async def run(rooms: _Rooms) -> bool:
        above = await rooms.ids([supervisor] if supervisor else [])
        made = _made(
            Team, id=id_, title=title, timezone=timezone, hours=_hours(hours), supervisor=above[0] if above else None,
            deputies=await rooms.ids(deputy), members=await rooms.ids(member),
        )  # fmt: skip
        return await rooms.duty.put_team(made, who_asks())

    _say(f"The team {id_} is {'made' if _with(run) else 'changed'}.")


@app.command("deputies")
def deputies(
    login: str, deputy: Annotated[list[str] | None, typer.Argument(help="Logins, in order.")] = None
) -> None:
    """Say who stands in for a person while they are away; without anybody, nobody does."""

    async def run(rooms: _Rooms) -> None:
        staff, *others = await rooms.ids([login, *(deputy or [])])
        try:
            await rooms.duty.set_deputies(staff, others, who_asks())
        except ValueError as error:
            raise SetupError(str(error)) from None

    _with(run)
    _say(f"{', '.join(deputy)} stand in for {login}." if deputy else f"Nobody stands in for {login}.")


@app.command("rota")
def rota(
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="A short name, as ladders have it: complaints-desk.")
    ],
    *,
    title: Annotated[str, typer.Option(help="As colleagues know it.")],
    timezone: Annotated[str, _ZONE],
    member: Annotated[list[str], typer.Option(help="In the order of turns, by login.")],
    handover: Annotated[
        str | None,
        typer.Option(help="'mon 09:00', or 'daily 08:00'. Left out, duty comes from a calendar: rota-in."),
    ] = None,
    every: Annotated[int, typer.Option(help="So many weeks, or days.")] = 1,
    starts_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Today, if left out.")
    ] = None,
    hours: Annotated[str | None, _HOURS] = None,
) -> None:
    """Make a duty rota, or make it what this says; its calendar's shifts and what was taken over stay."""
    from zoneinfo import ZoneInfo

    from complaints.people.duty import Rota

    async def run(rooms: _Rooms) -> bool:
        fields: dict[str, Any] = {
            "id": id_, "title": title, "timezone": timezone, "members": await rooms.ids(member),
            "handover": _handover(handover, every), "hours": _hours(hours), "starts_on": date(2000, 1, 1),
        }  # fmt: skip
        made = _made(Rota, **fields)
        begins = starts_on.date() if starts_on else rooms.now.astimezone(ZoneInfo(timezone)).date()
        return await rooms.duty.put_rota(made.model_copy(update={"starts_on": begins}), who_asks())

    _say(f"The rota {id_} is {'made' if _with(run) else 'changed'}.")


@app.command("rota-in")
def rota_in(
    id_: Annotated[str, typer.Argument(metavar="ID")],
    file: Annotated[Path, typer.Argument(help="An .ics file.")],
) -> None:
    """Take a rota's shifts, from now on, from a calendar file: all of them, or nothing.

    An event is a member's by an attendee's mail address, or by a title that is their login or name.
    """
    from api.duty_calendar import NotTaken, shifts_of
    from ledger.duty import AHEAD

    try:
        sent = file.read_bytes()
    except OSError as error:
        give_up(f"The file can not be read ({type(error).__name__}).")

    async def run(rooms: _Rooms) -> int:
        found = (await rooms.duty.plan(rooms.now)).rota(id_)
        if found is None:
            raise SetupError(f"There is no rota “{id_}”; redress staff rota makes one.")
        try:
            people = await rooms.directory.everyone()
            shifts = shifts_of(sent, found, people, rooms.now, rooms.now + AHEAD)
        except NotTaken as refused:
            said = "\n".join(
                f"event {fault.event}: {fault.sentence}" if fault.event else fault.sentence
                for fault in refused.faults
            )
            raise SetupError(f"Nothing was taken in.\n{said}") from None
        await rooms.duty.replace_shifts(id_, rooms.now, shifts, who_asks())
        return len(shifts)

    _say(f"{_with(run)} shifts are taken in.")


@app.command("rota-out")
def rota_out(id_: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Write a rota's shifts as a calendar (.ics) to standard output."""
    from api.duty_calendar import calendar_of
    from complaints.people.duty import shifts
    from ledger.duty import AHEAD

    async def run(rooms: _Rooms) -> bytes:
        found = (await rooms.duty.plan(rooms.now)).rota(id_)
        if found is None:
            raise SetupError(f"There is no rota “{id_}”; redress staff rota makes one.")
        plan = shifts(found, rooms.now, rooms.now + AHEAD)
        names = await rooms.directory.names(one.person for one in plan)
        return calendar_of(found, plan, names, rooms.now, "redress")

    sys.stdout.buffer.write(_with(run))


@app.command("chat")
def chat(
    login: str,
    off: Annotated[bool, typer.Option("--off", help="They are not reached by chat any more.")] = False,
) -> None:
    """Keep where a person is reached by chat: an Apprise address, asked for and not shown. It is kept encrypted."""
    from ledger.chat_addresses import LONGEST

    address = None if off else typer.prompt("Address", hide_input=True)
    if address is not None and not (0 < len(address) <= LONGEST and "://" in address):
        give_up("That is no Apprise address; one looks like slack://… or tgram://…")

    async def run(rooms: _Rooms) -> bool:
        from ledger.chat_addresses import ChatAddresses
        from ledger.database import create_engine

        engine = create_engine(rooms.settings.database_url)
        try:
            addresses = ChatAddresses(engine, rooms.settings.master_key_bytes)
            return await addresses.set(await id_of(rooms.directory, login), address, who_asks())
        finally:
            await engine.dispose()

    if not _with(run):
        give_up(f"{login} does not work here any more.")
    _say(f"{login} is {'not ' if off else ''}reached by chat.")


def _made(model: type[Any], **fields: Any) -> Any:
    """A team or rota of what was typed. Raises SetupError with what is wrong."""
    from pydantic import ValidationError

    try:
        return model(**fields)
    except ValidationError as error:
        said = [
            f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors()
        ]
        raise SetupError(f"That is not understood. {'; '.join(said)}") from None


def _handover(words: str | None, every: int) -> dict[str, Any] | None:
    if words is None:
        return None
    day, _, at = words.strip().partition(" ")
    if day == "daily":
        return {"unit": "days", "every": every, "at": at.strip()}
    return {"unit": "weeks", "every": every, "weekday": day, "at": at.strip()}


def _hours(words: str | None) -> dict[str, list[tuple[str, str]]] | None:
    """Weekly hours as they are typed. Raises SetupError."""
    from policies.arithmetic.calendars import WEEK
    from runtime.staff_hours import parse_hours

    if words is None:
        return None
    try:
        windows = parse_hours("; ".join(f"{part.strip()} UTC" for part in words.split(";")))
    except ValueError:
        raise SetupError(
            "Hours are days and times, such as mon-fri 09:00-17:00, several separated by ;"
        ) from None
    found: dict[str, list[tuple[str, str]]] = {}
    for window in windows:
        for day in window.days:
            found.setdefault(WEEK[day], []).append((_clock(window.opens), _clock(window.closes)))
    return found


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _say(sentence: str) -> None:
    out.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _with(call: Any) -> Any:
    from ledger.database import create_engine
    from ledger.directory import Directory
    from ledger.duty import Duty, UnknownPeople

    async def run(settings: Settings) -> Any:
        engine = create_engine(settings.database_url)
        try:
            return await call(_Rooms(settings, Directory(engine), Duty(engine), settings.make_clock().now()))
        except UnknownPeople:
            raise SetupError("Somebody who is named does not work here any more.") from None
        finally:
            await engine.dispose()

    return run_configured(run)
