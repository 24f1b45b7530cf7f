"""Filing: each complaint goes into the file of its customer by the addresses that come with it, as they come."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from api.deps import Deps
from api.inputs import Gathered
from complaints.base import Command
from complaints.intake import PartyDetails, ReceiveComplaint
from complaints.lifecycle import fold
from complaints.parties import THE_CUSTOMER, AddParty, ChangePreferredChannel
from ledger import customers


async def file_receipt(
    deps: Deps, conn: AsyncConnection, reference: str, receipt: Command, gathered: Gathered
) -> None:
    """File a complaint that comes in under the addresses of its parties, before it is kept."""
    if isinstance(receipt, ReceiveComplaint):
        for party in receipt.parties:
            if party.address is not None and party.role in THE_CUSTOMER:
                address = gathered.texts[party.address.id]
                await deps.customers.file(conn, reference, party.address.id, address, lazily=True)


async def file_command(deps: Deps, reference: str, command: Command, gathered: Gathered) -> None:
    """File a complaint under the address that a command brings, before it is carried out; most bring none."""
    code = None
    match command:
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
