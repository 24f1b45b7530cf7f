"""The post-mortem: why it happened (5 Whys, fishbone), which cause lay behind it, and what can be learnt from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AwareDatetime, Field

from complaints.base import HANDLING, Coming, Command, Context, Event, Frozen, Happening, Refused, TextRef
from complaints.chapters import actions, pilots
from complaints.chapters.actions import Action, OnPostMortem, responded
from complaints.chapters.issues import CauseClass
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack


class BoneCategory(StrEnum):
    """The six bones of a fishbone: where causes are looked for (Ishikawa)."""

    PEOPLE = "people"
    METHOD = "method"
    MACHINE = "machine"
    MATERIAL = "material"
    MEASUREMENT = "measurement"
    ENVIRONMENT = "environment"


class Bone(Frozen):
    """One possible cause, on the bone that it belongs to."""

    category: BoneCategory
    text: TextRef


class PostMortem(Frozen):
    """The post-mortem of a complaint; a reopening lets it be taken up again with all that is in it."""

    whys: tuple[TextRef, ...] = ()
    cause: CauseClass | None = None
    actions: tuple[Action, ...] = ()
    lessons: tuple[TextRef, ...] = ()
    finished_at: AwareDatetime | None = None
    bones: tuple[Bone, ...] = ()
    library: tuple[str, ...] = ()  # ids of what was put into the case library

    @property
    def begun(self) -> bool:
        return bool(self.whys or self.bones or self.cause or self.actions or self.lessons)

    @property
    def unfinished(self) -> bool:
        """Whether it was begun and is not at its end, or one of its actions is not known to have helped."""
        return (self.begun and self.finished_at is None) or any(a.effective_at is None for a in self.actions)

    def find(self, action: str) -> Action | None:
        return next((item for item in self.actions if item.id == action), None)

    def reopened(self) -> PostMortem:
        return self.model_copy(update={"finished_at": None})


# Events -------------------------------------------------------------------------------------------


class WhysRecorded(OnPostMortem, Event):
    whys: tuple[TextRef, ...]

    def change(self, before: PostMortem, told: Happening) -> dict[str, object]:
        return {"whys": self.whys}


class FishboneRecorded(OnPostMortem, Event):
    bones: tuple[Bone, ...]

    def change(self, before: PostMortem, told: Happening) -> dict[str, object]:
        return {"bones": self.bones}


class CauseClassified(OnPostMortem, Event):
    cause: CauseClass
    text: TextRef

    def change(self, before: PostMortem, told: Happening) -> dict[str, object]:
        return {"cause": self.cause}


class LessonsRecorded(OnPostMortem, Event):
    text: TextRef

    def change(self, before: PostMortem, told: Happening) -> dict[str, object]:
        return {"lessons": (*before.lessons, self.text)}


class PostMortemFinished(OnPostMortem, Event):
    def facts(self) -> tuple[Fact, ...]:
        return (Fact.POST_MORTEM_DONE,)

    def change(self, before: PostMortem, told: Happening) -> dict[str, object]:
        return {"finished_at": told.occurred_at}


# Commands -----------------------------------------------------------------------------------------


class _Finding(Command):
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        responded(case)
        if case.post_mortem.finished_at is not None:
            raise Refused(
                "already_done", "The post-mortem is finished; what else is learnt belongs in a note."
            )


class RecordWhys(_Finding):
    """Ask why, and of the answer why again, up to five times. Writing them again replaces them."""

    title: ClassVar[str] = "Record the whys"

    whys: Annotated[tuple[TextRef, ...], Field(min_length=1, max_length=5)]

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield WhysRecorded(whys=self.whys)


class RecordFishbone(_Finding):
    """Lay out the possible causes on a fishbone, by where they lie. Laying it out again replaces it."""

    title: ClassVar[str] = "Record a fishbone"

    bones: Annotated[tuple[Bone, ...], Field(min_length=1, max_length=24)]

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield FishboneRecorded(bones=self.bones)


class ClassifyCause(_Finding):
    """Say which class of cause lies at the root."""

    title: ClassVar[str] = "Classify the cause"

    cause: CauseClass
    text: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield CauseClassified(cause=self.cause, text=self.text)


class RecordLessons(_Finding):
    """Write down what others can learn from this case."""

    title: ClassVar[str] = "Record lessons"

    text: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield LessonsRecorded(text=self.text)


class FinishPostMortem(_Finding):
    """Finish the post-mortem; its actions run on until each is known to have helped."""

    title: ClassVar[str] = "Finish the post-mortem"

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        super().check(case, ctx)
        missing = []
        if not case.post_mortem.whys:
            missing.append("record the whys")
        if case.post_mortem.cause is None:
            missing.append("classify the cause")
        if missing:
            raise Refused(
                "post_mortem_incomplete", f"Before the post-mortem is finished: {'; '.join(missing)}."
            )

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield PostMortemFinished()


def coming(pack: Pack, case: Case) -> Iterator[Coming]:
    """What time makes of the actions; the findings themselves wait for nobody's clock."""
    yield from actions.coming(pack, case)
    yield from pilots.coming(pack, case)
