from pathlib import Path
from typing import Any

import pytest

from llmops_assets.notifying.mail import Mail
from llmops_assets.notifying.posting import Outcome
from llmops_assets_tests.notifying.listening import mail_server, write_certificate
from llmops_assets_tests.notifying.test_channels import message
from llmops_assets_tests.tiny_project import free_port

LOGIN = ("llmops", "s3cr3t")


def mail(port: int, **changed: Any) -> Mail:
    values = {"host": "localhost", "sender": "llmops@example.org", "to": "ops@example.org, ana@example.org"}
    return Mail(**{**values, "port": port, "pauses_s": (0.0,), **changed})


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a server on localhost, which this process trusts."""
    path = write_certificate(tmp_path / "localhost.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def test_mail_arrives_at_every_reader_with_gates_and_link() -> None:
    with mail_server(port=free_port()) as server:
        assert mail(server.port).deliver(message()) == Outcome()
    (got,) = server.received
    assert got["Subject"] == "TaskMaster 1.1.0: red: accuracy of eval_report"
    assert (got["From"], server.recipients) == ("llmops@example.org", ["ops@example.org", "ana@example.org"])
    text = got.get_content()
    assert ">= 0.85" in text
    assert "http://127.0.0.1:3000/assets/eval_report" in text


def test_what_the_server_refuses_for_now_is_tried_again() -> None:
    with mail_server("451 try later", port=free_port()) as server:
        assert mail(server.port).deliver(message()) == Outcome(tries=2)
    assert len(server.received) == 1


def test_what_it_refuses_for_good_is_tried_once() -> None:
    with mail_server("554 no", "554 no", port=free_port()) as server:
        assert mail(server.port).deliver(message()) == Outcome("554 no", final=True)


def test_a_password_goes_over_tls(certificate: Path) -> None:
    with mail_server(login=LOGIN, certificate=certificate, port=free_port()) as server:
        assert mail(server.port, username=LOGIN[0], password=LOGIN[1]).deliver(message()) == Outcome()
    assert (server.logins, len(server.received)) == (["llmops"], 1)


@pytest.mark.parametrize("password", ["wr0ng", "wröng"])
def test_a_wrong_password_is_final_and_not_shown(certificate: Path, password: str) -> None:
    with mail_server(login=LOGIN, certificate=certificate, port=free_port()) as server:
        got = mail(server.port, username=LOGIN[0], password=password).deliver(message())
    assert (got.final, server.received) == (True, [])
    assert got.problem
    assert password[:2] not in f"{got!r}{mail(1, username='a', password=password)!r}"


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_password_is_not_sent_where_there_is_no_tls() -> None:
    with mail_server(login=LOGIN, port=free_port()) as server:
        got = mail(server.port, username=LOGIN[0], password=LOGIN[1]).deliver(message())
    assert "no STARTTLS" in got.problem
    assert (got.final, server.logins) == (True, [])


def test_a_stranger_s_certificate_is_refused(tmp_path: Path) -> None:
    certificate = write_certificate(tmp_path / "localhost.pem")
    with mail_server(certificate=certificate, port=free_port()) as server:
        got = mail(server.port).deliver(message())
    assert "certificate" in got.problem
    assert (got.final, server.received) == (True, [])


def test_a_server_that_is_not_there_is_a_problem_for_now() -> None:
    got = mail(free_port()).deliver(message())
    assert (got.problem, got.final, got.tries) == ("Connection refused", False, 2)
