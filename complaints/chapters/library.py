"""The case library: what a case teaches, written anew without anybody's data, so that it outlives the complaint.

The words themselves lie in the library and not among the texts of the complaint, for they are to stay when
those are erased. The record holds only that an entry was made, by whom, and how the case was classed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from complaints.base import Command, Context, Event, Happening, Refused, TextRef
from complaints.chapters.actions import OnPostMortem, responded
from complaints.chapters.issues import CauseClass
from policies.vocabulary import Role

if TYPE_CHECKING:
    from complaints.case import Case
    from complaints.chapters.post_mortem import PostMortem

LIBRARIANS = frozenset({Role.SUPERVISOR, Role.DEPARTMENT_HEAD, Role.COMPLIANCE_OFFICER})
"""Who puts something into the library, and takes it out again."""

_MOST = 20
"""Entries that one complaint can have: what teaches more than this is several cases."""


class LibraryEntryMade(OnPostMortem, Event):
    """What the case teaches stands in the library under the id `entry`. Writing it is no hand in the case."""

    hand: ClassVar[bool] = False

    entry: str
    cause: CauseClass | None = None
    problem_type: str | None = None

    def change(self, before: PostMortem, told: Happening) -> dict[str, object]:
        return {"library": (*before.library, self.entry)}


class PutInLibrary(Command):
    """Write down for everybody what this case teaches. Write it anew, so that nobody can be recognised."""

    title: ClassVar[str] = "Put into the case library"
    who: ClassVar[frozenset[Role]] = LIBRARIANS
    when_ended: ClassVar[bool] = True

    heading: TextRef
    lesson: TextRef
    confirmed: bool

    @property
    def entry(self) -> str:
        """The id of the entry; the same command sent again makes no other.

        It holds the id of its lesson, but not as that stands in the record for a text of the complaint:
        the encrypted copies that every command's texts have are no part of the record, and are swept away.
        """
        return self.lesson.id.replace("-", "")

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if case.erased is not None:
            raise Refused("erased", "The texts of this complaint were erased; nothing can be added to it.")
        responded(case)
        if len(case.post_mortem.library) >= _MOST:
            raise Refused(
                "library_full",
                f"This complaint has {_MOST} entries in the library; that is as many as it can.",
            )

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if not self.confirmed:
            raise Refused(
                "not_confirmed",
                "What goes into the library stays when the complaint is erased: confirm that nobody can be"
                " recognised from it, or write it so that nobody can.",
            )
        yield LibraryEntryMade(entry=self.entry, cause=case.post_mortem.cause, problem_type=case.problem_type)
