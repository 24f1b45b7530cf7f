"""What each kind of alert tells of, in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KINDS: Final[Mapping[str, str]] = {
    "alert_warning": "A deadline comes near",
    "alert_breach": "A deadline was missed",
    "alert_expired": "An acknowledgement has expired",
    "alert_unreachable": "An alert did not arrive",
    "alert_nobody": "A ladder found nobody to call",
    "alert_escalation": "Escalated by hand",
    "alert_low_score": "The customer is not satisfied",
    "handover_offered": "A handover was offered",
    "assigned": "A complaint was assigned",
    "department_told": "A department was told or asked",
    "dispatch_failed": "Nobody was found to take it",
    "extension_asked": "More time was asked for",
    "extension_decided": "A request for more time was decided",
    "letter_by_hand": "A letter has to be sent by hand",
    "letter_bounced": "A letter came back",
    "tier_raised": "Raised to a higher tier",
    "internal_review_opened": "An internal review was opened",
    "outside_overdue": "An outside body's deadline has passed",
    "action_overdue": "An action is overdue",
    "check_due": "A check of effectiveness is due",
    "outage_announced": "An outage was announced",
    "outage_overdue": "Word on an outage is overdue",
    "systemic_suspected": "One cause is suspected behind several complaints",
    "target_missed": "A target was missed",
    "watchdog_late": "Alerts were late",
}
"""Of every kind that goes to staff and is no report (complaints.messages.MessageKind), and of `alert_unreachable`."""


def alert_words(kind: str) -> str:
    """The words for a kind; the kind itself, readable, where it is a newer one than this version knows."""
    return KINDS.get(kind) or kind.replace("_", " ").capitalize()
