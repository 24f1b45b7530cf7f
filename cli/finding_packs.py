"""Which pack a word on the command line means (a file, a name, a name and a published version), or which calendar."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cli.shell import give_up, run_configured
from runtime.installation import kept_environment

if TYPE_CHECKING:
    from policies.arithmetic.calendars import Calendar
    from policies.pack import Pack
    from runtime.settings import Settings


def pack_of(word: str) -> Pack:
    """The pack that is meant. Ends the command with status 2 and sentences where there is none, or a bad one.

    `name@version` is looked for among the files first, then among the packs that were published in the
    configured database; only that needs a database.
    """
    from policies.loading import PackError, load_pack

    name, _, version = word.partition("@")
    try:
        if not version or _is_file(word):
            return load_pack(_file_of(word))
        if not version.isdigit():
            give_up(f"“{version}” is no version; write a number, as in {name}@2.")
        files = {path.stem: path for path in _available()}
        found = load_pack(files[name]) if name in files else None
    except PackError as error:
        give_up(str(error))
    if found is not None and found.version == int(version):
        return found
    return _published(name, int(version))


def pack_files(words: Iterable[str] | None) -> tuple[Path, ...]:
    """The files that are meant; without any words all that come with the service or lie in further folders."""
    return tuple(_file_of(word) for word in words) if words else _available()


class PackCalendars(Mapping[str, "Calendar"]):
    """The calendars that packs give: `retail-2025/cn`, and `cn` alone where no country and no other pack means another.

    The packs are read when the first name is asked for that is no country's. One that is refused gives none.
    """

    def __getitem__(self, name: str) -> Calendar:
        from policies.arithmetic.countries import CountryNotKnown, country_calendar

        if "/" not in name:
            try:
                country_calendar(name)
            except CountryNotKnown:
                pass
            else:
                raise KeyError(name)
        return self._named[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)

    @cached_property
    def _named(self) -> Mapping[str, Calendar]:
        from policies.loading import PackError, load_pack

        whole: dict[str, Calendar] = {}
        alone: dict[str, list[Calendar]] = {}
        for path in _available():
            try:
                pack = load_pack(path)
            except PackError:
                continue
            for name, calendar in pack.calendars.items():
                whole[f"{pack.name}/{name}"] = calendar
                alone.setdefault(name, []).append(calendar)
        same = {name: found[0] for name, found in alone.items() if all(one == found[0] for one in found)}
        return {**same, **whole}


def _available() -> tuple[Path, ...]:
    from policies.loading import packs_available

    named = os.environ.get("REDRESS_PACK_DIRS")
    if named is None:
        kept = kept_environment(Path(os.environ.get("REDRESS_DATA_DIR", ".redress")))
        named = kept.get("REDRESS_PACK_DIRS", "") if kept else ""
    return packs_available(*(Path(folder) for folder in named.split(os.pathsep) if folder))


def _is_file(word: str) -> bool:
    return word.endswith((".yaml", ".yml")) or os.sep in word or Path(word).is_file()


def _file_of(word: str) -> Path:
    if _is_file(word):
        return Path(word)
    files = {path.stem: path for path in _available()}
    if word not in files:
        give_up(
            f"There is no pack “{word}”; there are: {', '.join(sorted(files))}. A file's name ends in .yaml."
        )
    return files[word]


def _published(name: str, version: int) -> Pack:
    from ledger.database import create_engine
    from ledger.packs import load_all

    async def run(settings: Settings) -> tuple[Pack, ...]:
        engine = create_engine(settings.database_url)
        try:
            async with engine.connect() as conn:
                return tuple((await load_all(conn)).values())
        finally:
            await engine.dispose()

    published: dict[str, Pack] = {f"{pack.name}@{pack.version}": pack for pack in run_configured(run)}
    if f"{name}@{version}" not in published:
        there_are = ", ".join(sorted(published)) or "none"
        give_up(f"{name}@{version} was never published here. Published: {there_are}.")
    return published[f"{name}@{version}"]
