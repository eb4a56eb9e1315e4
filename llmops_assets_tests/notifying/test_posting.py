import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from llmops_assets.notifying.posting import Outcome, post, redacted
from llmops_assets_tests.notifying.listening import Answer, http_server
from llmops_assets_tests.tiny_project import free_port

SECRET = "/services/T01/B02/s3cr3t?token=t0k3n"
QUICK = (0.0, 0.0)


def test_a_server_that_is_broken_for_now_is_asked_again() -> None:
    with http_server(Answer(500), Answer(503)) as server:
        assert post(server.url + SECRET, b"{}", {"X-Own": "1"}, QUICK) == Outcome(tries=3)
    assert [(one.path, one.body, one.headers["X-Own"]) for one in server.received] == [(SECRET, b"{}", "1")] * 3


def test_a_short_wait_that_the_server_asks_for_is_kept_within_the_call() -> None:
    with http_server(Answer(429, {"Retry-After": "0"})) as server:
        assert post(server.url, b"{}", {}, QUICK) == Outcome(tries=2)


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_long_wait_is_left_to_a_later_tick(form: str) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=120), usegmt=True)
    with http_server(Answer(429, {"Retry-After": "120" if form == "seconds" else later}, "slow down")) as server:
        got = post(server.url, b"{}", {}, QUICK)
    assert (got.problem, got.final, got.tries, len(server.received)) == ("HTTP 429 slow down", False, 1, 1)
    assert 60 < got.wait_s <= 120


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_what_will_not_get_better_is_tried_once(status: int) -> None:
    with http_server(Answer(status, body="no_service")) as server:
        assert post(server.url, b"{}", {}, QUICK) == Outcome(f"HTTP {status} no_service", final=True)
    assert len(server.received) == 1


@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_redirect_is_not_followed(status: int) -> None:
    with http_server() as other, http_server(Answer(status, {"Location": other.url}, "")) as server:
        assert post(server.url, b"{}", {}, QUICK) == Outcome(f"HTTP {status}", final=True)
    assert other.received == []


@pytest.mark.parametrize("status", [0, 302, 404, 500])
def test_an_address_shows_nowhere(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """Not in what is returned, though the server says it back, and not in any log."""
    caplog.set_level(logging.DEBUG)
    back = Answer(status, {"Location": "/elsewhere"}, f"no hook at {SECRET}")
    with http_server(*[back] * 3) as server:
        shown = f"{post(server.url + SECRET, b'{}', {}, QUICK)!r}{redacted(server.url + SECRET)}{caplog.text}"
    assert server.received[0].path == SECRET
    assert not [part for part in ("s3cr3t", "t0k3n", "B02") if part in shown]


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/s3cr3t", "http://nobody.invalid/s3cr3t"])
def test_a_server_that_is_not_there_is_a_problem_for_now(url: str) -> None:
    got = post(url.format(port=free_port()), b"{}", {}, (0.0,))
    assert (got.final, got.tries, "s3cr3t" in got.problem) == (False, 2, False)
    assert got.problem


def test_a_proxy_of_the_environment_is_not_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with http_server() as server:
        assert post(server.url, b"{}", {}, QUICK) == Outcome()
