"""Packs over one another: what a pack does not say itself is taken from the base, or the pack, that it extends."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from policies.pack import Path

OF_ITS_OWN = ("name", "version", "title", "holds_from")
"""What a pack says itself, whatever it extends: it is another pack."""


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


def laid_over(base: PackSource, own: PackSource) -> PackSource:
    """`own` with what it does not say itself taken from `base`: mappings key by key, lists whole.

    Clocks are taken one by one, by their id: one that says no `basis` changes what it says of the base's, one that
    does is another rule in its place, and one that the base does not have is added.
    """
    own = _clocks_by_id(base, own)
    needed = _needed(base, own)
    places = dict(needed.places)
    data = _merged(needed.data, own.data, (), places)
    return PackSource(own.file, data, {**places, **own.places})


def _clocks_by_id(base: PackSource, own: PackSource) -> PackSource:
    """The pack with the clocks of its base among its own, in the base's order, its further ones behind them."""
    ours, theirs = own.data.get("clocks"), base.data.get("clocks")
    if not isinstance(ours, list) or not isinstance(theirs, list):
        return own
    known = {clock["id"]: at for at, clock in enumerate(theirs)}
    clocks: list[Any] = list(theirs)
    places = {path: place for path, place in base.places.items() if _of_a_clock(path)}
    written: dict[Path, Place] = {}
    for number, clock in enumerate(ours):
        named = clock.get("id") if isinstance(clock, dict) else None
        at = (
            known.pop(named, None) if isinstance(named, str) else None
        )  # a second of that name is one too many
        if at is None:
            at = len(clocks)
            clocks.append(clock)
        elif "basis" in clock:
            _forget(places, ("clocks", at))
            clocks[at] = clock
        else:
            clocks[at] = _merged(clocks[at], clock, ("clocks", at), places)
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
    base: Mapping[str, Any], own: dict[str, Any], at: Path, places: dict[Path, Place]
) -> dict[str, Any]:
    """`own` over `base`; the places of what is replaced whole are taken out of `places`.

    A rule with a basis of its own is another rule, and takes nothing from the one that it replaces.
    """
    merged = dict(base)
    for name, part in own.items():
        below = base.get(name)
        if isinstance(below, dict) and isinstance(part, dict) and "basis" not in part:
            merged[name] = _merged(below, part, (*at, name), places)
            continue
        if name in base:
            _forget(places, (*at, name))
        merged[name] = part
    return merged


def _forget(places: dict[Path, Place], replaced: Path) -> None:
    for path in [path for path in places if path[: len(replaced)] == replaced]:
        del places[path]
