"""The clocks of the retail guide, written out by hand from its digest, each with its due moment.

The on-call example is the guide with other ladders: it keeps the very same promises.

National Day 2025 in China: 1 to 8 October off; Sunday 28 September and Saturday 11 October work.
"""

from __future__ import annotations

from dataclasses import replace

from complaints.chapters.triage import Triage
from policies.vocabulary import FeedbackClass, Kind, Severity, Tier
from tests.complaints.support import ana
from tests.policies import doing
from tests.policies.boundary import Promise

SIMPLE = doing.by(
    ana, Triage(kind=Kind.COMPLAINT, severity=Severity.REGULAR, tier=Tier.STANDARD, simple=True)
)

RETAIL_2025 = (
    Promise(
        line="response | received → acknowledged | 15 min",
        pack="retail-2025", clock="response",
        starts="2025-09-26T17:50:00", due="2025-09-26T18:05:00",
        meets=doing.acknowledge,
    ),
    Promise(
        line="first handling | received → plan proposed (or interim answer) | 30 min",
        pack="retail-2025", clock="first_handling",
        starts="2025-09-26T17:50:00", due="2025-09-26T18:20:00",
        prepare=(doing.take,), meets=doing.plan,
    ),
    Promise(
        line="first handling | received → (plan proposed or) interim answer | 30 min",
        pack="retail-2025", clock="first_handling",
        starts="2025-10-01T23:45:00", due="2025-10-02T00:15:00",
        prepare=(doing.take,), meets=doing.progress,
    ),
    Promise(
        line="S1.1 asks for the problem handled to the end in the same time, on for simple problems | 30 min",
        pack="retail-2025", clock="first_handling_in_full",
        starts="2025-09-26T17:50:00", due="2025-09-26T18:20:00",
        prepare=(SIMPLE, *doing.UNDECIDED), meets=doing.decide,
    ),
    Promise(
        line="complaint response | received → first substantive response, kind complaint | 24 h",
        pack="retail-2025", clock="complaint_response",
        starts="2025-09-30T17:50:00", due="2025-10-01T17:50:00",
        prepare=(doing.take,), meets=doing.progress,
    ),
    Promise(
        line="complaint outcome | received → outcome told to the customer, kind complaint | 48 h",
        pack="retail-2025", clock="complaint_outcome",
        starts="2025-09-30T17:50:00", due="2025-10-02T17:50:00",
        prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
    Promise(
        line="immediate feedback | received → answered, feedback class immediate | 24 h",
        pack="retail-2025", clock="immediate_feedback",
        starts="2025-09-30T17:50:00", due="2025-10-01T17:50:00",
        classes={"kind": Kind.SUGGESTION, "feedback_class": FeedbackClass.IMMEDIATE},
        prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
    Promise(
        line="long-term feedback | received → answered, feedback class long_term | 10 WD",
        pack="retail-2025", clock="long_term_feedback",
        starts="2025-09-26T17:50:00", due="2025-10-17T00:00:00",
        classes={"kind": Kind.SUGGESTION, "feedback_class": FeedbackClass.LONG_TERM},
        prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
    Promise(
        line="systemic feedback | recorded → management's plan, feedback class systemic | default 20 WD",
        pack="retail-2025", clock="systemic_feedback",
        starts="2025-09-26T17:50:00", due="2025-10-31T00:00:00",
        classes={"kind": Kind.SUGGESTION, "feedback_class": FeedbackClass.SYSTEMIC},
        meets=doing.management_plan,
    ),
    Promise(
        line="dispute investigation | raised in dispute → preliminary investigation done | 30 WD",
        pack="retail-2025", clock="dispute_investigation",
        received="2025-09-25T10:00:00", starts="2025-09-26T17:50:00", due="2025-11-14T00:00:00",
        earlier=doing.ANSWERED, begins=doing.dispute,
        prepare=(doing.reviewer,), meets=doing.dispute_findings,
    ),
    Promise(
        line="dispute written reply | dispute investigated → written reply delivered | 7 WD",
        pack="retail-2025", clock="dispute_reply",
        received="2025-09-25T10:00:00", starts="2025-09-26T17:50:00", due="2025-10-14T00:00:00",
        earlier=(*doing.ANSWERED, doing.dispute, doing.reviewer), begins=doing.dispute_findings,
        prepare=(doing.dispute_decision, doing.dispute_draft, doing.dispute_approval),
        meets=doing.dispute_reply_arrives,
    ),
)  # fmt: skip

ON_CALL_EXAMPLE = tuple(replace(promise, pack="on-call-example") for promise in RETAIL_2025)
