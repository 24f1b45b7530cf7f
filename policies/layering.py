"""Packs over one another: what a pack does not say itself is taken from the base, or the pack, that it extends."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from policies.ladders import Ladder
from policies.pack import Path
from policies.rules import ClockRule, OutsideBody, PauseReason, Sourced

OF_ITS_OWN = ("name", "version", "title", "holds_from")
"""What a pack says itself, whatever it extends: it is another pack."""


class Free(NamedTuple):
    """What an entry may say over another's rule of this kind and leave the rule its source: no figure of that.

    `depth` is how many steps into a pack these rules lie; a sourced rule inside one is none of this kind.
    """

    kind: type[Sourced]
    depth: int
    names: tuple[str, ...]


FREE: Mapping[str, Free] = {
    # How it is called, who hears of it, and when it is warned of: what is promised stays as it was.
    "clocks": Free(ClockRule, 2, ("id", "title", "warn_at", "ladder", "ladders_if")),
    "ladders": Free(Ladder, 2, ("id",)),
    "pause_reasons": Free(PauseReason, 2, ("id", "title")),
    "outside_body": Free(OutsideBody, 1, ("contact",)),
}
"""By the part of a pack. Of the sourced rules that are not here nothing may be changed without a basis of its own."""

ADOPTED = ("chosen_by", "since")
"""What has to be said for changing a choice without a basis: it stays one that its source leaves open, another's."""

Found = list[tuple[Path, str]]
"""What is wrong, and where, by the paths of what is laid together."""


class Place(NamedTuple):
    """Where an entry is written: the file's name and the line, from 1."""

    file: str
    line: int


class PackSource(NamedTuple):
    """A pack as written, before countries are resolved: its data, and the place of every entry."""

    file: str
    data: dict[str, Any]
    places: dict[Path, Place]

    def place_of(self, path: Path) -> Place:
        """The place of an entry, or of the nearest one around it that was written."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(self.file, 1))


def laid_over(base: PackSource, own: PackSource) -> tuple[PackSource, Found]:
    """`own` with what it does not say itself taken from `base`, and what it may not say in this way.

    Mappings are taken key by key, lists whole. Clocks are taken one by one, by their id: one that says no `basis`
    changes what it says of the base's, one that does is another rule in its place, and one that the base does not have
    is added. A rule with a source keeps that only with its own figures: whoever changes one says a basis and a source.
    """
    found: Found = []
    own = _clocks_by_id(base, own, found)
    needed = _needed(base, own)
    places = dict(needed.places)
    data = _merged(needed.data, own.data, (), places, found)
    return PackSource(own.file, data, {**places, **own.places}), found


def _clocks_by_id(base: PackSource, own: PackSource, found: Found) -> PackSource:
    """The pack with the clocks of its base among its own, in the base's order, its further ones behind them."""
    ours, theirs = own.data.get("clocks"), base.data.get("clocks")
    if not isinstance(ours, list) or not isinstance(theirs, list):
        return own
    known = {clock["id"]: at for at, clock in enumerate(theirs)}
    clocks: list[Any] = list(theirs)
    places = {path: place for path, place in base.places.items() if _of_a_clock(path)}
    written: dict[Path, Place] = {}
    seen: set[str] = set()
    for number, clock in enumerate(ours):
        named = clock.get("id") if isinstance(clock, dict) else None
        again = isinstance(named, str) and named in seen
        at = known.get(named, len(clocks)) if isinstance(named, str) and not again else len(clocks)
        if isinstance(named, str):
            seen.add(named)
        if again:
            found.append((("clocks", at, "id"), f"there are two clocks called '{named}'"))
        if at == len(clocks):
            clocks.append(clock)
        elif "basis" in clock:
            _forget(places, ("clocks", at))
            clocks[at] = clock
        else:
            clocks[at] = _merged(clocks[at], clock, ("clocks", at), places, found)
        for path, place in own.places.items():
            if path[:2] == ("clocks", number):
                written["clocks", at, *path[2:]] = place
    others = {path: place for path, place in own.places.items() if not _of_a_clock(path)}
    return own._replace(data={**own.data, "clocks": clocks}, places={**others, **places, **written})


def _of_a_clock(path: Path) -> bool:
    return path[:1] == ("clocks",) and len(path) > 1


def _needed(base: PackSource, own: PackSource) -> PackSource:
    """The base without what the pack has no use for.

    That is ladders and pause reasons that no clock of its uses, and authority in currencies not its own.
    """
    used = _used(own.data.get("clocks", base.data.get("clocks")))
    kept = {
        name: {key: part for key, part in section.items() if key in used}
        if name in ("ladders", "pause_reasons")
        else section
        for name, section in base.data.items()
        if name not in OF_ITS_OWN
    }
    currency = own.data.get("currency", base.data.get("currency"))
    limits = base.data.get("authority", [])
    ours = [at for at, limit in enumerate(limits) if limit.get("currency") == currency]
    places = {
        path: place
        for path, place in base.places.items()
        if path and path[0] not in OF_ITS_OWN and (path[0] != "authority" or len(path) == 1)
    }
    for now, before in enumerate(ours):
        for path, place in base.places.items():
            if path[:2] == ("authority", before):
                places["authority", now, *path[2:]] = place
    kept["authority"] = [limits[at] for at in ours]
    return base._replace(data=kept, places=places)


def _used(clocks: Any) -> set[str]:
    """The ladders and pause reasons that these clocks name."""
    written = [clock for clock in _list(clocks) if isinstance(clock, dict)]
    named: list[Any] = []
    for clock in written:
        reasons, choices = (_list(clock.get(part)) for part in ("pauses_on", "ladders_if"))
        named += [clock.get("ladder"), *reasons]
        named += [choice.get("ladder") for choice in choices if isinstance(choice, dict)]
    return {name for name in named if isinstance(name, str)}


def _list(said: Any) -> list[Any]:
    return said if isinstance(said, list) else []


def _merged(
    base: Mapping[str, Any], own: dict[str, Any], at: Path, places: dict[Path, Place], found: Found
) -> dict[str, Any]:
    """`own` over `base`; the places of what is replaced whole are taken out of `places`.

    A rule with a basis of its own is another rule, and takes nothing from the one that it replaces.
    """
    if "basis" in base:
        found += _changed_figures(base, own, at)
    merged = dict(base)
    for name, part in own.items():
        below = base.get(name)
        if isinstance(below, dict) and isinstance(part, dict) and "basis" not in part:
            merged[name] = _merged(below, part, (*at, name), places, found)
            continue
        if name in base:
            _forget(places, (*at, name))
        merged[name] = part
    return merged


def _changed_figures(rule: Mapping[str, Any], own: dict[str, Any], at: Path) -> Found:
    """What an entry without a basis says of a rule that would then stand there under the name of its source.

    A part that is a sourced rule itself, as a clock's extension is, answers for itself. A choice may be changed by
    whoever says that they chose, and since when: its source is the place that leaves it open.
    """
    chosen = rule["basis"] == "choice"
    if chosen and all(name in own for name in ADOPTED):
        return []
    kind = FREE.get(str(at[0]))
    free = kind.names if kind is not None and len(at) == kind.depth else ()
    allowed = (*free, "chosen_by") if chosen else free
    changed = [
        name
        for name, part in own.items()
        if name not in allowed
        and not (isinstance(part, dict) and ("basis" in part or "basis" in _mapping(rule.get(name))))
    ]
    return [((*at, name), _say_so(free, chosen)) for name in changed]


def _say_so(free: tuple[str, ...], chosen: bool) -> str:
    named = [name for name in free if name != "id"]
    rest = f"only {', '.join(named)} may be another" if named else "nothing may be another"
    choice = ", or, as it is a choice, who chose (chosen_by) and since when (since)" if chosen else ""
    return (
        "say the basis and source of your own figure, and the rest of the rule with them"
        f"{choice}: without them {rest}, for the rule keeps the source that it has"
    )


def _mapping(said: Any) -> Mapping[str, Any]:
    return said if isinstance(said, dict) else {}


def _forget(places: dict[Path, Place], replaced: Path) -> None:
    for path in [path for path in places if path[: len(replaced)] == replaced]:
        del places[path]
