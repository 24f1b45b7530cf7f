"""Standing: who speaks for the customer, whose eyes are fresh enough to approve, whom a letter can reach."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from complaints.base import Actor, Refused, TextRef
from complaints.chapters.letters import LetterKind, LetterQueued, letter
from policies.vocabulary import Role

if TYPE_CHECKING:
    from complaints.case import Case

APPROVING = frozenset({Role.APPROVER, Role.SUPERVISOR, Role.DEPARTMENT_HEAD})
"""Who may approve what somebody else has written."""


def still_open(case: Case) -> None:
    """Refuse where the complaint is closed and nothing has opened it again. Raises Refused."""
    if not case.open and not case.dispute.open:
        raise Refused("closed", "This complaint is closed; reopen it first.")


def texts_remain(case: Case) -> None:
    """Refuse where nothing may be written any more. Raises Refused.

    For commands that outlive the case's end, which nobody else asks about erasure.
    """
    if case.erased is not None:
        raise Refused("erased", "The texts of this complaint were erased; nothing can be added to it.")


def speaks_for_customer(case: Case, actor: Actor) -> None:
    """Refuse whoever can not say what the customer wants. Raises Refused.

    A party of the complaint can, unless their authority was revoked; so can the owner, or someone set
    above owners, who records what the customer said.
    """
    if actor.is_staff:
        if case.ownership.owner != actor.id and not actor.has(Role.SUPERVISOR, Role.DEPARTMENT_HEAD):
            raise Refused(
                "not_the_owner",
                "Only the owner, or a supervisor, may record what the customer says; tell the owner.",
                who="complainant, owner, supervisor, department head",
            )
        return
    party = next((party for party in case.parties if f"party:{party.id}" == actor.id), None)
    if party is None and case.parties:
        raise Refused("not_a_party", "You are not a party to this complaint; use the link you were sent.")
    if party is not None and party.revoked_at is not None:
        raise Refused(
            "authority_revoked",
            "Your authority was revoked; the customer has to answer, or name somebody anew.",
        )


def fresh_eyes(case: Case, actor: Actor, makers: Collection[str], made: str) -> None:
    """Refuse an approver who made the thing or has a conflict; `made` ends “You …”. Raises Refused."""
    if actor.id in makers:
        raise Refused("self_approval", f"You {made}; someone else has to approve it.")
    unconflicted(case, actor)


def unconflicted(case: Case, actor: Actor) -> None:
    """Refuse somebody with a declared conflict of interest. Raises Refused."""
    if actor.id in case.ownership.conflicted:
        raise Refused(
            "conflict_declared", "You have a conflict of interest here; somebody else has to decide this."
        )


def letter_to_customer(case: Case, kind: LetterKind, text: TextRef | None, instead: str) -> LetterQueued:
    """The letter; `instead` says what to do where there is nobody to write to. Raises Refused."""
    queued = letter(case, kind, text)
    if queued is None:
        raise Refused("nobody_to_write_to", f"Nobody can be written to in this complaint; {instead}.")
    return queued
