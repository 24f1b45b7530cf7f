"""Mailing: a text that is written goes out as one mail, under the Message-ID that its key gives."""

from __future__ import annotations

from activities.delivery.fate import Fate
from activities.delivery.mail import Mailer, compose, message_id
from activities.delivery.render import Sender
from ledger.directory import Mailbox
from ledger.outbox import State
from policies.letters import Written
from runtime.clock import SYSTEM as SYSTEM_CLOCK
from runtime.clock import Clock


class Mailing:
    """Sends what letters and alerts say, signed by the organisation."""

    def __init__(self, mailer: Mailer, sender: Sender) -> None:
        self._mailer = mailer
        self.sender = sender
        self._real = Clock(SYSTEM_CLOCK)  # a mail's Date is for the world outside

    async def send(
        self, key: str, thread: str, box: Mailbox, text: Written, *, list_unsubscribe: str | None = None
    ) -> Fate:
        """Hand the mail to the server. `key` makes its Message-ID, always the same. Raises what Mailer.send raises.

        `list_unsubscribe` is the address that ends what comes again and again.
        """
        mark = self._mailer.mark(key)
        mail = compose(
            sender=self.sender.address, organisation=self.sender.organisation, to=box.address,
            name=box.name, subject=text.subject, body=text.body, key=mark, thread=thread,
            language=box.language, now=self._real.now(), list_unsubscribe=list_unsubscribe,
        )  # fmt: skip
        await self._mailer.send(mail, box.address)
        return Fate(State.SENT, message_id=message_id(mark, self.sender.address.rpartition("@")[2]))
