"""Commands about permissions: second factors, the history of what people may do, and its regular review."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from cli.people import id_of
from cli.shell import give_up, out, run_configured, who_asks

if TYPE_CHECKING:
    from ledger.directory import Directory
    from ledger.second_factors import NewFactor, SecondFactors
    from ledger.staff_history import Reviewable, StaffChange, StaffHistory
    from runtime.settings import Settings

app = typer.Typer()

_SHOWN = 200


@dataclass(frozen=True)
class _Rooms:
    """What the commands ask."""

    directory: Directory
    factors: SecondFactors
    history: StaffHistory


@app.command("second-factor")
def second_factor(
    login: str,
    off: Annotated[bool, typer.Option("--off", help="Take it away; the password is enough again.")] = False,
) -> None:
    """Give a person a second factor, told this once as a link for an authenticator app; or take it away.

    They are signed out everywhere. Tokens of their programs go on.
    """

    async def give(rooms: _Rooms) -> NewFactor | None:
        return await rooms.factors.give(await id_of(rooms.directory, login), who_asks())

    async def take(rooms: _Rooms) -> bool:
        return await rooms.factors.take_away(await id_of(rooms.directory, login), who_asks())

    if not off:
        new = _with(give)
        sys.stdout.write(f"{new.uri}\n")
    elif _with(take):
        _say(f"{login} signs in with the password alone now.")
    else:
        give_up(f"{login} has no second factor.")


@app.command("history")
def history(login: Annotated[str | None, typer.Argument(help="Of everybody, if left out.")] = None) -> None:
    """Show how permissions changed, the newest first: what of whom, from what to what, by whom, when."""

    async def run(rooms: _Rooms) -> tuple[tuple[StaffChange, ...], dict[str, str]]:
        staff = await id_of(rooms.directory, login) if login else None
        found = await rooms.history.changes(staff=staff, limit=_SHOWN + 1)
        return found, {one.id: one.login for one in await rooms.directory.everyone()}

    found, logins = _with(run)
    table = Table("when", "who", "what", "from", "to", "by", box=None, pad_edge=False)
    for one in found[:_SHOWN]:
        by = logins.get(one.by_whom, one.by_whom)
        table.add_row(
            _at(one.at), logins.get(one.staff, one.staff), one.field, *_cells(one.was, one.became, by)
        )
    out.print(table)
    if len(found) > _SHOWN:
        _say(f"These are the last {_SHOWN}; GET /staff/changes gives the others.")


@app.command("review")
def review() -> None:
    """List everybody with what they may do and when they last signed in, and say whose review is due."""

    async def run(rooms: _Rooms) -> tuple[Reviewable, ...]:
        return await rooms.history.review()

    everybody: tuple[Reviewable, ...] = _with(run)
    titles = (
        "login",
        "name",
        "roles",
        "department",
        "second factor",
        "tokens",
        "last sign-in",
        "reviewed",
        "",
    )
    table = Table(*titles, box=None, pad_edge=False)
    for one in everybody:
        table.add_row(
            *_cells(one.login, one.name, ", ".join(one.roles), one.department),
            "yes" if one.second_factor else "no", str(one.tokens), _at(one.last_sign_in_at),
            _at(one.reviewed_at), "due" if one.due else "" if one.active else "left",
        )  # fmt: skip
    out.print(table)
    due = [one.login for one in everybody if one.due]
    _say(
        f"Not reviewed for 90 days: {', '.join(due)}. Say redress staff reviewed LOGIN for each that is right."
        if due
        else "Everybody was taken in or reviewed within the last 90 days."
    )


@app.command("reviewed")
def reviewed(login: str) -> None:
    """Note that a person's permissions were looked at and are right."""

    async def run(rooms: _Rooms) -> None:
        await rooms.history.reviewed(await id_of(rooms.directory, login), who_asks())

    _with(run)
    _say(f"Noted that what {login} may do is right.")


def _say(sentence: str) -> None:
    out.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _at(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant:%Y-%m-%d %H:%M} UTC"


def _cells(*said: str | None) -> tuple[Any, ...]:
    """As they are: what people are called is no markup."""
    from rich.text import Text

    return tuple(Text(one or "") for one in said)


def _with(call: Any) -> Any:
    from ledger.database import create_engine
    from ledger.directory import Directory
    from ledger.second_factors import SecondFactors
    from ledger.staff_history import StaffHistory

    async def run(settings: Settings) -> Any:
        engine = create_engine(settings.database_url)
        try:
            factors = SecondFactors(engine, settings.master_key_bytes, settings.organisation)
            return await call(_Rooms(Directory(engine), factors, StaffHistory(engine)))
        finally:
            await engine.dispose()

    return run_configured(run)
