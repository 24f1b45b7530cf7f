"""`python -m tests.imports.importing FILE`: imports a file of 311's as a process, which may be killed."""

import asyncio
import sys
from pathlib import Path

from imports.batches import Shells
from imports.naming import Naming
from imports.running import run_import
from runtime.settings import load_settings
from tests.imports.support import mapping
from tests.support.living import PACK, Living, reaching


def shells(service: Living) -> Shells:
    """What an import stands on, of a service that runs."""
    return Shells(
        sql=service.sql,
        record=service.record,
        texts=service.texts,
        engine=service.engine,
        clock=service.clock,
        naming=Naming(service.settings.master_key_bytes),
    )


async def main(file: Path) -> None:
    """Imports the file into the service that the environment names."""
    async with reaching(load_settings()) as service:
        await run_import(shells(service), file, mapping("nyc311"), PACK)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
