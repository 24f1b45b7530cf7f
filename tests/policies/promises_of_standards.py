"""The clocks of the five standards, written out by hand from their digests, each with its due moment.

National Day 2025 in China: 1 to 8 October off; Sunday 28 September and Saturday 11 October work.
"""

from __future__ import annotations

from policies.vocabulary import Channel, Kind, Severity, Tier
from tests.complaints.support import dora, emil
from tests.policies import doing
from tests.policies.boundary import Promise
from tests.policies.promises_of_retail import RETAIL_2025

INVESTIGATED = (*doing.UNDECIDED, doing.contact, doing.plan)

HIGH_END_SERVICE = (
    Promise(
        line="first feedback (tier 1) | received → first feedback, automatic (or human) | 15 min",
        pack="high-end-service", clock="first_feedback",
        starts="2025-09-30T23:50:00", due="2025-10-01T00:05:00",
        meets=doing.arrives("receipt"),
    ),
    Promise(
        line="first feedback (tier 1) | received → first feedback, (automatic or) human | 15 min",
        pack="high-end-service", clock="first_feedback",
        starts="2025-10-04T03:00:00", due="2025-10-04T03:15:00",
        meets=doing.acknowledge,
    ),
    Promise(
        line="high-end response | received → acknowledged, customer tier premium | 4 h",
        pack="high-end-service", clock="high_end_response",
        starts="2025-10-01T22:00:00", due="2025-10-02T02:00:00",
        classes={"tier": Tier.PREMIUM},
        meets=doing.acknowledge,
    ),
    Promise(
        line="initial response | received → acknowledged | 24 h",
        pack="high-end-service", clock="initial_response",
        starts="2025-09-30T17:50:00", due="2025-10-01T17:50:00",
        meets=doing.acknowledge,
    ),
    Promise(
        line="preliminary investigation | accepted → finding recorded and customer contacted | 48 h",
        pack="high-end-service", clock="preliminary_investigation",
        received="2025-09-30T17:50:00", starts="2025-10-01T09:00:00", due="2025-10-03T09:00:00",
        begins=doing.take, prepare=(doing.finding,), meets=doing.contact,
    ),
    Promise(
        line="preliminary investigation | accepted → customer contacted and finding recorded | 48 h",
        pack="high-end-service", clock="preliminary_investigation",
        received="2025-09-26T17:50:00", starts="2025-09-27T09:00:00", due="2025-09-29T09:00:00",
        begins=doing.take, prepare=(doing.contact,), meets=doing.finding,
    ),
    Promise(
        line="preliminary investigation of one who can not be contacted: the cause alone | 48 h",
        pack="high-end-service", clock="cause_confirmed",
        received="2025-09-30T17:50:00", starts="2025-10-01T09:00:00", due="2025-10-03T09:00:00",
        anonymous=True, begins=doing.take, meets=doing.finding,
    ),
    Promise(
        line="second response (tier 2) | received → resolved | 48 h",
        pack="high-end-service", clock="second_response",
        starts="2025-10-03T12:00:00", due="2025-10-05T12:00:00",
        prepare=INVESTIGATED, meets=doing.decide,
    ),
    Promise(
        line="handling | received → resolved | 72 h",
        pack="high-end-service", clock="handling",
        starts="2025-10-03T12:00:00", due="2025-10-06T12:00:00",
        prepare=INVESTIGATED, meets=doing.decide,
    ),
    Promise(
        line="written feedback | resolved → written feedback delivered | 3 WD",
        pack="high-end-service", clock="written_feedback",
        received="2025-09-29T09:00:00", starts="2025-09-29T17:00:00", due="2025-10-11T00:00:00",
        earlier=INVESTIGATED, begins=doing.decide,
        prepare=(doing.draft, doing.approve, doing.send), meets=doing.response_arrives,
    ),
    Promise(
        line="senior review (tier 3) | resolved → reviewed and followed up by a senior | default 3 WD",
        pack="high-end-service", clock="senior_review",
        received="2025-09-26T09:00:00", starts="2025-09-26T17:50:00", due="2025-10-01T00:00:00",
        earlier=INVESTIGATED, begins=doing.decide, meets=doing.senior_review,
    ),
    Promise(
        line="closed loop: … then a post-mortem of the handling (15 WD are a choice)",
        pack="high-end-service", clock="post_mortem",
        received="2025-09-30T09:00:00", starts="2025-09-30T10:00:00", due="2025-10-29T00:00:00",
        earlier=INVESTIGATED, begins=doing.decide,
        prepare=(doing.draft, doing.approve, doing.send, doing.response_arrives, doing.whys, doing.cause),
        meets=doing.finish_post_mortem,
    ),
)  # fmt: skip

ENQUIRY = {"kind": Kind.ENQUIRY}
REQUEST = {"kind": Kind.SERVICE_REQUEST}
URGENT = {"severity": Severity.URGENT}
COMPLEX = {"severity": Severity.COMPLEX}
FINDING = doing.FINDING
SUPERVISED = (doing.take_as_supervisor, doing.issue, doing.by(dora, FINDING))
HEADED = (doing.take_as_head, doing.issue, doing.by(emil, FINDING))

SERVICE_CENTRE = (
    Promise(
        line="enquiry response | received → acknowledged | 30 min",
        pack="service-centre", clock="enquiry_response",
        starts="2025-09-26T17:50:00", due="2025-09-26T18:20:00",
        classes=ENQUIRY, meets=doing.acknowledge,
    ),
    Promise(
        line="service request response | received → acknowledged, kind service_request | 10 min",
        pack="service-centre", clock="service_request_response",
        starts="2025-09-30T23:55:00", due="2025-10-01T00:05:00",
        classes=REQUEST, meets=doing.acknowledge,
    ),
    Promise(
        line="urgent response | received → acknowledged, severity urgent | 5 min (S4.1)",
        pack="service-centre", clock="urgent_response",
        starts="2025-10-04T23:57:00", due="2025-10-05T00:02:00",
        classes=URGENT, meets=doing.acknowledge,
    ),
    Promise(
        line="urgent response | received → acknowledged, severity urgent | 24 h outer limit (S3.1)",
        pack="service-centre", clock="urgent_response_limit",
        starts="2025-09-30T17:50:00", due="2025-10-01T17:50:00",
        classes=URGENT, meets=doing.acknowledge,
    ),
    Promise(
        line="service request done | received → done and the customer told, kind service_request | 24 h",
        pack="service-centre", clock="service_request_done",
        starts="2025-09-30T17:50:00", due="2025-10-01T17:50:00",
        classes=REQUEST, prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
    Promise(
        line="problem solved | received → resolved, severity regular | 24 h",
        pack="service-centre", clock="problem_solved",
        starts="2025-09-30T17:50:00", due="2025-10-01T17:50:00",
        classes=ENQUIRY, prepare=doing.UNDECIDED, meets=doing.decide_as_supervisor,
    ),
    Promise(
        line="complex problem solved | received → resolved, severity complex | 48 h",
        pack="service-centre", clock="complex_problem_solved",
        starts="2025-09-30T17:50:00", due="2025-10-02T17:50:00",
        classes=COMPLEX, prepare=SUPERVISED, meets=doing.decide_as_head,
    ),
    Promise(
        line="complaint handling | received → resolved, kind complaint | 48 h",
        pack="service-centre", clock="complaint_handling",
        starts="2025-10-03T12:00:00", due="2025-10-05T12:00:00",
        prepare=doing.UNDECIDED, meets=doing.decide_as_head,
    ),
    Promise(
        line="complaint preliminary investigation | received → finding recorded | 3 WD",
        pack="service-centre", clock="complaint_investigation",
        starts="2025-09-29T17:50:00", due="2025-10-11T00:00:00",
        prepare=(doing.take,), meets=doing.finding,
    ),
    Promise(
        line="complaint outcome | received → outcome given to the customer | 7 WD (outer limit)",
        pack="service-centre", clock="complaint_outcome",
        starts="2025-09-26T17:50:00", due="2025-10-14T00:00:00",
        prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
    Promise(
        line="feedback handled | feedback received → handled | 24 h",
        pack="service-centre", clock="feedback_handled",
        received="2025-09-30T09:00:00", starts="2025-09-30T17:50:00", due="2025-10-01T17:50:00",
        earlier=(doing.take,), begins=doing.write, meets=doing.answer,
    ),
    Promise(
        line="result fed back | received → outcome given to the customer | 72 h",
        pack="service-centre", clock="result_fed_back",
        starts="2025-09-30T17:50:00", due="2025-10-03T17:50:00",
        prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
    Promise(
        line="three tiers, each with its own time limit: the agent (12 h are a choice)",
        pack="service-centre", clock="tier_1_time",
        starts="2025-09-30T17:50:00", due="2025-10-01T05:50:00",
        prepare=doing.UNDECIDED, meets=doing.decide_as_supervisor, moves_up=True,
    ),
    Promise(
        line="three tiers, each with its own time limit: the supervisor or team (24 h are a choice)",
        pack="service-centre", clock="tier_2_time",
        starts="2025-09-30T17:50:00", due="2025-10-01T17:50:00",
        classes=COMPLEX, prepare=SUPERVISED, meets=doing.decide_as_head, moves_up=True,
    ),
    Promise(
        line="three tiers, each with its own time limit: department head or management (24 h are a choice)",
        pack="service-centre", clock="tier_3_time",
        starts="2025-09-30T17:50:00", due="2025-10-01T17:50:00",
        classes={"severity": Severity.MAJOR}, prepare=HEADED, meets=doing.decide_as_head,
    ),
    Promise(
        line="the firm's own process is the subject: an internal review branch starts (5 WD are a choice)",
        pack="service-centre", clock="internal_review",
        received="2025-09-30T17:00:00", starts="2025-09-30T17:50:00", due="2025-10-15T00:00:00",
        classes={"problem_type": "own_process"},
        begins=doing.triage, prepare=(doing.internal_reviewer,), meets=doing.internal_findings,
    ),
)  # fmt: skip

SERVICE_STANDARDS = (
    Promise(
        line="response | received → acknowledged | 1 h",
        pack="service-standards", clock="response",
        starts="2025-09-30T23:30:00", due="2025-10-01T00:30:00",
        meets=doing.acknowledge,
    ),
    Promise(
        line="triage | received → triaged, and the handling department told (by triage) | 3 min",
        pack="service-standards", clock="triage",
        starts="2025-09-30T23:58:00", due="2025-10-01T00:01:00",
        classes={"problem_type": "product_fault"}, meets=doing.triage,
    ),
    Promise(
        line="triage | received → triaged, and the handling department told (by a person) | 3 min",
        pack="service-standards", clock="triage",
        starts="2025-09-26T17:50:00", due="2025-09-26T17:53:00",
        prepare=(doing.triage,), meets=doing.tell("operations"),
    ),
    Promise(
        line="dispatch by problem type, customer tier and each agent's present load, within a minute",
        pack="service-standards", clock="dispatch",
        received="2025-09-30T23:58:00", starts="2025-09-30T23:59:30", due="2025-10-01T00:00:30",
        begins=doing.triage, meets=doing.dispatch,
    ),
    Promise(
        line="initial plan | triaged → plan proposed | 2 h",
        pack="service-standards", clock="initial_plan",
        received="2025-09-30T22:58:00", starts="2025-09-30T23:00:00", due="2025-10-01T01:00:00",
        begins=doing.triage, prepare=(doing.take,), meets=doing.plan,
    ),
    Promise(
        line="major customer's solution | received → plan proposed, tier major | 4 h",
        pack="service-standards", clock="major_customer_solution",
        starts="2025-09-30T22:00:00", due="2025-10-01T02:00:00",
        classes={"tier": Tier.MAJOR}, prepare=(doing.take,), meets=doing.plan,
    ),
    Promise(
        line="complaint progress | received → first progress report (S1.2) | 2 h",
        pack="service-standards", clock="complaint_progress",
        starts="2025-09-30T22:30:00", due="2025-10-01T00:30:00",
        prepare=(doing.take,), meets=doing.progress,
    ),
    Promise(
        line="complaint progress | initial plan in the same 2 h (S4.2, an example) | 2 h",
        pack="service-standards", clock="complaint_initial_plan",
        starts="2025-09-30T22:30:00", due="2025-10-01T00:30:00",
        prepare=(doing.take,), meets=doing.plan,
    ),
    Promise(
        line="complaint closed | received → closed, kind complaint | 48 h",
        pack="service-standards", clock="complaint_closed",
        starts="2025-09-30T17:50:00", due="2025-10-02T17:50:00",
        prepare=(*doing.ANSWERED, doing.confirm), meets=doing.close,
    ),
    Promise(
        line="base problem solved | received → resolved (product quality) | 24 h",
        pack="service-standards", clock="base_problem_solved",
        starts="2025-09-30T17:50:00", due="2025-10-01T17:50:00",
        classes={"problem_type": "product_quality"}, prepare=doing.UNDECIDED, meets=doing.decide,
    ),
    Promise(
        line="base problem solved | received → resolved (wrong order) | 24 h",
        pack="service-standards", clock="base_problem_solved",
        starts="2025-10-04T08:00:00", due="2025-10-05T08:00:00",
        classes={"problem_type": "wrong_order"}, prepare=doing.UNDECIDED, meets=doing.decide,
    ),
    Promise(
        line="technical answer | department asked → answered | 24 h (product)",
        pack="service-standards", clock="product_answer",
        received="2025-09-30T17:00:00", starts="2025-09-30T17:50:00", due="2025-10-01T17:50:00",
        earlier=(doing.take,), begins=doing.ask("product"), meets=doing.department_answers,
    ),
    Promise(
        line="technical answer | department asked → answered | 4 h (logistics progress)",
        pack="service-standards", clock="logistics_answer",
        received="2025-09-30T17:00:00", starts="2025-09-30T22:50:00", due="2025-10-01T02:50:00",
        earlier=(doing.take,), begins=doing.ask("logistics"), meets=doing.department_answers,
    ),
    Promise(
        line="store response | received → acknowledged, channel store | 3 min",
        pack="service-standards", clock="store_response",
        starts="2025-10-04T12:58:00", due="2025-10-04T13:01:00",
        classes={"channel": Channel.STORE}, meets=doing.acknowledge,
    ),
    Promise(
        line="suggestion passed on | recorded → product and operations told | 48 h",
        pack="service-standards", clock="suggestion_passed_on",
        starts="2025-09-30T17:50:00", due="2025-10-02T17:50:00",
        classes={"kind": Kind.SUGGESTION}, prepare=(doing.tell("product"),), meets=doing.tell("operations"),
    ),
)  # fmt: skip

CRM_SERVICE = (
    Promise(
        line="response | received → acknowledged | 24 h (target)",
        pack="crm-service", clock="response",
        starts="2025-09-30T17:50:00", due="2025-10-01T17:50:00",
        meets=doing.acknowledge,
    ),
    Promise(
        line="response | received → acknowledged | 48 h (outer limit)",
        pack="crm-service", clock="response_limit",
        starts="2025-09-30T17:50:00", due="2025-10-02T17:50:00",
        meets=doing.acknowledge,
    ),
    Promise(
        line="major problem solved | received → resolved, severity major | 4 h",
        pack="crm-service", clock="major_problem_solved",
        starts="2025-09-30T22:00:00", due="2025-10-01T02:00:00",
        classes={"severity": Severity.MAJOR}, prepare=doing.UNDECIDED, meets=doing.decide,
    ),
    Promise(
        line="handling | received → resolved | 72 h",
        pack="crm-service", clock="handling",
        starts="2025-09-30T17:50:00", due="2025-10-03T17:50:00",
        prepare=doing.UNDECIDED, meets=doing.decide,
    ),
    Promise(
        line="feedback closed | feedback received → answered | 24 h; 100 % closed",
        pack="crm-service", clock="feedback_closed",
        received="2025-09-29T09:00:00", starts="2025-09-30T17:50:00", due="2025-10-01T17:50:00",
        earlier=(doing.take,), begins=doing.write, meets=doing.answer,
    ),
)  # fmt: skip

STANDARDS = (*HIGH_END_SERVICE, *SERVICE_CENTRE, *SERVICE_STANDARDS, *CRM_SERVICE, *RETAIL_2025)
