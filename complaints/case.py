"""The case: all that a complaint is at one moment, folded from its events and from nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import AwareDatetime, Field

from complaints.base import AttachmentRef, Frozen, PackRef, TextRef
from complaints.chapters.closure import Closure
from complaints.chapters.conversation import Conversation
from complaints.chapters.dispute import Dispute
from complaints.chapters.escalation import Escalation
from complaints.chapters.feedback import Feedback
from complaints.chapters.intake import Need, Party
from complaints.chapters.internal_review import InternalReview
from complaints.chapters.investigation import Investigation
from complaints.chapters.letters import Letters
from complaints.chapters.mediation import Mediation
from complaints.chapters.membership import Membership
from complaints.chapters.ownership import Ownership
from complaints.chapters.post_mortem import PostMortem
from complaints.chapters.redress import Remedies
from complaints.timing.clocks import Classes
from complaints.timing.occurrences import Clocks
from policies.vocabulary import Channel, Fact, FeedbackClass, Kind, Severity, Tier


class Case(Frozen):
    """One complaint. `sequence` counts its events; `version` is the last one that was not time's alone.

    `facts` holds, for each fact, when it last took effect, `firsts` when it first did since the complaint was
    received or last reopened (states from before it stood here lack some). `latest_at` is the latest effect of
    any event.
    `erased` is when its texts were destroyed.
    """

    reference: str
    pack: PackRef
    received_at: AwareDatetime
    recorded_at: AwareDatetime
    latest_at: AwareDatetime | None = None
    sequence: int = 0
    version: int = 0
    kind: Kind
    severity: Severity
    tier: Tier
    channel: Channel
    feedback_class: FeedbackClass | None = None
    simple: bool = False
    problem_type: str | None = None  # as the pack sorts them
    site: str | None = None  # the code of the shop or branch it is about
    handling_tier: int = 1
    source: str | None = None
    subject: TextRef | None = None
    narrative: TextRef | None = None
    parties: tuple[Party, ...] = ()
    needs: tuple[Need, ...] = ()
    attachments: tuple[AttachmentRef, ...] = ()
    facts: dict[Fact, AwareDatetime] = Field(default_factory=dict)
    firsts: dict[Fact, AwareDatetime] = Field(default_factory=dict)
    departments_told: dict[str, AwareDatetime] = Field(default_factory=dict)  # when each was last told
    receipt_correction: AwareDatetime | None = None  # asked for, not yet approved
    receipt_correction_by: str | None = None
    legal_hold: bool = False
    erased: AwareDatetime | None = None
    hands: tuple[str, ...] = ()  # staff who had a hand in the case, in the order they first did

    clocks: Clocks = Clocks()
    ownership: Ownership = Ownership()
    investigation: Investigation = Investigation()
    remedies: Remedies = Remedies()
    letters: Letters = Letters()
    conversation: Conversation = Conversation()
    feedback: Feedback = Feedback()
    dispute: Dispute = Dispute()
    internal_review: InternalReview = InternalReview()
    mediation: Mediation = Mediation()
    closure: Closure = Closure()
    post_mortem: PostMortem = PostMortem()
    systemic: tuple[Membership, ...] = ()
    escalation: Escalation = Escalation()

    def changed(self, **fields: Any) -> Self:
        """A copy with these fields changed; fields are trusted, as only events call this."""
        return self.model_copy(update=fields)

    def at(self, fact: Fact) -> datetime | None:
        """When the fact last took effect, or None."""
        return self.facts.get(fact)

    def since_opened(self, fact: Fact) -> datetime | None:
        """When the fact last took effect, if that was after the case was last reopened; else None."""
        when, reopened = self.facts.get(fact), self.facts.get(Fact.REOPENED)
        return when if when is not None and (reopened is None or when > reopened) else None

    @property
    def anonymous(self) -> bool:
        """Nobody to answer: no party that left a name or an address."""
        return not any(party.known for party in self.parties)

    @property
    def classes(self) -> Classes:
        return Classes(
            kind=self.kind,
            severity=self.severity,
            tier=self.tier,
            channel=self.channel,
            feedback_class=self.feedback_class,
            anonymous=self.anonymous,
            simple=self.simple,
            problem_type=self.problem_type,
            handling_tier=self.handling_tier,
        )

    @property
    def correspondent(self) -> Party | None:
        """Whom letters go to: an authorised representative first, then complainant, then customer."""
        active = [party for party in self.parties if party.known and party.revoked_at is None]
        order = ("representative", "heir", "complainant", "customer", "joint_complainant")
        for role in order:
            for party in active:
                if party.role == role:
                    return party
        return None

    @property
    def ended(self) -> bool:
        """Withdrawn, merged, declined or forwarded: over without an answer of ours."""
        return self.closure.end is not None

    @property
    def open(self) -> bool:
        """Still somebody's to move on. A dispute about a closed complaint opens it until it is concluded."""
        return not self.ended and (self.closure.closed_at is None or self.dispute.open)
