"""Recipients: the address that a ladder's word stands for in a case, and whom to ask where there is nobody. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from policies.vocabulary import Role

if TYPE_CHECKING:
    from complaints.case import Case


def each_once(case: Case, words: tuple[str, ...]) -> Iterator[str]:
    """The words of a rung, without those that stand for somebody another word stands for already."""
    told: set[str] = set()
    for who in words:
        to, _ = resolve(case, who)
        if to not in told:
            told.add(to)
            yield who


def resolve(case: Case, who: str) -> tuple[str, str]:
    """The address a ladder's word stands for in this case, and whom to ask where there is nobody."""
    nobody = f"role:{Role.SUPERVISOR}"
    own = case.ownership
    match who:
        case "owner":
            return (f"staff:{own.owner}" if own.owner else nobody), nobody
        case "owner_supervisor":
            return (f"staff:{own.supervisor}" if own.supervisor else nobody), f"role:{Role.DEPARTMENT_HEAD}"
        case _ if who.startswith("person:"):
            return f"staff:{who.removeprefix('person:')}", nobody
        case _ if who.startswith("department:"):
            return who, f"role:{Role.DEPARTMENT_HEAD}"
        case _:
            return who, f"role:{Role.ADMINISTRATOR}"
