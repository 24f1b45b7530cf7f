"""Packs from YAML files: read with line numbers, checked, and published. For shells; it reads files."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path as FilePath
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from policies.arithmetic.calendars import WEEK, BeyondKnown, Calendar, CalendarError
from policies.arithmetic.countries import CountryNotKnown, country_calendar
from policies.checking.contradictions import contradictions
from policies.layering import PackSource, Place, laid_over
from policies.pack import Pack, Path

PACKS = FilePath(__file__).parent / "packs"
BASES = PACKS / "base"
"""What packs may extend: choices and wordings that no source gives, the same for every organisation at first."""


class Problem(NamedTuple):
    """One thing wrong with a pack: where (line from 1, path of the entry) and what, as a sentence."""

    file: str
    line: int
    path: str
    sentence: str

    def __str__(self) -> str:
        at = f" {self.path}:" if self.path else ""
        return f"{self.file}:{self.line}:{at} {self.sentence}"


class PackError(ValueError):
    """A pack that is refused; `problems` holds everything that is wrong, its text one line for each."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def _refused(source: PackSource, *found: tuple[Path, str]) -> PackError:
    """What is wrong, each with the place of the entry or of the nearest one around it."""
    return PackError(tuple(Problem(*source.place_of(path), spelled(path), text) for path, text in found))


def spelled(path: Path) -> str:
    """A path as people write it: `clocks[2].duration`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def packs_available(*folders: FilePath) -> tuple[FilePath, ...]:
    """The pack files that come with the service, then those of further folders, each by name."""
    return tuple(path for folder in (PACKS, *folders) for path in sorted(folder.glob("*.yaml")))


def load_pack(source: FilePath | str) -> Pack:
    """Read and publish a pack from a file (a Path) or YAML text (a str); PackError says what is wrong."""
    return publish(read_pack(source))


def read_pack(source: FilePath | str) -> PackSource:
    """Read a pack as written, with the line of every entry; PackError where it is not YAML."""
    name = source.name if isinstance(source, FilePath) else "pack"
    try:
        text = source.read_text(encoding="utf-8") if isinstance(source, FilePath) else source
    except (OSError, UnicodeDecodeError) as error:
        raise PackError((Problem(str(source), 1, "", f"the file cannot be read: {error}"),)) from error
    try:
        root = yaml.compose(text, Loader=_PackLoader)
    except yaml.MarkedYAMLError as error:
        line = 1 if error.problem_mark is None else error.problem_mark.line + 1
        raise PackError((Problem(name, line, "", f"this is not YAML: {error.problem}"),)) from error
    except yaml.YAMLError as error:
        raise PackError((Problem(name, 1, "", f"this is not YAML: {error}"),)) from error
    if not isinstance(root, yaml.MappingNode):
        raise PackError((Problem(name, 1, "", "a pack is a mapping of names to values"),))
    lines: dict[Path, int] = {}
    doubles = tuple(_numbered(root, (), lines))
    if doubles:
        raise PackError(
            tuple(Problem(name, line, spelled(path), "this is written twice") for path, line in doubles)
        )
    loader = _PackLoader("")
    try:
        data = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        line = 1 if error.problem_mark is None else error.problem_mark.line + 1
        raise PackError((Problem(name, line, "", f"this is not YAML: {error.problem}"),)) from error
    finally:
        loader.dispose()
    return _extended(PackSource(name, data, {path: Place(name, line) for path, line in lines.items()}))


def _extended(source: PackSource) -> PackSource:
    """The pack over the base, or the pack of the service's own, that it names with `extends`, if it names one."""
    if "extends" not in source.data:
        return source
    named = source.data["extends"]
    below = extendable()
    if not isinstance(named, str) or named not in below:
        raise _refused(
            source,
            (("extends",), f"there is no base or pack called '{named}'; there are: {', '.join(below)}"),
        )
    own = PackSource(
        source.file,
        {name: part for name, part in source.data.items() if name != "extends"},
        source.places,
    )
    laid, wrong = laid_over(read_pack(below[named]), own)
    if wrong:
        raise _refused(laid, *wrong)
    return laid


def extendable() -> dict[str, FilePath]:
    """What a pack may extend, by name: the bases, then the packs that come with the service."""
    return {path.stem: path for folder in (BASES, PACKS) for path in sorted(folder.glob("*.yaml"))}


def publish(source: PackSource) -> Pack:
    """The pack with its country calendars resolved into stored holidays, and checked; PackError otherwise.

    Clocks whose parameter is off are left out. From here on nothing depends on a library's tables.
    """
    data = dict(source.data)
    if isinstance(data.get("calendars"), dict):
        data["calendars"] = {
            name: _resolved(source, ("calendars", name), written)
            for name, written in data["calendars"].items()
        }
    try:
        pack = Pack.model_validate(data)
    except ValidationError as error:
        raise _refused(
            source, *((_own_path(item["loc"]), _sentence(item)) for item in error.errors())
        ) from error
    if found := contradictions(pack):
        raise _refused(source, *found)
    kept = tuple(rule for rule in pack.clocks if rule.only_if is None or pack.parameters[rule.only_if])
    return pack.model_copy(update={"clocks": kept})


def _resolved(source: PackSource, path: Path, written: Any) -> Any:
    """A calendar entry with its `country`, `from_year` and `to_year` turned into that country's holidays.

    What the pack itself says (hours, overrides, more holidays) goes before what the country gives.
    """
    if not isinstance(written, dict) or "country" not in written:
        return written
    own = dict(written)
    code, first, last = own.pop("country"), own.pop("from_year", None), own.pop("to_year", None)
    for key, year in (("from_year", first), ("to_year", last)):
        if not isinstance(year, int | None):
            raise _refused(source, ((*path, key), f"'{year}' is not a year"))
    try:
        country = country_calendar(str(code), first, last)
        mine = Calendar.model_validate({"timezone": country.timezone, **own})
    except (CountryNotKnown, CalendarError) as error:
        raise _refused(source, ((*path, "country"), str(error))) from error
    except ValidationError as error:
        raise _refused(
            source, *(((*path, *_own_path(item["loc"])), _sentence(item)) for item in error.errors())
        ) from error
    hours = mine.hours or country.hours
    opened = next((day for day in WEEK if hours.get(day)), WEEK[0])
    return Calendar(
        timezone=mine.timezone,
        hours=hours,
        holidays={**country.holidays, **mine.holidays},
        overrides=mine.overrides,
        # A make-up day takes the hours of a day that this organisation opens.
        working_dates={**dict.fromkeys(country.working_dates, opened), **mine.working_dates},
        known_from=mine.known_from or country.known_from,
        known_until=mine.known_until or country.known_until,
        beyond_known=BeyondKnown(mine.beyond_known),
    )


def _own_path(loc: tuple[int | str, ...]) -> Path:
    """A pydantic location without the marks that it adds for mapping keys."""
    return tuple(step for step in loc if step != "[key]")


def _sentence(item: Any) -> str:
    message: str = item["msg"].removeprefix("Value error, ")
    if item["type"] == "missing":
        return "this is missing"
    if item["type"] == "extra_forbidden":
        return "a pack has no such entry here"
    if isinstance(item.get("input"), str | int | float | bool | date) and repr(item["input"]) not in message:
        return f"{message[:1].lower()}{message[1:]} (it says {item['input']!r})"
    return message


class _PackLoader(yaml.SafeLoader):
    """YAML without its traps: `no` and `on` are words, 17:00 is a time of day and not 1020, 2025-02-30 a mistake."""


# Dates stay words, too: pydantic reads them, and says of one that does not exist where it stands.
_REPLACED = {f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float", "timestamp")}
_PackLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag not in _REPLACED]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PackLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))
_PackLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile("^(?:0|-?[1-9][0-9]*)$"), list("-0123456789")
)

_DEEPEST = 30  # an alias that holds itself would go on for ever


def _numbered(node: yaml.Node, path: Path, lines: dict[Path, int]) -> Iterator[tuple[Path, int]]:
    """Note the line of every entry; yields the keys that stand twice in one mapping."""
    lines.setdefault(path, node.start_mark.line + 1)
    if len(path) > _DEEPEST:
        return
    if isinstance(node, yaml.SequenceNode):
        for at, item in enumerate(node.value):
            yield from _numbered(item, (*path, at), lines)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*path, str(key.value))
            if below in lines and key.tag != "tag:yaml.org,2002:merge":
                yield below, key.start_mark.line + 1
            lines[below] = key.start_mark.line + 1
            yield from _numbered(value, below, lines)
