"""Intake: a complaint comes in over any channel, is recorded with its true receipt, and gets its parties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from complaints.base import (
    HANDLING,
    AttachmentRef,
    Code,
    Command,
    Context,
    Event,
    Frozen,
    Happening,
    PackRef,
    Refused,
    TextRef,
)
from complaints.chapters.letters import LEAVES_BY_ITSELF, LetterQueued, letter
from complaints.chapters.triage import permit_class, permit_classes
from policies.vocabulary import Channel, Fact, FeedbackClass, Kind, Role, Severity, Tier

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack

ANYONE = HANDLING | {Role.INTAKE_AGENT, Role.COMPLAINANT}
MOST_FILES = 100
MOST_FILE_BYTES = 250 * 1024 * 1024
"""How many files one complaint may have, and how large they may be together."""
# A language tag (RFC 5646) and no room for words: it is kept in clear.
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$")]
PartyRole = Literal["customer", "complainant", "representative", "heir", "joint_complainant"]


class Party(Frozen):
    """A person on the customer's side. `id` is P1, P2 …; `address` is a mail or postal address or a number."""

    id: str
    role: PartyRole
    name: TextRef | None = None
    address: TextRef | None = None
    channel: Channel
    language: str = "en"
    authority: TextRef | None = None  # what a representative's authority rests on
    revoked_at: AwareDatetime | None = None

    @property
    def known(self) -> bool:
        return self.name is not None or self.address is not None


class PartyDetails(Frozen):
    """A party as intake gives it, before it has an id."""

    role: PartyRole = "customer"
    name: TextRef | None = None
    address: TextRef | None = None
    channel: Channel = Channel.MAIL
    language: Language = "en"  # a Party's is what was recorded, and stays readable
    authority: TextRef | None = None

    def numbered(self, number: int) -> Party:
        return Party(id=f"P{number}", **{name: getattr(self, name) for name in self.__class__.model_fields})


class Need(Frozen):
    """A need or adjustment of a vulnerable person, noted with their consent."""

    text: TextRef
    noted_at: AwareDatetime


class ComplaintReceived(Event):
    """The beginning. It took effect at the true receipt; `recorded` beside it is when it was keyed in.

    `source` names the file and row of an imported record (`311:63594352`).
    """

    hand: ClassVar[bool] = False

    reference: str
    pack: PackRef
    kind: Kind
    severity: Severity
    tier: Tier
    channel: Channel
    feedback_class: FeedbackClass | None = None
    subject: TextRef | None = None
    narrative: TextRef | None = None
    parties: tuple[Party, ...] = ()
    source: str | None = None
    problem_type: str | None = None
    site: str | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.RECEIVED, Fact.RECORDED, Fact.TIER_ENTERED)

    def begin(self, told: Happening) -> Case:
        from complaints.case import Case  # the case is composed of the chapters, this one among them

        return Case(
            reference=self.reference,
            pack=self.pack,
            received_at=told.occurred_at,
            recorded_at=told.recorded_at,
            kind=self.kind,
            severity=self.severity,
            tier=self.tier,
            channel=self.channel,
            feedback_class=self.feedback_class,
            problem_type=self.problem_type,
            site=self.site,
            source=self.source,
            subject=self.subject,
            narrative=self.narrative,
            parties=self.parties,
        )


class ReceiveComplaint(Command):
    """Record a complaint: what came in, when, over which channel, from whom."""

    title: ClassVar[str] = "Receive a complaint"
    who: ClassVar[frozenset[Role]] = ANYONE

    channel: Channel
    kind: Kind = Kind.COMPLAINT
    severity: Severity = Severity.REGULAR
    tier: Tier = Tier.STANDARD
    feedback_class: FeedbackClass | None = None
    subject: TextRef | None = None
    narrative: TextRef | None = None
    parties: tuple[PartyDetails, ...] = ()
    source: str | None = None
    problem_type: Code | None = None
    site: Code | None = None

    def receipt(self, reference: str, pack: PackRef, ctx: Context) -> ComplaintReceived:
        parties = tuple(party.numbered(index) for index, party in enumerate(self.parties, start=1))
        for party in parties:
            if party.role == "representative" and party.authority is None:
                raise Refused("no_authority", "Say what the representative's authority rests on.")
        permit_classes(
            ctx.rules, kind=self.kind, severity=self.severity, tier=self.tier, problem_type=self.problem_type
        )
        permit_class(ctx.rules, "channel", self.channel, ctx.rules.channels)
        return ComplaintReceived(
            reference=reference,
            pack=pack,
            kind=self.kind,
            severity=self.severity,
            tier=self.tier,
            channel=self.channel,
            feedback_class=self.feedback_class,
            subject=self.subject,
            narrative=self.narrative,
            parties=parties,
            source=self.source,
            problem_type=self.problem_type,
            site=self.site,
        )

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        raise Refused("already_received", f"Complaint {case.reference} was received already.")


def automatic_receipt(pack: Pack, case: Case) -> Iterator[LetterQueued]:
    """The receipt that leaves by itself, where the pack has one and it can reach somebody unaided.

    Nobody is told by a machine, years later, that an imported complaint has just come in.
    """
    if pack.automatic_reply is None or case.source is not None:
        return
    queued = letter(case, pack.automatic_reply.letter)
    if queued is not None and queued.channel in LEAVES_BY_ITSELF:
        yield queued


class Acknowledged(Event):
    def facts(self) -> tuple[Fact, ...]:
        return (Fact.ACKNOWLEDGED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        return case


class Acknowledge(Command):
    """Tell the customer that the complaint has arrived and who looks after it."""

    title: ClassVar[str] = "Acknowledge"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT}

    text: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if case.since_opened(Fact.ACKNOWLEDGED):
            raise Refused("already_done", "This complaint was acknowledged already.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield Acknowledged()
        queued = letter(case, "acknowledgement", self.text)
        if queued is not None:
            yield queued


class ReceiptCorrectionAsked(Event):
    received_at: AwareDatetime
    reason: TextRef

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(receipt_correction=self.received_at, receipt_correction_by=told.actor)


class ReceiptCorrected(Event):
    """The true receipt, approved by a second person; clocks that count from receipt are recalculated."""

    received_at: AwareDatetime

    def evolve(self, case: Case, told: Happening) -> Case:
        began = (Fact.RECEIVED, Fact.TIER_ENTERED)  # unless it was moved to another tier since
        moved = {fact: self.received_at for fact in began if case.facts.get(fact) == case.received_at}
        facts = {**case.facts, Fact.RECEIVED: self.received_at, **moved}
        return case.changed(
            received_at=self.received_at, facts=facts, receipt_correction=None, receipt_correction_by=None
        )


class ReceiptCorrectionRejected(Event):
    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(receipt_correction=None, receipt_correction_by=None)


class CorrectReceipt(Command):
    """Ask for the time of receipt to be corrected; someone else approves it."""

    title: ClassVar[str] = "Correct the time of receipt"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT}

    received_at: AwareDatetime
    reason: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if self.received_at > case.recorded_at:
            raise Refused("in_the_future", "A complaint can not have been received after it was recorded.")
        if case.receipt_correction is not None:
            raise Refused("already_asked", "A correction of the receipt is waiting for approval already.")
        if self.received_at == case.received_at:
            raise Refused("nothing_changes", "That is the time of receipt already.")
        yield ReceiptCorrectionAsked(received_at=self.received_at, reason=self.reason)


class ApproveReceiptCorrection(Command):
    """Approve or reject a correction that someone else asked for."""

    title: ClassVar[str] = "Decide on the corrected receipt"
    who: ClassVar[frozenset[Role]] = frozenset(
        {Role.SUPERVISOR, Role.DEPARTMENT_HEAD, Role.COMPLIANCE_OFFICER}
    )

    approve: bool = True

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if case.receipt_correction is None:
            raise Refused("nothing_to_approve", "No correction of the receipt is waiting.")
        if case.receipt_correction_by == ctx.actor.id:
            raise Refused("self_approval", "You asked for this correction; someone else has to approve it.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if case.receipt_correction is not None and self.approve:
            yield ReceiptCorrected(received_at=case.receipt_correction)
        else:
            yield ReceiptCorrectionRejected()


class EvidenceAttached(Event):
    attachment: AttachmentRef

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(attachments=(*case.attachments, self.attachment))


def permit_another_file(held: Iterable[AttachmentRef], size: int = 0) -> None:
    """Refuse one more file, of this size where it is known, beyond what a complaint may have. Raises Refused."""
    sizes = [ref.size for ref in held]
    if len(sizes) >= MOST_FILES or sum(sizes) + max(size, 1) > MOST_FILE_BYTES:
        raise Refused(
            "too_many_files",
            f"A complaint can have {MOST_FILES} files of {MOST_FILE_BYTES // 2**20} MiB together; no more fit.",
        )


class AttachEvidence(Command):
    """Add a file to the case."""

    title: ClassVar[str] = "Attach evidence"
    who: ClassVar[frozenset[Role]] = ANYONE

    attachment: AttachmentRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        permit_another_file(case.attachments)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if any(held.id == self.attachment.id for held in case.attachments):
            raise Refused("already_done", "This file is attached already.")
        permit_another_file(case.attachments, self.attachment.size)
        yield EvidenceAttached(attachment=self.attachment)


class NoteAdded(Event):
    text: TextRef

    def evolve(self, case: Case, told: Happening) -> Case:
        return case


class AddNote(Command):
    """Write something down for colleagues; the customer does not see it."""

    title: ClassVar[str] = "Add a note"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT, Role.APPROVER, Role.COMPLIANCE_OFFICER}
    when_ended: ClassVar[bool] = True

    text: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if case.erased is not None:
            raise Refused("erased", "The texts of this complaint were erased; nothing can be added to it.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield NoteAdded(text=self.text)
