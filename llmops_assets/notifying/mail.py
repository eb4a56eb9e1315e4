"""E-mail by SMTP: TLS where the server offers it, and always before a password."""

import smtplib
import ssl
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.utils import formatdate

from llmops_assets.notifying.message import Message, one_line
from llmops_assets.notifying.posting import Outcome, tried

PAUSES_S = (2.0,)
TIMEOUT_S = 10.0
SMTPS = 465
"""The port on which TLS comes before SMTP."""


@dataclass(frozen=True)
class Mail:
    """Mail to the addresses that a recipe names."""

    host: str
    port: int
    sender: str
    to: str
    username: str = ""
    password: str = field(default="", repr=False)
    pauses_s: tuple[float, ...] = PAUSES_S
    name: str = field(default="email", init=False)

    @property
    def target(self) -> str:
        """Who gets it, through which server."""
        return f"{self.to} via {self.host}:{self.port}"

    def deliver(self, message: Message) -> Outcome:
        """Hands the mail to the server; what the server refuses for now is tried again."""
        mail = self._mail(message)
        outcome = tried(lambda: self._once(mail), self.pauses_s)
        return replace(outcome, problem=self._without_password(outcome.problem))

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = message.title, self.sender, self.to
        mail["Date"], mail["Message-ID"] = formatdate(), f"<{message.id}@llmops-assets>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail

    def _once(self, mail: EmailMessage) -> Outcome:
        try:
            with self._connected() as server:
                refused = server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            return Outcome(_refused(error.recipients), _is_final(*(code for code, _ in error.recipients.values())))
        except smtplib.SMTPResponseException as error:
            said = error.smtp_error if isinstance(error.smtp_error, str) else error.smtp_error.decode(errors="replace")
            return Outcome(f"{error.smtp_code} {said}", _is_final(error.smtp_code))
        except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as error:
            return Outcome(str(error), final=True)
        except UnicodeError:
            # Its words hold a part of the password.
            return Outcome("the user name or the password is not ASCII", final=True)
        except OSError as error:
            return Outcome(error.strerror or str(error) or type(error).__name__)
        # Some got it: a second try would send it to them again.
        return Outcome(_refused(refused), final=True) if refused else Outcome()

    def _connected(self) -> smtplib.SMTP:
        """A session that may send."""
        context = ssl.create_default_context()
        if self.port == SMTPS:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S)
        try:
            self._open(server, context)
        except BaseException:
            server.close()
            raise
        return server

    def _open(self, server: smtplib.SMTP, context: ssl.SSLContext) -> None:
        server.ehlo()
        secure = self.port == SMTPS
        if not secure and server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
            secure = True
        if self.username and not secure:
            raise smtplib.SMTPNotSupportedError("the server offers no STARTTLS, and a password is not sent without")
        if self.username:
            server.login(self.username, self.password)

    def _without_password(self, text: str) -> str:
        return one_line(text.replace(self.password, "***") if self.password else text)


def _refused(recipients: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{who}: {code} {said.decode(errors='replace')}" for who, (code, said) in recipients.items())


def _is_final(*codes: int) -> bool:
    """SMTP's 4xx are for now; anything else stays as it is."""
    return not all(400 <= code < 500 for code in codes)
