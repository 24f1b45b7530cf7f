"""What the commands share: where they print, how they reach the configured service, how they give up."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console

from runtime.errors import SetupError
from runtime.installation import kept_environment

out = Console()
err = Console(stderr=True)


def run_configured(call: Any) -> Any:
    """Run a command, `async def call(settings)`, against the service that is configured.

    That is the one of the environment, or the one that was last started in the data folder. Exit status 2,
    with a sentence, where there is none or its database is away.
    """
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
        give_up(str(error))
    except (DBAPIError, OSError) as error:
        give_up(
            f"The database can not be reached ({type(error).__name__}); start it and try again"
            " (redress doctor says more)."
        )


def who_asks() -> str:
    """Whom the history of permissions names for a command: `cli:` and the account that gives it."""
    import getpass

    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):  # a container's account may have a number and no name
        return f"cli:{os.getuid()}"


def give_up(sentence: str) -> NoReturn:
    """Say why nothing can be done, and end with status 2."""
    err.print(sentence, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(2)


def parsed(reference: str) -> str:
    """The reference however it was written."""
    from complaints.base import Refused
    from complaints.references import parse

    try:
        return parse(reference)
    except Refused as refused:
        give_up(refused.sentence)
