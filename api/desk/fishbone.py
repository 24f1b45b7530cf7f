"""The fishbone as a picture: six bones on a spine, each cause a number that the list beside it tells in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.desk.words import headed
from complaints.base import TextRef
from complaints.chapters.post_mortem import Bone, BoneCategory

WIDTH = 300
"""Units, about as many pixels as a narrow screen has: the picture is readable there as it is."""
_SPINE = (8, 264)
_MEETS = (84, 166, 248)
"""Where bones meet the spine: one above it and one below at each."""
_LEANS = 44
_FIRST, _APART = 20, 20
_LABEL = 16


@dataclass(frozen=True)
class Cause:
    """One cause: its number, and where that stands in the picture."""

    number: int
    x: float
    y: float
    text: TextRef


@dataclass(frozen=True)
class BoneDrawn:
    """One bone from its outer end (x, y) to the spine; `label_y` is the base line of its name."""

    name: str
    x: int
    y: int
    meets: int
    label_y: int
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class Fish:
    """Everything that is drawn, in units of a picture WIDTH wide; y grows downwards."""

    height: int
    spine: int
    description: str
    bones: tuple[BoneDrawn, ...]

    @property
    def width(self) -> int:
        return WIDTH

    @property
    def tail(self) -> int:
        return _SPINE[0]

    @property
    def head(self) -> int:
        return _SPINE[1]


def drawn(bones: Sequence[Bone]) -> Fish | None:
    """The picture of a complaint's fishbone; None where none was recorded.

    Causes are numbered bone by bone, in the order in which they were written.
    """
    if not bones:
        return None
    by_bone = {
        category: [bone.text for bone in bones if bone.category is category] for category in BoneCategory
    }
    kinds = tuple(BoneCategory)
    upper, lower = kinds[: len(_MEETS)], kinds[len(_MEETS) :]
    above, below = (_length(max(len(by_bone[kind]) for kind in half)) for half in (upper, lower))
    spine = _LABEL + above
    made: list[BoneDrawn] = []
    number = 0
    for half, length, side in ((upper, above, -1), (lower, below, 1)):
        for kind, meets in zip(half, _MEETS, strict=True):
            causes: list[Cause] = []
            for place, text in enumerate(by_bone[kind]):
                number += 1
                away = _FIRST + place * _APART
                causes.append(
                    Cause(number, round(meets - _LEANS * away / length, 1), spine + side * away, text)
                )
            end = spine + side * length
            label_y = end - 5 if side < 0 else end + 13
            made.append(BoneDrawn(headed(kind), meets - _LEANS, end, meets, label_y, tuple(causes)))
    return Fish(spine + below + _LABEL + 4, spine, _described(made), tuple(made))


def _length(most: int) -> int:
    """How long the bones of one side are, with room for the causes of the fullest."""
    return _FIRST + max(most, 2) * _APART


def _described(bones: Sequence[BoneDrawn]) -> str:
    told = (
        f"{bone.name}: {', '.join(str(cause.number) for cause in bone.causes) or 'none'}" for bone in bones
    )
    return "; ".join(told) + ". The list below says what each number is."
