"""Authority: how much a person may promise the customers, by the limits of the pack."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from complaints.base import Context, Refused
from complaints.chapters.remedies import Remedy
from policies.vocabulary import Role

if TYPE_CHECKING:
    from complaints.case import Case

_WHOLE_UNITS = frozenset({"CLP", "ISK", "JPY", "KRW", "VND"})
"""Currencies without minor units (ISO 4217, exponent 0)."""


def some_authority(ctx: Context) -> None:
    """Refuse somebody whose roles may approve nothing at all. Raises Refused."""
    limits = ctx.rules.authority
    if not any(limit.role in ctx.actor.roles for limit in limits):
        who = _roles(limit.role for limit in limits)
        raise Refused(
            "above_limit",
            f"Your role may approve no remedy; this may: {who or 'nobody by this pack'}.",
            rule="authority",
            who=who or None,
        )


def total_with(case: Case, remedy: Remedy) -> int:
    """What is promised in this complaint once the remedy is approved, in minor units of its currency.

    0 for what is no money. The limit holds for the sum, so that splitting a remedy does not get round it.
    """
    if remedy.amount is None:
        return 0
    return remedy.amount.minor + case.remedies.promised_minor(remedy.amount.currency, besides=remedy.id)


def within_limit(ctx: Context, total: int, currency: str) -> None:
    """Refuse what is more (in minor units) than the actor may promise, saying who may. Raises Refused."""
    if total <= ctx.rules.authority_limit(ctx.actor.roles, currency):
        return
    able = _roles(
        limit.role
        for limit in ctx.rules.authority
        if limit.currency == currency and limit.up_to_minor >= total
    )
    raise Refused(
        "above_limit",
        f"With this, {_written(total, currency)} would be promised here, more than you may approve; "
        + (f"it may be approved by: {able}." if able else "no role may by this pack; propose less."),
        rule="authority",
        who=able or None,
    )


def _written(minor: int, currency: str) -> str:
    if currency in _WHOLE_UNITS:
        return f"{currency} {minor}"
    return f"{currency} {minor // 100}.{minor % 100:02d}"


def _roles(roles: Iterable[Role]) -> str:
    return ", ".join(dict.fromkeys(role.replace("_", " ") for role in roles))
