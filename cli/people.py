"""Commands for the people who work here: taking them in, and tokens for their programs."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.shell import give_up, out, parsed, run_configured, who_asks
from policies.vocabulary import Role
from runtime.errors import SetupError

if TYPE_CHECKING:
    from ledger.directory import Directory
    from runtime.settings import Settings

app = typer.Typer(help="The people who work here.", no_args_is_help=True)


@app.command("add")
def add_staff(
    login: str,
    *,
    name: Annotated[str, typer.Option(help="As colleagues and letters know them.")],
    email: Annotated[str, typer.Option(help="Where alerts go.")],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    supervisor: Annotated[str | None, typer.Option(help="The supervisor's login.")] = None,
    department: Annotated[
        str | None, typer.Option(help="The department's name in the packs, such as logistics.")
    ] = None,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)] = "",
) -> None:
    """Take a person into the directory."""
    from ledger.directory import LoginTaken

    async def run(directory: Directory) -> None:
        above = await id_of(directory, supervisor) if supervisor else None
        try:
            await directory.add(
                login=login,
                name=name,
                email=email,
                roles=role,
                password=password,
                supervisor=above,
                department=department,
                by=who_asks(),
            )
        except LoginTaken:
            raise SetupError(f"The login “{login}” is taken; choose another.") from None

    _with_directory(run)
    out.print(f"{login} can sign in now.", markup=False, highlight=False, soft_wrap=True)


@app.command("away")
def away(
    login: str,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M%z"],
            help="With its zone, such as 2026-05-04T09:00+0800; left out, they are back.",
        ),
    ] = None,
) -> None:
    """Say until when a person is away; the service gives them no complaint before."""

    async def run(directory: Directory) -> bool:
        return await directory.set_away(await id_of(directory, login), until, who_asks())

    if not _with_directory(run):
        give_up(f"{login} does not work here any more.")
    said = f"{login} is back." if until is None else f"{login} is away until {until.isoformat()}."
    out.print(said, markup=False, highlight=False, soft_wrap=True)


@app.command("token")
def token(
    login: str,
    purpose: Annotated[str, typer.Option(help="What it is for, shown when tokens are reviewed.")] = "",
) -> None:
    """Issue a bearer token for a person's programs; it is shown this once."""

    async def run(directory: Directory) -> str:
        return await directory.issue_token(await id_of(directory, login), purpose=purpose, by=who_asks())

    sys.stdout.write(f"{_with_directory(run)}\n")


@app.command("revoke-token")
def revoke_token(token: str) -> None:
    """End a token at once; whoever holds it can do nothing more with it."""

    async def run(directory: Directory) -> bool:
        return await directory.revoke_token(token, who_asks())

    if not _with_directory(run):
        give_up("There is no live token like this one.")
    out.print("The token is worth nothing now.", markup=False, soft_wrap=True)


@app.command("party-token")
def party_token(reference: str, party: Annotated[str, typer.Argument(help="P1, P2 …")]) -> None:
    """Issue a token for a customer's own program; it opens that one complaint. It is shown this once."""

    async def run(directory: Directory) -> str:
        return await directory.issue_party_token(parsed(reference), party, purpose="command line")

    sys.stdout.write(f"{_with_directory(run)}\n")


async def id_of(directory: Directory, login: str) -> str:
    """The id of the person with this login, there or gone. Raises SetupError."""
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

    return run_configured(run)
