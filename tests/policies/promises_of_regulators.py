"""The clocks of the five regulators, written out by hand from their rules, each with its due moment.

In England 18 and 21 April, 5 and 26 May, 25 August, 25 and 26 December 2025 and 1 January 2026 were bank holidays;
the clocks went back on 26 October 2025. In Belgium 21 April, 1 and 29 May 2025 were holidays. In New York the clocks
went forward on 9 March and back on 2 November 2025.
"""

from __future__ import annotations

from tests.policies import doing
from tests.policies.boundary import Promise

PAYMENT = {"problem_type": "payment_services"}
SENT = (doing.issue, doing.finding, doing.decide, doing.draft, doing.approve, doing.send)
REVIEWED = (
    doing.reviewer, doing.dispute_findings, doing.dispute_decision, doing.dispute_draft, doing.dispute_approval,
)  # fmt: skip

UK_FCA_DISP = (
    Promise(
        line="DISP 1.6.1R(1): a prompt written acknowledgement (5 business days are a choice)",
        pack="uk-fca-disp", clock="acknowledgement",
        starts="2025-04-17T20:00:00", due="2025-04-29T00:00:00",
        meets=doing.acknowledge,
    ),
    Promise(
        line="DISP 1.6.2R(1): a final response by the end of eight weeks after receipt",
        pack="uk-fca-disp", clock="final_response",
        starts="2025-09-01T10:00:00", due="2025-10-28T00:00:00",
        prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
    Promise(
        line="DISP 1.6.2R(2): or by then a written response that says why not yet, and when",
        pack="uk-fca-disp", clock="final_response",
        starts="2025-12-01T10:00:00", due="2026-01-27T00:00:00",
        prepare=(doing.take,), meets=doing.holding,
    ),
    Promise(
        line="DISP 1.6.2R(2)(a): … when it expects to be able to give it (4 weeks are a choice)",
        pack="uk-fca-disp", clock="final_after_not_yet",
        received="2025-09-02T10:00:00", starts="2025-10-27T12:00:00", due="2025-11-25T00:00:00",
        earlier=(doing.take,), begins=doing.holding, prepare=SENT, meets=doing.response_arrives,
    ),
    Promise(
        line="DISP 1.6.2AR(1): payment services and electronic money, 15 business days after the day of receipt",
        pack="uk-fca-disp", clock="payment_services_response",
        starts="2025-04-17T16:00:00", due="2025-05-14T00:00:00",
        classes=PAYMENT, prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
    Promise(
        line="DISP 1.6.2AR(2): in exceptional circumstances 35 business days, with a holding response by the 15th",
        pack="uk-fca-disp", clock="payment_services_response",
        starts="2025-04-17T16:00:01", due="2025-06-12T00:00:00",
        classes=PAYMENT, prepare=(doing.take, *doing.extend("payment_services_response"), *SENT),
        meets=doing.response_arrives,
    ),
    Promise(
        line="DISP 1.5.1R: resolved by close of business on the third business day after the day of receipt",
        pack="uk-fca-disp", clock="summary_resolution", parameter="aim_at_summary_resolution",
        starts="2025-04-17T20:00:00", due="2025-04-24T17:00:00",
        prepare=doing.ANSWERED, meets=doing.confirm,
    ),
)  # fmt: skip

UK_HOUSING = (
    Promise(
        line="6.2: acknowledged, defined and logged within five working days of receipt",
        pack="uk-housing", clock="stage_one_acknowledgement",
        starts="2025-04-17T20:00:00", due="2025-04-29T00:00:00",
        prepare=(doing.triage,), meets=doing.acknowledge,
    ),
    Promise(
        line="6.3: full response within 10 working days of the acknowledgement (over a bank holiday)",
        pack="uk-housing", clock="stage_one_response",
        received="2025-08-11T09:00:00", starts="2025-08-13T10:00:00", due="2025-08-29T00:00:00",
        begins=doing.acknowledge, prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
    Promise(
        line="6.3: full response within 10 working days of the acknowledgement (over a change of the clocks)",
        pack="uk-housing", clock="stage_one_response",
        received="2025-10-20T09:00:00", starts="2025-10-20T10:00:00", due="2025-11-04T00:00:00",
        begins=doing.acknowledge, prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
    Promise(
        line="6.4: an extension of no more than 10 working days, with reasons",
        pack="uk-housing", clock="stage_one_response",
        received="2025-08-11T09:00:00", starts="2025-08-13T10:00:01", due="2025-09-12T00:00:00",
        begins=doing.acknowledge,
        prepare=(doing.take, *doing.extend("stage_one_response"), *SENT), meets=doing.response_arrives,
    ),
    Promise(
        line="6.11: stage two acknowledged, defined and logged within five working days of the request",
        pack="uk-housing", clock="stage_two_acknowledgement",
        received="2025-12-15T09:00:00", starts="2025-12-19T17:00:00", due="2025-12-31T00:00:00",
        earlier=doing.ANSWERED, begins=doing.dispute, meets=doing.dispute_acknowledged,
    ),
    Promise(
        line="6.14: final response to stage two within 20 working days of its acknowledgement",
        pack="uk-housing", clock="stage_two_response",
        received="2025-12-15T09:00:00", starts="2025-12-23T12:00:00", due="2026-01-24T00:00:00",
        earlier=(*doing.ANSWERED, doing.dispute), begins=doing.dispute_acknowledged,
        prepare=REVIEWED, meets=doing.dispute_reply_arrives,
    ),
    Promise(
        line="6.15: an extension of no more than 20 working days, with reasons",
        pack="uk-housing", clock="stage_two_response",
        received="2025-12-15T09:00:00", starts="2025-12-23T12:00:01", due="2026-02-21T00:00:00",
        earlier=(*doing.ANSWERED, doing.dispute), begins=doing.dispute_acknowledged,
        prepare=(*doing.extend("stage_two_response"), *REVIEWED), meets=doing.dispute_reply_arrives,
    ),
)  # fmt: skip

US_DOT_AIRLINE = (
    Promise(
        line="14 CFR 259.7(c): acknowledged in writing within 30 days of receiving it (by a person)",
        pack="us-dot-airline", clock="acknowledgement",
        starts="2025-03-01T12:00:00", due="2025-04-01T00:00:00",
        meets=doing.acknowledge,
    ),
    Promise(
        line="14 CFR 259.7(c): acknowledged in writing within 30 days of receiving it (by itself)",
        pack="us-dot-airline", clock="acknowledgement",
        starts="2025-10-24T23:30:00", due="2025-11-24T00:00:00",
        meets=doing.arrives("receipt"),
    ),
    Promise(
        line="14 CFR 259.7(c): a substantive written response within 60 days of receiving it",
        pack="us-dot-airline", clock="substantive_response",
        starts="2025-03-01T12:00:00", due="2025-05-01T00:00:00",
        prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
    Promise(
        line="14 CFR 382.155(d): a written response about disability within 30 days of receiving it",
        pack="us-dot-airline", clock="disability_response",
        starts="2025-03-01T12:00:00", due="2025-04-01T00:00:00",
        classes={"problem_type": "disability"}, prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
)  # fmt: skip

EU_PSD2 = (
    Promise(
        line="art. 101(2): a reply to all points raised within 15 business days of receipt",
        pack="eu-psd2", clock="reply",
        starts="2025-04-15T09:00:00", due="2025-05-09T00:00:00",
        prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
    Promise(
        line="art. 101(2): with a holding reply that gives reasons and date, 35 business days at the latest",
        pack="eu-psd2", clock="reply",
        starts="2025-04-15T09:00:01", due="2025-06-07T00:00:00",
        classes=PAYMENT, prepare=(doing.take, *doing.extend("reply"), *SENT), meets=doing.response_arrives,
    ),
)  # fmt: skip

US_CFPB = (
    Promise(
        line="a response within 15 calendar days of the complaint being sent to the company",
        pack="us-cfpb", clock="response",
        starts="2025-10-24T18:00:00", due="2025-11-09T00:00:00",
        prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
    Promise(
        line="… or, within the 15 calendar days, that work is in progress",
        pack="us-cfpb", clock="response",
        starts="2025-02-28T18:00:00", due="2025-03-16T00:00:00",
        prepare=(doing.take,), meets=doing.holding,
    ),
    Promise(
        line="a final response within 60 calendar days",
        pack="us-cfpb", clock="final_response",
        starts="2025-10-24T18:00:00", due="2025-12-24T00:00:00",
        prepare=doing.APPROVED, meets=doing.response_arrives,
    ),
)  # fmt: skip

REGULATORS = (*UK_FCA_DISP, *UK_HOUSING, *US_DOT_AIRLINE, *EU_PSD2, *US_CFPB)
