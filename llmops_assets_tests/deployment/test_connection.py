"""Who answers at a URL, and what stands in where nobody does."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from llmops_assets.deployment.connection import connect, probe
from llmops_assets.deployment.model_server import ModelServer
from llmops_assets.errors import DeploymentError
from llmops_assets.serving.embedded_server import RunningServer
from llmops_assets_tests.deployment.scripted_server import scripted_server

VERSIONS = {"/ollama": b'{"version":"0.12.6"}', "/list": b"[]", "/page": b"<html>", "/number": b'{"version":1}'}


class _Answers(BaseHTTPRequestHandler):
    """A stranger on the port, or an Ollama, by the path that stands before the API's."""

    def do_GET(self) -> None:
        body = VERSIONS.get(self.path.removesuffix("/api/version"), b"")
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def free_url() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def never() -> str:
    raise AssertionError("the embedded server was started")


def test_ollama_is_used_where_it_answers(elsewhere: str) -> None:
    found = connect(f"{elsewhere}/ollama", embedded_allowed=True, start_embedded=never)
    assert (found.kind, found.url) == ("ollama", f"{elsewhere}/ollama")
    assert "0.12.6" in found.reason


def test_no_proxy_stands_before_this_machine(elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", free_url())
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert probe(f"{elsewhere}/ollama").kind == "ollama"
    with scripted_server() as server:
        assert ModelServer(server.url).digest("m:production") == "d"


def test_the_embedded_server_is_known_as_such(server: RunningServer) -> None:
    assert connect(server.url, embedded_allowed=False, start_embedded=never).kind == "embedded"


@pytest.mark.parametrize("path", ["", "/list", "/page", "/number"])
def test_a_stranger_on_the_port_is_one_clear_line(elsewhere: str, path: str) -> None:
    with pytest.raises(DeploymentError, match=r"something else answers there.*free the port"):
        connect(f"{elsewhere}{path}", embedded_allowed=True, start_embedded=never)


def test_a_port_that_does_not_speak_http_is_a_stranger() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        Thread(target=lambda: listener.accept()[0].sendall(b"SSH-2.0-x\r\n"), daemon=True).start()
        assert probe(f"http://127.0.0.1:{listener.getsockname()[1]}").kind == "stranger"


def test_the_embedded_server_stands_in_where_nothing_answers() -> None:
    found = connect(free_url(), embedded_allowed=True, start_embedded=lambda: "http://127.0.0.1:1")
    assert (found.url, found.kind) == ("http://127.0.0.1:1", "embedded")
    assert "nothing answers" in found.reason


def test_nothing_stands_in_where_the_recipe_forbids_it() -> None:
    with pytest.raises(DeploymentError, match="nothing answers there; start it, or set"):
        connect(free_url(), embedded_allowed=False, start_embedded=never)


def test_the_embedded_server_does_not_stand_in_for_another_machine() -> None:
    with pytest.raises(DeploymentError, match="cannot stand in for another machine"):
        connect("http://machine.invalid:11434", embedded_allowed=True, start_embedded=never)
