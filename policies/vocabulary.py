"""The field's words that packs, complaints and screens share: kinds, severities, roles, facts."""

from enum import StrEnum


class Kind(StrEnum):
    """What a complaint is (DESIGN, Vocabulary)."""

    COMPLAINT = "complaint"
    SERVICE_REQUEST = "service_request"
    ENQUIRY = "enquiry"
    SUGGESTION = "suggestion"
    DISPUTE = "dispute"


class Severity(StrEnum):
    """How grave it is; `complex` goes to senior staff, `major` to management."""

    REGULAR = "regular"
    URGENT = "urgent"
    COMPLEX = "complex"
    MAJOR = "major"


class Tier(StrEnum):
    """The customer's tier (客戶等級)."""

    STANDARD = "standard"
    PREMIUM = "premium"
    MAJOR = "major"


class FeedbackClass(StrEnum):
    """How long the answer may take (retail-2025 S6.2)."""

    IMMEDIATE = "immediate"
    LONG_TERM = "long_term"
    SYSTEMIC = "systemic"


class Channel(StrEnum):
    """The way by which a complaint came in or a message goes out."""

    WEB = "web"
    APP = "app"
    MAIL = "mail"  # electronic mail
    PHONE = "phone"
    CHAT = "chat"
    LETTER = "letter"
    IN_PERSON = "in_person"
    STORE = "store"
    SOCIAL = "social"
    REGULATOR = "regulator"
    IMPORT = "import"


class AlertChannel(StrEnum):
    """The way by which an alert reaches staff."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    CHAT = "chat"
    DESK = "desk"


class Role(StrEnum):
    """What a person may be to the service; each command names the roles that may give it."""

    COMPLAINANT = "complainant"
    INTAKE_AGENT = "intake_agent"
    HANDLER = "handler"
    SUPERVISOR = "supervisor"
    DEPARTMENT_HEAD = "department_head"
    APPROVER = "approver"
    COMPLIANCE_OFFICER = "compliance_officer"
    ADMINISTRATOR = "administrator"


class DeliveryState(StrEnum):
    """How far a letter has come (DESIGN, Final response)."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    SERVED_OTHERWISE = "served_otherwise"


class Fact(StrEnum):
    """What an event makes true. Packs start, meet, pause and stop clocks by these names alone."""

    RECEIVED = "received"
    RECORDED = "recorded"
    AUTO_REPLIED = "auto_replied"  # the automatic receipt has left for the customer
    ACKNOWLEDGED = "acknowledged"
    TRIAGED = "triaged"
    TIER_ENTERED = "tier_entered"  # a tier of handling, at receipt the first
    OWNED = "owned"  # a named person accepted it
    INVESTIGATION_OPENED = "investigation_opened"
    CUSTOMER_CONTACTED = "customer_contacted"
    FINDING_RECORDED = "finding_recorded"
    DEPARTMENT_ASKED = "department_asked"
    DEPARTMENT_ANSWERED = "department_answered"
    DEPARTMENT_TOLD = "department_told"
    PRELIMINARY_INVESTIGATED = "preliminary_investigated"
    PLAN_PROPOSED = "plan_proposed"
    PROGRESS_REPORTED = "progress_reported"  # an interim answer to the customer
    HOLDING_REPLIED = "holding_replied"  # a reply that says why the answer takes longer, and until when
    RESOLVED = "resolved"  # every issue decided
    ANSWERED = "answered"  # the feedback was answered to its giver
    OUTCOME_TOLD = "outcome_told"
    RESPONSE_SENT = "response_sent"
    RESPONSE_DELIVERED = "response_delivered"  # or served otherwise
    CUSTOMER_CONFIRMED = "customer_confirmed"
    SATISFACTION_ASKED = "satisfaction_asked"
    SATISFACTION_ANSWERED = "satisfaction_answered"
    SENIOR_REVIEW_ASKED = "senior_review_asked"
    SENIOR_REVIEWED = "senior_reviewed"
    INTERNAL_REVIEW_OPENED = "internal_review_opened"
    INTERNAL_REVIEWED = "internal_reviewed"
    DISPUTED = "disputed"
    DISPUTE_ACKNOWLEDGED = "dispute_acknowledged"
    DISPUTE_INVESTIGATED = "dispute_investigated"
    DISPUTE_REPLY_SENT = "dispute_reply_sent"
    DISPUTE_REPLY_DELIVERED = "dispute_reply_delivered"
    DISPUTE_CLOSED = "dispute_closed"
    OUTSIDE_CASE_OPENED = "outside_case_opened"
    OUTSIDE_DIRECTION_GIVEN = "outside_direction_given"
    OUTSIDE_DIRECTION_MET = "outside_direction_met"
    MANAGEMENT_PLANNED = "management_planned"
    CLOSED = "closed"
    ENDED = "ended"  # withdrawn, merged, declined or forwarded
    REOPENED = "reopened"
    POST_MORTEM_DONE = "post_mortem_done"
    CUSTOMER_ASKED = "customer_asked"
    WAITING_FOR_CUSTOMER = "waiting_for_customer"
    CUSTOMER_WROTE = "customer_wrote"
    FEEDBACK_RECEIVED = "feedback_received"  # a message, or a score, of the customer's
    FEEDBACK_ANSWERED = "feedback_answered"
