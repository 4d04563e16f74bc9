"""A mail server on loopback, and what it was given."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from pytest_django import Settings

from scripts.with_services import spare_port


@dataclass
class Mailbox:
    """A real SMTP server on loopback and what it was given. `refuses` is the reply to each recipient."""

    received: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    refuses: str = ""

    async def handle_RCPT(  # noqa: N802  aiosmtpd's own name.
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.received.append((list(envelope.rcpt_tos), message))
        return "250 OK"

    def text_to(self, address: str) -> str:
        """The body of the newest message to an address."""
        texts = [message.get_content() for recipients, message in self.received if recipients == [address]]
        return str(texts[-1])

    def code_to(self, address: str) -> str:
        """The six digits in the newest message to an address."""
        codes = re.findall(r"(?<!\d)\d{6}(?!\d)", self.text_to(address))
        assert len(codes) == 1, codes
        return str(codes[0])


@pytest.fixture(scope="session")
def mail_server() -> Iterator[tuple[Mailbox, int]]:
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=spare_port())
    controller.start()
    yield mailbox, controller.port
    controller.stop()


@pytest.fixture
def mailbox(mail_server: tuple[Mailbox, int], settings: Settings) -> Mailbox:
    """Mails go by SMTP to a fresh mailbox."""
    box, port = mail_server
    box.received.clear()
    box.refuses = ""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    return box
