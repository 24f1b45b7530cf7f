"""Classes: a pack knows some kinds, severities, tiers, channels and problem types, and no complaint gets another."""

from __future__ import annotations

import pytest

from complaints.base import Refused
from complaints.chapters.intake import ReceiveComplaint
from complaints.chapters.triage import Reclassify, Triage
from policies.pack import ProblemType
from policies.vocabulary import Channel, Kind, Severity, Tier
from tests.complaints.support import PACK, WEI, Story, ana, olga, text

SMALL = PACK.model_copy(
    update={
        "name": "small",
        "kinds": (Kind.COMPLAINT,),
        "severities": (Severity.REGULAR, Severity.COMPLEX),
        "tiers": (Tier.STANDARD,),
        "channels": (Channel.MAIL, Channel.STORE),
        "problem_types": {"lift": ProblemType(title={"en": "Lift"})},
    }
)
TAKEN = {"kind": Kind.COMPLAINT, "severity": Severity.REGULAR, "tier": Tier.STANDARD, "problem_type": "lift"}
STRANGE = [
    {"kind": Kind.ENQUIRY},
    {"severity": Severity.URGENT},
    {"tier": Tier.PREMIUM},
    {"problem_type": "door"},
]


@pytest.mark.parametrize("strange", [*STRANGE, {"channel": Channel.CHAT}])
def test_a_complaint_is_not_received_with_a_class_that_its_pack_does_not_know(
    strange: dict[str, str],
) -> None:
    body = {"channel": Channel.MAIL, **TAKEN, **strange, "parties": (WEI,)}
    with pytest.raises(Refused, match="not_in_pack") as refused:
        Story(ReceiveComplaint.model_validate(body), pack=SMALL)
    assert "small" in refused.value.sentence, "it says which pack it is that does not know it"


@pytest.mark.parametrize("strange", STRANGE)
def test_nor_is_it_classed_so_later(strange: dict[str, str]) -> None:
    story = Story.owned(pack=SMALL)
    assert story.refused(ana, Triage.model_validate({**TAKEN, **strange})) == "not_in_pack"
    story.do(ana, Triage.model_validate(TAKEN))
    other = Reclassify.model_validate({**TAKEN, **strange, "reason": text("It is one.")})
    assert story.refused(ana, other) == "not_in_pack"


def test_a_complaint_does_not_move_to_a_pack_that_does_not_know_its_classes() -> None:
    story = Story.owned()
    story.do(ana, Triage(kind=Kind.ENQUIRY, severity=Severity.REGULAR, tier=Tier.STANDARD))
    with pytest.raises(Refused, match="not_in_pack"):
        story.migrate(olga, SMALL)
