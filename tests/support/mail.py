"""The mail catcher as tests see it: where to send to, and waiting for what arrived."""

from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from runtime.mail_catcher import Mails
from tests.support.waiting import PATIENCE, eventually


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    text = mail.get_body(("plain",))
    assert text is not None, "a mail has its text in plain"
    return str(text.get_content())


@dataclass(frozen=True)
class CaughtMail:
    """The real SMTP server of the tests; one test's mails are its own."""

    smtp_host: str
    smtp_port: int
    http_url: str
    folder: Path

    def all(self) -> list[EmailMessage]:
        """Every mail caught in this test, oldest first."""
        mails = Mails(self.folder)
        return [message for name in mails.names() if (message := mails.read(name)) is not None]

    def to(self, recipient: str) -> list[EmailMessage]:
        """The mails whose envelope named `recipient`, oldest first."""
        return [mail for mail in self.all() if recipient in mail.get_all("Delivered-To", [])]

    async def wait_for(
        self,
        recipient: str,
        *,
        count: int = 1,
        within: float = PATIENCE,
        where: Callable[[EmailMessage], bool] = lambda mail: True,
    ) -> list[EmailMessage]:
        """The mails to `recipient` that fit `where`, once there are at least `count` (`within` seconds)."""

        def look() -> list[EmailMessage]:
            fitting = [mail for mail in self.to(recipient) if where(mail)]
            subjects = [str(mail["Subject"]) for mail in self.all()]
            assert len(fitting) >= count, (
                f"{len(fitting)} of {count} mails to {recipient}; caught: {subjects}"
            )
            return fitting

        return await eventually(look, within=within, what=f"mail to {recipient}")

    def clear(self) -> None:
        """Forgets the mails caught so far."""
        for path in self.folder.glob("*.eml"):
            path.unlink()
