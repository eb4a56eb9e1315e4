"""Real servers on this machine that keep what they are sent: one that answers HTTP by a script, one that takes mail."""

import contextlib
import datetime as dt
import json
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Answer:
    """What the server says to one request; status 0 hangs up."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = "ok"


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: HTTPMessage
    body: bytes


@dataclass
class HttpServer:
    """A server that answers by a script, then always 200."""

    url: str
    script: list[Answer]
    received: list[Received] = field(default_factory=list)

    @property
    def headlines(self) -> list[str]:
        """Product, version and headline of each message that came."""
        found = [json.loads(one.body) for one in self.received]
        return [f"{one['product']} {one['version']}: {one['headline']}" for one in found]


@contextlib.contextmanager
def http_server(*script: Answer) -> Iterator[HttpServer]:
    """A server on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.received.append(Received(self.path, self.headers, body))
            answer = found.script.pop(0) if found.script else Answer()
            if not answer.status:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body.encode())

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = HttpServer(f"http://127.0.0.1:{listener.server_port}", list(script))
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        listener.shutdown()
        listener.server_close()


@dataclass
class MailServer:
    """A server that takes mail."""

    port: int
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


@contextlib.contextmanager
def mail_server(
    *refusals: str, login: tuple[str, str] | None = None, certificate: Path | None = None, port: int
) -> Iterator[MailServer]:
    """An SMTP server on 127.0.0.1.

    Args:
        refusals: what it says to the first messages instead of taking them.
        login: the one user and password; none: nobody has to log in.
        certificate: with it, it offers STARTTLS.
        port: a free one.
    """
    found, left = MailServer(port), list(refusals)

    class Handler:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
            del server, session
            if left:
                return left.pop(0)
            found.received.append(message_from_bytes(envelope.content or b"", policy=policy.default))  # type: ignore[arg-type]
            found.recipients.extend(envelope.rcpt_tos)
            return "250 taken"

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        del server, session, envelope, mechanism
        assert isinstance(given, LoginPassword)
        found.logins.append(given.login.decode())
        return AuthResult(handled=False, success=(given.login.decode(), given.password.decode()) == login)

    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    controller = Controller(
        Handler(),
        hostname="127.0.0.1",
        port=port,
        tls_context=context,
        authenticator=check if login else None,
        auth_required=login is not None,
        auth_require_tls=certificate is not None,
    )
    controller.start()
    try:
        yield found
    finally:
        controller.stop()


def write_certificate(path: Path) -> Path:
    """A certificate of localhost that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def bodies(received: Sequence[Received]) -> list[str]:
    """What was posted, as text."""
    return [one.body.decode() for one in received]
