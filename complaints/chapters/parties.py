"""Parties: who stands on the customer's side, by whose authority, over which channel, with which needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from complaints.base import HANDLING, Command, Context, Event, Happening, Refused, TextRef
from complaints.chapters.intake import Need, Party, PartyDetails
from policies.vocabulary import Channel, Role

if TYPE_CHECKING:
    from complaints.case import Case

THE_CUSTOMER = ("customer", "complainant", "heir", "joint_complainant")
"""By whose addresses a customer is known, first first. A representative's file would hold all whom they represent."""


def the_customer(case: Case) -> Iterator[Party]:
    """The parties by whose addresses the customer is known, the customer themself first."""
    for role in THE_CUSTOMER:
        yield from (party for party in case.parties if party.role == role and party.address is not None)


class PartyAdded(Event):
    party: Party

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(parties=(*case.parties, self.party))


class AddParty(Command):
    """Add a complainant, a representative, an heir or a joint complainant."""

    title: ClassVar[str] = "Add a party"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT}

    party: PartyDetails

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if self.party.role in ("representative", "heir") and self.party.authority is None:
            raise Refused("no_authority", "Say what the representative's or heir's authority rests on.")
        yield PartyAdded(party=self.party.numbered(len(case.parties) + 1))


class AuthorityRevoked(Event):
    party: str

    def evolve(self, case: Case, told: Happening) -> Case:
        parties = tuple(
            p.model_copy(update={"revoked_at": told.occurred_at}) if p.id == self.party else p
            for p in case.parties
        )
        return case.changed(parties=parties)


class RevokeAuthority(Command):
    """End a representative's authority; letters go to the customer again."""

    title: ClassVar[str] = "Revoke a representative's authority"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT}

    party: str

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if not any(p.role == "representative" and p.revoked_at is None for p in case.parties):
            raise Refused("no_representative", "Nobody represents the customer in this complaint.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = next((p for p in case.parties if p.id == self.party), None)
        if found is None or found.role != "representative":
            raise Refused("no_representative", f"{self.party} is no representative in this complaint.")
        if found.revoked_at is not None:
            raise Refused("already_done", "This authority was revoked already.")
        yield AuthorityRevoked(party=self.party)


class NeedNoted(Event):
    text: TextRef

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(needs=(*case.needs, Need(text=self.text, noted_at=told.occurred_at)))


class NoteNeed(Command):
    """Note a need or an adjustment of a vulnerable customer, who has consented."""

    title: ClassVar[str] = "Note a need"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT}

    text: TextRef
    consented: bool

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if not self.consented:
            raise Refused("no_consent", "A need is recorded only with the customer's consent.")
        yield NeedNoted(text=self.text)


PreferredChannel = Literal[
    Channel.MAIL,
    Channel.WEB,
    Channel.APP,
    Channel.PHONE,
    Channel.LETTER,
    Channel.CHAT,
    Channel.STORE,
    Channel.IN_PERSON,
    Channel.SOCIAL,
]
"""The channels over which a customer can want to hear from us; regulators and imports are none of theirs."""

_REACHED_BY: Mapping[Channel, str] = {
    Channel.MAIL: "an e-mail address",
    Channel.WEB: "an e-mail address",
    Channel.APP: "an e-mail address",
    Channel.PHONE: "a telephone number",
    Channel.LETTER: "a postal address",
}
"""What a letter over a channel goes to. Where a channel is not named, the customer comes or is met there."""


class PreferredChannelChanged(Event):
    """Letters to this party go over this channel from here on; `address` is None where theirs stays."""

    hand: ClassVar[bool] = False

    party: str
    channel: Channel
    address: TextRef | None = None

    def evolve(self, case: Case, told: Happening) -> Case:
        changes: dict[str, object] = {"channel": self.channel}
        if self.address is not None:
            changes["address"] = self.address
        return case.changed(
            parties=tuple(p.model_copy(update=changes) if p.id == self.party else p for p in case.parties)
        )


class ChangePreferredChannel(Command):
    """Say over which channel the customer wants to hear from us; what is written from now on goes over it.

    `address` is what a letter over the new channel goes to, where that is another one than before.
    """

    title: ClassVar[str] = "Change the preferred channel"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT, Role.COMPLAINANT}

    party: str
    channel: PreferredChannel
    address: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if not case.parties:
            raise Refused("not_a_party", "This complaint has no party whom a letter could go to.")
        if not ctx.actor.is_staff and not any(f"party:{p.id}" == ctx.actor.id for p in case.parties):
            raise Refused("not_a_party", "You are not a party to this complaint; use the link you were sent.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = next((p for p in case.parties if p.id == self.party), None)
        if found is None:
            raise Refused("not_a_party", f"This complaint has no party {self.party}.")
        if not ctx.actor.is_staff and ctx.actor.id != f"party:{found.id}":
            raise Refused("not_a_party", "You can choose only over which channel you yourself hear from us.")
        if found.revoked_at is not None:
            raise Refused(
                "authority_revoked", "The authority of this party was revoked; no letter goes there."
            )
        if self.channel == found.channel and self.address is None:
            raise Refused("nothing_changes", "Letters to this party go over this channel already.")
        wanted = _REACHED_BY.get(self.channel)
        if wanted is not None and self.address is None:
            known = found.address is not None and _REACHED_BY.get(found.channel) == wanted
            if not known:
                raise Refused("no_address", f"Give {wanted}: none is known for letters over this channel.")
        yield PreferredChannelChanged(party=found.id, channel=self.channel, address=self.address)
