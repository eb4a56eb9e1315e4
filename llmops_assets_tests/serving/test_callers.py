"""Who may call."""

import httpx
import pytest

from llmops_assets.serving.callers import is_allowed_origin, is_local


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("", True),
        ("localhost:11434", True),
        ("127.0.0.1:1", True),
        ("[::1]:11434", True),
        ("0.0.0.0", True),
        ("192.168.1.5:80", True),
        ("box.local", True),
        ("a.localhost:1", True),
        ("host.docker.internal:11434", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("8.8.8.8", False),
        ("[::1", False),
    ],
)
def test_a_host_header_is_local_or_not(host: str, local: bool) -> None:
    assert is_local(host) is local


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:3000", True),
        ("https://127.0.0.1", True),
        ("tauri://localhost", True),
        ("vscode-webview://1234", True),
        ("http://box.example:11434", True),
        ("https://evil.example", False),
        ("http://localhost.evil.example", False),
        ("null", False),
        ("http://[", False),
    ],
)
def test_an_origin_is_allowed_or_not(origin: str, allowed: bool) -> None:
    assert is_allowed_origin(origin, "box.example:11434") is allowed


def test_a_foreign_name_for_this_machine_is_refused(http: httpx.Client) -> None:
    assert http.get("/api/tags", headers={"Host": "evil.example"}).status_code == 403


def test_a_foreign_page_is_refused_and_a_local_one_may_read(http: httpx.Client) -> None:
    assert http.post("/api/create", headers={"Origin": "https://evil.example"}, content="{}").status_code == 403
    reply = http.get("/api/tags", headers={"Origin": "http://localhost:3000"})
    assert reply.headers["access-control-allow-origin"] == "http://localhost:3000"


def test_a_local_page_may_ask_beforehand(http: httpx.Client) -> None:
    asks = {"Origin": "http://localhost:3000", "Access-Control-Request-Headers": "content-type"}
    reply = http.options("/api/chat", headers=asks)
    assert (reply.status_code, reply.headers["access-control-allow-headers"]) == (204, "content-type")
