"""Filing: what a command brings for elsewhere: its addresses to the customer's file, its lesson to the library."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from api.deps import Deps
from api.inputs import Gathered
from complaints.base import Actor, Command
from complaints.chapters.intake import PartyDetails, ReceiveComplaint
from complaints.chapters.library import PutInLibrary
from complaints.chapters.parties import THE_CUSTOMER, AddParty, ChangePreferredChannel
from complaints.lifecycle import fold
from ledger import customers, library


async def file_receipt(
    deps: Deps, conn: AsyncConnection, reference: str, receipt: Command, gathered: Gathered
) -> None:
    """File a complaint that comes in under the addresses of its parties, before it is kept."""
    if isinstance(receipt, ReceiveComplaint):
        for party in receipt.parties:
            if party.address is not None and party.role in THE_CUSTOMER:
                address = gathered.texts[party.address.id]
                await deps.customers.file(conn, reference, party.address.id, address, lazily=True)


async def file_command(
    deps: Deps, reference: str, actor: Actor, command: Command, gathered: Gathered
) -> None:
    """File what a command brings for elsewhere, before it is carried out; most bring nothing."""
    code = None
    match command:
        case PutInLibrary():
            await _to_library(deps, reference, actor, command, gathered)
            return
        case AddParty(party=PartyDetails(role=role, address=address)):
            pass
        case ChangePreferredChannel(party=changed, address=address):
            happenings = await deps.record.read(reference) if address is not None else ()
            party = (
                next((p for p in fold(happenings).parties if p.id == changed), None) if happenings else None
            )
            if party is None:
                return
            role = party.role
            if party.address is not None:
                async with deps.reading.connect() as conn:
                    code = await customers.code_of(conn, party.address.id)
        case _:
            return
    if address is not None and role in THE_CUSTOMER:
        async with deps.reading.connect() as conn:
            await deps.customers.file(conn, reference, address.id, gathered.texts[address.id], code=code)


async def _to_library(
    deps: Deps, reference: str, actor: Actor, command: PutInLibrary, gathered: Gathered
) -> None:
    """Keep the words of an entry; they are there for readers once the record says that it was made.

    Nothing is kept that was not confirmed to name nobody: that command is going to be refused.
    """
    happenings = await deps.record.read(reference) if command.confirmed else ()
    if not happenings:
        return
    case = fold(happenings)
    entry = library.LibraryEntry(
        id=command.entry,
        heading=gathered.texts[command.heading.id],
        lesson=gathered.texts[command.lesson.id],
        cause=case.post_mortem.cause,
        problem_type=case.problem_type,
        pack=case.pack.name,
        written_by=actor.id,
        written_at=deps.clock.now(),
    )
    async with deps.reading.connect() as conn:
        await library.store(conn, reference, entry)
