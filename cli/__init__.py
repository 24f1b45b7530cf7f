"""The `redress` command put together: start the service, keep records, people and packs.

Each command imports what it stands on when it is given, so that the small ones answer at once.
"""

from __future__ import annotations

import typer

from cli import duty, packs, people, permissions, records, service
from cli.service import prepare

__all__ = ["app", "prepare"]

app = typer.Typer(
    help="Start the service, import records, verify, recover, examine, keep its people, and read its packs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(service.app)
app.add_typer(records.app)
app.add_typer(packs.app)
people.app.add_typer(permissions.app)
people.app.add_typer(duty.app)
app.add_typer(people.app, name="staff")
