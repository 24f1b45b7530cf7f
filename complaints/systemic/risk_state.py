"""A risk as it stands: how likely, how grave, what is done about it, by whom, and until when that holds. Pure.

How grave a risk is follows from this matrix of its likelihood and its impact, each 1 to 5. The service standard
(crm-service S7.2) asks for such a matrix and for four ways of treating a risk; it gives no levels, so these are
a choice of ours, after the matrices of ISO 31010 B.10.3:

    likelihood       impact 1 slight  2 minor  3 moderate  4 serious  5 severe
    5 almost certain        medium    high     high        extreme    extreme
    4 likely                low       medium   high        high       extreme
    3 possible              low       medium   medium      high       high
    2 unlikely              low       low      medium      medium     high
    1 rare                  low       low      low         low        medium
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from complaints.base import Frozen, TextRef

Rating = Annotated[int, Field(ge=1, le=5)]
"""1 to 5: a likelihood from rare to almost certain, an impact from slight to severe."""
LIKELIHOODS = ("rare", "unlikely", "possible", "likely", "almost certain")
IMPACTS = ("slight", "minor", "moderate", "serious", "severe")
"""What the ratings 1 to 5 are called."""


class RiskLevel(StrEnum):
    """How grave a risk is, by the matrix."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    EXTREME = "extreme"


class Treatment(StrEnum):
    """What is done about a risk (crm-service S7.2)."""

    AVOID = "avoid"  # what brings the risk about is not done any more
    REDUCE = "reduce"  # it is made less likely, or less grave
    TRANSFER = "transfer"  # somebody else bears it: an insurer, a supplier
    ACCEPT = "accept"  # it is borne as it is


_L, _M, _H, _X = RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH, RiskLevel.EXTREME
MATRIX: Mapping[int, tuple[RiskLevel, ...]] = {
    5: (_M, _H, _H, _X, _X),
    4: (_L, _M, _H, _H, _X),
    3: (_L, _M, _M, _H, _H),
    2: (_L, _L, _M, _M, _H),
    1: (_L, _L, _L, _L, _M),
}
"""{likelihood: the levels of impacts 1 to 5}, the likeliest first."""


def level_of(likelihood: int, impact: int) -> RiskLevel:
    """How grave a risk is, by the matrix above. Both are 1 to 5; raises KeyError or IndexError for others."""
    if impact < 1:
        raise IndexError(impact)
    return MATRIX[likelihood][impact - 1]


def rated(words: Sequence[str], rating: int) -> str:
    """A rating, 1 to 5, with its word of LIKELIHOODS or IMPACTS: `4 likely`."""
    return f"{rating} {words[rating - 1]}"


class Risk(Frozen):
    """The risk of a systemic issue, as it was last assessed. `owner` is a staff id.

    `overdue` is set once time has said that `review_by` went by without a new assessment. `times` counts the
    assessments, this one included; those before it are in the record.
    """

    likelihood: Rating
    impact: Rating
    treatment: Treatment
    reasons: TextRef
    owner: str
    review_by: AwareDatetime
    assessed_at: AwareDatetime
    times: int = 1
    overdue: bool = False

    @property
    def level(self) -> RiskLevel:
        return level_of(self.likelihood, self.impact)
